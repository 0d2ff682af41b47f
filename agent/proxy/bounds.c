/*
 * The clock is the moment the loop last woke, in sixteenths of a second. Touching is coarse on
 * purpose: a session that pings every few seconds moves in its list once a second at most, and
 * dies at most that much early, or by an eighth of a short time-out.
 */
#include "agent/proxy/bounds.h"

enum { TICKS_PER_S = 16 };

static uint32_t
ticks(const struct bounds *b)
{
	return (uint32_t)((uint64_t)b->worker->awake_at * TICKS_PER_S / 1000);
}

static double
seconds_left(const struct bound *bound, const struct bounded *member)
{
	uint32_t waited = ticks(bound->owner) - member->since;

	/* The tick it began in was partly over: nobody goes before its time. */
	return (double)bound->ms / 1000 - ((double)waited - 1) / TICKS_PER_S;
}

/* Ticks that a touch may be left out for: a second, or an eighth of a short wait. */
static uint32_t
coarseness(const struct bound *bound)
{
	int64_t eighth = bound->ms * TICKS_PER_S / 1000 / 8;

	return eighth < TICKS_PER_S ? (uint32_t)eighth : TICKS_PER_S;
}

static struct bounded *
first(const struct bound *bound)
{
	struct list *at = bound->waiting.next;

	return at == &bound->waiting ? NULL : container_of(at, struct bounded, list);
}

static void
arm(struct bound *bound)
{
	struct bounded *member = first(bound);
	double left = member ? seconds_left(bound, member) : 0;

	if (!member)
		return;
	ev_timer_set(&bound->timer, left > 0 ? left : 0, 0.);
	ev_timer_start(bound->owner->worker->loop, &bound->timer);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct bound *bound = container_of(timer, struct bound, timer);
	struct bounds *b = bound->owner;
	struct bounded *member;

	while ((member = first(bound)) && seconds_left(bound, member) <= 0) {
		bounds_leave(member);
		b->on_due(member);
	}
	if (!ev_is_active(&bound->timer))
		arm(bound);
}

void
bounds_init(struct bounds *b, struct worker *w, void (*on_due)(struct bounded *b))
{
	b->worker = w;
	b->on_due = on_due;
	b->n = 0;
}

void
bounds_fini(struct bounds *b)
{
	for (unsigned i = 0; i < b->n; i++)
		ev_timer_stop(b->worker->loop, &b->bounds[i].timer);
}

void
bounded_init(struct bounded *member)
{
	list_init(&member->list);
	member->since = 0;
	member->bound = BOUNDS_MAX;
}

/* A list nobody stands in, for another duration; the last one's, when there is none. */
static struct bound *
free_bound(struct bounds *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (list_is_empty(&b->bounds[i].waiting)) {
			ev_timer_stop(b->worker->loop, &b->bounds[i].timer);
			return &b->bounds[i];
		}
	if (b->n == BOUNDS_MAX)
		return NULL;
	list_init(&b->bounds[b->n].waiting);
	ev_timer_init(&b->bounds[b->n].timer, on_timer, 0., 0.);
	return &b->bounds[b->n++];
}

/* The list of that duration. More durations at once than fit share the last one's list. */
static struct bound *
bound_of(struct bounds *b, int64_t ms)
{
	struct bound *bound;

	for (unsigned i = 0; i < b->n; i++)
		if (b->bounds[i].ms == ms)
			return &b->bounds[i];
	bound = free_bound(b);
	if (!bound)
		return &b->bounds[BOUNDS_MAX - 1];
	bound->owner = b;
	bound->ms = ms;
	return bound;
}

static void
join(struct bound *bound, struct bounded *member)
{
	member->since = ticks(bound->owner);
	list_append(&bound->waiting, &member->list);
	if (!ev_is_active(&bound->timer))
		arm(bound);
}

void
bounds_wait(struct bounds *b, struct bounded *member, int64_t ms)
{
	struct bound *bound;

	bounds_leave(member);
	if (ms <= 0)
		return;
	bound = bound_of(b, ms);
	member->bound = (uint8_t)(bound - b->bounds);
	join(bound, member);
}

void
bounds_touch(struct bounds *b, struct bounded *member)
{
	struct bound *bound;

	if (member->bound == BOUNDS_MAX)
		return;
	bound = &b->bounds[member->bound];
	if (ticks(b) - member->since < coarseness(bound))
		return;
	list_remove(&member->list);
	join(bound, member);
}

void
bounds_leave(struct bounded *member)
{
	list_remove(&member->list);
	member->bound = BOUNDS_MAX;
}
