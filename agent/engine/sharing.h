/*
 * Sticky entries that several ushers share (docs/store.md): what the store is asked, and what it is
 * told of this process's own table. The table decides; the store only helps it to know more.
 *
 * One of these for each thread that decides or hears of sessions. All calls belong to that thread,
 * and where it says `s` there may be NULL: then nothing is shared, and the table alone is told.
 */
#ifndef USHER_ENGINE_SHARING_H
#define USHER_ENGINE_SHARING_H

#include "agent/engine/counters.h"
#include "agent/engine/world.h"
#include "agent/store/store.h"

struct sharing;

/* Shares as this world says, perhaps nothing. speaks: this one logs for the process. */
struct sharing *sharing_new(struct ev_loop *loop, struct counters *counters,
			    const struct world *world, bool speaks);
/* From now on as this world says (a reload): another store is another connection. */
void sharing_set_world(struct sharing *s, const struct world *world);
/* Whoever waits for an answer is told that there is none. */
void sharing_free(struct sharing *s);

/* Is there a store, be it up or not? */
bool sharing_is_on(const struct sharing *s);

/*
 * Ask the store for an entry. fn gets the number of its server, STICK_NO_TARGET when there is none
 * that we know; see store_ask() for when. NULL: decide without it.
 */
typedef void sharing_answer_fn(void *arg, uint32_t target);
struct sharing_question;
struct sharing_question *sharing_ask(struct sharing *s, const struct stick_key *key,
				     sharing_answer_fn *fn, void *arg);
void sharing_cancel(struct sharing_question *q);

/* The table has placed an entry, decided when it said `seen`. */
void sharing_placed(struct sharing *s, struct stick_table *table, const struct stick_key *key,
		    uint32_t seen, int64_t now);

/* Reports, by the hash of the key: each tells the table (table.h says what), then the store. */
void sharing_accept(struct sharing *s, struct stick_table *table, uint64_t hash, uint32_t target,
		    int64_t now);
void sharing_drop(struct sharing *s, struct stick_table *table, uint64_t hash, uint32_t target,
		  int64_t now);
void sharing_session_end(struct sharing *s, struct stick_table *table, uint64_t hash, int64_t now);

#endif
