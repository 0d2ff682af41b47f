/*
 * Ask where a client goes: the one call of every door.
 */
#ifndef USHER_ENGINE_ROUTE_H
#define USHER_ENGINE_ROUTE_H

#include "agent/engine/counters.h"
#include "agent/engine/world.h"
#include "agent/io/worker.h"

/*
 * Decide and apply, on a worker's thread. The verdict's pointers are good until the worker is
 * handed another world, so until the callback at hand returns.
 */
void route_ask(struct worker *w, const struct facts *facts, struct verdict *v);

#endif
