/*
 * How many checks in a row make a server go up or down: HAProxy's health score.
 *
 * The score is 0 at the bottom and rise + fall - 1 at the top; from `rise` on the server is up. A
 * success on the way up or a failure on the way down moves it by one; a failure that crosses the
 * line falls to the bottom, a success that reaches it jumps to the top. A server that has never
 * been checked is up and at the line: one failure takes it down.
 */
#ifndef USHER_CORE_HEALTH_RISE_H
#define USHER_CORE_HEALTH_RISE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/topology/model.h"

struct rise {
	uint32_t rise, fall;
	uint32_t health;
};

enum rise_change {
	RISE_STILL, /* at the top or the bottom already */
	RISE_MOVED,
	RISE_UP,   /* it crossed the line */
	RISE_DOWN, /* likewise */
};

void rise_init(struct rise *r, const struct check_settings *s);

/* The file was read anew: up stays up and down stays down, whatever the counts are now. */
void rise_adopt(struct rise *r, const struct rise *old, const struct check_settings *s);

enum rise_change rise_count(struct rise *r, bool passed);

/* From now on at most `failures` of them, at least one, take it down. */
void rise_endanger(struct rise *r, uint32_t failures);

static inline bool
rise_is_up(const struct rise *r)
{
	return r->health >= r->rise;
}

/* "2/3" as HAProxy shows it: of `fall` while up, of `rise` while down. */
uint32_t rise_shown(const struct rise *r, uint32_t *of);

/* ms until the next check: inter, fastinter on the way, downinter at the bottom. */
uint32_t rise_interval(const struct rise *r, const struct check_settings *s);

/* The interval, up to `percent` longer or shorter, as `random` wants it. */
uint32_t rise_spread(uint32_t interval_ms, uint32_t percent, uint64_t random);

#endif
