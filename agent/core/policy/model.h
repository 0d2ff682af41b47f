/*
 * usher.json as usher understands it: who may go where. docs/policy.md says what each field means.
 *
 * Plain structs, filled by policy_load(), immutable afterwards. Names of backends and servers are
 * resolved against the topology by policy_check(); a policy without alerts has no dangling name.
 * The topology must outlive the policy.
 */
#ifndef USHER_CORE_POLICY_MODEL_H
#define USHER_CORE_POLICY_MODEL_H

#include "agent/core/base/map.h"
#include "agent/core/facts/facts.h"
#include "agent/core/mqtt/reason.h"
#include "agent/core/policy/rule.h"
#include "agent/core/store/url.h"
#include "agent/core/topology/model.h"

/* Where the admin service listens when usher.json does not say. */
#define POLICY_ADMIN_DEFAULT "unix@/run/usher/admin.sock"
/* Where `usher run` notes that it stands in for HAProxy, when usher.json does not say. */
#define POLICY_STATE_FILE_DEFAULT "/run/usher/standby"

/* A rate: at most `count` events in any `period_ms`, given as "20/10s". count 0: no limit. */
struct rate {
	uint32_t count;
	uint32_t period_ms;
};

/* What the broker will call the session, and so what a sticky entry is kept under. */
enum key_kind {
	KEY_CLIENT_ID,
	KEY_USERNAME,
	KEY_CN,
};

/* The client id must equal, or start with, another fact; else the CONNECT is refused. */
enum identity_match {
	IDENTITY_NONE,
	IDENTITY_EQUALS,
	IDENTITY_STARTS_WITH,
};

enum identity_with {
	IDENTITY_CN,
	IDENTITY_USERNAME,
	IDENTITY_TENANT,
};

struct identity {
	enum identity_match match;
	enum identity_with with;
};

struct tenant {
	char *name;   /* owned */
	size_t index; /* its position in the policy */
	int line;
	char *backend_name; /* owned; NULL: the frontend's default */
	int backend_line;
	const struct proxy *backend; /* resolved */
	char **server_names;	     /* owned; the subset it may use; none: all */
	int *server_lines;	     /* owned; one for each name */
	size_t n_server_names;
	bool has_identity, has_key; /* said for itself; else the next two are the policy's */
	struct identity identity;
	int identity_line;
	enum key_kind key;
	uint32_t max_connections; /* 0: no limit */
	struct rate connect_rate;
};

/* Where a tenant's name is read from: the named group `tenant` of a pattern over one fact. */
struct tenant_source {
	enum fact fact;
	struct pattern *pattern; /* owned */
	int line;
};

enum rule_action {
	RULE_REJECT,
	RULE_SERVER,  /* pin to one server, wherever the backend comes from */
	RULE_BACKEND, /* choose the backend */
	RULE_TENANT,  /* set the tenant */
};

struct rule {
	char *name; /* owned; "rules[3]" when the file gives none */
	int line;
	struct condition *conditions; /* owned; all of them hold: the rule may apply */
	size_t n_conditions;
	struct condition *exceptions; /* owned ("unless"); all of them hold: it does not */
	size_t n_exceptions;
	enum rule_action action;
	enum refusal refusal; /* RULE_REJECT */
	char *target;	      /* owned; name of the server, backend or tenant */
	int target_line;
	const struct proxy *backend; /* RULE_BACKEND, resolved */
	const struct tenant *tenant; /* RULE_TENANT, resolved */
};

struct frontend_policy {
	char *name; /* owned */
	int line;
	bool closed;	     /* without a verdict: refuse */
	int64_t idle_cap_ms; /* the client's keepalive sets the idle time-out, up to this; 0: the
				file does */
	bool websocket;	     /* MQTT comes in WebSocket here, and usher reads it */
};

/* What usher itself asks the servers of a backend, instead of what haproxy.cfg checks. */
enum probe_kind {
	PROBE_NONE,
	PROBE_MQTT, /* a CONNECT that nobody can take */
	PROBE_EMQX, /* EMQX's availability check, over HTTP */
};

/* Of EMQX's HTTP API, where usher.json names no other. */
enum { PROBE_EMQX_PORT = 18083 };

struct backend_policy {
	char *name; /* owned */
	int line;
	bool has_balance; /* else haproxy.cfg's */
	enum balance_kind balance;
	bool not_sticky;
	uint32_t bounded_load_percent; /* rendezvous: 125 = skip servers above 1.25 × the mean; 0:
					  off */
	enum probe_kind probe;
	uint16_t probe_port; /* PROBE_EMQX */
	int probe_line;
};

/* Where `usher proxy` differs from HAProxy on purpose (docs/configuration.md has the reasons). */
enum difference {
	DIFFERENCE_BLANKS,	    /* blanks inside the brackets of an expression: a warning */
	DIFFERENCE_MAXCONN,	    /* a maxconn above the descriptors there are: a warning */
	DIFFERENCE_STICK_WAITS,	    /* stick rules on MQTT wait without inspect-delay */
	DIFFERENCE_MQTT_IS_VALID,   /* it goes by the specifications */
	DIFFERENCE_RETRY_ELSEWHERE, /* a refused connect goes to another server at once */
	DIFFERENCE_BARE_LOCAL,	    /* an empty LOCAL of PROXY version 2 gets a TLV */
	N_DIFFERENCES,
};

/* The shared store of sticky entries. */
struct store_policy {
	bool is_set;
	int line;
	struct store_url url;
	char *password_file; /* owned; NULL: the URL has the password, or there is none */
	char *prefix;	     /* owned; of every key */
	int64_t deadline_ms; /* for an answer */
};

#define POLICY_STORE_PREFIX "usher:"

/* `usher run`: when it stands in for HAProxy, and how it makes way again (docs/run.md). */
struct standby_policy {
	int64_t start_delay_ms; /* how long an HAProxy that was never seen is waited for */
	bool stays;		/* when an operator stops HAProxy, nobody stands in for it */
	struct rate drain;	/* sessions ended once HAProxy is back; count 0: none are */
	bool has_haproxy_uid;	/* else what is seen of it, or follows from haproxy.cfg */
	uint32_t haproxy_uid;	/* of the user who opens HAProxy's sockets */
	char *state_file;	/* owned; NULL: the default of docs/policy.md */
};

struct policy {
	struct frontend_policy *frontends; /* owned */
	size_t n_frontends;
	struct backend_policy *backends; /* owned */
	size_t n_backends;

	struct rule *rules; /* owned, in order */
	size_t n_rules;
	struct fact_names named; /* headers and user properties that rules and tenants ask for */

	struct tenant_source *tenant_sources; /* owned, in order */
	size_t n_tenant_sources;
	struct tenant **tenants; /* owned, and so is each */
	size_t n_tenants;
	struct map tenant_by_name;
	bool reject_unknown_tenant; /* also a client that names none */
	int unknown_tenant_line;

	struct identity identity; /* of clients without tenant, and of tenants that say nothing */
	int identity_line;
	enum key_kind key; /* likewise */

	int64_t expire_ms;   /* of a sticky entry, from the last end of a session, or decision */
	int64_t max_life_ms; /* of an entry whose sessions' ends were never reported */
	uint64_t max_entries;
	char *sticky_file; /* owned; NULL: entries end with the process */
	int sticky_file_line;
	int64_t save_interval_ms;
	struct store_policy store;

	struct rate source_rate, client_rate, total_rate;
	uint64_t max_handshakes; /* in TLS, of clients, that may be under way at once */

	char **listen; /* owned; where the agent listens, instead of the SPOE backend's servers */
	size_t n_listen;
	int64_t max_delay_ms; /* decisions later than this are answered empty */

	unsigned as_haproxy; /* bits 1 << enum difference: there usher does as HAProxy */

	struct standby_policy standby;

	char *admin_listen;	/* owned; NULL: the default of docs/policy.md */
	char *admin_token_file; /* owned; NULL: nothing may be changed over TCP */
};

void policy_init(struct policy *p); /* the defaults of docs/policy.md */
void policy_fini(struct policy *p);

struct tenant *policy_tenant(const struct policy *p, struct str name);
/* NULL when usher.json says nothing of it. */
const struct backend_policy *policy_backend(const struct policy *p, struct str name);
const struct frontend_policy *policy_frontend(const struct policy *p, struct str name);

/* "blanks", …, as usher.json writes it. */
const char *difference_name(enum difference d);

/* There usher is to do as HAProxy does. */
static inline bool
policy_as_haproxy(const struct policy *p, enum difference d)
{
	return p->as_haproxy & 1U << d;
}

#endif
