/*
 * Rendezvous, or highest random weight (Thaler and Ravishankar, 1998): each server's score for
 * this key is mix64(fnv1a64(server "\0" key)), and the highest wins. Nothing is remembered, every
 * usher and usher.lua agree, and a server that leaves moves only its own clients. Weights play no
 * part beyond 0.
 *
 * With a bounded load, a server above so many per cent of the mean is passed over down the same
 * ranking (Mirrokni, Thorup and Zadimoghaddam, 2016); it goes behind those that have room.
 */
#include "agent/core/base/hash.h"
#include "agent/core/decide/pool_state.h"

static uint64_t
score(const struct pool_server *s, struct str key)
{
	/* The name with its NUL. */
	uint64_t h = hash_fnv1a64(HASH_FNV1A64_INIT, s->file->name, strlen(s->file->name) + 1);

	return hash_mix64(hash_fnv1a64(h, key.p, key.n));
}

/* The most clients a server may have, this one included; no bound: UINT64_MAX. */
static uint64_t
capacity(const struct pool *p, const struct pick *pick)
{
	uint64_t total = 1, n = 0;

	if (!p->bounded_load_percent)
		return UINT64_MAX;
	for (size_t i = 0; i < p->n; i++)
		if (pool_may_use(p, pick, i)) {
			total += pool_server_load(&p->servers[i]);
			n++;
		}
	return n ? (total * p->bounded_load_percent + 100 * n - 1) / (100 * n) : 0;
}

static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	uint64_t room = capacity(p, pick);
	struct podium podium;
	struct str key = pick->key;

	if (key.n == 0) /* nothing to agree on: any server, and not always the same */
		key = (struct str){ (const char *)&pick->random, sizeof(pick->random) };
	for (size_t i = 0; i < p->n; i++)
		if (pool_may_use(p, pick, i))
			podium_offer(&podium, r, i, pool_server_load(&p->servers[i]) >= room,
				     ~score(&p->servers[i], key));
}

const struct balance balance_rendezvous = { rank };
