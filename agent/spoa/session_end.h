/*
 * Session ends: HAProxy logs each one as a datagram to us (core/wire/syslog.h), and the sticky
 * entry learns that its connection is gone. Runs on the main loop.
 */
#ifndef USHER_SPOA_SESSION_END_H
#define USHER_SPOA_SESSION_END_H

#include <ev.h>

#include "agent/engine/counters.h"
#include "agent/engine/world.h"

struct session_end_receiver;

/* Opens the world's addresses; each that cannot be opened is logged. Counts into `counters`. */
struct session_end_receiver *session_end_receiver_new(struct ev_loop *loop,
						      const struct world *world,
						      struct counters *counters);
void session_end_receiver_free(struct session_end_receiver *r);

#endif
