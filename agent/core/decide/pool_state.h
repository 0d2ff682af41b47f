/*
 * The inside of a pool, for the algorithms (balance_*.c). Called with the pool's lock held.
 */
#ifndef USHER_CORE_DECIDE_POOL_STATE_H
#define USHER_CORE_DECIDE_POOL_STATE_H

#include <pthread.h>

#include "agent/core/decide/pool.h"

struct pool_server {
	const struct server *file; /* what haproxy.cfg says of it */
	uint32_t target;
	enum server_status status;
	uint16_t weight;
	uint32_t maxconn;	  /* 0: no limit */
	uint32_t sessions;	  /* as last reported */
	uint64_t decided;	  /* clients sent here, ever */
	uint64_t decided_before;  /* those among them that `sessions` knows of */
	uint64_t pass;		  /* roundrobin: when its next turn is, in virtual time */
	struct addr addr;	  /* where it is; len 0: not known */
	struct server_load *load; /* the engine's; NULL: HAProxy carries the sessions */
	bool has_room; /* as the ranking at hand has found it: places come and go meanwhile */
};

struct pool {
	pthread_mutex_t lock;
	const struct proxy *backend; /* ref by the world both live in */
	const struct balance *balance;
	enum balance_kind balance_kind;
	uint32_t bounded_load_percent;
	uint64_t version; /* grows with every turn taken */
	uint64_t pass;	  /* virtual time: the turn that was last taken */
	uint16_t *map;	  /* owned; slot → server, NULL: to be made again; of active servers */
	size_t n_map;
	bool on_backups; /* during a ranking: it is the backup servers' turn */
	size_t n;
	struct pool_server servers[];
};

/* A family member: fills r with the best servers among those pool_may_use() admits. */
struct balance {
	void (*rank)(struct pool *p, const struct pick *pick, struct ranking *r);
};

extern const struct balance balance_roundrobin, balance_leastconn, balance_source, balance_hash,
	balance_random, balance_rendezvous;

/*
 * May this client be sent to server i now? Active servers alone, or backups when it is their turn:
 * that is the pool's own affair. Says so of servers that are full, too; see has_room.
 */
bool pool_may_use(const struct pool *p, const struct pick *pick, size_t i);

/*
 * The sessions that HAProxy reported last and the clients sent there since; those that usher
 * carries itself, and who waits for a place among them.
 */
static inline uint64_t
pool_server_load(const struct pool_server *s)
{
	uint64_t n = s->sessions + (s->decided - s->decided_before);

	if (s->load)
		n += atomic_load(&s->load->n_sessions) + atomic_load(&s->load->n_waiting);
	return n;
}

/* How full a server would be with one more client, per weight, in fixed point. */
static inline uint64_t
pool_server_score(const struct pool_server *s)
{
	return ((pool_server_load(s) + 1) << 16) / s->weight;
}

/* Keeps the RANKED servers with the smallest (score, tie), the earlier offer first when equal. */
struct podium {
	uint64_t score[RANKED], tie[RANKED];
};
void podium_offer(struct podium *podium, struct ranking *r, size_t server, uint64_t score,
		  uint64_t tie);

#endif
