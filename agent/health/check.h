/*
 * One health check of one server, from its first connect to its answer. Nothing waits: a check is
 * a small state machine on the loop, and its end is a callback.
 */
#ifndef USHER_HEALTH_CHECK_H
#define USHER_HEALTH_CHECK_H

#include <ev.h>

#include "agent/core/health/script.h"
#include "agent/health/link.h"
#include "agent/io/dial.h"

enum check_state {
	CHECK_REST, /* nothing is asked */
	CHECK_DIAL,
	CHECK_GREET, /* PROXY header, handshake */
	CHECK_SEND,
	CHECK_EXPECT,
};

/* What to ask, where, and for how long. */
struct check_order {
	const struct script *script; /* must outlive the check */
	struct addr to;
	struct dial_source from;
	struct link_terms terms; /* of connections that go as the server line says */
	bool is_up;		 /* the server, until now */
	uint32_t connect_ms;	 /* for each connection to be made */
	uint32_t answer_ms;	 /* from then on; 0: all of it within `whole_ms` */
	uint32_t whole_ms;
};

struct check;
/* The check rests again; it may be begun anew, or its memory freed. */
typedef void check_done_fn(struct check *c, const struct health_answer *a, uint32_t ms);

struct check {
	struct ev_loop *loop;
	check_done_fn *on_done;
	struct check_order order;
	enum check_state state;
	size_t step; /* of the script */
	struct link link;
	bool lingers; /* it is to be closed in good order */
	ev_io io;
	ev_timer bound;
	ev_tstamp began;
	size_t n_sent;	/* of the step's bytes */
	uint8_t *heard; /* owned; SCRIPT_ANSWER_MAX bytes, NULL: nothing yet */
	size_t n_heard; /* since the last send */
	bool is_all;	/* the server has closed */
	struct health_answer answer;
};

void check_init(struct check *c, struct ev_loop *loop, check_done_fn *on_done);

/* Only one that rests. It is never done before this returns. */
void check_begin(struct check *c, const struct check_order *order);

/* Forget it; on_done is not called. */
void check_cancel(struct check *c);

static inline bool
check_rests(const struct check *c)
{
	return c->state == CHECK_REST;
}

#endif
