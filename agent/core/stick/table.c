/*
 * Chained hashing with as many buckets as there may be entries, so that no operation ever rehashes;
 * only a larger limit does, a shard at a time.
 * The lists are in order of `stamp`, because every move appends with the time of the move; what
 * is due stands at the front and each operation takes at most a few from there.
 */
#include "agent/core/stick/table.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/core/base/hash.h"
#include "agent/core/stick/table_state.h"

enum {
	TENTATIVE_PART = 8,	 /* one eighth of the table */
	LONG_KEY = 256,		 /* bytes that count as one entry */
	KEY_MAX = (1 << 29) - 1, /* bytes; MQTT's strings end at 65,535 */
	SWEEP = 4,		 /* entries looked at for expiry by each insertion */
};

static uint64_t
units_of(size_t key_len)
{
	return 1 + key_len / LONG_KEY;
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

void
stick_shard_enter(struct shard *s, struct entry *e, enum phase phase)
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

struct entry *
stick_shard_find(struct shard *s, const struct stick_key *k)
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

bool
stick_entry_is_expired(const struct stick_table *t, const struct entry *e, int64_t now)
{
	bool open = e->phase == PHASE_LIVE || (e->phase == PHASE_TENTATIVE && e->sessions);

	return stick_since_ms(e, now) >
	       (open && t->limits.ends_reported ? t->limits.max_life_ms : t->limits.expire_ms);
}

bool
stick_entry_is_promotable(const struct entry *e, int64_t now)
{
	return e->phase == PHASE_TENTATIVE && stick_since_ms(e, now) >= STICK_TENTATIVE_MS;
}

/* The stamp stays what it was. */
static void
promote(struct stick_table *t, struct shard *s, struct entry *e)
{
	stick_shard_enter(s, e, t->limits.ends_reported && e->sessions ? PHASE_LIVE : PHASE_IDLE);
}

/* Do what time has made due: promotions and a few expiries. */
static void
sweep(struct stick_table *t, struct shard *s, int64_t now)
{
	struct entry *e;

	for (int i = 0; i < SWEEP && (e = front(s, PHASE_TENTATIVE)); i++) {
		if (!stick_entry_is_promotable(e, now))
			break;
		promote(t, s, e);
	}
	for (enum phase phase = 0; phase < N_PHASES; phase++)
		for (int i = 0; i < SWEEP && (e = front(s, phase)); i++) {
			if (!stick_entry_is_expired(t, e, now))
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

void
stick_shard_trim(const struct stick_table *t, struct shard *s)
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

		if (e && stick_entry_is_promotable(e, now))
			promote(t, s, e);
		else if (!evict(s, PHASE_TENTATIVE_IDLE, PHASE_TENTATIVE))
			break;
	}
	stick_shard_trim(t, s);
}

struct entry *
stick_shard_add(struct shard *s, const struct stick_key *k)
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
	return stick_shard_add(s, k);
}

static struct stick_view
view_of(const struct entry *e, int64_t now)
{
	return (struct stick_view){
		.target = e->target,
		.sessions = e->sessions,
		.tentative = e->phase <= PHASE_TENTATIVE_IDLE && !stick_entry_is_promotable(e, now),
		.age_ms = stick_age_ms(e, now),
	};
}

bool
stick_table_find(struct stick_table *t, const struct stick_key *k, int64_t now,
		 struct stick_view *view)
{
	struct shard *s = stick_shard_of(t, k->hash);
	struct entry *e;
	bool found;

	pthread_mutex_lock(&s->lock);
	e = stick_shard_find(s, k);
	found = e && !stick_entry_is_expired(t, e, now);
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
	if (!list_is_empty(&e->list) && stick_entry_is_promotable(e, now))
		promote(t, s, e);
	if (t->limits.ends_reported && e->sessions < UINT16_MAX)
		e->sessions++;
	e->stamp = stick_ticks(now);
	stick_shard_enter(s, e, phase_at_begin(t, e));
}

/* An expired one goes, and is none. */
static struct entry *
find_live(const struct stick_table *t, struct shard *s, const struct stick_key *k, int64_t now)
{
	struct entry *e = stick_shard_find(s, k);

	if (!e || !stick_entry_is_expired(t, e, now))
		return e;
	forget(s, e);
	return NULL;
}

static void
point(struct entry *e, uint32_t target, int64_t now)
{
	e->target = (uint16_t)target;
	e->placed_s = (uint32_t)(now / 1000);
}

uint32_t
stick_table_place(struct stick_table *t, const struct stick_key *k, uint32_t seen, uint32_t target,
		  int64_t now)
{
	struct shard *s = stick_shard_of(t, k->hash);
	struct entry *e;
	uint32_t stands;

	assert(target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	sweep(t, s, now);
	e = find_live(t, s, k, now);
	if (!e && (e = insert(t, s, k, now))) {
		point(e, target, now);
	} else if (e && e->target == seen && seen != target) {
		point(e, target, now);
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
	struct shard *s = stick_shard_of(t, k->hash);
	struct entry *e;

	assert(target <= STICK_TARGET_MAX);
	pthread_mutex_lock(&s->lock);
	sweep(t, s, now);
	e = find_live(t, s, k, now);
	if (!e && (e = insert(t, s, k, now))) {
		point(e, target, now);
		e->stamp = stick_ticks(now);
		stick_shard_enter(s, e, PHASE_TENTATIVE_IDLE);
	}
	pthread_mutex_unlock(&s->lock);
}

bool
stick_table_tell(struct stick_table *t, uint64_t hash, int64_t now, struct buf *room,
		 struct str *scope, struct str *id, struct stick_view *view)
{
	struct shard *s = stick_shard_of(t, hash);
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
	struct shard *s = stick_shard_of(t, hash);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_by_hash(s, hash);
	if (e && e->sessions) {
		if (stick_entry_is_promotable(e, now))
			promote(t, s, e);
		if (--e->sessions == 0) {
			e->stamp = stick_ticks(now);
			stick_shard_enter(s, e,
					  e->phase <= PHASE_TENTATIVE_IDLE ? PHASE_TENTATIVE_IDLE
									   : PHASE_IDLE);
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void
stick_table_accept(struct stick_table *t, uint64_t hash, uint32_t target, int64_t now)
{
	struct shard *s = stick_shard_of(t, hash);
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
	struct shard *s = stick_shard_of(t, hash);
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
