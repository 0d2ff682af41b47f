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
	BALANCE_RENDEZVOUS, /* never in haproxy.cfg: usher.json asks for it */
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
	unsigned proxy_header; /* PROXY_HEADER_… bits: what it is sent before the first byte */
	bool check_send_proxy; /* health checks send that header in any case */
	bool check_elsewhere;  /* `addr` or `port`: checks go to another place, without header */
};

enum {
	PROXY_HEADER_V1 = 1,
	PROXY_HEADER_V2 = 2,  /* stronger than V1 */
	PROXY_HEADER_TLV = 4, /* V2 has a TLV even where no client is: its length is never 0 */
};

/* One address of a `bind` line. */
struct bind {
	char *text; /* owned; as written */
	struct addr addr;
	struct place at;
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
	N_TIMEOUTS,
};

/* `filter spoe engine NAME config FILE`. */
struct spoe_filter {
	char *engine, *config; /* owned; config as written, variables expanded */
	struct place at;
};

/* `log ADDRESS … format FORMAT …`, as far as the session-end receiver needs it. */
struct log_target {
	char *address; /* owned; as written */
	char *format;  /* owned; NULL when none is given */
	struct place at;
};

struct proxy {
	enum proxy_kind kind;
	char *name;   /* owned */
	size_t index; /* its position in the topology */
	struct place at;
	enum proxy_mode mode;
	bool disabled;
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
	char *log_format_sd; /* owned; as written, NULL: none */

	int64_t timeout_ms[N_TIMEOUTS];
	uint32_t retries; /* further attempts to connect */

	/* as a backend */
	enum balance_kind balance;
	struct server default_server; /* what `default-server` said so far; options alone */
	struct server **servers;      /* owned, and so is each; file order */
	size_t n_servers;
	struct map server_by_name;
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
	char **stats_sockets; /* owned; addresses as written */
	size_t n_stats_sockets;
	uint32_t nbthread; /* 0: not said */

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

/* Our engines are told from others' by their name, which begins with "usher". */
bool spoe_filter_is_ours(const struct spoe_filter *f);

/* "frontend", "backend", "listen", "defaults": the section's keyword. */
const char *proxy_kind_name(enum proxy_kind kind);

/* "roundrobin", "leastconn", …, as usher.json and haproxy.cfg write them. */
const char *balance_name(enum balance_kind kind);

#endif
