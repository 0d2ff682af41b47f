/*
 * What HAProxy knows of its servers, asked from its runtime socket several times a second and
 * written into the pools: states, weights, sessions.
 *
 * Runs on the main loop. Each question is a connection of its own, so a reloaded HAProxy, whose
 * socket is a new one under the old path, is found again without further ado. Without a socket
 * the file is trusted, which is said once.
 */
#ifndef USHER_HEALTH_RUNTIME_H
#define USHER_HEALTH_RUNTIME_H

#include <ev.h>

#include "agent/engine/world.h"

struct runtime_poller;

struct runtime_poller *runtime_poller_new(struct ev_loop *loop, struct world *world);
/* From now on for this world (a reload). The poller holds a reference of its own. */
void runtime_poller_set_world(struct runtime_poller *p, struct world *world);

/* The HAProxy that answered last. */
struct runtime_haproxy {
	bool answers; /* still */
	bool is_hung; /* it answered before, and now takes connections and says nothing */
	uint64_t pid, uptime_s;
	char version[64];
};
const struct runtime_haproxy *runtime_poller_haproxy(const struct runtime_poller *p);

/* Who hears at once when another process answers than before. Main loop. */
void runtime_poller_observe(struct runtime_poller *p, void (*on_process)(void *arg, uint64_t pid),
			    void *arg);

/* The process that answered has ended: another one may come, under the same number even. */
void runtime_poller_forget_process(struct runtime_poller *p);

/* Whether its word on servers counts: not while usher carries the clients and checks them itself.
 */
void runtime_poller_set_counts(struct runtime_poller *p, bool counts);

void runtime_poller_free(struct runtime_poller *p);

#endif
