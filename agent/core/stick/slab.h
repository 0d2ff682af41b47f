/*
 * Memory for many small things of a few sizes: no header each, rounded to 8 bytes, taken from the
 * heap a page at a time and used again. Nothing goes back before slab_fini().
 *
 * Not locked: whoever owns it has the lock.
 */
#ifndef USHER_CORE_STICK_SLAB_H
#define USHER_CORE_STICK_SLAB_H

#include <stddef.h>

enum {
	SLAB_STEP = 8,     /* bytes */
	SLAB_LARGEST = 512, /* above it, the heap's own */
};

struct slab {
	struct slab_slot *spare[SLAB_LARGEST / SLAB_STEP]; /* given back, by size */
	struct slab_page *pages;
	char *at; /* what is left of the newest page */
	size_t left;
};

void slab_init(struct slab *s);
/* All of it is gone, but for what is larger than SLAB_LARGEST: that is the owner's to give back. */
void slab_fini(struct slab *s);

/* NULL when memory is out. */
void *slab_take(struct slab *s, size_t n);
/* n as it was taken. */
void slab_give(struct slab *s, void *p, size_t n);

#endif
