/*
 * haproxy.cfg as usher understands it: where clients come in and where they may go.
 *
 * Plain structs, filled by topology_parse(), immutable afterwards. Names are unique per kind:
 * a frontend and a backend may share one (HAProxy allows it), two backends may not. A `listen`
 * section is both. Unresolved references are findings, so a topology without alerts has none.
 */
#ifndef USHER_CORE_TOPOLOGY_MODEL_H
#define USHER_CORE_TOPOLOGY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/base/addr.h"
#include "agent/core/base/map.h"
#include "agent/core/topology/tls_settings.h"

/* Where something stands, for messages. */
struct place {
	const char *file; /* owned by the topology */
	int line;
};

/* A line kept as its words, for readers of their own: acl, use_backend, stick, tcp-request, … */
struct raw_line {
	char **words; /* owned, and so is each; the keyword first */
	size_t n;
	struct place at;
};

enum proxy_kind {
	PROXY_FRONTEND = 1,
	PROXY_BACKEND = 2,
	PROXY_LISTEN = PROXY_FRONTEND | PROXY_BACKEND,
	PROXY_DEFAULTS = 4,
};

enum proxy_mode {
	PROXY_TCP,
	PROXY_HTTP,
};

/* haproxy.cfg's `balance`; what usher does not know counts as roundrobin, with a warning. */
enum balance_kind {
	BALANCE_ROUNDROBIN, /* static-rr as well */
	BALANCE_LEASTCONN,
	BALANCE_SOURCE,
	BALANCE_RANDOM,
	BALANCE_HASH,	    /* of an expression */
	BALANCE_RENDEZVOUS, /* never in haproxy.cfg: usher.json asks for it */
};

/* `balance hash|source|…` on a map: `hash-type METHOD [FUNCTION [MODIFIER]]`. */
enum hash_method {
	HASH_MAP_BASED,
	HASH_CONSISTENT,
};

enum hash_function {
	HASH_SDBM,
	HASH_DJB2,
	HASH_WT6,
	HASH_CRC32,
	HASH_NONE,
};

struct hash_type {
	enum hash_method method;
	enum hash_function function;
	bool avalanche;
};

/* `source ADDRESS[:PORT[-PORT]]`: where connections to a server come from. */
struct source {
	struct addr addr;	     /* without port; len 0: the kernel chooses */
	uint16_t port_min, port_max; /* 0: the kernel chooses */
};

/* `on-error`: what error-limit failures in a row do; each also asks for fastinter_ms. */
enum error_action {
	ERROR_FAIL_CHECK,   /* they count as a failed check */
	ERROR_FASTINTER,    /* no more than that */
	ERROR_SUDDEN_DEATH, /* one more failed check, and the server is down */
	ERROR_MARK_DOWN,
};

/* `check` and its options (configuration manual, 5.2). */
struct check_settings {
	uint32_t inter_ms;     /* 2000 */
	uint32_t fastinter_ms; /* while it is on its way up or down; 0: inter_ms */
	uint32_t downinter_ms; /* while it is down; 0: inter_ms */
	uint32_t rise, fall;   /* 2, 3 */
	struct addr addr;      /* `addr`, with its port if it has one; len 0: the server's own */
	uint16_t port;	       /* `port`; 0: that of the address */
	bool observe_layer4;   /* a failed connection is a failed check */
	uint32_t error_limit;  /* of those in a row, 10 */
	enum error_action on_error;
};

/* `on-marked-down`, `on-marked-up`. */
enum mark_action {
	MARK_NOTHING,
	MARK_SHUTDOWN_SESSIONS,
	MARK_SHUTDOWN_BACKUP_SESSIONS,
};

/* `check-ssl`, `no-check-ssl`. */
enum check_tls {
	CHECK_TLS_AS_SERVER, /* but in the clear where checks go elsewhere */
	CHECK_TLS_ALWAYS,
	CHECK_TLS_NEVER,
};

struct server {
	char *name;	       /* owned */
	struct proxy *backend; /* the proxy it belongs to */
	unsigned index;	       /* its position there, from 0 */
	struct place at;
	char *address;	  /* owned; as written */
	struct addr addr; /* len 0 when the host is a name */
	uint16_t weight;  /* 0..256 */
	uint32_t maxconn; /* 0: no limit */
	bool backup, disabled, check;
	unsigned proxy_header;	/* PROXY_HEADER_… bits: what it is sent before the first byte */
	unsigned proxy_options; /* PROXY_V2_… bits: what a header of version 2 carries */
	bool check_send_proxy;	/* health checks send that header in any case */
	bool check_elsewhere;	/* `addr` or `port`: checks go to another place, without header */
	struct check_settings checking;
	uint32_t maxqueue;     /* who may wait for one of maxconn's places; 0: no limit */
	uint32_t slowstart_ms; /* 0: full weight at once */
	uint32_t id;	       /* `id`; else counted from 1, by topology_resolve() */
	enum mark_action on_down, on_up;
	struct source source; /* the backend's unless it has its own */
	bool has_source;
	bool non_stick;	 /* it is never stored in a stick table */
	char *init_addr; /* owned; as written, NULL: "last,libc" */
	/* owned; NULL: names are looked up at start alone. "default" is there unless declared: it
	 * asks whom /etc/resolv.conf names. */
	char *resolvers;
	uint8_t resolve_prefer; /* 4, 6; 0: not said */
	char *track;		/* owned; "backend/server" or "server", NULL: none */
	struct server *tracked; /* resolved */
	bool agent_check;
	bool ssl;		  /* it is spoken to in TLS */
	enum check_tls check_tls; /* see server_check_is_tls() */
	struct tls_settings tls;
};

enum {
	PROXY_HEADER_V1 = 1,
	PROXY_HEADER_V2 = 2,  /* stronger than V1 */
	PROXY_HEADER_TLV = 4, /* V2 has a TLV even where no client is: its length is never 0 */
};

/* `send-proxy-v2-ssl`, `-ssl-cn`, and the words of `proxy-v2-options`. */
enum {
	PROXY_V2_SSL = 1 << 0,
	PROXY_V2_CERT_CN = 1 << 1,
	PROXY_V2_SSL_CIPHER = 1 << 2,
	PROXY_V2_CERT_SIG = 1 << 3,
	PROXY_V2_CERT_KEY = 1 << 4,
	PROXY_V2_AUTHORITY = 1 << 5,
	PROXY_V2_CRC32C = 1 << 6,
	PROXY_V2_UNIQUE_ID = 1 << 7,
};

/* One address of a `bind` line. */
struct bind {
	char *text; /* owned; as written */
	struct addr addr;
	struct place at;
	bool ssl;
	bool accept_proxy;
	struct tls_settings tls; /* those of its line */
};

/* `timeout NAME`, each in ms; 0: none. */
enum timeout {
	TIMEOUT_CLIENT,
	TIMEOUT_SERVER,
	TIMEOUT_CONNECT,
	TIMEOUT_QUEUE,
	TIMEOUT_CHECK,
	TIMEOUT_TUNNEL,
	TIMEOUT_CLIENT_FIN,
	TIMEOUT_SERVER_FIN,
	TIMEOUT_HTTP_REQUEST,
	N_TIMEOUTS,
};

/* `option NAME`, those with an effect in usher proxy; bits of proxy.options. */
enum proxy_option {
	OPTION_CLITCPKA = 1 << 0,
	OPTION_SRVTCPKA = 1 << 1, /* `option tcpka` is both */
	OPTION_TCPLOG = 1 << 2,
	OPTION_DONTLOGNULL = 1 << 3,
	OPTION_LOGASAP = 1 << 4,
	OPTION_LOG_HEALTH_CHECKS = 1 << 5,
	OPTION_DONTLOG_NORMAL = 1 << 6,
	OPTION_REDISPATCH = 1 << 7,
	OPTION_PERSIST = 1 << 8,
	OPTION_ALLBACKUPS = 1 << 9,
	OPTION_ABORTONCLOSE = 1 << 10,
	OPTION_NOLINGER = 1 << 11,
	OPTION_LOG_SEPARATE_ERRORS = 1 << 12,
};

/* What a health check says; at most one `option …-check` counts, the last. */
enum check_kind {
	CHECK_CONNECT, /* it takes a connection */
	CHECK_HTTP,    /* `option httpchk`; `http-check` lines alone do nothing */
	CHECK_SCRIPT,  /* `option tcp-check`; `tcp-check` lines alone do nothing */
	CHECK_OTHER,   /* another protocol's: refused by usher proxy */
};

/* Keepalive probes: `clitcpka-cnt` and its kin; 0: the kernel's own. */
struct keepalive_probes {
	uint32_t count, idle_s, interval_s;
};

/* `filter spoe engine NAME config FILE`. */
struct spoe_filter {
	char *engine, *config; /* owned; config as written, variables expanded */
	struct place at;
};

/* Syslog's severities (RFC 5424, 6.2.1), the most severe first. */
enum log_severity {
	SEVERITY_EMERG,
	SEVERITY_ALERT,
	SEVERITY_CRIT,
	SEVERITY_ERR,
	SEVERITY_WARNING,
	SEVERITY_NOTICE,
	SEVERITY_INFO,
	SEVERITY_DEBUG,
};

enum { LOG_LEN_DEFAULT = 1024, LOG_LEN_MAX = 65535 };

/* `log ADDRESS [len N] [format F] [sample RANGES:SIZE] FACILITY [LEVEL [MINLEVEL]]`. */
struct log_target {
	char *address;	   /* owned; as written */
	char *format;	   /* owned; NULL when none is given */
	uint32_t len;	   /* bytes of a line, from 80 to LOG_LEN_MAX */
	uint8_t facility;  /* 0 kern … 23 local7 */
	uint8_t level;	   /* enum log_severity; what is less severe is not sent */
	uint8_t min_level; /* what is more severe is sent as this */
	bool is_global;	   /* `log global` brought it */
	/* `sample`: of each sample_size lines these are sent; 0: all are. */
	uint32_t sample_size;
	struct log_range {
		uint32_t first, last; /* counted from 1 */
	} * ranges;		      /* owned */
	size_t n_ranges;
	struct place at;
};

struct proxy {
	enum proxy_kind kind;
	char *name;   /* owned */
	size_t index; /* its position in the topology */
	struct place at;
	enum proxy_mode mode;
	bool disabled;
	bool has_upgrades;	/* of mode http, and carried: see topology_mark_upgrades() */
	struct raw_line *lines; /* owned, file order; those with readers of their own */
	size_t n_lines;
	struct raw_line *all; /* owned, file order, inherited ones first: every line, for advice */
	size_t n_all;

	/* as a frontend */
	struct bind *binds; /* owned; an address each, so a line may give several */
	size_t n_binds;
	int64_t inspect_delay_ms;   /* `tcp-request inspect-delay` */
	char *default_backend_name; /* owned; NULL: none */
	struct place default_backend_at;
	struct proxy *default_backend; /* resolved; a listen's own servers when it has no other */
	struct spoe_filter *filters;   /* owned */
	size_t n_filters;
	struct log_target *logs; /* owned */
	size_t n_logs;
	char *log_tag;					 /* owned; NULL: the global one */
	char *log_format_sd;				 /* owned; as written, NULL: none */
	char *error_log_format;				 /* owned; as written, NULL: none */
	struct place log_format_at, error_log_format_at; /* the former also of `option tcplog` */

	int64_t timeout_ms[N_TIMEOUTS];
	uint32_t retries; /* further attempts to connect */
	unsigned options; /* enum proxy_option, or-ed */
	/* `option redispatch N`: which attempts go to another server. N > 0: each Nth retry; N < 0:
	 * the Nth before the last; -1, the default: the last one. N is never 0: that takes
	 * OPTION_REDISPATCH back. */
	int redispatch_after;
	uint32_t maxconn;	      /* as a frontend; 0: not said */
	uint32_t rate_limit_sessions; /* new sessions a second; 0: no limit */
	uint32_t fullconn;	      /* 0: not said */
	uint32_t id;		      /* `id`; 0: not said */
	char *log_format;	      /* owned; as written, NULL: none */
	struct keepalive_probes client_probes, server_probes;

	/* as a backend */
	enum balance_kind balance;
	char *balance_by; /* owned; `balance hash EXPRESSION`, NULL: another algorithm */
	struct place balance_at;
	struct hash_type hash;
	uint32_t hash_balance_factor; /* per cent of the average load, over 100; 0: no bound */
	enum check_kind check;
	struct source source;	      /* of connections to servers that have none of their own */
	struct server default_server; /* what `default-server` said so far; options alone */
	struct server **servers;      /* owned, and so is each; file order */
	size_t n_servers;
	struct map server_by_name;
};

/* A `resolvers` section. */
struct resolvers {
	char *name; /* owned */
	struct place at;
	struct nameserver {
		char *name; /* owned */
		struct addr addr;
		bool tcp; /* "tcp@…" */
		struct place at;
	} * nameservers; /* owned */
	size_t n_nameservers;
	bool parse_resolv_conf;
	uint32_t retries;			       /* 3 */
	uint32_t timeout_resolve_ms, timeout_retry_ms; /* 1000 each */
	uint32_t hold_valid_ms; /* 10000: how long an answer is good, whatever its TTL */
	/* 30000 each, obsolete 0 */
	uint32_t hold_obsolete_ms, hold_nx_ms, hold_refused_ms, hold_other_ms, hold_timeout_ms;
	uint32_t accepted_payload_size; /* 512 */
};

/* `setenv` and its kin, for the lines below it. */
struct variable {
	char *name, *value; /* owned; value NULL: not set, whatever the environment says */
};

struct topology {
	struct proxy **proxies; /* owned, and so is each; file order, without defaults */
	size_t n_proxies;
	struct map frontends, backends; /* by name; a listen is in both */

	struct raw_line *global; /* owned; every line of the global sections, `global` included */
	size_t n_global;
	struct raw_line *others; /* owned; every line of sections that are neither of proxies nor
				    global, for language_check() */
	size_t n_others;
	char **stats_sockets; /* owned; addresses as written */
	size_t n_stats_sockets;
	struct log_target *logs; /* owned; those of the global sections */
	size_t n_logs;
	char *log_tag;		 /* owned; NULL: not said */
	char *log_send_hostname; /* owned; "": the machine's own name, NULL: none is sent */
	uint32_t nbthread;	 /* 0: not said */
	uint32_t maxconn;	 /* of the process; 0: not said */
	struct place maxconn_at;
	uint32_t ulimit_n;		   /* 0: not said */
	uint32_t maxconnrate, maxsessrate; /* a second; 0: no limit */
	uint32_t spread_checks;		   /* per cent, 0..50 */
	int64_t hard_stop_after_ms;	   /* 0: never */
	/* bytes; 0: the kernel's */
	uint32_t rcvbuf_client, rcvbuf_server, sndbuf_client, sndbuf_server;
	bool never_sends_local; /* `pp2-never-send-local` */
	struct tls_global tls;
	struct resolvers **resolvers; /* owned, and so is each */
	size_t n_resolvers;

	char **files; /* owned; the file names that places point into */
	size_t n_files;

	/* what one file leaves to the next while they are read */
	struct proxy *
		*defaults; /* owned, and so is each; the last one counts unless another is named */
	size_t n_defaults;
	struct variable *variables; /* owned */
	size_t n_variables;
	bool environment_reset; /* `resetenv`: only `variables` are left */
	bool faulty;		/* an alert was given: references are not worth following */
};

void topology_init(struct topology *t);
void topology_fini(struct topology *t);

struct proxy *topology_frontend(const struct topology *t, struct str name);
struct proxy *topology_backend(const struct topology *t, struct str name);
struct server *proxy_server(const struct proxy *p, struct str name);
struct resolvers *topology_resolvers(const struct topology *t, struct str name);

/* Does usher proxy carry its clients, or those that others send it? */
bool proxy_is_carried(const struct proxy *p);

/* Does a health check of that server speak TLS? */
bool server_check_is_tls(const struct server *s);
/* The PROXY header it begins with: PROXY_HEADER_V1, _V2, or 0 for none. */
unsigned server_check_header(const struct server *s);

/* Our engines are told from others' by their name, which begins with "usher". */
bool spoe_filter_is_ours(const struct spoe_filter *f);

/* "local0" and "err" for their numbers; NULL: no such number. */
const char *log_facility_name(unsigned facility);
const char *log_severity_name(unsigned severity);

/* End the targets of an array, and the array. */
void log_targets_fini(struct log_target **logs, size_t *n);

/* "frontend", "backend", "listen", "defaults": the section's keyword. */
const char *proxy_kind_name(enum proxy_kind kind);

/* "roundrobin", "leastconn", …, as usher.json and haproxy.cfg write them. */
const char *balance_name(enum balance_kind kind);

#endif
