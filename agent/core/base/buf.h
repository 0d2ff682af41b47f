/*
 * Contiguous bytes with a read position and a hard maximum.
 *
 *	data:  [ read already | readable: r..w | writable: w..cap ]      cap <= max
 *
 * Memory is taken when bytes come and, by buf_release(), given back when none are left.
 * Not shared between threads.
 */
#ifndef USHER_CORE_BASE_BUF_H
#define USHER_CORE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/base/parse.h"

struct buf {
	uint8_t *data; /* owned; NULL while empty and released */
	size_t r, w;   /* readable bytes are data[r..w) */
	size_t cap;
	size_t max; /* cap never exceeds it */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

static inline size_t
buf_len(const struct buf *b)
{
	return b->w - b->r;
}

static inline uint8_t *
buf_front(const struct buf *b)
{
	return b->data + b->r;
}

/* Room for n more bytes, contiguous; NULL if that passes the maximum or memory is out. */
uint8_t *buf_reserve(struct buf *b, size_t n) MUST_USE;

/* n bytes were written into what buf_reserve() gave. */
static inline void
buf_commit(struct buf *b, size_t n)
{
	b->w += n;
}

/* Append all n bytes, or none: false when they do not fit. */
bool buf_put(struct buf *b, const void *p, size_t n) MUST_USE;

/* Append formatted text, all of it or none: false when it does not fit. */
bool buf_vprintf(struct buf *b, const char *fmt, va_list args) MUST_USE;

/* n readable bytes are done with. */
void buf_consume(struct buf *b, size_t n);

/* Give the memory back when nothing is readable. */
void buf_release(struct buf *b);

#endif
