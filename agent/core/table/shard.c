/* Chained hashing; the buckets double when there are more entries than buckets. */
#include "agent/core/table/shard.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 16 };

bool
table_shard_init(struct table_shard *s)
{
	*s = (struct table_shard){ .n_buckets = FIRST_BUCKETS };
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->free);
	s->buckets = calloc(s->n_buckets, sizeof(struct table_entry *));
	return s->buckets != NULL;
}

void
table_shard_fini(struct table_shard *s)
{
	for (size_t i = 0; s->buckets && i < s->n_buckets; i++)
		while (s->buckets[i])
			table_shard_drop(s, s->buckets[i]);
	free(s->buckets);
	pthread_mutex_destroy(&s->lock);
}

struct str
table_entry_key(const struct table_entry *e)
{
	return (struct str){ (const char *)e->data + e->data_len, e->key_len };
}

static struct table_entry **
bucket_of(const struct table_shard *s, uint32_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

struct table_entry *
table_shard_find(const struct table_shard *s, uint32_t hash, struct str key)
{
	struct table_entry *e = *bucket_of(s, hash);

	while (e && (e->hash != hash || !str_eq(table_entry_key(e), key)))
		e = e->chain;
	return e;
}

/* Without memory the chains only become longer. */
static void
grow(struct table_shard *s)
{
	struct table_entry **old = s->buckets, *e, *next;
	struct table_entry **buckets = calloc(2 * s->n_buckets, sizeof(struct table_entry *));
	size_t n_old = s->n_buckets;

	if (!buckets)
		return;
	s->buckets = buckets;
	s->n_buckets *= 2;
	for (size_t i = 0; i < n_old; i++)
		for (e = old[i]; e; e = next) {
			struct table_entry **bucket = bucket_of(s, e->hash);

			next = e->chain;
			e->chain = *bucket;
			*bucket = e;
		}
	free(old);
}

struct table_entry *
table_shard_add(struct table_shard *s, uint32_t hash, struct str key, uint32_t data_len)
{
	struct table_entry *e = calloc(1, sizeof(*e) + data_len + key.n), **bucket;

	if (!e)
		return NULL;
	if (s->n >= s->n_buckets)
		grow(s);
	bucket = bucket_of(s, hash);
	e->chain = *bucket;
	e->hash = hash;
	e->key_len = (uint16_t)key.n;
	e->data_len = data_len;
	if (key.n)
		memcpy((char *)e->data + data_len, key.p, key.n);
	list_append(&s->free, &e->list);
	*bucket = e;
	s->n++;
	return e;
}

void
table_shard_drop(struct table_shard *s, struct table_entry *e)
{
	struct table_entry **at = bucket_of(s, e->hash);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	list_remove(&e->list);
	s->n--;
	free(e);
}

void
table_shard_touch(struct table_shard *s, struct table_entry *e, int64_t now)
{
	if (now > e->used_at) /* else of a thread whose clock was read earlier */
		e->used_at = now;
	if (e->n_holders)
		return;
	list_remove(&e->list);
	list_append(&s->free, &e->list);
}

void
table_shard_hold(struct table_shard *s, struct table_entry *e)
{
	e->n_holders++;
	list_remove(&e->list);
}

void
table_shard_release(struct table_shard *s, struct table_entry *e)
{
	if (--e->n_holders == 0)
		list_append(&s->free, &e->list);
}

/* Counting up with the highest bit as the units: a bucket's halves follow one another. */
size_t
table_shard_next(const struct table_shard *s, size_t bucket)
{
	for (size_t bit = s->n_buckets >> 1; bit; bit >>= 1) {
		bucket ^= bit;
		if (bucket & bit)
			return bucket;
	}
	return 0;
}
