/* The sticky table's entries: what puts one in, moves it, ends it. */
#include <stdio.h>

#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum {
	EXPIRE = 30 * 60 * 1000,
	MAX_LIFE = 7 * 24 * 3600 * 1000,
	STEP = 200, /* more than the table's clock may round away */
	T0 = 5000000,
};

static struct stick_table *
table_with(bool ends_reported)
{
	struct stick_limits limits = { 100000, EXPIRE, MAX_LIFE, ends_reported };
	struct stick_table *t = stick_table_new(&limits, 4711);

	ck_assert_ptr_nonnull(t);
	return t;
}

static struct stick_key
key_of(struct stick_table *t, const char *id)
{
	return stick_key(t, (struct str){ 0 }, str_of(id));
}

static uint32_t
target_at(struct stick_table *t, const struct stick_key *k, int64_t now)
{
	struct stick_view v;

	return stick_table_find(t, k, now, &v) ? v.target : STICK_NO_TARGET;
}

START_TEST(test_first_decision_stands)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert(!stick_table_find(t, &k, T0, &v));
	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	/* Decided at the same time, when there was no entry either. */
	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 2, T0), 1);
	ck_assert(stick_table_find(t, &k, T0, &v));
	ck_assert_uint_eq(v.target, 1);
	ck_assert_uint_eq(v.sessions, 1);
	ck_assert(v.tentative);
	ck_assert_uint_eq(stick_table_stats(t).entries, 1);
	stick_table_free(t);
}
END_TEST

/* Each decision throws out a few of the oldest; the youngest are still there, and are none. */
START_TEST(test_expired_and_not_yet_thrown_out)
{
	enum { N = 20000 };
	struct stick_table *t = table_with(false);
	int64_t later = T0 + EXPIRE + STEP;
	struct stick_key k;
	char id[16];

	for (int i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		k = key_of(t, id);
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
		stick_table_accept(t, k.hash, 1, T0);
	}
	for (int i = N - 1; i >= N - 100; i--) {
		snprintf(id, sizeof(id), "c%d", i);
		k = key_of(t, id);
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 2, later), 2);
		ck_assert_uint_eq(target_at(t, &k, later), 2);
	}
	stick_table_free(t);
}
END_TEST

/* Workers read the clock at different moments and reach the lock in any order. */
START_TEST(test_a_clock_read_earlier)
{
	struct stick_table *t = table_with(_i);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert(stick_table_find(t, &k, T0 - 1500, &v));
	ck_assert_int_eq(v.age_ms, 0);
	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 2, T0 - 1500), 1);
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, T0 - 1500), 1);
	ck_assert_uint_eq(target_at(t, &k, T0), 1);
	stick_table_free(t);
}
END_TEST

START_TEST(test_find_changes_nothing)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_session_end(t, k.hash, T0);
	for (int64_t now = T0; now < T0 + EXPIRE; now += EXPIRE / 8)
		ck_assert_uint_eq(target_at(t, &k, now), 1);
	ck_assert_uint_eq(target_at(t, &k, T0 + EXPIRE + STEP), STICK_NO_TARGET);
	stick_table_free(t);
}
END_TEST

START_TEST(test_move)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert(stick_table_find(t, &k, T0 + 60000, &v));
	ck_assert_int_eq(v.age_ms, 60000);
	/* Server 1 is down: from 1, which was seen, to 2. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 2, T0 + 60000), 2);
	ck_assert(stick_table_find(t, &k, T0 + 61000, &v));
	ck_assert_uint_eq(v.target, 2);
	ck_assert_int_eq(v.age_ms, 1000);
	/* Another saw 1 as well and wants 3: too late. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 3, T0 + 61000), 2);
	ck_assert(stick_table_find(t, &k, T0 + 61000, &v));
	ck_assert_uint_eq(v.target, 2);
	ck_assert_uint_eq(v.sessions, 2);
	/* Staying does not make the choice any younger. */
	ck_assert_uint_eq(stick_table_place(t, &k, 2, 2, T0 + 70000), 2);
	ck_assert(stick_table_find(t, &k, T0 + 70000, &v));
	ck_assert_int_eq(v.age_ms, 10000);
	ck_assert_uint_eq(v.sessions, 3);
	stick_table_free(t);
}
END_TEST

START_TEST(test_expiry_from_the_last_end)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;
	int64_t end = T0 + 20 * (int64_t)EXPIRE;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, T0), 1);
	stick_table_accept(t, k.hash, 1, T0);
	/* Connected all the time. */
	ck_assert_uint_eq(target_at(t, &k, end), 1);
	stick_table_session_end(t, k.hash, end - EXPIRE);
	ck_assert(stick_table_find(t, &k, end, &v));
	ck_assert_uint_eq(v.sessions, 1);
	stick_table_session_end(t, k.hash, end);
	ck_assert(stick_table_find(t, &k, end + EXPIRE - STEP, &v));
	ck_assert_uint_eq(v.sessions, 0);
	ck_assert_uint_eq(target_at(t, &k, end + EXPIRE + STEP), STICK_NO_TARGET);
	/* One end too many is nothing. */
	stick_table_session_end(t, k.hash, end);
	stick_table_free(t);
}
END_TEST

START_TEST(test_back_before_it_expires)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_accept(t, k.hash, 1, T0);
	stick_table_session_end(t, k.hash, T0 + 1000);
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, T0 + EXPIRE), 1);
	ck_assert_uint_eq(target_at(t, &k, T0 + 5 * (int64_t)EXPIRE), 1);
	stick_table_free(t);
}
END_TEST

/* The end's datagram was lost. */
START_TEST(test_max_life_heals)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");
	int64_t again = T0 + MAX_LIFE / 2;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	if (_i)
		stick_table_accept(t, k.hash, 1, T0 + 10);
	ck_assert_uint_eq(target_at(t, &k, T0 + MAX_LIFE - STEP), 1);
	ck_assert_uint_eq(target_at(t, &k, T0 + MAX_LIFE + STEP), STICK_NO_TARGET);
	/* Counted from the last decision. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, again), 1);
	ck_assert_uint_eq(target_at(t, &k, again + MAX_LIFE - STEP), 1);
	ck_assert_uint_eq(target_at(t, &k, again + MAX_LIFE + STEP), STICK_NO_TARGET);
	/* What takes its place is new. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 2, again + MAX_LIFE + STEP), 2);
	ck_assert_uint_eq(stick_table_stats(t).entries, 1);
	ck_assert_uint_eq(stick_table_stats(t).tentative, 1);
	stick_table_free(t);
}
END_TEST

START_TEST(test_without_end_reports)
{
	struct stick_table *t = table_with(false);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	if (_i)
		stick_table_accept(t, k.hash, 1, T0 + 1000);
	ck_assert(stick_table_find(t, &k, T0 + EXPIRE - STEP, &v));
	ck_assert_uint_eq(v.sessions, 0);
	ck_assert_uint_eq(target_at(t, &k, T0 + EXPIRE + STEP), STICK_NO_TARGET);
	/* Each decision counts anew. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, T0 + EXPIRE - STEP), 1);
	ck_assert_uint_eq(target_at(t, &k, T0 + 2 * (int64_t)EXPIRE - 3 * STEP), 1);
	ck_assert_uint_eq(target_at(t, &k, T0 + 2 * (int64_t)EXPIRE), STICK_NO_TARGET);
	stick_table_free(t);
}
END_TEST

/* The number of tentative entries once something else came into each corner of the table. */
static uint64_t
tentative_after(struct stick_table *t, int64_t now)
{
	uint64_t others = 2000, tentative;
	char id[32];

	for (uint64_t i = 0; i < others; i++) {
		struct stick_key k;

		snprintf(id, sizeof(id), "other-%d-%d", (int)(now / 1000), (int)i);
		k = key_of(t, id);
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 9, now), 9);
	}
	tentative = stick_table_stats(t).tentative;
	ck_assert_uint_ge(tentative, others);
	return tentative - others;
}

START_TEST(test_tentative_for_ten_seconds)
{
	struct stick_table *t = table_with(_i);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(tentative_after(t, T0 + STICK_TENTATIVE_MS - STEP), 1);
	stick_table_free(t);

	t = table_with(_i);
	k = key_of(t, "a");
	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(tentative_after(t, T0 + STICK_TENTATIVE_MS + STEP), 0);
	ck_assert(stick_table_find(t, &k, T0 + STICK_TENTATIVE_MS + STEP, &v));
	ck_assert(!v.tentative);
	stick_table_free(t);
}
END_TEST

/* Nothing else happens meanwhile, and yet the answer is the same. */
START_TEST(test_tentative_in_a_quiet_table)
{
	struct stick_table *t = table_with(_i);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert(stick_table_find(t, &k, T0 + STICK_TENTATIVE_MS - STEP, &v));
	ck_assert(v.tentative);
	ck_assert(stick_table_find(t, &k, T0 + STICK_TENTATIVE_MS + STEP, &v));
	ck_assert(!v.tentative);
	stick_table_free(t);
}
END_TEST

/* A stranger that leaves at once stays one, however long ago that was. */
START_TEST(test_ended_early_stays_tentative)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_session_end(t, k.hash, T0 + STICK_TENTATIVE_MS - STEP);
	ck_assert(stick_table_find(t, &k, T0 + 60000, &v));
	ck_assert(v.tentative);
	ck_assert_uint_eq(tentative_after(t, T0 + 60000), 1);
	/* Back, and now for good. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 1, T0 + 100000), 1);
	stick_table_session_end(t, k.hash, T0 + 100000 + STICK_TENTATIVE_MS + STEP);
	ck_assert(stick_table_find(t, &k, T0 + 120000, &v));
	ck_assert(!v.tentative);
	stick_table_free(t);
}
END_TEST

START_TEST(test_accept)
{
	struct stick_table *t = table_with(_i);
	struct stick_key k = key_of(t, "a"), other = key_of(t, "b");
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_accept(t, k.hash, 1, T0 + 1000);
	ck_assert(stick_table_find(t, &k, T0 + 2000, &v));
	ck_assert(!v.tentative);
	ck_assert_int_eq(v.age_ms, 2000);
	ck_assert_uint_eq(stick_table_stats(t).tentative, 0);
	/* HAProxy went elsewhere: that is where the session is. */
	stick_table_accept(t, k.hash, 3, T0 + 5000);
	ck_assert(stick_table_find(t, &k, T0 + 6000, &v));
	ck_assert_uint_eq(v.target, 3);
	ck_assert_int_eq(v.age_ms, 1000);
	/* One that is not there is not made. */
	stick_table_accept(t, other.hash, 1, T0);
	ck_assert_uint_eq(stick_table_stats(t).entries, 1);
	stick_table_free(t);
}
END_TEST

START_TEST(test_drop)
{
	struct stick_table *t = table_with(true);
	struct stick_key k = key_of(t, "a");

	ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_drop(t, k.hash, 2);
	ck_assert_uint_eq(target_at(t, &k, T0), 1);
	stick_table_drop(t, k.hash, 1);
	ck_assert_uint_eq(target_at(t, &k, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(stick_table_stats(t).entries, 0);
	ck_assert_uint_eq(stick_table_stats(t).tentative, 0);
	stick_table_drop(t, k.hash, 1);
	stick_table_session_end(t, k.hash, T0);
	/* It was seen at 1, then dropped: 2 takes its place. */
	ck_assert_uint_eq(stick_table_place(t, &k, 1, 2, T0), 2);
	stick_table_free(t);
}
END_TEST

START_TEST(test_other_limits)
{
	struct stick_table *t = table_with(true);
	struct stick_key live = key_of(t, "live"), idle = key_of(t, "idle");
	struct stick_limits limits = { 100000, 60000, 120000, true };

	ck_assert_uint_eq(stick_table_place(t, &live, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(stick_table_place(t, &idle, STICK_NO_TARGET, 2, T0), 2);
	stick_table_session_end(t, idle.hash, T0);
	stick_table_set_limits(t, &limits);
	ck_assert_uint_eq(target_at(t, &idle, T0 + 60000 - STEP), 2);
	ck_assert_uint_eq(target_at(t, &idle, T0 + 60000 + STEP), STICK_NO_TARGET);
	ck_assert_uint_eq(target_at(t, &live, T0 + 120000 - STEP), 1);
	ck_assert_uint_eq(target_at(t, &live, T0 + 120000 + STEP), STICK_NO_TARGET);
	/* Ends are no longer reported: what is open counts from the last decision. */
	limits.ends_reported = false;
	stick_table_set_limits(t, &limits);
	ck_assert_uint_eq(target_at(t, &live, T0 + 60000 + STEP), STICK_NO_TARGET);
	stick_table_free(t);
}
END_TEST

/* A larger limit spreads the entries anew; each is found, and gone when it is dropped. */
START_TEST(test_a_larger_limit_loses_nothing)
{
	enum { N = 1000 };
	struct stick_limits limits = { N, EXPIRE, MAX_LIFE, true };
	struct stick_table *t = stick_table_new(&limits, 4711);
	char ids[N][16];
	uint64_t before;

	for (int i = 0; i < N; i++) {
		struct stick_key k;

		snprintf(ids[i], sizeof(ids[i]), "c%d", i);
		k = key_of(t, ids[i]);
		ck_assert_uint_eq(stick_table_place(t, &k, STICK_NO_TARGET, 1, T0), 1);
		if (i % 2)
			stick_table_accept(t, k.hash, 1, T0);
	}
	before = stick_table_stats(t).entries;
	ck_assert_uint_gt(before, N / 2);
	limits.max_entries = 100 * N;
	stick_table_set_limits(t, &limits);
	for (int i = 0; i < N; i++) {
		struct stick_key k = key_of(t, ids[i]);

		before -= target_at(t, &k, T0);
		stick_table_drop(t, k.hash, 1);
		ck_assert_uint_eq(target_at(t, &k, T0), STICK_NO_TARGET);
	}
	ck_assert_uint_eq(before, 0);
	ck_assert_uint_eq(stick_table_stats(t).entries, 0);
	stick_table_free(t);
}
END_TEST

/* Each pair of keys is two entries. */
static const struct {
	const char *name;
	struct str scope[2], id[2];
} pairs[] = {
	{ "same id, two tenants", { STR("a"), STR("b") }, { STR("x"), STR("x") } },
	{ "same id, tenant and none", { STR("a"), { 0 } }, { STR("x"), STR("x") } },
	{ "the scope's end moves", { STR("a"), STR("ab") }, { STR("bc"), STR("c") } },
	{ "a blank is no border", { STR("a"), STR("") }, { STR("b"), STR("a b") } },
	{ "nor is a NUL", { STR("a"), STR("") }, { STR("b"), STR("a\0b") } },
	{ "the scope as id", { STR("a"), STR("b") }, { STR("b"), STR("a") } },
	{ "a NUL more", { { 0 }, { 0 } }, { STR("x"), STR("x\0") } },
	{ "bytes behind a NUL", { { 0 }, { 0 } }, { STR("x\0y"), STR("x\0z") } },
	{ "a lone NUL", { { 0 }, { 0 } }, { STR("\0"), STR("\0\0") } },
	{ "not UTF-8", { { 0 }, { 0 } }, { STR("\xff\xfe"), STR("\xff\xff") } },
	{ "capitals", { { 0 }, { 0 } }, { STR("device"), STR("Device") } },
	{ "beyond 32 bytes",
	  { { 0 }, { 0 } },
	  { STR("DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD1"), STR("DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD2") } },
};

START_TEST(test_keys_apart)
{
	struct stick_table *t = table_with(true);
	struct stick_key a = stick_key(t, pairs[_i].scope[0], pairs[_i].id[0]);
	struct stick_key b = stick_key(t, pairs[_i].scope[1], pairs[_i].id[1]);

	ck_assert_uint_ne(a.hash, b.hash);
	ck_assert_uint_eq(stick_table_place(t, &a, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(target_at(t, &b, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(stick_table_place(t, &b, STICK_NO_TARGET, 2, T0), 2);
	ck_assert_uint_eq(target_at(t, &a, T0), 1);
	ck_assert_uint_eq(target_at(t, &b, T0), 2);
	ck_assert_uint_eq(stick_table_stats(t).entries, 2);
	stick_table_free(t);
}
END_TEST

/* Two hashes alike do not make two keys one. */
START_TEST(test_whole_key_is_compared)
{
	struct stick_table *t = table_with(true);
	struct stick_key a = key_of(t, "a"), b = key_of(t, "b"), c = key_of(t, "cc");
	struct stick_key scoped = stick_key(t, STR("s"), STR("a"));
	struct stick_key other_scope = stick_key(t, STR("t"), STR("a"));

	b.hash = c.hash = scoped.hash = other_scope.hash = a.hash;
	ck_assert_uint_eq(stick_table_place(t, &a, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(target_at(t, &b, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(target_at(t, &c, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(target_at(t, &scoped, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(stick_table_place(t, &scoped, STICK_NO_TARGET, 2, T0), 2);
	ck_assert_uint_eq(target_at(t, &other_scope, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(target_at(t, &a, T0), 1);
	stick_table_free(t);
}
END_TEST

START_TEST(test_long_ids)
{
	enum { LEN = 80000, DIFFERENT = 70000 };
	struct stick_table *t = table_with(true);
	char *one = malloc(LEN), *two = malloc(LEN);
	struct stick_key a, b, cut;

	memset(one, 'x', LEN);
	memset(two, 'x', LEN);
	two[DIFFERENT] = 'y';
	a = stick_key(t, STR("acme"), (struct str){ one, LEN });
	b = stick_key(t, STR("acme"), (struct str){ two, LEN });
	cut = stick_key(t, STR("acme"), (struct str){ one, 65535 });
	/* The comparison must tell them apart, not the hash alone. */
	b.hash = a.hash;
	ck_assert_uint_eq(stick_table_place(t, &a, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_uint_eq(target_at(t, &a, T0), 1);
	ck_assert_uint_eq(target_at(t, &b, T0), STICK_NO_TARGET);
	ck_assert_uint_eq(target_at(t, &cut, T0), STICK_NO_TARGET);
	stick_table_free(t);
	free(one);
	free(two);
}
END_TEST

/* Strangers choose the ids, so they must not be able to choose the buckets. */
START_TEST(test_seed)
{
	struct stick_limits limits = { 1000, EXPIRE, MAX_LIFE, true };
	struct stick_table *a = stick_table_new(&limits, 1), *b = stick_table_new(&limits, 2);

	ck_assert_uint_ne(key_of(a, "x").hash, key_of(b, "x").hash);
	ck_assert_uint_eq(key_of(a, "x").hash, key_of(a, "x").hash);
	stick_table_free(a);
	stick_table_free(b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick table");
	TCase *tcase = tcase_create("table");

	tcase_add_test(tcase, test_first_decision_stands);
	tcase_add_loop_test(tcase, test_a_clock_read_earlier, 0, 2);
	tcase_add_test(tcase, test_find_changes_nothing);
	tcase_add_test(tcase, test_move);
	tcase_add_test(tcase, test_expiry_from_the_last_end);
	tcase_add_test(tcase, test_back_before_it_expires);
	tcase_add_loop_test(tcase, test_max_life_heals, 0, 2);
	tcase_add_loop_test(tcase, test_without_end_reports, 0, 2);
	tcase_add_loop_test(tcase, test_tentative_for_ten_seconds, 0, 2);
	tcase_add_loop_test(tcase, test_tentative_in_a_quiet_table, 0, 2);
	tcase_add_test(tcase, test_ended_early_stays_tentative);
	tcase_add_loop_test(tcase, test_accept, 0, 2);
	tcase_add_test(tcase, test_drop);
	tcase_add_test(tcase, test_other_limits);
	tcase_add_test(tcase, test_a_larger_limit_loses_nothing);
	tcase_add_loop_test(tcase, test_keys_apart, 0, N_ROWS(pairs));
	tcase_add_test(tcase, test_whole_key_is_compared);
	tcase_add_test(tcase, test_long_ids);
	tcase_add_test(tcase, test_seed);
	tcase_add_test(tcase, test_expired_and_not_yet_thrown_out);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
