/*
 * A part of a stick table: its entries by key, and those that nobody holds by their last use.
 *
 *	entry:  header │ data, those of 8 bytes first │ key
 *
 * For agent/core/table alone. Nothing here locks: whoever calls holds the shard's lock.
 */
#ifndef USHER_CORE_TABLE_SHARD_H
#define USHER_CORE_TABLE_SHARD_H

#include <pthread.h>

#include "agent/core/base/list.h"
#include "agent/core/base/str.h"

struct table_entry {
	struct table_entry *chain;
	struct list list; /* in the shard's free ones; in none while it is held */
	int64_t used_at;  /* ms: what expiry counts from */
	uint32_t hash;
	uint32_t n_holders;
	uint16_t key_len;
	uint16_t server; /* its number, 0: none */
	uint32_t data_len;
	uint64_t data[]; /* data_len bytes, then the key */
};

struct table_shard {
	pthread_mutex_t lock;
	struct table_entry **buckets; /* owned, and so are the entries in their chains */
	size_t n_buckets;	      /* a power of two */
	size_t n;
	/* Those that nobody holds, the longest unused first; one that was held long stands behind
	 * younger ones, so an expired entry may stand anywhere, and be found out when looked up. */
	struct list free;
};

/* False: no memory. */
bool table_shard_init(struct table_shard *s);
void table_shard_fini(struct table_shard *s);

struct str table_entry_key(const struct table_entry *e);

struct table_entry *table_shard_find(const struct table_shard *s, uint32_t hash, struct str key);

/* A new one, all zero but for its key, at the end of the free ones. NULL: no memory. */
struct table_entry *table_shard_add(struct table_shard *s, uint32_t hash, struct str key,
				    uint32_t data_len);
/* Forget and free it. */
void table_shard_drop(struct table_shard *s, struct table_entry *e);

/* It is as good as new: to the end of the free ones, unless it is held. */
void table_shard_touch(struct table_shard *s, struct table_entry *e, int64_t now);

void table_shard_hold(struct table_shard *s, struct table_entry *e);
void table_shard_release(struct table_shard *s, struct table_entry *e);

/*
 * The bucket to look at after this one, 0 behind the last. A walk in this order, from 0 on, sees
 * every bucket's entries once, also when the buckets become more on the way.
 */
size_t table_shard_next(const struct table_shard *s, size_t bucket);

#endif
