/*
 * What workers notice of servers while they connect clients to them, counted by name so that it
 * outlives worlds, and brought to the main loop when it is enough.
 */
#ifndef USHER_HEALTH_NOTES_H
#define USHER_HEALTH_NOTES_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/core/base/map.h"
#include "agent/io/inbox.h"

struct checked;
struct server;
struct notes;

/* One server. Made once for each name, freed with all the others. */
struct note {
	char *key; /* owned; "backend/server" */
	struct notes *owner;
	struct checked *checked;   /* main thread; NULL: it is not checked now */
	_Atomic uint32_t limit;	   /* failures in a row that are enough; 0: none are */
	_Atomic uint32_t n_failed; /* in a row */
	_Atomic int64_t second;	   /* the last one in which enough was said */
};

struct notes {
	struct inbox inbox;
	void (*on_enough)(struct note *n); /* on the main loop */
	struct map by_key;		   /* main thread writes, under the lock */
	pthread_rwlock_t lock;
	struct note **all; /* owned, and so is each */
	size_t n;
	_Atomic uint32_t n_troubled; /* notes with failures in a row */
};

void notes_init(struct notes *n, struct ev_loop *loop, void (*on_enough)(struct note *note));
void notes_fini(struct notes *n);

/* The note of that server, made when it is asked for the first time. Main thread. */
struct note *notes_of(struct notes *n, const char *key);

void notes_connect(struct notes *n, const struct server *s, bool ok);

#endif
