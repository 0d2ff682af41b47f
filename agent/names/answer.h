/*
 * What name servers said of one name, and which of its addresses a server takes. Pure: bytes and
 * times in, a choice out.
 */
#ifndef USHER_NAMES_ANSWER_H
#define USHER_NAMES_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/base/addr.h"
#include "agent/io/resolver.h"

/* An address that a name had, or has. */
struct known_address {
	struct ip ip;
	int64_t seen_at; /* monotonic ms of the last answer with it */
};

struct answer {
	struct known_address known[RESOLVER_ADDRS_MAX]; /* the longest known first */
	size_t n;
	int64_t valid_at; /* when the last sound answer came; at first: when asking began */
};

void answer_init(struct answer *a, int64_t now);

/*
 * A sound answer came. Addresses that it does not have any more are kept for obsolete_ms after the
 * last one that had them (`hold obsolete`).
 */
void answer_take(struct answer *a, const struct ip *ips, size_t n, int64_t now,
		 uint32_t obsolete_ms);

/* There has been none for that long (`hold nx` and its kin): an error now means what it says. */
bool answer_is_stale(const struct answer *a, int64_t now, uint32_t hold_ms);

enum { WISH_NETWORKS = 5 }; /* as many as HAProxy takes */

/* What a server wants. */
struct wish {
	struct ip present;		     /* the one it has; family 0: none */
	uint8_t family;			     /* 4 or 6: `resolve-prefer` */
	bool may_share;			     /* `resolve-opts allow-dup-ip` */
	struct cidr networks[WISH_NETWORKS]; /* `resolve-net` */
	size_t n_networks;
	const struct ip *taken; /* those of the backend's other servers of that name */
	size_t n_taken;
};

/*
 * The best: of the family, then of the networks, then nobody else's, then the present one. NULL:
 * all are taken, or there are none.
 */
const struct ip *answer_choose(const struct answer *a, const struct wish *w);

bool ip_eq(const struct ip *a, const struct ip *b);

#endif
