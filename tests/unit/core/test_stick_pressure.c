/* The sticky table when it is full: who goes first, and who never goes for a stranger's sake. */
#include <malloc.h>
#include <stdio.h>

#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum { SIZE = 16384, EXPIRE = 30 * 60 * 1000, MAX_LIFE = 24 * 3600 * 1000, T0 = 5000000 };

static struct stick_table *
table_of(uint64_t size, bool ends_reported)
{
	struct stick_limits limits = { size, EXPIRE, MAX_LIFE, ends_reported };

	return stick_table_new(&limits, 4711);
}

static struct stick_key
numbered(struct stick_table *t, const char *kind, int i)
{
	static char id[64];

	snprintf(id, sizeof(id), "%s-%08d", kind, i);
	return stick_key(t, STR("acme"), str_of(id));
}

static void
place(struct stick_table *t, const char *kind, int i, int64_t now)
{
	struct stick_key k = numbered(t, kind, i);

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, now), 1);
}

static void
settle(struct stick_table *t, const char *kind, int i, int64_t now)
{
	place(t, kind, i, now);
	stick_table_accept(t, numbered(t, kind, i).hash, 1, now);
}

static bool
is_there(struct stick_table *t, const char *kind, int i, int64_t now)
{
	struct stick_key k = numbered(t, kind, i);
	struct stick_view v;

	return stick_table_find(t, &k, now, &v);
}

static int
survivors(struct stick_table *t, const char *kind, int from, int to, int64_t now)
{
	int n = 0;

	for (int i = from; i < to; i++)
		n += is_there(t, kind, i, now);
	return n;
}

/* Ten times the table's size of ids never seen before, some of them leaving at once. */
START_TEST(test_strangers_push_out_nobody)
{
	struct stick_table *t = table_of(SIZE, _i);
	int64_t now = T0;
	int real;

	for (int i = 0; i < 2 * SIZE; i++, now++)
		settle(t, "real", i, now);
	/* Each part of the table makes room when something new comes. */
	for (int i = 0; i < SIZE / 16; i++)
		place(t, "first", i, now);
	real = survivors(t, "real", 0, 2 * SIZE, now);
	/* The table is full of them but for the strangers' share. */
	ck_assert_int_ge(real, SIZE * 3 / 4);
	for (int i = 0; i < 10 * SIZE; i++, now += i % 50 == 0) {
		place(t, "stranger", i, now);
		if (i % 3 == 0)
			stick_table_session_end(t, numbered(t, "stranger", i).hash, now);
	}
	ck_assert_int_eq(survivors(t, "real", 0, 2 * SIZE, now), real);
	ck_assert_uint_ge(stick_table_stats(t).evicted, 9 * SIZE);
	ck_assert_uint_le(stick_table_stats(t).tentative, SIZE / 4);
	ck_assert_uint_eq(stick_table_stats(t).entries,
			  (uint64_t)survivors(t, "real", 0, 2 * SIZE, now) +
				  stick_table_stats(t).tentative);
	stick_table_free(t);
}
END_TEST

/* Held for ten seconds: real, although nothing told the table of it until the flood came. */
START_TEST(test_flood_with_long_ids)
{
	enum { REAL = SIZE / 16, LEN = 60000 };
	struct stick_table *t = table_of(SIZE, _i);
	int64_t now = T0 + STICK_TENTATIVE_MS + 1000;
	char *id = malloc(LEN);

	for (int i = 0; i < REAL; i++)
		place(t, "real", i, T0);
	memset(id, 'x', LEN);
	for (int i = 0; i < 2000; i++) {
		struct stick_key k;

		memcpy(id, &i, sizeof(i));
		k = stick_key(t, STR("acme"), (struct str){ id, LEN });
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, now), 1);
	}
	ck_assert_int_eq(survivors(t, "real", 0, REAL, now), REAL);
	stick_table_free(t);
	free(id);
}
END_TEST

START_TEST(test_oldest_out)
{
	struct stick_table *t = table_of(SIZE, false);
	int64_t now = T0;
	int n;

	for (int i = 0; i < 4 * SIZE; i++, now++)
		settle(t, "real", i, now);
	ck_assert_int_eq(survivors(t, "real", 0, 2 * SIZE, now), 0);
	ck_assert_int_eq(survivors(t, "real", 3 * SIZE + SIZE / 2, 4 * SIZE, now), SIZE / 2);
	n = survivors(t, "real", 0, 4 * SIZE, now);
	ck_assert_uint_eq(stick_table_stats(t).entries, (uint64_t)n);
	ck_assert_uint_eq(stick_table_stats(t).evicted, (uint64_t)(4 * SIZE - n));
	stick_table_free(t);
}
END_TEST

/* Used again is young again. */
START_TEST(test_least_recently_used)
{
	struct stick_table *t = table_of(SIZE, false);
	int64_t now = T0;

	for (int i = 0; i < SIZE / 2; i++, now++)
		settle(t, "old", i, now);
	for (int i = 0; i < SIZE / 2; i += 2) {
		struct stick_key k = numbered(t, "old", i);

		ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, now += 10), 1);
	}
	for (int i = 0; i < SIZE * 5 / 8; i++, now += 10)
		settle(t, "new", i, now);
	for (int i = 0; i < SIZE / 2; i += 2)
		ck_assert(is_there(t, "old", i, now));
	ck_assert_int_lt(survivors(t, "old", 0, SIZE / 2, now), SIZE / 2 - SIZE / 16);
	stick_table_free(t);
}
END_TEST

/* Whoever is connected stays while there is one that is not. */
START_TEST(test_idle_goes_before_live)
{
	struct stick_table *t = table_of(SIZE, true);
	int64_t now = T0;

	for (int i = 0; i < SIZE / 2; i++, now++)
		settle(t, "live", i, now);
	for (int i = 0; i < 2 * SIZE; i++, now++) {
		settle(t, "idle", i, now);
		stick_table_session_end(t, numbered(t, "idle", i).hash, now);
	}
	ck_assert_int_eq(survivors(t, "live", 0, SIZE / 2, now), SIZE / 2);
	stick_table_free(t);
}
END_TEST

START_TEST(test_never_more_than_its_size)
{
	struct stick_table *t = table_of(SIZE, _i);
	int64_t now = T0;

	for (int i = 0; i < 4 * SIZE; i++, now++) {
		settle(t, "real", i, now);
		place(t, "stranger", i, now);
	}
	/* Each of the table's 64 parts may round up and holds the newest beside. */
	ck_assert_uint_le(stick_table_stats(t).entries, SIZE + SIZE / 8 + 64 * 4);
	stick_table_free(t);
}
END_TEST

/* An id of 256 bytes or more counts once for each 256. */
START_TEST(test_long_ids_count_more)
{
	static char id[2560];
	struct stick_table *t = table_of(SIZE, false);
	int64_t now = T0;

	memset(id, 'x', sizeof(id));
	for (int i = 0; i < SIZE; i++, now++) {
		struct stick_key k;

		memcpy(id, &i, sizeof(i));
		k = stick_key(t, (struct str){ 0 }, (struct str){ id, sizeof(id) });
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, now), 1);
		stick_table_accept(t, k.hash, 1, now);
	}
	ck_assert_uint_le(stick_table_stats(t).entries, SIZE / 9);
	ck_assert_uint_ge(stick_table_stats(t).entries, SIZE / 16);
	stick_table_free(t);
}
END_TEST

START_TEST(test_a_smaller_table)
{
	struct stick_table *t = table_of(SIZE, false);
	struct stick_limits limits = { SIZE / 8, EXPIRE, MAX_LIFE, false };
	int64_t now = T0;

	for (int i = 0; i < SIZE / 2; i++, now++)
		settle(t, "real", i, now);
	stick_table_set_limits(t, &limits);
	ck_assert_uint_eq(stick_table_stats(t).entries, SIZE / 2);
	for (int i = SIZE / 2; i < SIZE; i++, now++)
		settle(t, "real", i, now);
	ck_assert_uint_le(stick_table_stats(t).entries, SIZE / 8 + SIZE / 64 + 64 * 4);
	ck_assert_int_eq(survivors(t, "real", SIZE - SIZE / 16, SIZE, now), SIZE / 16);
	/* And a larger one again. */
	limits.max_entries = SIZE;
	stick_table_set_limits(t, &limits);
	for (int i = SIZE; i < SIZE + SIZE / 2; i++, now++)
		settle(t, "real", i, now);
	ck_assert_int_eq(survivors(t, "real", SIZE, SIZE + SIZE / 2, now), SIZE / 2);
	stick_table_free(t);
}
END_TEST

/* What has expired makes room by itself, nobody having asked for it again. */
START_TEST(test_expired_entries_go)
{
	struct stick_table *t = table_of(SIZE, false);
	int64_t now = T0;

	for (int i = 0; i < SIZE / 2; i++)
		settle(t, "old", i, now);
	now += EXPIRE + 1000;
	for (int i = 0; i < SIZE / 2; i++)
		settle(t, "new", i, now);
	ck_assert_uint_le(stick_table_stats(t).entries, SIZE / 2 + SIZE / 32);
	ck_assert_uint_eq(stick_table_stats(t).evicted, 0);
	stick_table_free(t);
}
END_TEST

/* At most 64 bytes beside the key, the buckets included; malloc()'s own 16 come on top. */
START_TEST(test_memory)
{
	enum { N = 100000, KEY = sizeof("acme") + sizeof("real-00000000") - 1 };
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, used;
	struct stick_table *t = table_of(N + N / 4, false);

	for (int i = 0; i < N; i++)
		settle(t, "real", i, T0);
	ck_assert_uint_eq(stick_table_stats(t).entries, N);
	used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	ck_assert_uint_le(used / N, 64 + KEY + 16 + 16);
	stick_table_free(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick pressure");
	TCase *tcase = tcase_create("pressure");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_strangers_push_out_nobody, 0, 2);
	tcase_add_loop_test(tcase, test_flood_with_long_ids, 0, 2);
	tcase_add_test(tcase, test_oldest_out);
	tcase_add_test(tcase, test_least_recently_used);
	tcase_add_test(tcase, test_idle_goes_before_live);
	tcase_add_loop_test(tcase, test_never_more_than_its_size, 0, 2);
	tcase_add_test(tcase, test_long_ids_count_more);
	tcase_add_test(tcase, test_a_smaller_table);
	tcase_add_test(tcase, test_expired_entries_go);
	tcase_add_test(tcase, test_memory);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
