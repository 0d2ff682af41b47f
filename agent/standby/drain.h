/*
 * Once HAProxy is back, usher's own sessions are ended at the policy's pace, so that their clients
 * connect again and come to HAProxy. Main thread.
 */
#ifndef USHER_STANDBY_DRAIN_H
#define USHER_STANDBY_DRAIN_H

#include <ev.h>

#include "agent/core/policy/model.h"
#include "agent/proxy/service.h"

struct drain {
	struct ev_loop *loop;
	struct proxy_service *proxy;
	unsigned n_workers;
	struct rate rate;
	uint64_t turn_ms; /* between two turns of the timer */
	uint64_t owed;	  /* sessions times the rate's milliseconds, left by the turns before */
	ev_timer turn;
};

void drain_init(struct drain *d, struct ev_loop *loop, struct proxy_service *proxy,
		unsigned n_workers);
/* Until none is left, or until it is stopped. A rate of 0 ends none. */
void drain_start(struct drain *d, const struct rate *rate);
void drain_stop(struct drain *d);

#endif
