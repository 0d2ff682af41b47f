/*
 * A connection to the shared store (Redis, Valkey) on one loop: questions with a deadline, and
 * writes behind. Everything here happens on the loop's thread.
 *
 * The store is asked only while it answers (core/store/breaker.h); a ping four times a second says
 * whether it does. Nobody ever waits for a write: writes stand in a bounded queue, in their order,
 * until they are answered; those that an ending connection left unanswered are sent again on the
 * next one, since each may be done twice. When the queue is full the oldest one that was not sent
 * yet is dropped.
 */
#ifndef USHER_STORE_STORE_H
#define USHER_STORE_STORE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/str.h"
#include "agent/core/store/url.h"

enum {
	STORE_QUESTIONS_MAX = 2048, /* unanswered, those that nobody waits for included */
	STORE_WRITES_MAX = 16384,   /* in the queue */
	STORE_BYTES_MAX = 8 << 20,  /* all their bytes */
	STORE_VALUE_MAX = 256,	    /* the rest of a longer value is not asked for */
};

struct store;

/* What its user counts. */
enum store_event {
	STORE_UP,      /* it answers */
	STORE_AWAY,    /* it does not any more */
	STORE_DIALLED, /* a connection was begun */
	STORE_WRITTEN, /* a write was done */
	STORE_DROPPED, /* a write was not: no room, or the store refused it */
};

struct store_settings {
	const struct store_url *url; /* outlives the store */
	int64_t deadline_ms;	     /* of a question */
	bool speaks;		     /* logs; of several for one process, one does */
	void (*on_event)(void *arg, enum store_event event);
	void *arg;
};

/* Starts to connect and goes on trying. NULL: out of memory. */
struct store *store_open(struct ev_loop *loop, const struct store_settings *settings);
/* Questions are answered by STORE_GONE first; what can be sent without waiting is sent. */
void store_close(struct store *s);

/* Does it answer? */
bool store_is_up(const struct store *s);

enum store_answer {
	STORE_FOUND,
	STORE_ABSENT,
	STORE_LATE, /* the deadline was faster */
	STORE_GONE, /* the connection ended, or the store said an error */
};

/* The value is a view, valid during the call. */
typedef void store_answer_fn(void *arg, enum store_answer answer, struct str value);

/*
 * What stands under the key? fn is called once, never before this returns, unless it is cancelled.
 * NULL: the store is not up, or too much is asked of it; fn is never called.
 */
struct store_question *store_ask(struct store *s, struct str key, store_answer_fn *fn, void *arg);
/* Before its answer. */
void store_cancel(struct store_question *q);

/* Values are those of core/store/entry.h: a server, and who wrote. */
enum store_write_kind {
	STORE_SET,    /* whatever is there */
	STORE_PLACE,  /* if nothing is there, or this server, or `instead` */
	STORE_END,    /* if nothing is there, or exactly this value */
	STORE_DELETE, /* if this server is there */
	N_STORE_WRITE_KINDS,
};

struct store_write {
	enum store_write_kind kind;
	struct str key;
	struct str server, owner;
	struct str instead; /* STORE_PLACE; empty: none */
	int64_t ttl_ms;	    /* not for STORE_DELETE */
};

/* Sent before the loop sleeps again, or when the store is back. */
void store_write(struct store *s, const struct store_write *w);

#endif
