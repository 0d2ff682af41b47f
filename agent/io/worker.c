/* The loop runs until worker_stop(); all that happens in it comes from watchers and the inbox. */
#include "agent/io/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "agent/core/base/mem.h"

uint64_t
worker_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t
worker_now(void)
{
	return (int64_t)(worker_now_ns() / 1000000);
}

uint64_t
worker_tick(struct worker *w)
{
	return w->now_ns = worker_now_ns();
}

int64_t
worker_lag(const struct worker *w)
{
	return worker_ms(w) - w->awake_at;
}

/* SplitMix64 (Steele, Lea and Flood, 2014). */
uint64_t
worker_random(struct worker *w)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
on_woke(struct ev_loop *loop, ev_check *watcher, int revents)
{
	struct worker *w = container_of(watcher, struct worker, woke);

	worker_tick(w);
	w->awake_at = worker_ms(w);
}

struct worker *
worker_new(unsigned index)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->index = index;
	w->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
	if (!w->loop) {
		free(w);
		return NULL;
	}
	w->read_buffer = xmalloc(WORKER_BUFFER);
	w->write_buffer = xmalloc(WORKER_BUFFER);
	list_init(&w->streams);
	worker_tick(w);
	inbox_init(&w->inbox, w->loop);
	ev_check_init(&w->woke, on_woke);
	ev_set_priority(&w->woke, EV_MAXPRI);
	ev_check_start(w->loop, &w->woke);
	if (getrandom(&w->random, sizeof(w->random), 0) < 0)
		w->random = (uint64_t)worker_now() + index;
	return w;
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	inbox_fini(&w->inbox);
	ev_check_stop(w->loop, &w->woke);
	ev_loop_destroy(w->loop);
	free(w->read_buffer);
	free(w->write_buffer);
	free(w);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	ev_run(w->loop, 0);
	return NULL;
}

int
worker_start(struct worker *w)
{
	sigset_t all, before;
	int error;

	/* Signals are the main thread's; a thread inherits the mask it is made with. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

void
worker_stop(struct worker *w)
{
	ev_break(w->loop, EVBREAK_ALL);
}

void
worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}
