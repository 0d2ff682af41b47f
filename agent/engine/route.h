/*
 * Ask where a client goes: the one call of every door.
 */
#ifndef USHER_ENGINE_ROUTE_H
#define USHER_ENGINE_ROUTE_H

#include "agent/engine/counters.h"
#include "agent/engine/world.h"
#include "agent/io/worker.h"

/* Decide in this world and apply, on a worker's thread. The verdict's pointers are the world's. */
void route_ask(struct worker *w, const struct world *world, const struct facts *facts,
	       struct verdict *v);

#endif
