/*
 * Before usher stands by: what is known of the HAProxy that runs, or is to run, and whether it
 * could come back while usher listens in its place.
 */
#ifndef USHER_STANDBY_MEET_H
#define USHER_STANDBY_MEET_H

#include "agent/engine/world.h"

struct meeting {
	uid_t uid;	   /* who makes HAProxy's sockets */
	bool uid_is_sure;  /* seen, or said; not supposed */
	bool was_reigning; /* an usher stood in for it when it ended */
};

/*
 * Looks at the sockets that listen now and asks the runtime socket; waits for it MEET_MS at most.
 * False, with alerts that name the cure, when HAProxy could not come back.
 */
enum { MEET_MS = 500 };
bool standby_meet(const struct world *world, struct meeting *m, struct report *r) MUST_USE;

/* Of a world that is to be used: the same as far as the file goes. */
void standby_check(const struct world *world, struct report *r);

#endif
