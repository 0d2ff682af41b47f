/*
 * Memory for many small things of a few sizes: no header each, rounded to 8 bytes, taken from the
 * heap a page at a time. A page whose things are all given back goes back to the heap.
 *
 * Not locked: whoever owns it has the lock.
 */
#ifndef USHER_CORE_STICK_SLAB_H
#define USHER_CORE_STICK_SLAB_H

#include "agent/core/base/list.h"

enum {
	SLAB_STEP = 8,	    /* bytes */
	SLAB_LARGEST = 512, /* above it, the heap's own */
	SLAB_SIZES = SLAB_LARGEST / SLAB_STEP,
};

struct slab {
	struct list with_room[SLAB_SIZES]; /* pages, by the size of their slots */
	struct list full;
};

void slab_init(struct slab *s);
/* All of it is gone, but for what is larger than SLAB_LARGEST: that is the owner's to give back. */
void slab_fini(struct slab *s);

/* NULL when memory is out. */
void *slab_take(struct slab *s, size_t n);
/* n as it was taken. */
void slab_give(struct slab *s, void *p, size_t n);

#endif
