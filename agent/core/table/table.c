/*
 * Shards by the hash of the key, one for a small table, so that its oldest entry is the oldest of
 * all. One counter of entries keeps the table's size exactly: who makes an entry first takes a
 * place, a free one or that of an entry that goes. Only one shard is locked at a time.
 *
 * Expired entries are found out when they are looked up; for those that nobody asks for, every call
 * looks at the front of its shard's free ones.
 *
 * Limits change by publishing a new spec; the old ones stay until the end, as a thread may still be
 * reading them.
 */
#include "agent/core/table/table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "agent/core/base/hash.h"
#include "agent/core/base/mem.h"
#include "agent/core/table/data.h"
#include "agent/core/table/servers.h"

enum {
	N_SHARDS = 64,
	SHARD_BITS = 26,  /* bits of a hash below those that choose the shard */
	ONE_SHARD = 4096, /* entries, up to which there is but one */
	SWEEP = 2,	  /* expired entries dropped by each call, at most */
	BATCH = 4,	  /* rows copied at a time */
};

struct published {
	struct table_spec spec; /* without its place, which ends with the topology */
	struct published *older;
};

struct table {
	_Atomic(struct published *) published; /* owned */
	uint64_t seed;
	struct table_layout layout;
	_Atomic uint32_t n_entries; /* places taken */
	struct table_servers servers;
	uint32_t n_shards;
	struct table_shard shards[];
};

const struct table_spec *
table_spec(const struct table *t)
{
	return &atomic_load_explicit(&t->published, memory_order_acquire)->spec;
}

static bool
publish(struct table *t, const struct table_spec *spec, struct published *next)
{
	if (!next)
		return false;
	next->spec = *spec;
	next->spec.at = (struct place){ 0 };
	next->older = atomic_load(&t->published);
	atomic_store_explicit(&t->published, next, memory_order_release);
	return true;
}

void
table_set_limits(struct table *t, const struct table_spec *spec)
{
	const struct table_spec *is = table_spec(t);

	if (is->size != spec->size || is->expire_ms != spec->expire_ms ||
	    is->nopurge != spec->nopurge)
		publish(t, spec, xmalloc(sizeof(struct published)));
}

struct table *
table_new(const struct table_spec *spec, uint64_t seed)
{
	uint32_t n_shards = spec->size <= ONE_SHARD ? 1 : N_SHARDS;
	struct table *t = calloc(1, sizeof(*t) + n_shards * sizeof(t->shards[0]));
	bool ok;

	if (!t)
		return NULL;
	t->seed = seed;
	ok = table_servers_init(&t->servers);
	for (; t->n_shards < n_shards; t->n_shards++)
		ok = table_shard_init(&t->shards[t->n_shards]) && ok;
	ok = ok && publish(t, spec, malloc(sizeof(struct published)));
	if (!ok) {
		table_free(t);
		return NULL;
	}
	table_layout_init(&t->layout, spec);
	return t;
}

void
table_free(struct table *t)
{
	struct published *p;

	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_shards; i++)
		table_shard_fini(&t->shards[i]);
	table_servers_fini(&t->servers);
	while ((p = atomic_load(&t->published))) {
		atomic_store(&t->published, p->older);
		free(p);
	}
	free(t);
}

/* ---- places ---- */

/* Time until it expires; below 1: it has. Tables without `expire` do not come here. */
static int64_t
rest_ms(const struct table_entry *e, int64_t expire_ms, int64_t now)
{
	int64_t idle_ms = now > e->used_at ? now - e->used_at : 0;

	return idle_ms < expire_ms ? expire_ms - idle_ms : 0;
}

static bool
is_expired(const struct table *t, const struct table_entry *e, int64_t now)
{
	int64_t expire_ms = table_spec(t)->expire_ms;

	return e->n_holders == 0 && expire_ms > 0 && rest_ms(e, expire_ms, now) == 0;
}

/* The entry that goes first; NULL: all are held. */
static struct table_entry *
oldest_free(struct table_shard *s)
{
	return list_is_empty(&s->free) ? NULL
				       : container_of(s->free.next, struct table_entry, list);
}

static void
give_place(struct table *t)
{
	atomic_fetch_sub(&t->n_entries, 1);
}

static void
drop(struct table *t, struct table_shard *s, struct table_entry *e)
{
	table_shard_drop(s, e);
	give_place(t);
}

static bool
take_free_place(struct table *t)
{
	uint32_t n = atomic_load(&t->n_entries), size = table_spec(t)->size;

	while (n < size)
		if (atomic_compare_exchange_weak(&t->n_entries, &n, n + 1))
			return true;
	return false;
}

/* A free place, or that of an entry of this shard. */
static bool
take_place(struct table *t, struct table_shard *s, int64_t now)
{
	const struct table_spec *spec = table_spec(t);
	struct table_entry *e;

	if (take_free_place(t))
		return true;
	e = oldest_free(s);
	if (!e || (spec->nopurge && !is_expired(t, e, now)))
		return false;
	table_shard_drop(s, e);
	/* After a reload with a smaller size two go for each that comes. */
	e = oldest_free(s);
	if (e && !spec->nopurge && atomic_load(&t->n_entries) > spec->size)
		drop(t, s, e);
	return true;
}

/* The shard itself has none to give. No lock is held. */
static bool
take_place_anywhere(struct table *t, int64_t now)
{
	for (uint32_t i = 0; i < t->n_shards; i++) {
		struct table_shard *s = &t->shards[i];
		bool taken;

		pthread_mutex_lock(&s->lock);
		taken = take_place(t, s, now);
		pthread_mutex_unlock(&s->lock);
		if (taken)
			return true;
	}
	return false;
}

/* ---- entries ---- */

static struct str
bytes_of(const struct table_key *key)
{
	return (struct str){ (const char *)key->bytes, key->len };
}

static uint32_t
hash_of(const struct table *t, const struct table_key *key)
{
	return (uint32_t)(hash_seeded(bytes_of(key), t->seed) >> 32);
}

static struct table_shard *
shard_of(struct table *t, uint32_t hash)
{
	return &t->shards[(hash >> SHARD_BITS) & (t->n_shards - 1)];
}

static struct table_shard *
lock_shard(struct table *t, uint32_t hash, int64_t now)
{
	struct table_shard *s = shard_of(t, hash);
	struct table_entry *e;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < SWEEP && (e = oldest_free(s)) && is_expired(t, e, now); i++)
		drop(t, s, e);
	return s;
}

/* NULL: there is none, or it has expired. */
static struct table_entry *
find(struct table *t, struct table_shard *s, const struct table_key *key, uint32_t hash,
     int64_t now)
{
	struct table_entry *e = table_shard_find(s, hash, bytes_of(key));

	if (!e || !is_expired(t, e, now))
		return e;
	drop(t, s, e);
	return NULL;
}

/* A place is taken; without memory it is given back. */
static struct table_entry *
add(struct table *t, struct table_shard *s, const struct table_key *key, uint32_t hash, int64_t now)
{
	struct table_entry *e = table_shard_add(s, hash, bytes_of(key), t->layout.data_len);

	if (!e) {
		give_place(t);
		return NULL;
	}
	e->used_at = now;
	return e;
}

/* Find or make it, and use it. Comes back with *at locked, also when there is no room (NULL). */
static struct table_entry *
obtain(struct table *t, const struct table_key *key, int64_t now, struct table_shard **at)
{
	uint32_t hash = hash_of(t, key);
	struct table_shard *s = lock_shard(t, hash, now);
	struct table_entry *e = find(t, s, key, hash, now);
	bool has_place = !e && take_place(t, s, now);

	*at = s;
	if (!e && !has_place) {
		pthread_mutex_unlock(&s->lock);
		has_place = take_place_anywhere(t, now);
		pthread_mutex_lock(&s->lock);
		e = find(t, s, key, hash, now); /* another thread may have been here */
		if (e && has_place)
			give_place(t);
	}
	if (!e && has_place)
		e = add(t, s, key, hash, now);
	if (e)
		table_shard_touch(s, e, now);
	return e;
}

bool
table_get_server(struct table *t, const struct table_key *key, int64_t now, char *server,
		 size_t size)
{
	uint32_t hash = hash_of(t, key);
	struct table_shard *s = lock_shard(t, hash, now);
	struct table_entry *e = find(t, s, key, hash, now);
	uint16_t number = e ? e->server : 0;
	struct str name;

	if (e)
		table_shard_touch(s, e, now);
	pthread_mutex_unlock(&s->lock);
	if (!number)
		return false;
	name = table_servers_name(&t->servers, number);
	if (name.n >= size)
		name.n = size - 1;
	memcpy(server, name.p, name.n);
	server[name.n] = '\0';
	return true;
}

void
table_put_server(struct table *t, const struct table_key *key, int64_t now, struct str server)
{
	uint16_t number = table_servers_number(&t->servers, server);
	struct table_shard *s;
	struct table_entry *e;

	if (!number)
		return;
	e = obtain(t, key, now, &s);
	if (e)
		e->server = number;
	pthread_mutex_unlock(&s->lock);
}

/* ---- tracking ---- */

struct table_entry *
table_track(struct table *t, const struct table_key *key, int64_t now)
{
	struct table_shard *s;
	struct table_entry *e = obtain(t, key, now, &s);

	if (e) {
		table_shard_hold(s, e);
		table_data_add(&t->layout, e, TABLE_CONN_CNT, 1, now);
		table_data_add(&t->layout, e, TABLE_CONN_CUR, 1, now);
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

void
table_untrack(struct table *t, struct table_entry *e, int64_t now)
{
	struct table_shard *s = lock_shard(t, e->hash, now);

	if (table_data_add(&t->layout, e, TABLE_CONN_CUR, -1, now))
		table_shard_touch(s, e, now);
	table_shard_release(s, e);
	if (is_expired(t, e, now))
		drop(t, s, e);
	pthread_mutex_unlock(&s->lock);
}

void
table_add(struct table *t, struct table_entry *e, enum table_data what, int64_t n, int64_t now)
{
	struct table_shard *s = lock_shard(t, e->hash, now);

	if (table_data_add(&t->layout, e, what, n, now))
		table_shard_touch(s, e, now);
	pthread_mutex_unlock(&s->lock);
}

void
table_set(struct table *t, struct table_entry *e, enum table_data what, int64_t n)
{
	struct table_shard *s = shard_of(t, e->hash);

	pthread_mutex_lock(&s->lock);
	table_data_set(&t->layout, e, what, n);
	pthread_mutex_unlock(&s->lock);
}

/* ---- reading ---- */

/* IDLE and EXPIRE; 0 for both where nothing expires, as in HAProxy. */
static int64_t
time_of(const struct table *t, const struct table_entry *e, enum table_data what, int64_t now)
{
	int64_t expire_ms = table_spec(t)->expire_ms, rest;

	if (expire_ms <= 0)
		return 0;
	rest = rest_ms(e, expire_ms, now);
	return what == TABLE_EXPIRE ? rest : expire_ms - rest;
}

static bool
read_number(const struct table *t, const struct table_entry *e, enum table_data what, int64_t now,
	    struct sample *s)
{
	bool is_kbytes = what == TABLE_KBYTES_IN || what == TABLE_KBYTES_OUT;

	if (!table_data_has(&t->layout, what))
		return false;
	sample_set_int(s, table_data_read(&t->layout, e, what, now) >> (is_kbytes ? 10 : 0));
	return true;
}

static bool
read_server(struct table *t, const struct table_entry *e, struct sample *s)
{
	if (e->server)
		sample_set_str(s, table_servers_name(&t->servers, e->server));
	else
		sample_set_int(s, 0);
	return e->server || table_data_is_stored(&t->layout, TABLE_SERVER_ID);
}

static bool
read_present(struct table *t, const struct table_entry *e, enum table_data what, int64_t now,
	     struct sample *s)
{
	switch (what) {
	case TABLE_PRESENT:
		sample_set_bool(s, true);
		return true;
	case TABLE_TRACKERS:
		sample_set_int(s, e->n_holders);
		return true;
	case TABLE_IDLE:
	case TABLE_EXPIRE:
		sample_set_int(s, time_of(t, e, what, now));
		return true;
	case TABLE_SERVER_ID:
		return read_server(t, e, s);
	default:
		return read_number(t, e, what, now, s);
	}
}

static bool
read_absent(enum table_data what, struct sample *s)
{
	if (what == TABLE_PRESENT)
		sample_set_bool(s, false);
	else
		sample_set_int(s, 0);
	return what != TABLE_IDLE && what != TABLE_EXPIRE;
}

bool
table_read_entry(struct table *t, struct table_entry *e, enum table_data what, int64_t now,
		 struct sample *s)
{
	struct table_shard *shard = lock_shard(t, e->hash, now);
	bool known = read_present(t, e, what, now, s);

	pthread_mutex_unlock(&shard->lock);
	return known;
}

bool
table_read(struct table *t, const struct table_key *key, enum table_data what, int64_t now,
	   struct sample *s)
{
	uint32_t hash = hash_of(t, key);
	struct table_shard *shard = lock_shard(t, hash, now);
	struct table_entry *e = find(t, shard, key, hash, now);
	bool known = e ? read_present(t, e, what, now, s) : read_absent(what, s);

	pthread_mutex_unlock(&shard->lock);
	return known;
}

uint32_t
table_count(struct table *t)
{
	return atomic_load(&t->n_entries);
}

/* ---- all of them ---- */

static void
copy_row(struct table *t, const struct table_entry *e, int64_t now, struct table_row *row)
{
	struct str key = table_entry_key(e), server = STR("");

	if (e->server)
		server = table_servers_name(&t->servers, e->server);
	if (server.n >= sizeof(row->server))
		server.n = sizeof(row->server) - 1;
	row->key.len = e->key_len;
	if (key.n)
		memcpy(row->key.bytes, key.p, key.n);
	memcpy(row->server, server.p, server.n);
	row->server[server.n] = '\0';
	row->n_trackers = e->n_holders;
	row->expires_in_ms = time_of(t, e, TABLE_EXPIRE, now);
	for (enum table_data what = 0; what < N_TABLE_DATA; what++)
		row->data[what] = table_data_has(&t->layout, what)
					  ? table_data_read(&t->layout, e, what, now)
					  : 0;
}

/* Where a walk stands: so many entries of a bucket are behind it. */
struct walk {
	size_t bucket, n_behind;
};

/* The next few of one bucket, and the walk behind them. */
static size_t
copy_rows(struct table *t, struct table_shard *s, struct walk *w, int64_t now,
	  struct table_row rows[BATCH])
{
	const struct table_entry *e = s->buckets[w->bucket];
	size_t n = 0;

	for (size_t i = 0; e && i < w->n_behind; i++)
		e = e->chain;
	for (; e && n < BATCH; e = e->chain, w->n_behind++)
		if (!is_expired(t, e, now))
			copy_row(t, e, now, &rows[n++]);
	if (!e)
		*w = (struct walk){ .bucket = table_shard_next(s, w->bucket) };
	return n;
}

void
table_each(struct table *t, int64_t now, void (*row)(void *arg, const struct table_row *row),
	   void *arg)
{
	struct table_row rows[BATCH];

	for (uint32_t i = 0; i < t->n_shards; i++) {
		struct table_shard *s = &t->shards[i];
		struct walk w = { 0 };

		do {
			size_t n;

			pthread_mutex_lock(&s->lock);
			n = copy_rows(t, s, &w, now, rows);
			pthread_mutex_unlock(&s->lock);
			for (size_t k = 0; k < n; k++)
				row(arg, &rows[k]);
		} while (w.bucket || w.n_behind);
	}
}

bool
table_put(struct table *t, const struct table_key *key, enum table_data what, int64_t n,
	  int64_t now)
{
	struct table_shard *s;
	struct table_entry *e = obtain(t, key, now, &s);

	if (e && what != N_TABLE_DATA && table_data_has(&t->layout, what))
		table_data_put(&t->layout, e, what, n, now);
	pthread_mutex_unlock(&s->lock);
	return e;
}

bool
table_drop(struct table *t, const struct table_key *key)
{
	uint32_t hash = hash_of(t, key);
	struct table_shard *s = shard_of(t, hash);
	struct table_entry *e;
	bool dropped;

	pthread_mutex_lock(&s->lock);
	e = table_shard_find(s, hash, bytes_of(key));
	dropped = e && e->n_holders == 0;
	if (dropped)
		drop(t, s, e);
	pthread_mutex_unlock(&s->lock);
	return dropped;
}
