/*
 * Four turns a second, or fewer where the rate is lower: each looks at all sessions there are. The
 * workers share what a turn may end, whoever has sessions.
 */
#include "agent/standby/drain.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/io/log.h"

enum { TURN_MS = 250 };

struct turn {
	_Atomic unsigned left; /* sessions to be ended */
	_Atomic unsigned refs; /* workers that are not done */
};

/* On a worker's thread. */
static bool
end_row(void *arg, const struct session_row *row)
{
	struct turn *turn = arg;
	unsigned left = atomic_load(&turn->left);

	while (left && !atomic_compare_exchange_weak(&turn->left, &left, left - 1))
		;
	return left;
}

static void
end_turn(void *arg)
{
	struct turn *turn = arg;

	if (atomic_fetch_sub(&turn->refs, 1) == 1)
		free(turn);
}

static void
on_turn(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct drain *d = container_of(timer, struct drain, turn);
	struct turn *turn;

	if (proxy_service_sessions(d->proxy) == 0) {
		log_line(LOG_INFO, "drained");
		drain_stop(d);
		return;
	}
	d->owed += d->rate.count * d->turn_ms;
	turn = xmalloc(sizeof(*turn));
	atomic_init(&turn->left, (unsigned)(d->owed / d->rate.period_ms));
	atomic_init(&turn->refs, d->n_workers);
	d->owed %= d->rate.period_ms;
	for (unsigned i = 0; i < d->n_workers; i++)
		proxy_service_each_session(d->proxy, i,
					   &(struct session_look){ end_row, end_turn, turn });
}

void
drain_init(struct drain *d, struct ev_loop *loop, struct proxy_service *proxy, unsigned n_workers)
{
	*d = (struct drain){ .loop = loop, .proxy = proxy, .n_workers = n_workers };
	ev_init(&d->turn, on_turn);
}

void
drain_start(struct drain *d, const struct rate *rate)
{
	if (rate->count == 0 || proxy_service_sessions(d->proxy) == 0)
		return;
	d->rate = *rate;
	d->owed = 0;
	d->turn_ms = rate->period_ms / rate->count;
	if (d->turn_ms < TURN_MS)
		d->turn_ms = TURN_MS;
	ev_timer_stop(d->loop, &d->turn);
	ev_timer_set(&d->turn, (double)d->turn_ms / 1e3, (double)d->turn_ms / 1e3);
	ev_timer_start(d->loop, &d->turn);
}

void
drain_stop(struct drain *d)
{
	ev_timer_stop(d->loop, &d->turn);
}
