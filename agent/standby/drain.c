/* Four turns a second, or fewer where the rate is lower: each looks at all sessions there are. */
#include "agent/standby/drain.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/io/log.h"

enum { TURN_MS = 250 };

/* On a worker's thread. */
static bool
end_row(void *arg, const struct session_row *row)
{
	unsigned *left = arg;

	return *left && (*left)--;
}

static void
on_turn(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct drain *d = container_of(timer, struct drain, turn);

	if (proxy_service_sessions(d->proxy) == 0) {
		log_line(LOG_INFO, "drained");
		drain_stop(d);
		return;
	}
	/* Each worker has its share; the first ones have what cannot be divided. */
	for (unsigned i = 0; i < d->n_workers; i++) {
		unsigned share = d->each_time / d->n_workers + (i < d->each_time % d->n_workers);
		unsigned *left = xmalloc(sizeof(*left));

		*left = share;
		proxy_service_each_session(d->proxy, i,
					   &(struct session_look){ end_row, free, left });
	}
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
	uint64_t turn_ms = TURN_MS;

	if (rate->count == 0 || proxy_service_sessions(d->proxy) == 0)
		return;
	if (rate->period_ms / rate->count > turn_ms)
		turn_ms = rate->period_ms / rate->count;
	d->each_time = (unsigned)(rate->count * turn_ms / rate->period_ms);
	ev_timer_stop(d->loop, &d->turn);
	ev_timer_set(&d->turn, (double)turn_ms / 1e3, (double)turn_ms / 1e3);
	ev_timer_start(d->loop, &d->turn);
}

void
drain_stop(struct drain *d)
{
	ev_timer_stop(d->loop, &d->turn);
}
