/*
 * How many sessions usher carries to each server, and who waits for one of its places (`maxconn`,
 * `maxqueue`; configuration manual, 5.2).
 *
 * Loads outlive worlds: one per backend and one per server in it, by name, made by the engine and
 * never freed before it; so a session that began before a reload still counts. Any thread.
 */
#ifndef USHER_CORE_DECIDE_LOAD_H
#define USHER_CORE_DECIDE_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/list.h"
#include "agent/core/base/parse.h"
#include "agent/core/decide/rate_meter.h"
#include "agent/core/decide/traffic.h"

struct backend_load {
	/* New clients are HAProxy's to carry: while that is true, verdicts take no places. NULL:
	 * they are usher's. Borrowed from the engine. */
	const _Atomic bool *is_haproxys;
	pthread_mutex_t lock;
	struct list waiting; /* struct waiter; the longest wait first; guarded by lock */
	_Atomic uint32_t n_waiting;
	_Atomic uint32_t n_sessions;
	struct replay_window {
		int64_t second;
		uint32_t n_new, n_new_before; /* connections of this second and the last */
		uint32_t n_replays;	      /* of this one */
	} window;			      /* guarded by lock */
	struct rate_meter rate;
	struct traffic traffic;
};

/* Of a frontend, or of the whole process. */
struct frontend_load {
	_Atomic uint32_t n_sessions;
	_Atomic uint32_t n_handshakes;	   /* in TLS, under way; of the process alone */
	struct rate_meter rate;		   /* of sessions: past the connection rules */
	struct rate_meter connection_rate; /* of all that were accepted */
	struct traffic traffic;
};

struct server_load {
	struct backend_load *backend;
	_Atomic uint32_t n_sessions;
	_Atomic uint32_t n_waiting; /* those who want this server and no other */
	_Atomic uint32_t maxconn;   /* 0: no limit */
	_Atomic bool is_closed;	    /* it may take nobody: down, in maintenance, without address */
	_Atomic bool is_draining;   /* it takes those alone who stick to it */
	struct rate_meter rate;
	struct traffic traffic;
};

/* A session that waits for a place. Owned by it; size: sizeof + n_wanted pointers. */
struct waiter {
	struct list list;
	bool waits;
	bool is_pinned;	    /* to the one server it wants; counted there */
	bool even_draining; /* the file sends it there, even while that server drains */
	/*
	 * A place was granted, on whatever thread gave it back and without a lock held: tell the
	 * owner, and do not wait. The waiter is in no list any more.
	 */
	void (*wake)(struct waiter *w);
	struct server_load *granted; /* a place that it has been given; NULL: none yet */
	uint16_t n_wanted;
	struct server_load *wanted[]; /* any of these */
};

void backend_load_init(struct backend_load *b);
void backend_load_fini(struct backend_load *b);
void server_load_init(struct server_load *l, struct backend_load *b);

/* Are new clients HAProxy's to carry at present? */
bool load_is_haproxys(const struct server_load *l);

/* Could it take one more session, without passing those who wait for it? */
bool load_has_room(const struct server_load *l);

/* Take a place. False: there is none. */
bool load_enter(struct server_load *l) MUST_USE;

/* Give a place back; it goes to whoever waits for it longest. */
void load_leave(struct server_load *l);

/* Room may have appeared: the server came up, maxconn grew. */
void load_offer(struct server_load *l);

/*
 * Join those who wait. Room that appeared just before may have been missed: try to enter once more
 * afterwards, and give up when that succeeds.
 */
void load_wait(struct backend_load *b, struct waiter *w);

/* No longer wait. False: a place has been granted meanwhile; it is the caller's. */
bool load_give_up(struct backend_load *b, struct waiter *w);

/*
 * A CONNECT that one server refused may be tried at another: as many a second as a fifth of the
 * connections that are new, and one in any case, so that a cluster that refuses everybody is not
 * asked several times over. note: a connection is new; may_replay: true counts one.
 */
void load_note_connection(struct backend_load *b, int64_t now_ms);
bool load_may_replay(struct backend_load *b, int64_t now_ms) MUST_USE;
/* It was not tried after all. */
void load_give_replay_back(struct backend_load *b);

#endif
