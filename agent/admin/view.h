/*
 * What the admin service may see and do of the process. main.c fills it in, so that this door
 * knows none of the others. All of it happens on the main thread.
 */
#ifndef USHER_ADMIN_VIEW_H
#define USHER_ADMIN_VIEW_H

#include <time.h>

#include "agent/engine/counters.h"
#include "agent/engine/operations.h"
#include "agent/engine/sticky_file.h"
#include "agent/engine/world.h"

/* One SPOE engine that is connected: a HAProxy process, up to 3.0 one of its threads. */
struct admin_engine {
	struct str id; /* HAProxy's engine-id */
	unsigned connections;
};

typedef void admin_engine_fn(void *arg, const struct admin_engine *engine);

/* What the runtime socket said last of the HAProxy behind it. */
struct admin_haproxy {
	bool is_wanted;	 /* it carries clients; not so for `usher proxy` */
	bool has_socket; /* haproxy.cfg names one */
	bool answers;
	uint64_t pid, uptime_s;
	char version[64];
};

/* `usher run`: whether it stands in for HAProxy. */
struct admin_standby {
	unsigned state, n_states; /* of docs/run.md; their names: */
	const char *(*state_name)(unsigned state);
	const char *reason; /* of the last takeover; "none": there was none */
	int64_t for_ms;	    /* in this state */
	uint64_t n_takeovers, n_given_back;
	uint32_t last_us;  /* the last takeover took */
	uint32_t sessions; /* usher's own */
};

struct admin_reloads {
	unsigned done, refused;
	time_t last; /* 0: none yet */
	bool last_refused;
};

struct admin_view {
	void *arg; /* handed to each function */
	struct world *(*world)(void *arg);
	void (*counters)(void *arg, struct counters *sum);
	void (*engines)(void *arg, admin_engine_fn *row, void *row_arg);
	void (*haproxy)(void *arg, struct admin_haproxy *h);
	void (*standby)(void *arg, struct admin_standby *s); /* NULL: usher does not stand by */
	bool (*reload)(void *arg);
	const struct operations *operations; /* NULL: HAProxy carries the clients */
	const struct sticky_file *sticky_file;
	const struct admin_reloads *reloads;
	time_t started;
	unsigned n_workers;
};

#endif
