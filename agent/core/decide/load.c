/*
 * A place is taken by counting up as long as maxconn allows, without a lock. Who finds none joins
 * the list and tries once more; who gives one back counts down and then looks at the list. Both
 * orders are sequentially consistent, so one of the two sees the other and nobody waits beside a
 * free place.
 */
#include "agent/core/decide/load.h"

#include <stddef.h>

void
backend_load_init(struct backend_load *b)
{
	pthread_mutex_init(&b->lock, NULL);
	list_init(&b->waiting);
	atomic_init(&b->n_waiting, 0);
	atomic_init(&b->n_sessions, 0);
	b->is_haproxys = NULL;
	b->window = (struct replay_window){ 0 };
}

void
backend_load_fini(struct backend_load *b)
{
	pthread_mutex_destroy(&b->lock);
}

void
server_load_init(struct server_load *l, struct backend_load *b)
{
	l->backend = b;
	atomic_init(&l->n_sessions, 0);
	atomic_init(&l->n_waiting, 0);
	atomic_init(&l->maxconn, 0);
	atomic_init(&l->is_closed, false);
	atomic_init(&l->is_draining, false);
}

bool
load_is_haproxys(const struct server_load *l)
{
	return l->backend->is_haproxys && atomic_load(l->backend->is_haproxys);
}

bool
load_has_room(const struct server_load *l)
{
	uint32_t maxconn = atomic_load(&l->maxconn);

	return maxconn == 0 ||
	       (atomic_load(&l->n_waiting) == 0 && atomic_load(&l->n_sessions) < maxconn);
}

bool
load_enter(struct server_load *l)
{
	uint32_t maxconn = atomic_load(&l->maxconn), n = atomic_load(&l->n_sessions);

	do
		if (maxconn && n >= maxconn)
			return false;
	while (!atomic_compare_exchange_weak(&l->n_sessions, &n, n + 1));
	atomic_fetch_add(&l->backend->n_sessions, 1);
	return true;
}

/* ---- who waits ------------------------------------------------------------------------------ */

static bool
wants(const struct waiter *w, const struct server_load *l)
{
	if (atomic_load(&l->is_draining) && !w->even_draining)
		return false;
	for (uint16_t i = 0; i < w->n_wanted; i++)
		if (w->wanted[i] == l)
			return true;
	return false;
}

/* Under the lock. */
static void
leave_list(struct backend_load *b, struct waiter *w)
{
	list_remove(&w->list);
	w->waits = false;
	atomic_fetch_sub(&b->n_waiting, 1);
	if (w->is_pinned)
		atomic_fetch_sub(&w->wanted[0]->n_waiting, 1);
}

/* The first who wants it gets it, if it is to be had; NULL: nobody does. */
static struct waiter *
grant(struct server_load *l)
{
	struct backend_load *b = l->backend;
	struct waiter *granted = NULL;

	pthread_mutex_lock(&b->lock);
	list_for_each(at, &b->waiting) {
		struct waiter *w = container_of(at, struct waiter, list);

		if (!wants(w, l))
			continue;
		if (load_enter(l)) {
			leave_list(b, w);
			w->granted = l;
			granted = w;
		}
		break;
	}
	pthread_mutex_unlock(&b->lock);
	return granted;
}

void
load_offer(struct server_load *l)
{
	struct waiter *w;

	while (atomic_load(&l->backend->n_waiting) && !atomic_load(&l->is_closed) && (w = grant(l)))
		w->wake(w);
}

void
load_leave(struct server_load *l)
{
	atomic_fetch_sub(&l->n_sessions, 1);
	atomic_fetch_sub(&l->backend->n_sessions, 1);
	load_offer(l);
}

void
load_wait(struct backend_load *b, struct waiter *w)
{
	w->granted = NULL;
	w->waits = true;
	pthread_mutex_lock(&b->lock);
	list_append(&b->waiting, &w->list);
	atomic_fetch_add(&b->n_waiting, 1);
	if (w->is_pinned)
		atomic_fetch_add(&w->wanted[0]->n_waiting, 1);
	pthread_mutex_unlock(&b->lock);
}

bool
load_give_up(struct backend_load *b, struct waiter *w)
{
	bool waited;

	pthread_mutex_lock(&b->lock);
	waited = w->waits;
	if (waited)
		leave_list(b, w);
	pthread_mutex_unlock(&b->lock);
	return waited;
}

/* ---- replays -------------------------------------------------------------------------------- */

enum { REPLAY_SHARE = 5 }; /* one in so many connections */

/* Under the lock. */
static void
turn_window(struct replay_window *w, int64_t second)
{
	if (second <= w->second) /* another worker's clock may be a little behind */
		return;
	*w = (struct replay_window){
		.second = second,
		.n_new_before = second == w->second + 1 ? w->n_new : 0,
	};
}

void
load_note_connection(struct backend_load *b, int64_t now_ms)
{
	pthread_mutex_lock(&b->lock);
	turn_window(&b->window, now_ms / 1000);
	b->window.n_new++;
	pthread_mutex_unlock(&b->lock);
	rate_meter_add(&b->rate, now_ms);
}

bool
load_may_replay(struct backend_load *b, int64_t now_ms)
{
	struct replay_window *w = &b->window;
	uint32_t n_new;
	bool yes;

	pthread_mutex_lock(&b->lock);
	turn_window(w, now_ms / 1000);
	n_new = w->n_new > w->n_new_before ? w->n_new : w->n_new_before;
	yes = w->n_replays == 0 || (uint64_t)(w->n_replays + 1) * REPLAY_SHARE <= n_new;
	w->n_replays += yes;
	pthread_mutex_unlock(&b->lock);
	return yes;
}

void
load_give_replay_back(struct backend_load *b)
{
	pthread_mutex_lock(&b->lock);
	if (b->window.n_replays > 0)
		b->window.n_replays--;
	pthread_mutex_unlock(&b->lock);
}
