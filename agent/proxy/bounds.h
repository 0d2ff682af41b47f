/*
 * Time-outs of sessions, without a timer each: sessions that wait for the same bound stand in one
 * list, in the order in which their wait began; one timer looks at its head. One set a worker.
 */
#ifndef USHER_PROXY_BOUNDS_H
#define USHER_PROXY_BOUNDS_H

#include <ev.h>
#include <stdint.h>

#include "agent/core/base/list.h"
#include "agent/io/worker.h"

enum { BOUNDS_MAX = 64 }; /* different durations in the files of one process */

/* A member of what waits. */
struct bounded {
	struct list list;
	uint32_t since; /* when its wait began, in ticks of the bounds' clock */
	uint8_t bound;	/* index into bounds; BOUNDS_MAX: none */
};

struct bound {
	struct bounds *owner;
	int64_t ms;
	struct list waiting;
	ev_timer timer; /* active while somebody waits */
};

struct bounds {
	struct worker *worker;
	void (*on_due)(struct bounded *b); /* it no longer waits; may wait again, or die */
	struct bound bounds[BOUNDS_MAX];
	unsigned n;
};

void bounds_init(struct bounds *b, struct worker *w, void (*on_due)(struct bounded *b));
void bounds_fini(struct bounds *b);

void bounded_init(struct bounded *member);

/* Wait from now on, for ms; a wait before this one is over. ms <= 0: for ever. */
void bounds_wait(struct bounds *b, struct bounded *member, int64_t ms);

/* Something moved: the same wait begins anew. Costs nothing a moment later. */
void bounds_touch(struct bounds *b, struct bounded *member);

void bounds_leave(struct bounded *member);

#endif
