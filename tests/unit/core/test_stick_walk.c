/* Entries that leave the table as records and come back into another one. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum { EXPIRE = 60000, MAX_LIFE = 600000, T0 = 5000000, STEP = 200 };

static struct stick_slice slice;

static struct stick_table *
table_of(uint64_t entries, bool ends_reported)
{
	struct stick_limits limits = { entries, EXPIRE, MAX_LIFE, ends_reported };
	struct stick_table *t = stick_table_new(&limits, 4711 + entries);

	ck_assert_ptr_nonnull(t);
	return t;
}

static struct stick_key
key_of(struct stick_table *t, const char *id)
{
	return stick_key(t, STR("acme"), str_of(id));
}

/* Sent to 1, and taken by it. */
static struct stick_key
place(struct stick_table *t, const char *id, int64_t now)
{
	struct stick_key k = key_of(t, id);

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, now), 1);
	stick_table_accept(t, k.hash, 1, now);
	return k;
}

static size_t
count(struct stick_table *t, int64_t now, uint64_t *unripe)
{
	struct stick_walk at = { 0 };
	size_t n = 0;

	while (stick_table_walk(t, &at, now, &slice))
		n += slice.n;
	*unripe = at.unripe;
	return n;
}

/* The table's only entry, or none. */
static bool
only(struct stick_table *t, int64_t now, struct stick_record *r)
{
	struct stick_walk at = { 0 };

	if (!stick_table_walk(t, &at, now, &slice))
		return false;
	ck_assert_uint_eq(slice.n, 1);
	*r = slice.records[0];
	return true;
}

START_TEST(test_each_phase)
{
	struct stick_table *t = table_of(1000, true);
	struct stick_key k = key_of(t, "a");
	struct stick_record r;
	uint64_t unripe;

	ck_assert(!only(t, T0, &r));
	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 7, T0), 7);
	ck_assert_uint_eq(count(t, T0 + 1000, &unripe), 0); /* tentative */
	ck_assert_uint_eq(unripe, 1);
	ck_assert(only(t, T0 + STICK_TENTATIVE_MS + STEP, &r)); /* nobody swept it yet */
	ck_assert(r.is_live);
	stick_table_accept(t, k.hash, 7, T0);
	ck_assert(only(t, T0 + 2000, &r));
	ck_assert(r.is_live);
	assert_str(r.scope, "acme");
	assert_str(r.id, "a");
	ck_assert_uint_eq(r.target, 7);
	ck_assert_int_eq(r.age_ms, 2000);
	stick_table_session_end(t, k.hash, T0 + 3000);
	ck_assert(only(t, T0 + 5000, &r));
	ck_assert(!r.is_live);
	ck_assert_int_le(r.since_ms, 2000 + STEP);
	ck_assert_int_ge(r.since_ms, 2000 - STEP);
	ck_assert_int_eq(r.age_ms, 5000);
	ck_assert_uint_eq(count(t, T0 + 3000 + EXPIRE + STEP, &unripe), 0);
	ck_assert_uint_eq(unripe, 0);
	stick_table_free(t);
}
END_TEST

/* A client that never got anywhere is not waited for: time alone does not make it real. */
START_TEST(test_tentative_and_gone)
{
	struct stick_table *t = table_of(1000, true);
	struct stick_key k = key_of(t, "a");
	uint64_t unripe;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_session_end(t, k.hash, T0);
	ck_assert_uint_eq(count(t, T0 + STICK_TENTATIVE_MS + STEP, &unripe), 0);
	ck_assert_uint_eq(unripe, 0);
	stick_table_free(t);
}
END_TEST

static const struct {
	const char *what;
	bool is_live;
	int64_t since_ms;
	int64_t lives_ms; /* after it is back; 0: it does not come back */
} spans[] = {
	{ "just now", false, 0, EXPIRE },
	{ "some time ago", false, EXPIRE / 2, EXPIRE / 2 },
	{ "nearly expired", false, EXPIRE - 1000, 1000 },
	{ "expired", false, EXPIRE + 1, 0 },
	{ "years ago", false, INT64_C(1) << 40, 0 },
	{ "open, begun long ago", true, EXPIRE * 5, EXPIRE },
	{ "open, its end never came", true, MAX_LIFE + 1, 0 },
};

START_TEST(test_what_is_left_of_an_entry)
{
	struct stick_table *t = table_of(1000, true);
	int64_t now = 1000; /* the machine has just come up */
	struct stick_record r = {
		.id = STR("a"),
		.target = 3,
		.is_live = spans[_i].is_live,
		.since_ms = spans[_i].since_ms,
		.age_ms = spans[_i].since_ms + 9000,
	};
	struct stick_key k = stick_key(t, r.scope, r.id);
	struct stick_view v;
	bool back = stick_table_restore(t, &r, now);

	stick_table_settle(t);
	ck_assert_msg(back == (spans[_i].lives_ms > 0), "%s", spans[_i].what);
	ck_assert_int_eq(stick_table_find(t, &k, now, &v), back);
	if (back) {
		ck_assert_uint_eq(v.target, 3);
		ck_assert_uint_eq(v.sessions, 0);
		ck_assert(!v.tentative);
		ck_assert_int_ge(v.age_ms, r.age_ms);
		ck_assert_int_le(v.age_ms, r.age_ms + 1000);
		ck_assert(stick_table_find(t, &k, now + spans[_i].lives_ms - STEP, &v));
		ck_assert(!stick_table_find(t, &k, now + spans[_i].lives_ms + STEP, &v));
	}
	stick_table_free(t);
}
END_TEST

START_TEST(test_what_is_there_stays)
{
	struct stick_table *t = table_of(1000, true);
	struct stick_record r = { .scope = STR("acme"), .id = STR("a"), .target = 2 };
	struct stick_key k = place(t, "a", T0);
	struct stick_view v;

	ck_assert(!stick_table_restore(t, &r, T0));
	ck_assert(stick_table_find(t, &k, T0, &v));
	ck_assert_uint_eq(v.target, 1);
	ck_assert_uint_eq(v.sessions, 1);
	stick_table_free(t);
}
END_TEST

/* A smaller table takes the newest, in whatever order they come; each expires in its turn. */
START_TEST(test_into_a_smaller_table)
{
	enum { N = 6400, ROOM = 3200 };
	struct stick_table *t = table_of(ROOM, true);
	uint64_t unripe;
	int newest = 0;

	for (int i = 0; i < N; i++) {
		char id[16];
		struct stick_record r = { .target = 1, .since_ms = i * 4001 % N * 9 };

		snprintf(id, sizeof(id), "%d", i);
		r.id = str_of(id);
		ck_assert(stick_table_restore(t, &r, T0));
	}
	stick_table_settle(t);
	ck_assert_uint_le(stick_table_stats(t).entries, ROOM + 64);
	ck_assert_uint_ge(stick_table_stats(t).entries, ROOM * 9 / 10);
	for (int i = 0; i < N; i++) {
		char id[16];
		struct stick_view v;
		struct stick_key k;

		snprintf(id, sizeof(id), "%d", i);
		k = stick_key(t, (struct str){ 0 }, str_of(id));
		if (i * 4001 % N < ROOM / 2) /* of each shard's newer half, surely */
			newest += stick_table_find(t, &k, T0, &v);
	}
	ck_assert_int_eq(newest, ROOM / 2);
	/* Sweeps find what is due at the front: half of them, after half of the span. */
	for (int i = 0; i < 20000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "new-%d", i % 1024);
		stick_table_drop(t, place(t, id, T0 + EXPIRE - ROOM * 9 / 2).hash, 1);
	}
	ck_assert_uint_eq(stick_table_stats(t).entries,
			  count(t, T0 + EXPIRE - ROOM * 9 / 2, &unripe));
	stick_table_free(t);
}
END_TEST

/* All of a table that is larger than many slices, each entry once. */
START_TEST(test_walk_is_whole)
{
	enum { N = 20000 };
	static uint8_t met[N];
	struct stick_table *t = table_of(2 * N, true); /* shards fill unevenly */
	struct stick_walk at = { 0 };
	char id[16];

	for (int i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "%d", i);
		place(t, id, T0);
	}
	ck_assert_uint_eq(stick_table_stats(t).entries, N);
	while (stick_table_walk(t, &at, T0, &slice))
		for (size_t i = 0; i < slice.n; i++) {
			snprintf(id, sizeof(id), "%.*s", (int)slice.records[i].id.n,
				 slice.records[i].id.p);
			met[atoi(id)]++;
		}
	for (int i = 0; i < N; i++)
		ck_assert_uint_eq(met[i], 1);
	stick_table_free(t);
}
END_TEST

/* Identities as long as MQTT allows: a few fill a slice. */
START_TEST(test_long_identities)
{
	enum { N = 40, LONG = 65535 };
	struct stick_table *t = table_of(1000000, true);
	char *id = malloc(LONG + 1);
	uint64_t unripe;

	memset(id, 'x', LONG);
	id[LONG] = '\0';
	for (int i = 0; i < N; i++) {
		id[0] = (char)('A' + i);
		place(t, id, T0);
	}
	ck_assert_uint_eq(count(t, T0, &unripe), N);
	free(id);
	stick_table_free(t);
}
END_TEST

START_TEST(test_changes_are_counted)
{
	struct stick_table *t = table_of(1000, true);
	uint64_t before = stick_table_stats(t).changes;
	struct stick_key k;
	struct stick_view v;

#define CHANGED(t) (stick_table_stats(t).changes != before)
#define AGAIN(t) (before = stick_table_stats(t).changes)
	k = place(t, "a", T0);
	ck_assert(CHANGED(t));
	AGAIN(t);
	ck_assert(stick_table_find(t, &k, T0, &v));
	ck_assert(!CHANGED(t));
	stick_table_accept(t, k.hash, 2, T0); /* the broker was another one */
	ck_assert(CHANGED(t));
	AGAIN(t);
	stick_table_session_end(t, k.hash, T0);
	ck_assert(CHANGED(t));
	AGAIN(t);
	stick_table_drop(t, k.hash, 2);
	ck_assert(CHANGED(t));
	stick_table_free(t);
}
END_TEST

/* ---- threads -------------------------------------------------------------------------------- */

enum { N_STEADY = 5000, N_COMING = 60000 };

static struct stick_table *shared;
static atomic_bool is_over;

/* Clients come and go, and reloads make the table larger. */
static void *
be_busy(void *arg)
{
	struct stick_limits limits = { N_STEADY, EXPIRE, MAX_LIFE, true };
	char id[16];

	for (int i = 0; i < N_COMING; i++) {
		struct stick_key k;

		snprintf(id, sizeof(id), "come-%d", i % 3000);
		k = place(shared, id, T0);
		if (i % 3 == 0)
			stick_table_drop(shared, k.hash, 1);
		else
			stick_table_session_end(shared, k.hash, T0);
		if (i % 10000 == 0) {
			limits.max_entries *= 2;
			stick_table_set_limits(shared, &limits);
		}
	}
	atomic_store(&is_over, true);
	return NULL;
}

/* Whoever is there all the time is met by every walk, whatever else happens. */
START_TEST(test_walk_beside_decisions)
{
	static uint8_t met[N_STEADY];
	pthread_t thread;
	char id[32];
	int walks = 0;

	shared = table_of(4 * N_STEADY, true);
	for (int i = 0; i < N_STEADY; i++) {
		snprintf(id, sizeof(id), "%d", i);
		place(shared, id, T0);
	}
	ck_assert_int_eq(pthread_create(&thread, NULL, be_busy, NULL), 0);
	do {
		struct stick_walk at = { 0 };

		memset(met, 0, sizeof(met));
		while (stick_table_walk(shared, &at, T0, &slice))
			for (size_t i = 0; i < slice.n; i++) {
				const struct stick_record *r = &slice.records[i];

				snprintf(id, sizeof(id), "%.*s", (int)r->id.n, r->id.p);
				if (id[0] != 'c')
					met[atoi(id)] = 1;
			}
		for (int i = 0; i < N_STEADY; i++)
			ck_assert_msg(met[i], "walk %d missed %d", walks, i);
		walks++;
	} while (!atomic_load(&is_over));
	pthread_join(thread, NULL);
	stick_table_free(shared);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick walk");
	TCase *tcase = tcase_create("walk");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_each_phase);
	tcase_add_test(tcase, test_tentative_and_gone);
	tcase_add_loop_test(tcase, test_what_is_left_of_an_entry, 0, N_ROWS(spans));
	tcase_add_test(tcase, test_what_is_there_stays);
	tcase_add_test(tcase, test_into_a_smaller_table);
	tcase_add_test(tcase, test_walk_is_whole);
	tcase_add_test(tcase, test_long_identities);
	tcase_add_test(tcase, test_changes_are_counted);
	tcase_add_test(tcase, test_walk_beside_decisions);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
