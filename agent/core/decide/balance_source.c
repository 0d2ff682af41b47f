/*
 * `balance source` and `balance hash` as HAProxy does them with its default map: a number picks a
 * slot; each server has as many slots as its weight (all weights divided by what they have in
 * common), interleaved. The number is the source address, or the hash of an expression's value.
 * IPv6 addresses are folded to 32 bits. Only IPv4 is known to agree with HAProxy to the slot.
 *
 * A full server keeps its clients: they wait for it.
 */
#include <stdlib.h>

#include "agent/core/decide/pool_state.h"

static unsigned
common_divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Active servers that may be used by clients without subset: those that share the map. */
static bool
is_mapped(const struct pool *p, size_t i)
{
	return pool_may_use(p, &(struct pick){ 0 }, i);
}

/*
 * Slot by slot, every server earns its weight and the winner of the slot pays the total. Winner
 * is who has earned the most whole totals, the earliest in the file among equals. Weights 5, 2
 * and 3 give 1 1 2 3 1 1 3 1 2 3.
 */
static void
make_map(struct pool *p)
{
	unsigned divisor = 0, total = 0;
	int64_t *earned;

	for (size_t i = 0; i < p->n; i++)
		if (is_mapped(p, i))
			divisor = common_divisor(divisor, p->servers[i].weight);
	for (size_t i = 0; i < p->n; i++)
		if (is_mapped(p, i))
			total += p->servers[i].weight / divisor;

	free(p->map);
	p->map = malloc((total + 1) * sizeof(*p->map));
	earned = calloc(p->n + 1, sizeof(*earned));
	p->n_map = p->map && earned ? total : 0;
	for (size_t slot = 0; slot < p->n_map; slot++) {
		size_t best = p->n;
		int64_t most = 0;

		for (size_t i = 0; i < p->n; i++) {
			int64_t wins;

			if (!is_mapped(p, i))
				continue;
			earned[i] += p->servers[i].weight / divisor;
			wins = (earned[i] + (int64_t)total) / (int64_t)total;
			if (best == p->n || wins > most) {
				most = wins;
				best = i;
			}
		}
		p->map[slot] = (uint16_t)best;
		earned[best] -= total;
	}
	free(earned);
}

static uint32_t
source_number(const struct ip *ip)
{
	uint32_t number = 0;

	if (!ip)
		return 0;
	for (size_t at = 0; at < (ip->family == 6 ? 16 : 4); at += 4)
		number ^= (uint32_t)ip->bytes[at] << 24 | (uint32_t)ip->bytes[at + 1] << 16 |
			  (uint32_t)ip->bytes[at + 2] << 8 | ip->bytes[at + 3];
	return number;
}

static bool
is_ranked(const struct ranking *r, size_t server)
{
	for (int i = 0; i < r->n; i++)
		if (r->server[i] == server)
			return true;
	return false;
}

static void
rank_from(struct pool *p, const struct pick *pick, uint32_t number, struct ranking *r)
{
	size_t slot;

	/* Backups have their turn so rarely that nothing is kept for them. */
	if (!p->map || p->on_backups)
		make_map(p);
	if (p->n_map == 0)
		return;
	slot = number % p->n_map;
	for (size_t i = 0; i < p->n_map && r->n < RANKED; i++) {
		size_t server = p->map[(slot + i) % p->n_map];

		if (pool_may_use(p, pick, server) && !is_ranked(r, server))
			r->server[r->n++] = (uint16_t)server;
	}
	if (p->on_backups) {
		free(p->map);
		p->map = NULL;
	}
}

static void
rank_source(struct pool *p, const struct pick *pick, struct ranking *r)
{
	rank_from(p, pick, source_number(pick->source), r);
}

static void
rank_hash(struct pool *p, const struct pick *pick, struct ranking *r)
{
	if (pick->has_hash)
		rank_from(p, pick, pick->hash, r);
	else
		balance_roundrobin.rank(p, pick, r);
}

const struct balance balance_source = { rank_source };
const struct balance balance_hash = { rank_hash };
