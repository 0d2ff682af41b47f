/*
 * The inside of a sticky table, for the two sources of table.h: table.c has what a decision and the
 * reports on sessions need, keep.c what comes from elsewhere and goes there. Functions are called
 * with the shard's lock held.
 */
#ifndef USHER_CORE_STICK_TABLE_STATE_H
#define USHER_CORE_STICK_TABLE_STATE_H

#include <pthread.h>

#include "agent/core/base/list.h"
#include "agent/core/stick/slab.h"
#include "agent/core/stick/table.h"

enum { N_SHARDS = 64 };

enum phase {
	PHASE_TENTATIVE,
	PHASE_TENTATIVE_IDLE,
	PHASE_LIVE,
	PHASE_IDLE,
	N_PHASES,
};

struct entry {
	struct entry *chain;
	struct list list; /* in its phase's list */
	uint64_t hash;
	uint32_t stamp;	   /* time of the last event, in ticks of the shard's clock */
	uint32_t placed_s; /* when this target was chosen */
	uint32_t key_len : 29;
	uint32_t phase : 3;
	uint16_t target;
	uint16_t sessions; /* open ones */
	char key[]; /* scope, NUL, identity: neither MQTT nor usher.json has NUL in a string */
};

/* With the NUL in its key, rounded to SLAB_STEP, and 8 for its bucket: at most 64. */
_Static_assert(sizeof(struct entry) == 48 && offsetof(struct entry, key) == 48, "no padding");

struct shard {
	pthread_mutex_t lock;
	struct slab slab;
	struct entry **buckets; /* owned */
	size_t n_buckets;	/* a power of two */
	struct list phases[N_PHASES];
	uint64_t units[N_PHASES]; /* what the entries of each phase count for */
	uint64_t entries, tentative, evicted, changes;
};

struct stick_table {
	uint64_t seed;
	struct stick_limits limits;
	uint64_t max_units, max_tentative_units; /* of one shard */
	struct shard shards[N_SHARDS];
};

/* Ticks of 64 ms: 32 bits hold four years, and the ten tentative seconds are well resolved. */
static inline uint32_t
stick_ticks(int64_t ms)
{
	return (uint32_t)(ms / 64);
}

/* Never below 0: a thread that read its clock earlier may have the lock later. */
static inline int64_t
stick_since_ms(const struct entry *e, int64_t now)
{
	int32_t since = (int32_t)(stick_ticks(now) - e->stamp);

	return since > 0 ? (int64_t)since * 64 : 0;
}

static inline int64_t
stick_age_ms(const struct entry *e, int64_t now)
{
	int32_t age_s = (int32_t)((uint32_t)(now / 1000) - e->placed_s);

	return age_s > 0 ? (int64_t)age_s * 1000 : 0;
}

static inline struct shard *
stick_shard_of(struct stick_table *t, uint64_t hash)
{
	return &t->shards[hash >> 58];
}

/* Its entry of that key; NULL: there is none. */
struct entry *stick_shard_find(struct shard *s, const struct stick_key *k);

/* A new entry, which has to be entered; NULL when memory is out. */
struct entry *stick_shard_add(struct shard *s, const struct stick_key *k);

/* The one function that puts an entry into a phase, and so into its list and its count. */
void stick_shard_enter(struct shard *s, struct entry *e, enum phase phase);

/* Real entries for which there is no room go, the oldest first. */
void stick_shard_trim(const struct stick_table *t, struct shard *s);

bool stick_entry_is_expired(const struct stick_table *t, const struct entry *e, int64_t now);

/* Tentative long enough without an end: it is a real client, though nothing swept it yet. */
bool stick_entry_is_promotable(const struct entry *e, int64_t now);

#endif
