/*
 * Four threads at one table. What they count must add up; the thread sanitizer watches the rest.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "agent/core/base/hash.h"
#include "agent/core/table/table.h"
#include "tests/unit/run.h"

enum { N_THREADS = 4, N_KEYS = 100, N_ROUNDS = 20000, T0 = 5000000 };

static struct table *table;
static atomic_int at_the_line;
static atomic_uint n_failed;

static void
open_table(uint32_t size, int64_t expire_ms)
{
	struct table_spec spec = { .type = SAMPLE_INT,
				   .key_len = 4,
				   .size = size,
				   .expire_ms = expire_ms,
				   .stores = 1u << TABLE_GPC0 | 1u << TABLE_CONN_CUR |
					     1u << TABLE_CONN_CNT | 1u << TABLE_CONN_RATE };

	spec.period_ms[TABLE_CONN_RATE] = 1000;
	table = table_new(&spec, 4711);
	ck_assert_ptr_nonnull(table);
}

static struct table_key
key_of(uint32_t number)
{
	struct table_key key = { .len = sizeof(number) };

	memcpy(key.bytes, &number, sizeof(number));
	return key;
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
	ck_assert_uint_eq(atomic_load(&n_failed), 0);
}

static void
wait_for_the_others(void)
{
	atomic_fetch_add(&at_the_line, 1);
	while (atomic_load(&at_the_line) < N_THREADS)
		;
}

static void *
count(void *arg)
{
	wait_for_the_others();
	for (uint32_t i = 0; i < N_ROUNDS; i++) {
		struct table_key key = key_of(i % N_KEYS);
		struct table_entry *e = table_track(table, &key, T0);

		table_add(table, e, TABLE_GPC0, 2, T0);
		table_untrack(table, e, T0);
	}
	return NULL;
}

START_TEST(test_sums)
{
	struct sample s;

	open_table(5000, 60000);
	run(count);
	ck_assert_uint_eq(table_count(table), N_KEYS);
	for (uint32_t i = 0; i < N_KEYS; i++) {
		struct table_key key = key_of(i);
		int64_t rounds = N_THREADS * N_ROUNDS / N_KEYS;

		ck_assert(table_read(table, &key, TABLE_GPC0, T0, &s));
		ck_assert_int_eq(s.number, 2 * rounds);
		ck_assert(table_read(table, &key, TABLE_CONN_CNT, T0, &s));
		ck_assert_int_eq(s.number, rounds);
		ck_assert(table_read(table, &key, TABLE_CONN_CUR, T0, &s));
		ck_assert_int_eq(s.number, 0);
	}
	table_free(table);
}
END_TEST

static void
check_row(void *arg, const struct table_row *row)
{
	if (row->key.len != sizeof(uint32_t) || row->data[TABLE_CONN_CUR] != row->n_trackers)
		atomic_fetch_add(&n_failed, 1);
}

static void
change_limits(uint64_t random)
{
	struct table_spec spec = *table_spec(table);

	spec.size = 4000 + random % 2000;
	spec.expire_ms = 10 + random % 50;
	table_set_limits(table, &spec);
}

/* Everything at once, on a table that is too small for it; clocks differ, as workers' do. */
static void *
hammer(void *arg)
{
	int me = *(int *)arg;
	uint64_t random = (uint64_t)me;
	char server[32];

	wait_for_the_others();
	for (int i = 0; i < N_ROUNDS; i++) {
		struct table_key key = key_of((uint32_t)(random = hash_mix64(random + 1)) % 9000);
		int64_t now = T0 + i / 100 - 20 * me;
		struct table_entry *e;
		struct sample s;

		switch (random >> 60) {
		case 0:
			table_drop(table, &key);
			break;
		case 1:
			table_read(table, &key, TABLE_CONN_RATE, now, &s);
			break;
		case 2:
			if (i % 500 == 0)
				table_each(table, now, check_row, NULL);
			if (i % 100 == 0 && me == 0)
				change_limits(random);
			break;
		case 3:
		case 4:
		case 5:
			snprintf(server, sizeof(server), "s%d", (int)(random >> 40) % 100);
			table_put_server(table, &key, now, str_of(server));
			if (table_get_server(table, &key, now, server, sizeof(server)) &&
			    server[0] != 's')
				atomic_fetch_add(&n_failed, 1);
			break;
		default:
			e = table_track(table, &key, now);
			if (!e)
				break;
			table_set(table, e, TABLE_GPC0, 5);
			table_untrack(table, e, now + 30);
		}
	}
	return NULL;
}

START_TEST(test_hammer)
{
	unsigned n = 0;

	open_table(5000, 30);
	run(hammer);
	table_each(table, T0, check_row, NULL);
	for (uint32_t i = 0; i < 9000; i++) {
		struct table_key key = key_of(i);

		n += table_drop(table, &key);
	}
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_eq(table_count(table), 0);
	ck_assert_uint_eq(atomic_load(&n_failed), 0);
	table_free(table);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table threads");
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_sums);
	tcase_add_test(tcase, test_hammer);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
