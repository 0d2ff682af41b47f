/*
 * A worker: one thread, one loop, and what its connections borrow. Workers are equal; a
 * connection stays on its worker from accept to end, so nothing in here needs a lock.
 */
#ifndef USHER_IO_WORKER_H
#define USHER_IO_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <stdint.h>

#include "agent/core/base/list.h"
#include "agent/io/inbox.h"

enum {
	WORKERS_MAX = 256,	   /* of one process */
	WORKER_BUFFER = 256 << 10, /* bytes of each of the two buffers */
};

struct worker {
	unsigned index;
	struct ev_loop *loop;
	pthread_t thread;
	struct inbox inbox;
	/* Borrowed by one callback at a time; nothing stays in them between two. */
	uint8_t *read_buffer, *write_buffer;
	struct list streams;
	uint64_t random;  /* state of worker_random() */
	uint64_t now_ns;  /* the clock as worker_tick() last saw it */
	int64_t awake_at; /* monotonic ms when the loop last woke, see worker_lag() */
	struct ev_check woke;
	void *world;	/* the engine's: what this worker decides with */
	void *counters; /* the engine's */
	void *sharing;	/* the engine's; NULL: none */
	void *owner;	/* the process's */
};

/* A worker whose loop does not run yet: watchers may be added from the starting thread. */
struct worker *worker_new(unsigned index);
void worker_free(struct worker *w);

/* Run the loop in a thread of its own; 0 or a negative errno. */
int worker_start(struct worker *w);
/* On the worker's thread: leave the loop when the present events are done. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);

/* Monotonic ms, from the clock. */
int64_t worker_now(void);
uint64_t worker_now_ns(void);

/*
 * A look at the clock costs as much as a tenth of a decision. A worker's own loop looks when it
 * wakes, after each read and after each decision, and goes by that in between.
 */
uint64_t worker_tick(struct worker *w);
static inline int64_t
worker_ms(const struct worker *w)
{
	return (int64_t)(w->now_ns / 1000000);
}

/* How long the present batch of events has been worked on, in ms: how late the last one is. */
int64_t worker_lag(const struct worker *w);

/* Fast, and good enough to choose servers by. */
uint64_t worker_random(struct worker *w);

#endif
