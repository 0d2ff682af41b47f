/*
 * The sticky table: which server a client was sent to, kept under a key that strangers choose.
 *
 * A key is a scope (the tenant's name, or empty) and an identity (client id, username or CN);
 * it is stored whole. The server is a number that the caller interns, so that an entry outlives
 * reloads and names the same broker in every backend that has it.
 *
 * An entry is in one of four phases, each a list ordered by time:
 *
 *	                 accepted, or 10 s without an end
 *	TENTATIVE ────────────────────────────────────────▶ LIVE ◀──┐ a session begins
 *	    │ ▲                                              │ ▲    │
 *	    ▼ │ a session begins                the last end ▼ └────┤
 *	TENTATIVE_IDLE                                      IDLE ───┘
 *
 * TENTATIVE* share a small part of the table and push out only each other, so strangers with
 * random ids cannot flush it. LIVE entries last as long as their connections, at most max_life
 * since the last decision (a lost end report heals that way). The rest expires `expire` after its
 * last event. Without end reports LIVE is never entered: an accepted entry is IDLE at once and
 * expires from the last decision.
 *
 * Memory: at most 64 bytes an entry beside its key, its bucket included. Shared by all threads;
 * 64 shards, each with a lock that is held for one operation. Times are monotonic milliseconds.
 */
#ifndef USHER_CORE_STICK_TABLE_H
#define USHER_CORE_STICK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/buf.h"
#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

struct stick_table;

/* Made by stick_key(); identity is never empty. */
struct stick_key {
	struct str scope, id; /* views */
	uint64_t hash;	      /* seeded; names the entry to whoever reports on its sessions */
};

struct stick_limits {
	uint64_t max_entries; /* an id of 256 bytes or more counts once for each 256 */
	int64_t expire_ms;
	int64_t max_life_ms;
	bool ends_reported;
};

enum { STICK_TENTATIVE_MS = 10000 };

/* No server; real targets are 1 and above. */
#define STICK_NO_TARGET UINT32_C(0)
#define STICK_TARGET_MAX UINT32_C(65535)

struct stick_view {
	uint32_t target;
	uint16_t sessions; /* open ones, as far as reported */
	bool tentative;
	int64_t age_ms; /* since this server was first chosen; whole seconds */
};

struct stick_stats {
	uint64_t entries, tentative; /* tentative is part of entries */
	uint64_t evicted;	     /* pushed out before their time */
	uint64_t changes;	     /* grows with all that a walk would show otherwise */
};

/* NULL when memory is out. */
struct stick_table *stick_table_new(const struct stick_limits *limits, uint64_t seed);
void stick_table_free(struct stick_table *t);

/* Other limits from now on (a reload); nothing is thrown out until room is needed. */
void stick_table_set_limits(struct stick_table *t, const struct stick_limits *limits);

struct stick_key stick_key(const struct stick_table *t, struct str scope, struct str id);

/* Reads only. False: no entry, or none that has not expired. */
bool stick_table_find(struct stick_table *t, const struct stick_key *k, int64_t now,
		      struct stick_view *view);

/*
 * A session of this client is sent to `target`, decided when the entry said `seen`
 * (STICK_NO_TARGET: there was none). Inserts, or moves the entry, or counts one more session.
 * Returns the target the entry has afterwards: another one when a decision at the same time was
 * faster, and then nothing is changed; STICK_NO_TARGET when memory is out.
 */
uint32_t stick_table_place(struct stick_table *t, const struct stick_key *k, uint32_t seen,
			   uint32_t target, int64_t now) MUST_USE;

/*
 * Somebody else knows that this client belongs to `target`: from now on we do, unless there is an
 * entry. It is tentative and has no session.
 */
void stick_table_learn(struct stick_table *t, const struct stick_key *k, uint32_t target,
		       int64_t now);

/*
 * For those who tell others: the entry of that hash. *scope and *id are views into what is put
 * into `room`, which is emptied first. False: it is gone, or there is no room.
 */
bool stick_table_tell(struct stick_table *t, uint64_t hash, int64_t now, struct buf *room,
		      struct str *scope, struct str *id, struct stick_view *view);

/* Reports on an entry, by the hash of its key; one that is no longer there is ignored. */

/* A session ended. */
void stick_table_session_end(struct stick_table *t, uint64_t hash, int64_t now);
/* The broker behind `target` said CONNACK 0: the entry is real, and points there. */
void stick_table_accept(struct stick_table *t, uint64_t hash, uint32_t target, int64_t now);
/* The broker behind `target` said "not here": the entry goes, unless it points elsewhere. */
void stick_table_drop(struct stick_table *t, uint64_t hash, uint32_t target);

struct stick_stats stick_table_stats(struct stick_table *t);

/*
 * Entries that are kept elsewhere as well, and come back.
 *
 * Tentative ones are not: strangers would write there. What had open sessions comes back idle, and
 * `expire` counts anew: those sessions are gone, or their ends are reported by a hash that a new
 * seed made worthless.
 */
struct stick_record {
	struct str scope, id; /* views */
	uint32_t target;
	bool is_live;	  /* it has open sessions */
	int64_t since_ms; /* since its last event */
	int64_t age_ms;	  /* since this target was chosen */
};

enum { STICK_SLICE_RECORDS = 128, STICK_SLICE_BYTES = 160 << 10 };

/* A part of the table, copied. */
struct stick_slice {
	struct stick_record records[STICK_SLICE_RECORDS];
	size_t n;
	char bytes[STICK_SLICE_BYTES]; /* what the records view */
	size_t n_bytes;
};

/* How far a walk is. Zero-initialised. */
struct stick_walk {
	size_t shard, bucket;
	uint64_t unripe; /* entries left out that time alone makes real */
};

/*
 * Copy the next part; each lock is held for one part at most. False: that was the end, and the
 * slice is empty. An entry that is there all the time is met, twice perhaps when limits change.
 */
bool stick_table_walk(struct stick_table *t, struct stick_walk *at, int64_t now,
		      struct stick_slice *slice);

/* Put one back that lies `since_ms` back now. False: expired, or there is one, or no memory. */
bool stick_table_restore(struct stick_table *t, const struct stick_record *r, int64_t now);

/* All are back: order them by time, and push the oldest out for which there is no room. */
void stick_table_settle(struct stick_table *t);

#endif
