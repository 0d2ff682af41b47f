/*
 * Connect rates: how often a source, a client, a tenant or everybody may connect.
 *
 * GCRA (the leaky bucket of ATM Forum TM 4.0, 4.4.2): a subject is one number, the time at which
 * its next event would be on schedule. With "20/10s" twenty events pass at once, then one every
 * half second. The table has a fixed size, a quarter of it for each kind; under pressure it forgets
 * the subject of that kind that would be free again first.
 *
 * Shared by all threads, locked in shards. Times are monotonic milliseconds.
 */
#ifndef USHER_CORE_DECIDE_RATES_H
#define USHER_CORE_DECIDE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/policy/model.h"

struct rates;

enum rate_kind {
	RATE_SOURCE,
	RATE_CLIENT,
	RATE_TENANT,
	RATE_TOTAL,
	N_RATE_KINDS,
};

/* `slots` is rounded up to a power of two; a slot is 16 bytes. NULL when memory is out. */
struct rates *rates_new(uint64_t slots, uint64_t seed);
void rates_free(struct rates *r);

/* Names a subject; never 0. */
uint64_t rates_subject(const struct rates *r, enum rate_kind kind, struct str name);

/* Would one more event now be within the rate? Reads only. */
bool rates_allow(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now);
/* It happens: counted, unless another event made it one too many in the meantime. */
bool rates_take(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now) MUST_USE;
/* It did not happen after all: what was taken is given back. */
void rates_give(struct rates *r, uint64_t subject, const struct rate *rate);

#endif
