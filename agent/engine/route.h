/*
 * Ask where a client goes: the one call of every door.
 */
#ifndef USHER_ENGINE_ROUTE_H
#define USHER_ENGINE_ROUTE_H

#include "agent/engine/counters.h"
#include "agent/engine/sharing.h"
#include "agent/engine/world.h"
#include "agent/io/worker.h"

/* Decide in this world and apply, on a worker's thread. The verdict's pointers are the world's. */
void route_ask(struct worker *w, const struct world *world, const struct facts *facts,
	       struct verdict *v);

/*
 * Where entries are shared, what another usher knows of a client is fetched first:
 *
 *	if (route_fetch(w, world, &facts, &fetch, ready, arg))
 *		return; (when ready(arg) says so, make the facts again and do all of this again)
 *	route_ask_fetched(w, world, &facts, &fetch, &v);
 *
 * The wait ends within the store's deadline, a few milliseconds, and is no part of the decision:
 * whoever decides then decides on the state as it is then. Zeroed before the first call.
 */
struct route_fetch {
	bool is_asked;
	struct sharing_question *question; /* NULL: nothing is awaited */
	void (*ready)(void *arg);
	void *arg;
	uint64_t hash;	 /* of the key that was asked for */
	uint32_t target; /* what the store said; STICK_NO_TARGET: nothing */
};

/*
 * Ask the store, once, if this decision would place a client that our own table does not know.
 * True: the answer is awaited, and ready(arg) is called once, by the worker's loop, never before
 * this returns. False: nothing is awaited, or no more.
 */
bool route_fetch(struct worker *w, const struct world *world, const struct facts *facts,
		 struct route_fetch *fetch, void (*ready)(void *arg), void *arg) MUST_USE;
/* ready() is not called any more. Also when nothing is awaited. */
void route_fetch_cancel(struct route_fetch *fetch);

/* As route_ask(), with what was fetched, if anything was. */
void route_ask_fetched(struct worker *w, const struct world *world, const struct facts *facts,
		       const struct route_fetch *fetch, struct verdict *v);

#endif
