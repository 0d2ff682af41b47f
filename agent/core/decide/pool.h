/*
 * A backend's servers as they are now: who may take a client, and what the algorithm remembers.
 *
 * The topology says what the file says and never changes; a pool is its living counterpart, one
 * per backend. Everything in it is guarded by its lock, which the functions here take and never
 * hold while calling out. A decision reads (pool_rank, pool_find), its effects write
 * (pool_commit, pool_count), and the health door reports (pool_set_state, pool_set_sessions).
 */
#ifndef USHER_CORE_DECIDE_POOL_H
#define USHER_CORE_DECIDE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/addr.h"
#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/decide/load.h"
#include "agent/core/topology/model.h"

struct pool;

enum server_status {
	SERVER_UP,
	SERVER_DOWN,
	SERVER_MAINT,
	SERVER_DRAIN, /* also one whose weight is 0 */
	N_SERVER_STATUSES,
};

const char *server_status_name(enum server_status status);

enum { RANKED = 3 }; /* how many servers a verdict names */

/* Servers in the order a client should try them, as indexes into the backend. */
struct ranking {
	uint8_t n;
	bool is_full; /* n == 0 only because none that may take the client has a place free */
	uint16_t server[RANKED];
	uint64_t version; /* what pool_commit() must still find */
};

/* What a choice depends on, beside the pool itself. */
struct pick {
	struct str key;	       /* identity, for rendezvous; may be empty */
	const uint16_t *avoid; /* servers that were tried already */
	size_t n_avoid;
	bool has_hash;		 /* else `balance hash` takes the next in turn, as HAProxy does */
	uint32_t hash;		 /* of its expression's value */
	const struct ip *source; /* may be NULL */
	uint64_t random;
	char *const *subset; /* names; NULL: every server */
	size_t n_subset;
};

/*
 * A pool for a backend of the topology, all servers as the file has them. `bounded_load_percent`
 * is for rendezvous (0: off). targets[i] is the number by which sticky entries know server i.
 * loads[i] counts the sessions that usher itself carries there; NULL: HAProxy carries them.
 */
struct pool *pool_new(const struct proxy *backend, enum balance_kind balance,
		      uint32_t bounded_load_percent, const uint32_t *targets,
		      struct server_load *const *loads);
void pool_free(struct pool *p);

/* Take over what `from` knew of the servers with the same names (a reload). */
void pool_inherit(struct pool *p, struct pool *from);

/* This pool is the one in use from now on: the loads go by its servers' maxconn and states. */
void pool_begin(struct pool *p);

const struct proxy *pool_backend(const struct pool *p);
enum balance_kind pool_balance(const struct pool *p);
uint32_t pool_target(const struct pool *p, unsigned server);

/* The servers that may take this client, best first; n == 0 when none may. */
void pool_rank(struct pool *p, const struct pick *pick, struct ranking *r);

/* The server with that target, if it may take a client of this subset. */
bool pool_find(struct pool *p, uint32_t target, const struct pick *pick, unsigned *server);

/*
 * The first server of a ranking is chosen. False when another decision was faster, so that the
 * ranking is out of date; nothing is changed then. Where usher carries the sessions itself,
 * *has_place tells whether the client has one of the server's places (load_enter) or must wait.
 */
bool pool_commit(struct pool *p, const struct ranking *r, bool *has_place) MUST_USE;

/*
 * A client goes to this server by stickiness or rule: counted, and not the algorithm's turn.
 * Returns has_place, as above.
 */
bool pool_count(struct pool *p, unsigned server);

/* The counts of a server; NULL: HAProxy carries the sessions. */
struct server_load *pool_load(const struct pool *p, unsigned server);

/* May it take this client, whether or not a place is free? And once it is up again? */
bool pool_is_usable(struct pool *p, unsigned server, const struct pick *pick);
bool pool_is_wanted(const struct pool *p, unsigned server, const struct pick *pick);

/*
 * Where the server is. The file's address, or the one a name has been resolved to; len 0: not
 * known, and then nobody is sent there. Returns whether it is another than before.
 */
bool pool_set_addr(struct pool *p, unsigned server, const struct addr *a);
bool pool_addr(struct pool *p, unsigned server, struct addr *a);

/* Returns whether the status or weight is another than before. */
bool pool_set_state(struct pool *p, unsigned server, enum server_status status, uint16_t weight);

/*
 * HAProxy is gone, and its sessions with it: what was reported of them, and the clients sent there
 * since, count no more.
 */
void pool_forget_sessions(struct pool *p);

/* How many sessions it may have from now on, whatever the file says; 0: no limit. */
void pool_set_maxconn(struct pool *p, unsigned server, uint32_t maxconn);

/*
 * How many clients were sent to this server so far. Taken when its sessions are asked for and
 * handed back with the answer, it tells which decisions the answer cannot know of yet.
 */
uint64_t pool_decided(struct pool *p, unsigned server);
void pool_set_sessions(struct pool *p, unsigned server, uint32_t sessions, uint64_t decided);

/* What is known of one server. */
struct server_report {
	enum server_status status;
	uint16_t weight;
	uint32_t sessions; /* current ones */
};

struct server_report pool_server(struct pool *p, unsigned server);

#endif
