/*
 * Session ends: HAProxy logs each one as a datagram to us (core/wire/syslog.h), and the sticky
 * entry learns that its connection is gone. Runs on the main loop.
 */
#ifndef USHER_SPOA_SESSION_END_H
#define USHER_SPOA_SESSION_END_H

#include <ev.h>

#include "agent/engine/counters.h"
#include "agent/engine/sharing.h"
#include "agent/engine/world.h"

struct session_end_receiver;

/*
 * Opens the world's addresses; each that cannot be opened is logged. Counts into `counters`.
 * sharing: NULL, or the loop's own, which outlives this.
 */
struct session_end_receiver *session_end_receiver_new(struct ev_loop *loop,
						      const struct world *world,
						      struct counters *counters,
						      struct sharing *sharing);
/*
 * From now on those of this world (a reload), of which it keeps nothing. What could not be opened
 * before is tried again.
 */
void session_end_receiver_set_world(struct session_end_receiver *r, const struct world *world);
/* The world has addresses for session ends, and all of them are open. */
bool session_end_receiver_hears(const struct session_end_receiver *r, const struct world *world);
void session_end_receiver_free(struct session_end_receiver *r);

#endif
