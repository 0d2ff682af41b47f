/*
 * The server that would be least full with one client more, by weight; an idle one comes first,
 * however light it is, as in HAProxy. Equals take turns.
 */
#include "agent/core/decide/pool_state.h"

static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	struct podium podium;

	for (size_t i = 0; i < p->n; i++) {
		const struct pool_server *s = &p->servers[i];
		uint64_t score = pool_server_load(s) ? pool_server_score(s) : 0;

		if (s->has_room)
			podium_offer(&podium, r, i, score, s->pass);
	}
}

const struct balance balance_leastconn = { rank };
