/* Addresses are few: they stand in one array, searched from its front. */
#include "agent/names/answer.h"

#include <string.h>

bool
ip_eq(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

void
answer_init(struct answer *a, int64_t now)
{
	a->n = 0;
	a->valid_at = now;
}

static bool
is_among(const struct ip *ip, const struct ip *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip_eq(ip, &ips[i]))
			return true;
	return false;
}

static void
forget_obsolete(struct answer *a, const struct ip *ips, size_t n, int64_t now, uint32_t obsolete_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct known_address *k = &a->known[i];

		if (is_among(&k->ip, ips, n))
			k->seen_at = now;
		else if (now - k->seen_at >= obsolete_ms)
			continue;
		a->known[kept++] = *k;
	}
	a->n = kept;
}

static bool
is_known(const struct answer *a, const struct ip *ip)
{
	for (size_t i = 0; i < a->n; i++)
		if (ip_eq(&a->known[i].ip, ip))
			return true;
	return false;
}

void
answer_take(struct answer *a, const struct ip *ips, size_t n, int64_t now, uint32_t obsolete_ms)
{
	a->valid_at = now;
	forget_obsolete(a, ips, n, now, obsolete_ms);
	for (size_t i = 0; i < n && a->n < RESOLVER_ADDRS_MAX; i++)
		if (!is_known(a, &ips[i]))
			a->known[a->n++] = (struct known_address){ ips[i], now };
}

bool
answer_is_stale(const struct answer *a, int64_t now, uint32_t hold_ms)
{
	return now - a->valid_at >= hold_ms;
}

static bool
is_in_networks(const struct ip *ip, const struct wish *w)
{
	for (size_t i = 0; i < w->n_networks; i++)
		if (cidr_has(&w->networks[i], ip))
			return true;
	return false;
}

/* Each wish weighs more than all that come after it. 0: not to be had. */
static unsigned
score(const struct ip *ip, const struct wish *w)
{
	bool is_taken = is_among(ip, w->taken, w->n_taken);

	if (is_taken && !w->may_share)
		return 0;
	return 1 + (ip->family == w->family ? 8 : 0) + (is_in_networks(ip, w) ? 4 : 0) +
	       (is_taken ? 0 : 2) + (ip_eq(ip, &w->present) ? 1 : 0);
}

const struct ip *
answer_choose(const struct answer *a, const struct wish *w)
{
	const struct ip *best = NULL;
	unsigned best_score = 0;

	for (size_t i = 0; i < a->n; i++) {
		unsigned s = score(&a->known[i].ip, w);

		if (s > best_score) {
			best = &a->known[i].ip;
			best_score = s;
		}
	}
	return best;
}
