/*
 * Bytes one way between two sockets, with back-pressure and half-close.
 *
 * Nothing is buffered while both sides keep up: bytes are read into the worker's buffer and written
 * on at once. Only what a short write leaves over is kept, in memory taken then and given back
 * when it is gone; until then nothing more is read.
 */
#ifndef USHER_PROXY_RELAY_H
#define USHER_PROXY_RELAY_H

#include <stdbool.h>

#include "agent/core/base/buf.h"
#include "agent/io/worker.h"
#include "agent/proxy/end.h"

struct relay {
	struct buf *rest;      /* owned; what the receiver has not taken yet, NULL: nothing */
	uint64_t n_bytes : 62; /* taken by the receiver so far */
	bool eof : 1;	       /* the sender is done */
	bool shut : 1;	       /* the receiver has been told so */
};

enum relay_result {
	RELAY_OPEN,
	RELAY_DONE,	   /* the sender's end has been passed on */
	RELAY_BROKEN_FROM, /* reading failed */
	RELAY_BROKEN_TO,   /* writing failed */
	RELAY_MEMORY,
};

/* Move what can be moved now, a bounded amount. */
enum relay_result relay_run(struct relay *r, struct worker *w, const struct end *from,
			    const struct end *to);

/* Put bytes in front of all that is still to come. False when memory is out. */
bool relay_keep(struct relay *r, const uint8_t *p, size_t n) MUST_USE;

void relay_fini(struct relay *r);

static inline bool
relay_wants_read(const struct relay *r)
{
	return !r->rest && !r->eof;
}

static inline bool
relay_wants_write(const struct relay *r)
{
	return r->rest || (r->eof && !r->shut);
}

#endif
