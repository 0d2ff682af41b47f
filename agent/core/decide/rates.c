/*
 * Sets of eight slots; a subject lives in the set its hash names, each kind in its own quarter of
 * them: strangers by the million push out each other, never a tenant or the total. The low bits
 * of a subject tell its kind. Zero-filled memory is an empty table, since subject 0 does not exist
 * and a schedule of 0 is never behind.
 */
#include "agent/core/decide/rates.h"

#include <pthread.h>
#include <stdlib.h>

#include "agent/core/base/hash.h"

enum {
	WAYS = 8,
	N_LOCKS = 64,
	KIND_MASK = N_RATE_KINDS - 1,
};

_Static_assert((N_RATE_KINDS & KIND_MASK) == 0, "kinds fill the low bits of a subject");

struct slot {
	uint64_t subject; /* 0: free */
	int64_t due_us;	  /* when its next event would be on schedule */
};

struct rates {
	uint64_t seed;
	size_t n_sets; /* a power of two */
	struct slot *slots;
	pthread_mutex_t locks[N_LOCKS];
};

struct rates *
rates_new(uint64_t slots, uint64_t seed)
{
	struct rates *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->seed = seed;
	r->n_sets = N_RATE_KINDS;
	while (r->n_sets * WAYS < slots)
		r->n_sets *= 2;
	r->slots = calloc(r->n_sets * WAYS, sizeof(*r->slots));
	if (!r->slots) {
		free(r);
		return NULL;
	}
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_init(&r->locks[i], NULL);
	return r;
}

void
rates_free(struct rates *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < N_LOCKS; i++)
		pthread_mutex_destroy(&r->locks[i]);
	free(r->slots);
	free(r);
}

uint64_t
rates_subject(const struct rates *r, enum rate_kind kind, struct str name)
{
	uint64_t hash = hash_seeded(name, r->seed + kind) & ~(uint64_t)KIND_MASK;

	return (hash ? hash : KIND_MASK + 1) | kind;
}

static size_t
set_of(const struct rates *r, uint64_t subject)
{
	size_t n = r->n_sets / N_RATE_KINDS;

	return (subject & KIND_MASK) * n + (hash_mix64(subject) & (n - 1));
}

static struct slot *
find(struct slot *set, uint64_t subject)
{
	for (int i = 0; i < WAYS; i++)
		if (set[i].subject == subject)
			return &set[i];
	return NULL;
}

/* The one that would be free again first. */
static struct slot *
least_behind(struct slot *set)
{
	struct slot *least = set;

	for (int i = 1; i < WAYS; i++)
		if (set[i].due_us < least->due_us)
			least = &set[i];
	return least;
}

static int64_t
interval_us(const struct rate *rate)
{
	return (int64_t)rate->period_ms * 1000 / rate->count;
}

/* A burst of `count` is on schedule: it runs at most one period ahead. */
static bool
is_allowed(const struct slot *slot, const struct rate *rate, int64_t now)
{
	return !slot ||
	       slot->due_us + interval_us(rate) <= now * 1000 + (int64_t)rate->period_ms * 1000;
}

bool
rates_allow(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now)
{
	size_t set = set_of(r, subject);
	pthread_mutex_t *lock = &r->locks[set % N_LOCKS];
	bool allow;

	pthread_mutex_lock(lock);
	allow = is_allowed(find(&r->slots[set * WAYS], subject), rate, now);
	pthread_mutex_unlock(lock);
	return allow;
}

bool
rates_take(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now)
{
	size_t set = set_of(r, subject);
	pthread_mutex_t *lock = &r->locks[set % N_LOCKS];
	struct slot *slot;
	bool allow;

	pthread_mutex_lock(lock);
	slot = find(&r->slots[set * WAYS], subject);
	allow = is_allowed(slot, rate, now);
	if (allow && !slot) {
		slot = least_behind(&r->slots[set * WAYS]);
		*slot = (struct slot){ .subject = subject };
	}
	if (allow) {
		if (slot->due_us < now * 1000)
			slot->due_us = now * 1000;
		slot->due_us += interval_us(rate);
	}
	pthread_mutex_unlock(lock);
	return allow;
}

void
rates_give(struct rates *r, uint64_t subject, const struct rate *rate)
{
	size_t set = set_of(r, subject);
	pthread_mutex_t *lock = &r->locks[set % N_LOCKS];
	struct slot *slot;

	pthread_mutex_lock(lock);
	slot = find(&r->slots[set * WAYS], subject);
	if (slot)
		slot->due_us -= interval_us(rate);
	pthread_mutex_unlock(lock);
}
