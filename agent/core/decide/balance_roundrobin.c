/*
 * Weighted round robin by stride scheduling: the server whose turn is due first. Servers of equal
 * weight take turns in file order; with weights 5, 2 and 3 each ten clients split exactly so.
 */
#include "agent/core/decide/pool_state.h"

static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	struct podium podium;

	for (size_t i = 0; i < p->n; i++) {
		uint64_t pass = p->servers[i].pass;

		/* A turn missed while away is due now, not in the past. */
		if (p->servers[i].has_room)
			podium_offer(&podium, r, i, pass > p->pass ? pass : p->pass, 0);
	}
}

const struct balance balance_roundrobin = { rank };
