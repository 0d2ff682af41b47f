/*
 * The server that would be least full with one client more, by weight: sessions as last polled
 * plus the clients sent there since. Equals take turns.
 */
#include "agent/core/decide/pool_state.h"

static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	struct podium podium;

	for (size_t i = 0; i < p->n; i++)
		if (pool_may_use(p, pick, i))
			podium_offer(&podium, r, i, pool_server_score(&p->servers[i]),
				     p->servers[i].pass);
}

const struct balance balance_leastconn = { rank };
