/*
 * Power of two choices: two servers drawn by weight, the less full one first. What decides the
 * draw is an argument, so the same random number gives the same answer.
 */
#include "agent/core/base/hash.h"
#include "agent/core/decide/pool_state.h"

/* The usable server at `point` on the line of all their weights, without `except`. */
static size_t
draw(const struct pool *p, const struct pick *pick, size_t except, uint64_t point)
{
	for (size_t i = 0; i < p->n; i++) {
		if (i == except || !p->servers[i].has_room)
			continue;
		if (point < p->servers[i].weight)
			return i;
		point -= p->servers[i].weight;
	}
	return p->n;
}

static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	uint64_t total = 0, random = pick->random;
	struct podium podium;
	size_t first, second;

	for (size_t i = 0; i < p->n; i++)
		if (p->servers[i].has_room)
			total += p->servers[i].weight;
	if (total == 0)
		return;
	first = draw(p, pick, p->n, random % total);
	podium_offer(&podium, r, first, pool_server_score(&p->servers[first]), 0);
	total -= p->servers[first].weight;
	if (total == 0)
		return;
	random = hash_mix64(random + 1);
	second = draw(p, pick, first, random % total);
	podium_offer(&podium, r, second, pool_server_score(&p->servers[second]), 0);

	/* Whoever is left stands behind these two, whatever its load. */
	for (size_t i = 0; i < p->n; i++)
		if (i != first && i != second && p->servers[i].has_room)
			podium_offer(&podium, r, i, UINT64_MAX, pool_server_score(&p->servers[i]));
}

const struct balance balance_random = { rank };
