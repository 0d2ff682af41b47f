/* Two counters and a start; reading turns the periods on a copy. */
#include "agent/core/table/rate.h"

/* As it stands now. A clock that was read before the last event counts as that event's. */
static struct table_rate
turn(const struct table_rate *r, uint32_t period_ms, int64_t now)
{
	int64_t elapsed = now - r->since;

	if (elapsed < period_ms)
		return *r;
	if (elapsed < 2 * (int64_t)period_ms)
		return (struct table_rate){ .previous = r->running, .since = r->since + period_ms };
	return (struct table_rate){ .since = now };
}

static uint32_t
at_most_u32(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

void
table_rate_add(struct table_rate *r, uint32_t period_ms, uint32_t n, int64_t now)
{
	*r = turn(r, period_ms, now);
	if (r->running == 0 && r->previous == 0)
		r->since = now;
	r->running = at_most_u32((uint64_t)r->running + n);
}

uint32_t
table_rate_read(const struct table_rate *r, uint32_t period_ms, int64_t now)
{
	struct table_rate at;
	int64_t rest;

	if (period_ms == 0)
		return 0;
	at = turn(r, period_ms, now);
	if ((uint64_t)at.running + at.previous <= 1)
		return at.running + at.previous;
	rest = at.since + period_ms - now;
	if (rest > period_ms)
		rest = period_ms;
	return at_most_u32(at.running + at.previous * (uint64_t)rest / period_ms);
}
