/*
 * NOTIFY: what HAProxy asks. A list of messages, each with named arguments; names are those of
 * HAProxy's SPOE configuration, and an argument without one has an empty name.
 *
 *	struct spop_str message, name;
 *	struct spop_args args;
 *	struct spop_value value;
 *
 *	while (spop_notify_message(notify, &message, &args))
 *		while (spop_notify_arg(&args, &name, &value))
 *			...
 *
 * Everything views the frame's bytes.
 */
#ifndef SPOP_NOTIFY_H
#define SPOP_NOTIFY_H

#include "spoe/frame.h"

struct spop_notify {
	uint64_t stream_id, frame_id; /* the ACK carries them back */
	struct spop_reader rest;      /* messages not yet taken, */
	unsigned left;		      /* and how many */
};

struct spop_args {
	struct spop_reader rest;
	unsigned left; /* arguments not yet taken */
};

/*
 * Open a NOTIFY frame's payload. It is looked through once, to the end: if the answer is true,
 * no later step can fail.
 */
bool spop_notify_open(struct spop_notify *n, const struct spop_frame *f) SPOP_MUST_USE;

/* The next message; false: no more. The arguments of the one before need not all be taken. */
bool spop_notify_message(struct spop_notify *n, struct spop_str *name, struct spop_args *args);

/* The next argument; false: no more. */
bool spop_notify_arg(struct spop_args *a, struct spop_str *name, struct spop_value *value);

/* ---- HAProxy's side: writing one ----------------------------------------------------------- */

struct spop_arg {
	struct spop_str name;
	struct spop_value value;
};

/* Begin a NOTIFY, put its messages, end it: whole, or false and nothing of it (frame.h). */
void spop_notify_begin(struct spop_writer *w, uint32_t max_frame_size, uint64_t stream_id,
		       uint64_t frame_id);
/* More than SPOP_ARGS_MAX arguments overflow. */
void spop_notify_put(struct spop_writer *w, struct spop_str message, const struct spop_arg *args,
		     size_t n_args);
bool spop_notify_end(struct spop_writer *w) SPOP_MUST_USE;

#endif
