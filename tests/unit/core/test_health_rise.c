/* The health score against what HAProxy 2.6 says of the same answers, and the times between. */
#include <stdio.h>

#include "agent/core/health/rise.h"
#include "tests/unit/run.h"

/* As `option log-health-checks` shows each answer: "2/3 UP". */
static const struct {
	const char *name;
	uint32_t rise, fall;
	const char *answers; /* '+' passed, '-' failed */
	const char *shown;
	const char *changes; /* '.' still, 'm' moved, 'U', 'D' */
} rows[] = {
	{ "the first failure ever takes it down", 2, 3, "-", "0/2D", "D" },
	{ "the first success ever is enough for the top", 2, 3, "+", "3/3U", "m" },
	{ "a success on the way down leads to the top at once", 3, 3, "+--+-",
	  "3/3U 2/3U 1/3U 3/3U 2/3U", "mmmmm" },
	{ "fall failures in a row take it down", 3, 3, "+---", "3/3U 2/3U 1/3U 0/3D", "mmmD" },
	{ "a failure on the way up leads to the bottom at once", 3, 3, "-++-",
	  "0/3D 1/3D 2/3D 0/3D", "Dmmm" },
	{ "rise successes in a row bring it back to the top", 3, 3, "-+++", "0/3D 1/3D 2/3D 3/3U",
	  "DmmU" },
	{ "more of the same changes nothing", 2, 2, "++--- ", "2/2U 2/2U 1/2U 0/2D 0/2D", "m.mD." },
	{ "rise 1, fall 1: each answer counts", 1, 1, "+-+-", "1/1U 0/1D 1/1U 0/1D", ".DUD" },
};

START_TEST(scores_are_haproxys)
{
	struct check_settings s = { .rise = rows[_i].rise, .fall = rows[_i].fall };
	const char *letters = ".mUD";
	char shown[128] = "", changes[32] = "";
	struct rise r;

	rise_init(&r, &s);
	ck_assert(rise_is_up(&r));
	for (const char *a = rows[_i].answers; *a == '+' || *a == '-'; a++) {
		enum rise_change change = rise_count(&r, *a == '+');
		uint32_t of, n = rise_shown(&r, &of);
		size_t at = strlen(shown);

		snprintf(shown + at, sizeof(shown) - at, "%s%u/%u%c", at ? " " : "", n, of,
			 rise_is_up(&r) ? 'U' : 'D');
		strncat(changes, &letters[change], 1);
	}
	ck_assert_str_eq(shown, rows[_i].shown);
	ck_assert_str_eq(changes, rows[_i].changes);
}
END_TEST

START_TEST(intervals_follow_the_score)
{
	struct check_settings s = { .inter_ms = 1000, .rise = 2, .fall = 3 };
	struct rise r;

	rise_init(&r, &s);
	ck_assert_uint_eq(rise_interval(&r, &s), 1000);
	s.fastinter_ms = 100;
	s.downinter_ms = 5000;
	ck_assert_uint_eq(rise_interval(&r, &s), 100); /* unchecked counts as on its way */
	rise_count(&r, true);
	ck_assert_uint_eq(rise_interval(&r, &s), 1000);
	rise_count(&r, false);
	ck_assert_uint_eq(rise_interval(&r, &s), 100);
	rise_count(&r, false);
	rise_count(&r, false);
	ck_assert_uint_eq(rise_interval(&r, &s), 5000);
	rise_count(&r, true);
	ck_assert_uint_eq(rise_interval(&r, &s), 100);
}
END_TEST

START_TEST(spread_stays_within_its_share)
{
	bool shorter = false, longer = false;

	for (uint64_t random = 0; random < 5000; random += 7) {
		uint32_t ms = rise_spread(2000, 10, random);

		ck_assert_uint_ge(ms, 1800);
		ck_assert_uint_le(ms, 2200);
		shorter = shorter || ms < 1900;
		longer = longer || ms > 2100;
	}
	ck_assert(shorter && longer);
	ck_assert_uint_eq(rise_spread(2000, 0, 12345), 2000);
	ck_assert_uint_le(rise_spread(UINT32_MAX / 2, 50, UINT64_MAX), UINT32_MAX);
}
END_TEST

static const struct {
	const char *name;
	uint32_t rise, fall, health; /* before the reload */
	uint32_t new_rise, new_fall, new_health;
} adoptions[] = {
	{ "the top stays the top", 2, 3, 4, 5, 5, 9 },
	{ "the bottom stays the bottom", 2, 3, 0, 5, 5, 0 },
	{ "on its way down it stays there", 2, 5, 3, 2, 4, 3 },
	{ "on its way down, with fewer failures to go, it is up still", 2, 9, 8, 2, 2, 3 },
	{ "on its way up it never jumps over the line", 5, 3, 4, 2, 3, 1 },
};

START_TEST(reload_keeps_up_up_and_down_down)
{
	struct check_settings s = { .rise = adoptions[_i].new_rise,
				    .fall = adoptions[_i].new_fall };
	struct rise old = { adoptions[_i].rise, adoptions[_i].fall, adoptions[_i].health }, r;

	rise_adopt(&r, &old, &s);
	ck_assert_uint_eq(r.health, adoptions[_i].new_health);
	ck_assert(rise_is_up(&r) == rise_is_up(&old));
}
END_TEST

START_TEST(endangered_servers_have_few_failures_left)
{
	struct check_settings s = { .rise = 2, .fall = 5 };
	struct rise r;

	rise_init(&r, &s);
	rise_count(&r, true);
	rise_endanger(&r, 2);
	ck_assert_int_eq(rise_count(&r, false), RISE_MOVED);
	ck_assert_int_eq(rise_count(&r, false), RISE_DOWN);
	rise_count(&r, true);
	rise_count(&r, true);
	rise_endanger(&r, 1);
	ck_assert_int_eq(rise_count(&r, false), RISE_DOWN);
	rise_endanger(&r, 2);
	ck_assert_uint_eq(r.health, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health rise");
	TCase *tcase = tcase_create("score");

	tcase_add_loop_test(tcase, scores_are_haproxys, 0, N_ROWS(rows));
	tcase_add_test(tcase, intervals_follow_the_score);
	tcase_add_test(tcase, spread_stays_within_its_share);
	tcase_add_loop_test(tcase, reload_keeps_up_up_and_down_down, 0, N_ROWS(adoptions));
	tcase_add_test(tcase, endangered_servers_have_few_failures_left);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
