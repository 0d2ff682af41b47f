/* The sticky table and others who know the same clients: learning from them, and telling them. */
#include "agent/core/stick/table.h"
#include "tests/unit/run.h"

enum { EXPIRE = 60000, MAX_LIFE = 3600000, STEP = 200, T0 = 5000000 };

static struct stick_table *table;
static struct stick_key k;

static void
begin(void)
{
	struct stick_limits limits = { 1000, EXPIRE, MAX_LIFE, true };

	table = stick_table_new(&limits, 4711);
	ck_assert_ptr_nonnull(table);
	k = stick_key(table, STR("acme"), STR("sensor-7"));
}

static void
end(void)
{
	stick_table_free(table);
}

static struct stick_view
found(int64_t now)
{
	struct stick_view v = { 0 };

	ck_assert(stick_table_find(table, &k, now, &v));
	return v;
}

START_TEST(test_learnt_is_tentative)
{
	struct stick_view v;

	stick_table_learn(table, &k, 3, T0);
	ck_assert_uint_eq(found(T0).target, 3);
	ck_assert_uint_eq(found(T0).sessions, 0);
	ck_assert_uint_eq(stick_table_stats(table).tentative, 1);
	ck_assert_uint_eq(found(T0 + EXPIRE - STEP).target, 3);
	ck_assert_msg(!stick_table_find(table, &k, T0 + EXPIRE + STEP, &v), "it expires");
}
END_TEST

/* What we know stands; what we knew too long ago does not. */
START_TEST(test_learning_moves_nothing)
{
	ck_assert_uint_eq(stick_table_place(table, &k, STICK_NO_TARGET, 1, T0), 1);
	stick_table_session_end(table, k.hash, T0);
	stick_table_learn(table, &k, 2, T0 + 1000);
	ck_assert_uint_eq(found(T0 + 1000).target, 1);
	stick_table_learn(table, &k, 2, T0 + EXPIRE + STEP);
	ck_assert_uint_eq(found(T0 + EXPIRE + STEP).target, 2);
	ck_assert_uint_eq(stick_table_stats(table).entries, 1);
}
END_TEST

/* From there on it is an entry like any other. */
START_TEST(test_learnt_goes_on)
{
	stick_table_learn(table, &k, 3, T0);
	ck_assert_uint_eq(stick_table_place(table, &k, 3, 3, T0), 3);
	ck_assert_uint_eq(found(T0).sessions, 1);
	stick_table_accept(table, k.hash, 3, T0);
	ck_assert_uint_eq(stick_table_stats(table).tentative, 0);
	ck_assert_uint_eq(found(T0 + MAX_LIFE - STEP).target, 3);
}
END_TEST

START_TEST(test_tell)
{
	struct stick_view v;
	struct str scope, id;
	struct buf room;

	buf_init(&room, sizeof("acme") + 8);
	ck_assert(!stick_table_tell(table, k.hash, T0, &room, &scope, &id, &v));
	ck_assert_uint_eq(stick_table_place(table, &k, STICK_NO_TARGET, 1, T0), 1);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert(stick_table_tell(table, k.hash, T0, &room, &scope, &id, &v));
		assert_str(scope, "acme");
		assert_str(id, "sensor-7");
		ck_assert_uint_eq(v.target, 1);
		ck_assert_uint_eq(v.sessions, 1);
	}
	k = stick_key(table, STR("acme"), STR("sensor-77"));
	ck_assert_uint_eq(stick_table_place(table, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert_msg(!stick_table_tell(table, k.hash, T0, &room, &scope, &id, &v), "no room");
	buf_fini(&room);
}
END_TEST

START_TEST(test_tell_without_scope)
{
	struct stick_view v;
	struct str scope, id;
	struct buf room;

	buf_init(&room, 100);
	k = stick_key(table, (struct str){ 0 }, STR("a\0b"));
	ck_assert_uint_eq(stick_table_place(table, &k, STICK_NO_TARGET, 1, T0), 1);
	ck_assert(stick_table_tell(table, k.hash, T0, &room, &scope, &id, &v));
	assert_str(scope, "");
	assert_str(id, "a\0b");
	buf_fini(&room);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick shared");
	TCase *tcase = tcase_create("shared");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, test_learnt_is_tentative);
	tcase_add_test(tcase, test_learning_moves_nothing);
	tcase_add_test(tcase, test_learnt_goes_on);
	tcase_add_test(tcase, test_tell);
	tcase_add_test(tcase, test_tell_without_scope);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
