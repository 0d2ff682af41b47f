/*
 * Chained hashing with as many buckets as there may be entries, so that no operation ever rehashes;
 * only a larger limit does, a shard at a time.
 * The lists are in order of `stamp`, because every move appends with the time of the move; what
 * is due stands at the front and each operation takes at most a few from there.
 */
#include "agent/core/stick/table.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/core/base/hash.h"
#include "agent/core/base/list.h"
#include "agent/core/stick/slab.h"

enum {
	N_SHARDS = 64,
	TENTATIVE_PART = 8,	 /* one eighth of the table */
	LONG_KEY = 256,		 /* bytes that count as one entry */
	KEY_MAX = (1 << 29) - 1, /* bytes; MQTT's strings end at 65,535 */
	SWEEP = 4,		 /* entries looked at for expiry by each insertion */
};

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
static uint32_t
ticks(int64_t ms)
{
	return (uint32_t)(ms / 64);
}

/* Never below 0: a thread that read its clock earlier may have the lock later. */
static int64_t
since_ms(const struct entry *e, int64_t now)
{
	int32_t since = (int32_t)(ticks(now) - e->stamp);

	return since > 0 ? (int64_t)since * 64 : 0;
}

static int64_t
age_ms(const struct entry *e, int64_t now)
{
	int32_t age_s = (int32_t)((uint32_t)(now / 1000) - e->placed_s);

	return age_s > 0 ? (int64_t)age_s * 1000 : 0;
}

static uint64_t
units_of(size_t key_len)
{
	return 1 + key_len / LONG_KEY;
}

static struct shard *
shard_of(struct stick_table *t, uint64_t hash)
{
	return &t->shards[hash >> 58];
}

static struct entry **
bucket_of(struct shard *s, uint64_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

/* Chains as short as that many entries need. Without memory they stay as they are, only longer. */
static void
spread(struct shard *s, uint64_t entries)
{
	struct entry **buckets, **old = s->buckets;
	size_t n = s->n_buckets ? s->n_buckets : 16;

	while (n < entries)
		n *= 2;
	if (n == s->n_buckets)
		return;
	buckets = calloc(n, sizeof(*buckets));
	if (!buckets)
		return;
	pthread_mutex_lock(&s->lock);
	s->buckets = buckets;
	s->n_buckets = n;
	for (enum phase phase = 0; phase < N_PHASES; phase++)
		list_for_each(at, &s->phases[phase]) {
			struct entry *e = container_of(at, struct entry, list);
			struct entry **bucket = bucket_of(s, e->hash);

			e->chain = *bucket;
			*bucket = e;
		}
	pthread_mutex_unlock(&s->lock);
	free(old);
}

void
stick_table_set_limits(struct stick_table *t, const struct stick_limits *limits)
{
	for (size_t i = 0; i < N_SHARDS; i++)
		pthread_mutex_lock(&t->shards[i].lock);
	t->limits = *limits;
	t->max_units = limits->max_entries / N_SHARDS + 1;
	t->max_tentative_units = t->max_units / TENTATIVE_PART + 1;
	for (size_t i = 0; i < N_SHARDS; i++)
		pthread_mutex_unlock(&t->shards[i].lock);
	for (size_t i = 0; i < N_SHARDS; i++)
		spread(&t->shards[i], limits->max_entries / N_SHARDS);
}

struct stick_table *
stick_table_new(const struct stick_limits *limits, uint64_t seed)
{
	struct stick_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->seed = seed;
	for (size_t i = 0; i < N_SHARDS; i++) {
		struct shard *s = &t->shards[i];

		pthread_mutex_init(&s->lock, NULL);
		slab_init(&s->slab);
		for (size_t phase = 0; phase < N_PHASES; phase++)
			list_init(&s->phases[phase]);
	}
	stick_table_set_limits(t, limits);
	for (size_t i = 0; i < N_SHARDS; i++)
		if (!t->shards[i].buckets) {
			stick_table_free(t);
			return NULL;
		}
	return t;
}

/* The one function that puts an entry into a phase, and so into its list and its count. */
static void
enter(struct shard *s, struct entry *e, enum phase phase)
{
	uint64_t units = units_of(e->key_len);

	if (!list_is_empty(&e->list)) {
		list_remove(&e->list);
		s->units[e->phase] -= units;
		s->tentative -= e->phase <= PHASE_TENTATIVE_IDLE;
	}
	e->phase = phase;
	list_append(&s->phases[phase], &e->list);
	s->units[phase] += units;
	s->tentative += phase <= PHASE_TENTATIVE_IDLE;
	s->changes++;
}

static void
forget(struct shard *s, struct entry *e)
{
	struct entry **at = bucket_of(s, e->hash);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	list_remove(&e->list);
	s->units[e->phase] -= units_of(e->key_len);
	s->tentative -= e->phase <= PHASE_TENTATIVE_IDLE;
	s->entries--;
	s->changes++;
	slab_give(&s->slab, e, sizeof(*e) + e->key_len);
}

static struct entry *
front(struct shard *s, enum phase phase)
{
	struct list *first = s->phases[phase].next;

	return first == &s->phases[phase] ? NULL : container_of(first, struct entry, list);
}

void
stick_table_free(struct stick_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < N_SHARDS; i++) {
		struct shard *s = &t->shards[i];

		for (enum phase phase = 0; phase < N_PHASES; phase++)
			while (front(s, phase))
				forget(s, front(s, phase));
		slab_fini(&s->slab);
		free(s->buckets);
		pthread_mutex_destroy(&s->lock);
	}
	free(t);
}

struct stick_key
stick_key(const struct stick_table *t, struct str scope, struct str id)
{
	assert(id.n > 0);
	return (struct stick_key){
		.scope = scope,
		.id = id,
		.hash = hash_mix64(hash_seeded(id, t->seed) ^ hash_seeded(scope, t->seed + 1)),
	};
}

static bool
entry_has_key(const struct entry *e, const struct stick_key *k)
{
	return e->hash == k->hash && e->key_len == k->scope.n + 1 + k->id.n &&
	       memcmp(e->key + k->scope.n + 1, k->id.p, k->id.n) == 0 &&
	       (k->scope.n == 0 || memcmp(e->key, k->scope.p, k->scope.n) == 0);
}

static struct entry *
find(struct shard *s, const struct stick_key *k)
{
	struct entry *e = *bucket_of(s, k->hash);

	while (e && !entry_has_key(e, k))
		e = e->chain;
	return e;
}

static struct entry *
find_by_hash(struct shard *s, uint64_t hash)
{
	struct entry *e = *bucket_of(s, hash);

	while (e && e->hash != hash)
		e = e->chain;
	return e;
}

static bool
is_expired(const struct stick_table *t, const struct entry *e, int64_t now)
{
	bool open = e->phase == PHASE_LIVE || (e->phase == PHASE_TENTATIVE && e->sessions);

	return since_ms(e, now) >
	       (open && t->limits.ends_reported ? t->limits.max_life_ms : t->limits.expire_ms);
}

/* Tentative long enough without an end: it is a real client, though nothing swept it yet. */
static bool
is_promotable(const struct entry *e, int64_t now)
{
	return e->phase == PHASE_TENTATIVE && since_ms(e, now) >= STICK_TENTATIVE_MS;
}

/* The stamp stays what it was. */
static void
promote(struct stick_table *t, struct shard *s, struct entry *e)
{
	enter(s, e, t->limits.ends_reported && e->sessions ? PHASE_LIVE : PHASE_IDLE);
}

/* Do what time has made due: promotions and a few expiries. */
static void
sweep(struct stick_table *t, struct shard *s, int64_t now)
{
	struct entry *e;

	for (int i = 0; i < SWEEP && (e = front(s, PHASE_TENTATIVE)); i++) {
		if (!is_promotable(e, now))
			break;
		promote(t, s, e);
	}
	for (enum phase phase = 0; phase < N_PHASES; phase++)
		for (int i = 0; i < SWEEP && (e = front(s, phase)); i++) {
			if (!is_expired(t, e, now))
				break;
			forget(s, e);
		}
}

/* Push out the oldest of the two phases, the second one's only when the first has none. */
static bool
evict(struct shard *s, enum phase first, enum phase second)
{
	struct entry *e = front(s, first);

	if (!e)
		e = front(s, second);
	if (!e)
		return false;
	s->evicted++;
	forget(s, e);
	return true;
}

/* Real entries for which there is no room go, the oldest first. */
static void
trim(const struct stick_table *t, struct shard *s)
{
	while (s->units[PHASE_LIVE] + s->units[PHASE_IDLE] > t->max_units)
		if (!evict(s, PHASE_IDLE, PHASE_LIVE))
			break;
}

/* Room for a new tentative entry of so many units; it pushes out its like only. */
static void
make_room(struct stick_table *t, struct shard *s, uint64_t units, int64_t now)
{
	while (s->units[PHASE_TENTATIVE] + s->units[PHASE_TENTATIVE_IDLE] + units >
	       t->max_tentative_units) {
		struct entry *e = front(s, PHASE_TENTATIVE);

		if (e && is_promotable(e, now))
			promote(t, s, e);
		else if (!evict(s, PHASE_TENTATIVE_IDLE, PHASE_TENTATIVE))
			break;
	}
	trim(t, s);
}

/* In no phase yet; NULL when memory is out. */
static struct entry *
add(struct shard *s, const struct stick_key *k)
{
	size_t key_len = k->scope.n + 1 + k->id.n;
	struct entry *e, **bucket = bucket_of(s, k->hash);

	e = slab_take(&s->slab, sizeof(*e) + key_len);
	if (!e)
		return NULL;
	*e = (struct entry){ .chain = *bucket, .hash = k->hash, .key_len = key_len & KEY_MAX };
	if (k->scope.n)
		memcpy(e->key, k->scope.p, k->scope.n);
	e->key[k->scope.n] = '\0';
	memcpy(e->key + k->scope.n + 1, k->id.p, k->id.n);
	list_init(&e->list);
	*bucket = e;
	s->entries++;
	return e;
}

static struct entry *
insert(struct stick_table *t, struct shard *s, const struct stick_key *k, int64_t now)
{
	make_room(t, s, units_of(k->scope.n + 1 + k->id.n), now);
	return add(s, k);
}

static struct stick_view
view_of(const struct entry *e, int64_t now)
{
	return (struct stick_view){
		.target = e->target,
		.sessions = e->sessions,
		.tentative = e->phase <= PHASE_TENTATIVE_IDLE && !is_promotable(e, now),
		.age_ms = age_ms(e, now),
	};
}

bool
stick_table_find(struct stick_table *t, const struct stick_key *k, int64_t now,
		 struct stick_view *view)
{
	struct shard *s = shard_of(t, k->hash);
	struct entry *e;
	bool found;

	pthread_mutex_lock(&s->lock);
	e = find(s, k);
	found = e && !is_expired(t, e, now);
	if (found)
		*view = view_of(e, now);
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* A session begins: the phase it puts the entry in. */
static enum phase
phase_at_begin(const struct stick_table *t, const struct entry *e)
{
	if (e->phase <= PHASE_TENTATIVE_IDLE)
		return PHASE_TENTATIVE;
	return t->limits.ends_reported ? PHASE_LIVE : PHASE_IDLE;
}

static void
begin_session(struct stick_table *t, struct shard *s, struct entry *e, int64_t now)
{
	/* Held for ten seconds by an earlier session; an entry in no list is a new one. */
	if (!list_is_empty(&e->list) && is_promotable(e, now))
		promote(t, s, e);
	if (t->limits.ends_reported && e->sessions < UINT16_MAX)
		e->sessions++;
	e->stamp = ticks(now);
	enter(s, e, phase_at_begin(t, e));
}

uint32_t
stick_table_place(struct stick_table *t, const struct stick_key *k, uint32_t seen, uint32_t target,
		  int64_t now)
{
	struct shard *s = shard_of(t, k->hash);
	struct entry *e;
	uint32_t stands;

	assert(target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	sweep(t, s, now);
	e = find(s, k);
	if (e && is_expired(t, e, now)) {
		forget(s, e);
		e = NULL;
	}
	if (!e && (e = insert(t, s, k, now))) {
		e->target = (uint16_t)target;
		e->placed_s = (uint32_t)(now / 1000);
	} else if (e && e->target == seen && seen != target) {
		e->target = (uint16_t)target;
		e->placed_s = (uint32_t)(now / 1000);
	}
	stands = e ? e->target : STICK_NO_TARGET;
	if (stands == target)
		begin_session(t, s, e, now);
	pthread_mutex_unlock(&s->lock);
	return stands;
}

void
stick_table_learn(struct stick_table *t, const struct stick_key *k, uint32_t target, int64_t now)
{
	struct shard *s = shard_of(t, k->hash);
	struct entry *e;

	assert(target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	sweep(t, s, now);
	e = find(s, k);
	if (e && is_expired(t, e, now)) {
		forget(s, e);
		e = NULL;
	}
	if (!e && (e = insert(t, s, k, now))) {
		e->target = (uint16_t)target;
		e->placed_s = (uint32_t)(now / 1000);
		e->stamp = ticks(now);
		enter(s, e, PHASE_TENTATIVE_IDLE);
	}
	pthread_mutex_unlock(&s->lock);
}

bool
stick_table_tell(struct stick_table *t, uint64_t hash, int64_t now, struct buf *room,
		 struct str *scope, struct str *id, struct stick_view *view)
{
	struct shard *s = shard_of(t, hash);
	struct entry *e;
	bool told;

	buf_consume(room, buf_len(room));
	pthread_mutex_lock(&s->lock);
	e = find_by_hash(s, hash);
	told = e && buf_put(room, e->key, e->key_len);
	if (told)
		*view = view_of(e, now);
	pthread_mutex_unlock(&s->lock);
	if (!told)
		return false;
	*scope = str_of((const char *)buf_front(room)); /* up to the NUL behind it */
	*id = (struct str){ scope->p + scope->n + 1, buf_len(room) - scope->n - 1 };
	return true;
}

void
stick_table_session_end(struct stick_table *t, uint64_t hash, int64_t now)
{
	struct shard *s = shard_of(t, hash);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_by_hash(s, hash);
	if (e && e->sessions) {
		if (is_promotable(e, now))
			promote(t, s, e);
		if (--e->sessions == 0) {
			e->stamp = ticks(now);
			enter(s, e,
			      e->phase <= PHASE_TENTATIVE_IDLE ? PHASE_TENTATIVE_IDLE : PHASE_IDLE);
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void
stick_table_accept(struct stick_table *t, uint64_t hash, uint32_t target, int64_t now)
{
	struct shard *s = shard_of(t, hash);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_by_hash(s, hash);
	if (e) {
		if (e->target != target) {
			e->target = (uint16_t)target;
			e->placed_s = (uint32_t)(now / 1000);
			s->changes++;
		}
		if (e->phase <= PHASE_TENTATIVE_IDLE)
			promote(t, s, e);
	}
	pthread_mutex_unlock(&s->lock);
}

void
stick_table_drop(struct stick_table *t, uint64_t hash, uint32_t target)
{
	struct shard *s = shard_of(t, hash);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_by_hash(s, hash);
	if (e && e->target == target)
		forget(s, e);
	pthread_mutex_unlock(&s->lock);
}

struct stick_stats
stick_table_stats(struct stick_table *t)
{
	struct stick_stats stats = { 0 };

	for (size_t i = 0; i < N_SHARDS; i++) {
		struct shard *s = &t->shards[i];

		pthread_mutex_lock(&s->lock);
		stats.entries += s->entries;
		stats.tentative += s->tentative;
		stats.evicted += s->evicted;
		stats.changes += s->changes;
		pthread_mutex_unlock(&s->lock);
	}
	return stats;
}

/* ---- kept elsewhere -------------------------------------------------------------------------- */

enum { SLICE_BUCKETS = 2048 }; /* looked at under one lock, for tables that are nearly empty */

/* To be kept: real, or held for ten seconds. */
static bool
is_real(const struct entry *e, int64_t now)
{
	return e->phase >= PHASE_LIVE || is_promotable(e, now);
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
		.since_ms = since_ms(e, now),
		.age_ms = age_ms(e, now),
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
		if (is_expired(t, e, now))
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
	struct shard *s = shard_of(t, k.hash);
	struct entry *e = NULL;

	assert(r->target != STICK_NO_TARGET && r->target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	if (r->since_ms <= (r->is_live ? t->limits.max_life_ms : t->limits.expire_ms) &&
	    !find(s, &k))
		e = add(s, &k);
	if (e) {
		e->target = (uint16_t)r->target;
		e->stamp = ticks(r->is_live ? now : now - r->since_ms);
		e->placed_s = (uint32_t)((now - r->age_ms) / 1000);
		enter(s, e, PHASE_IDLE);
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
		trim(t, s);
		pthread_mutex_unlock(&s->lock);
	}
}
