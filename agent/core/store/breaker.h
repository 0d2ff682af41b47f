/*
 * The breaker before a store that may be dead: it lets questions through only while the last
 * answer is at most a second old, so that nobody waits for one who has nothing to say. Pings keep
 * it closed where nobody asks, and close it again. Times are monotonic milliseconds.
 */
#ifndef USHER_CORE_STORE_BREAKER_H
#define USHER_CORE_STORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_FRESH_MS = 1000 };

/* Zero-initialised: nothing was ever answered. */
struct breaker {
	bool has_answered;
	int64_t answered_at;
};

static inline void
breaker_answered(struct breaker *b, int64_t now)
{
	b->has_answered = true;
	b->answered_at = now;
}

/* The connection is gone, and what it said with it. */
static inline void
breaker_reset(struct breaker *b)
{
	b->has_answered = false;
}

/* How long ago the last answer was; never, when there was none. */
static inline int64_t
breaker_silence_ms(const struct breaker *b, int64_t now)
{
	return b->has_answered ? now - b->answered_at : INT64_MAX;
}

static inline bool
breaker_allows(const struct breaker *b, int64_t now)
{
	return breaker_silence_ms(b, now) <= BREAKER_FRESH_MS;
}

#endif
