/*
 * How many connections each tenant has, where usher carries them itself. Counts belong to the
 * tenant's name and outlive reloads. Any thread may enter and leave.
 */
#ifndef USHER_ENGINE_QUOTA_H
#define USHER_ENGINE_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct quota {
	char *tenant; /* owned */
	_Atomic uint32_t n;
};

/*
 * One more, unless there are `max` already; 0: without limit, but counted, since a reload may set
 * one. Exact: of two that arrive at once for the last place, one gets it.
 */
static inline bool
quota_enter(struct quota *q, uint32_t max)
{
	uint32_t n = atomic_load(&q->n);

	do
		if (max && n >= max)
			return false;
	while (!atomic_compare_exchange_weak(&q->n, &n, n + 1));
	return true;
}

static inline void
quota_leave(struct quota *q)
{
	atomic_fetch_sub(&q->n, 1);
}

#endif
