/*
 * A walk copies chain by chain, so that it holds a lock for a moment only. What comes back is put
 * into the idle list as it comes; once all is there, the list is ordered.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/stick/table_state.h"

enum { SLICE_BUCKETS = 2048 }; /* looked at under one lock, for tables that are nearly empty */

/* To be kept: real, or held for ten seconds. */
static bool
is_real(const struct entry *e, int64_t now)
{
	return e->phase >= PHASE_LIVE || stick_entry_is_promotable(e, now);
}

/* False: no room. */
static bool
copy_entry(const struct stick_table *t, const struct entry *e, int64_t now,
	   struct stick_slice *slice)
{
	char *key = slice->bytes + slice->n_bytes;
	size_t scope_n = strnlen(e->key, e->key_len);

	if (slice->n == STICK_SLICE_RECORDS || e->key_len > sizeof(slice->bytes) - slice->n_bytes)
		return false;
	memcpy(key, e->key, e->key_len);
	slice->n_bytes += e->key_len;
	slice->records[slice->n++] = (struct stick_record){
		.scope = { key, scope_n },
		.id = { key + scope_n + 1, e->key_len - scope_n - 1 },
		.target = e->target,
		.is_live = e->phase != PHASE_IDLE && e->sessions && t->limits.ends_reported,
		.since_ms = stick_since_ms(e, now),
		.age_ms = stick_age_ms(e, now),
	};
	return true;
}

/* A whole chain or nothing of it: where it was left could not be found again. */
static bool
copy_chain(const struct stick_table *t, const struct entry *e, int64_t now,
	   struct stick_slice *slice, uint64_t *unripe)
{
	const struct stick_slice before = { .n = slice->n, .n_bytes = slice->n_bytes };
	uint64_t n = 0;

	for (; e; e = e->chain) {
		if (stick_entry_is_expired(t, e, now))
			continue;
		if (!is_real(e, now)) {
			n += e->phase == PHASE_TENTATIVE;
			continue;
		}
		/* One that alone fills a slice is kept as far as it goes. */
		if (!copy_entry(t, e, now, slice) && before.n) {
			slice->n = before.n;
			slice->n_bytes = before.n_bytes;
			return false;
		}
	}
	*unripe += n;
	return true;
}

/*
 * Buckets in their order: when there are twice as many in between, the entries of those behind us
 * are behind us or come again, and none is missed. There are never fewer.
 */
static void
walk_shard(struct stick_table *t, struct shard *s, struct stick_walk *at, int64_t now,
	   struct stick_slice *slice)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SLICE_BUCKETS && at->bucket < s->n_buckets; i++, at->bucket++)
		if (!copy_chain(t, s->buckets[at->bucket], now, slice, &at->unripe))
			break;
	if (at->bucket == s->n_buckets) {
		at->shard++;
		at->bucket = 0;
	}
	pthread_mutex_unlock(&s->lock);
}

bool
stick_table_walk(struct stick_table *t, struct stick_walk *at, int64_t now,
		 struct stick_slice *slice)
{
	slice->n = slice->n_bytes = 0;
	while (slice->n == 0 && at->shard < N_SHARDS)
		walk_shard(t, &t->shards[at->shard], at, now, slice);
	return slice->n > 0;
}

/* No room is made yet: the oldest is not known before all are back. */
bool
stick_table_restore(struct stick_table *t, const struct stick_record *r, int64_t now)
{
	struct stick_key k = stick_key(t, r->scope, r->id);
	struct shard *s = stick_shard_of(t, k.hash);
	struct entry *e = NULL;

	assert(r->target != STICK_NO_TARGET && r->target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	if (r->since_ms <= (r->is_live ? t->limits.max_life_ms : t->limits.expire_ms) &&
	    !stick_shard_find(s, &k))
		e = stick_shard_add(s, &k);
	if (e) {
		e->target = (uint16_t)r->target;
		e->stamp = stick_ticks(r->is_live ? now : now - r->since_ms);
		e->placed_s = (uint32_t)((now - r->age_ms) / 1000);
		stick_shard_enter(s, e, PHASE_IDLE);
	}
	pthread_mutex_unlock(&s->lock);
	return e != NULL;
}

/* By age, the oldest first: stamps wrap, and all are of one half of the circle. */
static int
by_stamp(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int32_t later = (int32_t)((*x)->stamp - (*y)->stamp);

	return later < 0 ? -1 : later > 0;
}

/* Without memory the list stays as it is, and expires less promptly. */
static void
order_idle(struct shard *s)
{
	struct list *idle = &s->phases[PHASE_IDLE];
	struct entry **all;
	size_t n = 0;

	list_for_each(at, idle)
		n++;
	all = n ? malloc(n * sizeof(struct entry *)) : NULL;
	if (!all)
		return;
	n = 0;
	list_for_each(at, idle)
		all[n++] = container_of(at, struct entry, list);
	qsort(all, n, sizeof(struct entry *), by_stamp);
	list_init(idle);
	for (size_t i = 0; i < n; i++)
		list_append(idle, &all[i]->list);
	free(all);
}

void
stick_table_settle(struct stick_table *t)
{
	for (size_t i = 0; i < N_SHARDS; i++) {
		struct shard *s = &t->shards[i];

		pthread_mutex_lock(&s->lock);
		order_idle(s);
		stick_shard_trim(t, s);
		pthread_mutex_unlock(&s->lock);
	}
}
