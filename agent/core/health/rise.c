/* The score is a number; every question about it is a comparison. */
#include "agent/core/health/rise.h"

static uint32_t
top(const struct rise *r)
{
	return r->rise + r->fall - 1;
}

void
rise_init(struct rise *r, const struct check_settings *s)
{
	*r = (struct rise){ .rise = s->rise, .fall = s->fall, .health = s->rise };
}

void
rise_adopt(struct rise *r, const struct rise *old, const struct check_settings *s)
{
	uint32_t above = rise_is_up(old) ? old->health - old->rise : 0;

	rise_init(r, s);
	if (!rise_is_up(old))
		r->health = old->health < r->rise ? old->health : r->rise - 1;
	else if (old->health == top(old) || above >= r->fall)
		r->health = top(r);
	else
		r->health = r->rise + above;
}

enum rise_change
rise_count(struct rise *r, bool passed)
{
	bool was_up = rise_is_up(r);

	if (r->health == (passed ? top(r) : 0))
		return RISE_STILL;
	r->health = passed ? r->health + 1 : r->health - 1;
	if (rise_is_up(r)) {
		if (passed)
			r->health = top(r);
		return was_up ? RISE_MOVED : RISE_UP;
	}
	if (!passed)
		r->health = 0;
	return was_up ? RISE_DOWN : RISE_MOVED;
}

void
rise_endanger(struct rise *r, uint32_t failures)
{
	if (r->health > r->rise + failures - 1)
		r->health = r->rise + failures - 1;
}

uint32_t
rise_shown(const struct rise *r, uint32_t *of)
{
	*of = rise_is_up(r) ? r->fall : r->rise;
	return rise_is_up(r) ? r->health - r->rise + 1 : r->health;
}

uint32_t
rise_interval(const struct rise *r, const struct check_settings *s)
{
	uint32_t other = r->health == 0 ? s->downinter_ms : s->fastinter_ms;

	return r->health == top(r) || other == 0 ? s->inter_ms : other;
}

uint32_t
rise_spread(uint32_t interval_ms, uint32_t percent, uint64_t random)
{
	uint64_t width = (uint64_t)interval_ms * percent / 100;

	return (uint32_t)(interval_ms - width + random % (2 * width + 1));
}
