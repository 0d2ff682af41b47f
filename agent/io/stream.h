/*
 * A connection on a worker's loop.
 *
 * Bytes are read into the worker's buffer and handled there; only what is left of an unfinished
 * message, or of a short write, is kept, in memory taken then and given back when it is gone. The
 * loop's interest is computed from that state by one function: nothing is read while something
 * waits to be written, which is the back-pressure.
 */
#ifndef USHER_IO_STREAM_H
#define USHER_IO_STREAM_H

#include <ev.h>
#include <stdbool.h>

#include "agent/core/base/buf.h"
#include "agent/core/base/list.h"
#include "agent/io/worker.h"

struct stream {
	struct worker *worker;
	int fd;
	bool eof;	/* the peer has sent its last byte */
	bool broken;	/* read or write failed: nothing more can be sent */
	struct buf in;	/* the kept part of an unfinished message */
	struct buf out; /* what the peer has not taken yet */
	ev_io io;
	struct list list; /* in the worker's streams */
	void (*on_event)(struct stream *s);
	void (*on_stop)(struct stream *s); /* the service ends: say goodbye */
};

/* What the owner's callbacks are. Both may close the stream. */
struct stream_owner {
	void (*on_event)(struct stream *s); /* bytes came, or went, or it ended */
	void (*on_stop)(struct stream *s);
};

/* The stream owns fd from now on, which must not block. */
void stream_open(struct stream *s, struct worker *w, int fd, const struct stream_owner *owner);
void stream_close(struct stream *s);

/*
 * Read once. [*p, *p + *n) are the kept bytes followed by the new ones, in memory that is the
 * stream's until the next call. May be empty; see eof and broken.
 */
void stream_read(struct stream *s, const uint8_t **p, size_t *n);

/* Keep the last n of the bytes that stream_read() gave, to be seen again with more. */
bool stream_keep(struct stream *s, const uint8_t *p, size_t n) MUST_USE;

/* Send, now or as soon as the peer takes it. False when it cannot be kept for later. */
bool stream_write(struct stream *s, const void *p, size_t n) MUST_USE;

/* Send what is kept, as far as the peer takes it. */
void stream_flush(struct stream *s);

/* The loop's interest follows from the state: last call of every callback that goes on. */
void stream_watch(struct stream *s);

#endif
