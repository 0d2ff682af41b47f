/*
 * Growth doubles; before growing, readable bytes are moved to the front. Both happen only when
 * the tail is too short, so a stream of small records costs a move per buffer, not per record.
 */
#include "agent/core/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 256 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t len = buf_len(b);
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	uint8_t *data;

	if (b->data && b->cap - b->w >= n)
		return b->data + b->w;
	if (n > b->max || len > b->max - n)
		return NULL;
	if (b->r && b->cap - len >= n) {
		memmove(b->data, b->data + b->r, len);
		b->r = 0;
		b->w = len;
		return b->data + b->w;
	}
	while (cap < len + n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	data = malloc(cap);
	if (!data)
		return NULL;
	if (len)
		memcpy(data, b->data + b->r, len);
	free(b->data);
	*b = (struct buf){ .data = data, .w = len, .cap = cap, .max = b->max };
	return data + len;
}

bool
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return true;
	room = buf_reserve(b, n);
	if (!room)
		return false;
	memcpy(room, p, n);
	buf_commit(b, n);
	return true;
}

bool
buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	char *text;
	int n = vasprintf(&text, fmt, args);
	bool fits = n >= 0 && buf_put(b, text, (size_t)n);

	if (n >= 0)
		free(text);
	return fits;
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->r += n;
	if (b->r == b->w)
		b->r = b->w = 0;
}

void
buf_release(struct buf *b)
{
	if (b->r == b->w)
		buf_fini(b);
}
