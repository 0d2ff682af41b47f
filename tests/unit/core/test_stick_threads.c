/*
 * Two threads at one sticky table. Of decisions made at once the first stands, whoever made it;
 * the thread sanitizer watches the rest.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "agent/core/base/hash.h"
#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum { N_THREADS = 2, N_KEYS = 20000, N_OPERATIONS = 60000, T0 = 5000000 };

static struct stick_table *table;
static atomic_int at_the_line;
static uint32_t stands[N_THREADS][N_KEYS];

static struct stick_key
numbered(int i, char id[16])
{
	snprintf(id, 16, "key-%d", i);
	return stick_key(table, (struct str){ 0 }, str_of(id));
}

static void
run(void *(*body)(void *))
{
	pthread_t threads[N_THREADS];
	static int numbers[N_THREADS];

	atomic_store(&at_the_line, 0);
	for (int i = 0; i < N_THREADS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, body, &numbers[i]), 0);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void
wait_for_the_other(void)
{
	atomic_fetch_add(&at_the_line, 1);
	while (atomic_load(&at_the_line) < N_THREADS)
		;
}

/* Each thread wants every key for itself. Their clocks differ, as workers' do. */
static void *
race(void *arg)
{
	int me = *(int *)arg;
	char id[16];

	wait_for_the_other();
	for (int i = 0; i < N_KEYS; i++) {
		struct stick_key k = numbered(i, id);

		stands[me][i] = stick_table_place(table, &k, STICK_NO_TARGET, 1 + (uint32_t)me,
						  T0 + i / 100 - 300 * me);
	}
	return NULL;
}

START_TEST(test_the_first_stands)
{
	struct stick_limits limits = { 10 * N_KEYS, 60000, 3600000, true };
	int won[N_THREADS] = { 0 };

	table = stick_table_new(&limits, 4711);
	run(race);
	for (int i = 0; i < N_KEYS; i++) {
		struct stick_view v;
		struct stick_key k;
		char id[16];

		ck_assert_uint_eq(stands[0][i], stands[1][i]);
		k = numbered(i, id);
		ck_assert(stick_table_find(table, &k, T0, &v));
		ck_assert_uint_eq(v.target, stands[0][i]);
		ck_assert_uint_eq(v.sessions, 1);
		won[stands[0][i] - 1]++;
	}
	ck_assert_int_eq(won[0] + won[1], N_KEYS);
	ck_assert_uint_eq(stick_table_stats(table).entries, N_KEYS);
	stick_table_free(table);
}
END_TEST

/* Everything at once, on a table that is too small for it. */
static void *
hammer(void *arg)
{
	int me = *(int *)arg;
	uint64_t random = (uint64_t)me;
	char id[16];

	wait_for_the_other();
	for (int i = 0; i < N_OPERATIONS; i++) {
		struct stick_key k;
		struct stick_view v;
		uint32_t target = 1 + (uint32_t)(random >> 40) % 3, got;
		struct stick_limits limits = { 1000 + random % 1000, 60000, 3600000, i % 2 };

		random = hash_mix64(random + 1);
		k = numbered((int)(random % 3000), id);
		switch (random >> 60) {
		case 0:
			stick_table_session_end(table, k.hash, T0 + i);
			break;
		case 1:
			stick_table_accept(table, k.hash, target, T0 + i);
			break;
		case 2:
			stick_table_drop(table, k.hash, target);
			break;
		case 3:
			got = (uint32_t)stick_table_stats(table).entries;
			if (got > 8000)
				return arg;
			if (i % 100 == 0)
				stick_table_set_limits(table, &limits);
			break;
		default:
			got = stick_table_find(table, &k, T0 + i, &v) ? v.target : STICK_NO_TARGET;
			if (stick_table_place(table, &k, got, target, T0 + i) > 3)
				return arg;
		}
	}
	stands[me][0] = 99;
	return NULL;
}

START_TEST(test_hammer)
{
	struct stick_limits limits = { 1500, 60000, 3600000, true };
	struct stick_stats stats;

	table = stick_table_new(&limits, 4711);
	run(hammer);
	ck_assert_uint_eq(stands[0][0], 99);
	ck_assert_uint_eq(stands[1][0], 99);
	stats = stick_table_stats(table);
	ck_assert_uint_gt(stats.entries, 0);
	ck_assert_uint_le(stats.tentative, stats.entries);
	stick_table_free(table);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick threads");
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_the_first_stands);
	tcase_add_test(tcase, test_hammer);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
