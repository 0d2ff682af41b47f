/*
 * When usher stands in for HAProxy, and when it makes way: a decision over what was seen, without
 * a look at sockets or clocks.
 *
 *	               HAProxy listens                       no socket of HAProxy's listens
 *	  ┌─────────┐ ───────────────▶ ┌─────────┐ ─────────────────────────────▶ ┌───────┐
 *	  │ WAITING │                  │ STANDBY │     on_stop: stay  ┌───────┐   │       │
 *	  └────┬────┘                  │   ▲│    │ ──────────────────▶│ DOUBT │──▶│ REIGN │
 *	       │ not within            │   │▼    │  it was stopped    └───┬───┘   │       │
 *	       │ start_delay           │  HUNG   │ ◀──────────┐   ┌───────▼─┐     │       │
 *	       │                       └─────────┘            └───│ STOPPED │     │       │
 *	       │                            ▲    HAProxy listens  └─────────┘     │       │
 *	       └────────────────────────────┼────────────────────────────────────▶│       │
 *	                                    └──────── HAProxy listens ────────────└───────┘
 *
 * A reload that says on_stop: takeover ends DOUBT and STOPPED in REIGN.
 *
 * UNFIT is where HAProxy turned out to be another user's than our sockets are: listening would keep
 * it from coming back, so nobody stands in for it until usher is started anew.
 */
#ifndef USHER_STANDBY_TAKEOVER_H
#define USHER_STANDBY_TAKEOVER_H

#include "agent/core/policy/model.h"
#include "agent/standby/watch.h"

enum standby_state {
	STANDBY_WAITING, /* HAProxy was not seen yet */
	STANDBY_READY,	 /* HAProxy serves, usher stands by */
	STANDBY_HUNG,	 /* HAProxy listens and says nothing */
	STANDBY_DOUBT,	 /* HAProxy is gone: was it told to? */
	STANDBY_STOPPED, /* it was, and nobody is to stand in for it */
	STANDBY_REIGN,	 /* usher serves */
	STANDBY_UNFIT,
	N_STANDBY_STATES,
};

/* "waiting", "standby", "hung", …: of log, status and metrics. */
const char *standby_state_name(enum standby_state s);

enum standby_reason {
	REASON_NONE,
	REASON_ABSENT,	/* it was not there within start_delay of our start */
	REASON_RESUMED, /* usher itself was gone in the midst of standing in */
	REASON_CRASHED, /* its process was killed or failed */
	REASON_STOPPED, /* it was told to stop, or stopped listening while its process lives */
	REASON_GONE,	/* its sockets are gone, and why is not known */
};

const char *standby_reason_name(enum standby_reason r);

/* How long what was seen is waited with: in one place, for all tests and docs. */
enum {
	DOUBT_MS = 1000,  /* for the kernel to know how a process ended */
	PARTIAL_MS = 200, /* for a starting HAProxy to listen on all of its addresses */
};

struct seen {
	struct sighting sockets;
	enum haproxy_process process;
	bool answers; /* the runtime socket does */
	bool is_hung; /* it did, and does no longer */
};

struct takeover {
	enum standby_state state;
	enum standby_reason reason; /* of the last takeover */
	int64_t since;		    /* monotonic ms: of this state */
	int64_t partial_since;	    /* of HAProxy listening on some addresses; 0: not so */
	uid_t uid;		    /* of our sockets */
	bool uid_is_sure;	    /* known to be HAProxy's, not supposed */
	bool was_reigning;	    /* when usher ended last */
};

/*
 * The state that follows from what is seen now. `t` is told by takeover_enter(), which alone
 * writes its state.
 */
enum standby_state takeover_next(struct takeover *t, const struct standby_policy *policy,
				 const struct seen *seen, int64_t now, enum standby_reason *why);
/* Why HAProxy is gone may come out when usher serves already. True: it just has. */
bool takeover_learn(struct takeover *t, const struct seen *seen, int64_t now);
void takeover_enter(struct takeover *t, enum standby_state to, enum standby_reason why,
		    int64_t now);

#endif
