/*
 * How many a second: this second's count, and the share of the last second's that a window of one
 * second still has in it, which is how HAProxy reads its rates. Any thread; exact but for events
 * of the very moment in which a second begins.
 */
#ifndef USHER_CORE_DECIDE_RATE_METER_H
#define USHER_CORE_DECIDE_RATE_METER_H

#include <stdatomic.h>
#include <stdint.h>

struct rate_meter {
	_Atomic uint64_t present, last; /* second << 32 | count */
};

static inline void
rate_meter_add(struct rate_meter *m, int64_t now_ms)
{
	uint64_t second = (uint64_t)now_ms / 1000, seen = atomic_load(&m->present);

	/* A worker whose clock is a little behind counts into the second that has begun. */
	while (!atomic_compare_exchange_weak(&m->present, &seen,
					     seen >> 32 >= second ? seen + 1 : second << 32 | 1))
		;
	if (seen >> 32 < second)
		atomic_store(&m->last, seen);
}

static inline uint32_t
rate_meter_count(uint64_t value, uint64_t second)
{
	return value >> 32 == second ? (uint32_t)value : 0;
}

static inline uint32_t
rate_meter_read(const struct rate_meter *m, int64_t now_ms)
{
	uint64_t second = (uint64_t)now_ms / 1000, present = atomic_load(&m->present);
	uint64_t last = present >> 32 == second ? atomic_load(&m->last) : present;
	uint64_t left_ms = 1000 - (uint64_t)now_ms % 1000;

	return rate_meter_count(present, second) +
	       (uint32_t)(rate_meter_count(last, second - 1) * left_ms / 1000);
}

#endif
