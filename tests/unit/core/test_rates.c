/* Connect rates: GCRA against its definition, and what the table forgets under pressure. */
#include <stdio.h>

#include "agent/core/base/hash.h"
#include "agent/core/decide/rates.h"
#include "tests/unit/run.h"

enum { T0 = 1000000 };

static bool
one(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now)
{
	bool allowed = rates_allow(r, subject, rate, now);

	ck_assert_int_eq(rates_take(r, subject, rate, now), allowed);
	return allowed;
}

static int
burst(struct rates *r, uint64_t subject, const struct rate *rate, int64_t now)
{
	int n = 0;

	while (n < 100000 && one(r, subject, rate, now))
		n++;
	return n;
}

static const struct {
	const char *name;
	struct rate rate;
	int64_t refill_ms; /* until one more passes */
} rows[] = {
	{ "20/10s", { 20, 10000 }, 500 },
	{ "5/10s", { 5, 10000 }, 2000 },
	{ "1/10s", { 1, 10000 }, 10000 },
	{ "1/1ms", { 1, 1 }, 1 },
	{ "3/10s: a fraction is carried on", { 3, 10000 }, 3334 },
	{ "2000/1s", { 2000, 1000 }, 1 },
	{ "7/1d", { 7, 86400000 }, 12342858 },
};

START_TEST(test_burst_and_refill)
{
	struct rates *r = rates_new(64, 4711);
	const struct rate *rate = &rows[_i].rate;
	uint64_t subject = rates_subject(r, RATE_CLIENT, STR("x"));
	int count = (int)rate->count, per_step = count == 2000 ? 2 : 1;
	int64_t now = T0;

	ck_assert_msg(burst(r, subject, rate, now) == count, "%s", rows[_i].name);
	for (int i = 0; i < 5; i++) {
		if (rate->period_ms == rate->count * (uint64_t)rows[_i].refill_ms)
			ck_assert(!rates_allow(r, subject, rate, now + rows[_i].refill_ms - 1));
		now += rows[_i].refill_ms;
		ck_assert_msg(burst(r, subject, rate, now) == per_step, "%s", rows[_i].name);
	}
	/* All of it is back after a period of silence, and not more after ten. */
	now += rate->period_ms + rows[_i].refill_ms;
	ck_assert_int_eq(burst(r, subject, rate, now), count);
	now += 10 * (int64_t)rate->period_ms + rows[_i].refill_ms;
	ck_assert_int_eq(burst(r, subject, rate, now), count);
	rates_free(r);
}
END_TEST

/* The definition, for a rate without fractions. */
START_TEST(test_against_a_model)
{
	struct rates *r = rates_new(64, 4711);
	const struct rate rate = { 8, 4000 };
	uint64_t subject = rates_subject(r, RATE_SOURCE, STR("x")), random = 1;
	int64_t now = T0, due = 0; /* the model: ms */
	int passed = 0;

	for (int i = 0; i < 100000; i++) {
		bool allowed = due + 500 <= now + 4000;

		ck_assert_int_eq(rates_allow(r, subject, &rate, now), allowed);
		ck_assert_int_eq(rates_take(r, subject, &rate, now), allowed);
		if (allowed) {
			due = (due > now ? due : now) + 500;
			passed++;
		}
		random = hash_mix64(random + 1);
		now += (int64_t)(random % 7 ? random >> 56 : 0) * (random >> 40) % 700;
	}
	ck_assert_int_gt(passed, 10000);
	ck_assert_int_lt(passed, 100000);
	rates_free(r);
}
END_TEST

/* However often it is asked: a burst, and then what is refilled. */
START_TEST(test_never_more)
{
	struct rates *r = rates_new(64, 4711);
	const struct rate rate = { 20, 10000 };
	uint64_t subject = rates_subject(r, RATE_CLIENT, STR("x"));
	int passed = 0;

	for (int64_t now = T0; now < T0 + 100000; now++)
		passed += one(r, subject, &rate, now);
	ck_assert_int_eq(passed, 20 + 199);
	rates_free(r);
}
END_TEST

/* Asking is not doing. */
START_TEST(test_allow_reads_only)
{
	struct rates *r = rates_new(64, 4711);
	const struct rate rate = { 1, 1000 };
	uint64_t subject = rates_subject(r, RATE_CLIENT, STR("x"));

	for (int i = 0; i < 100; i++)
		ck_assert(rates_allow(r, subject, &rate, T0));
	ck_assert(rates_take(r, subject, &rate, T0));
	ck_assert(!rates_allow(r, subject, &rate, T0));
	/* Held back, it does not push its own term away. */
	for (int64_t now = T0; now < T0 + 1000; now += 10)
		ck_assert(!rates_allow(r, subject, &rate, now));
	ck_assert(rates_allow(r, subject, &rate, T0 + 1000));
	rates_free(r);
}
END_TEST

/* Two workers were told that one more may pass: it does, and the other one does not. */
START_TEST(test_last_one_is_taken_once)
{
	struct rates *r = rates_new(64, 4711);
	const struct rate rate = { 2, 2000 };
	uint64_t subject = rates_subject(r, RATE_CLIENT, STR("x"));

	ck_assert(rates_take(r, subject, &rate, T0));
	ck_assert(rates_allow(r, subject, &rate, T0));
	ck_assert(rates_allow(r, subject, &rate, T0));
	ck_assert(rates_take(r, subject, &rate, T0));
	ck_assert(!rates_take(r, subject, &rate, T0));
	/* What did not happen after all is there for the next. */
	rates_give(r, subject, &rate);
	ck_assert(rates_take(r, subject, &rate, T0));
	ck_assert(!rates_take(r, subject, &rate, T0 + 999));
	/* A worker whose clock was read earlier. */
	ck_assert(!rates_take(r, subject, &rate, T0 - 5000));
	ck_assert(rates_take(r, subject, &rate, T0 + 1000));
	rates_free(r);
}
END_TEST

START_TEST(test_kinds_and_names_apart)
{
	struct rates *r = rates_new(1024, 4711);
	const struct rate rate = { 1, 10000 };
	static const struct str names[] = { STR("x"), STR("y"), STR("x\0"), STR("total"), STR("") };
	uint64_t subjects[N_RATE_KINDS * 5];
	int n = 0;

	for (enum rate_kind kind = 0; kind < N_RATE_KINDS; kind++)
		for (int i = 0; i < N_ROWS(names); i++) {
			subjects[n] = rates_subject(r, kind, names[i]);
			ck_assert_uint_ne(subjects[n], 0);
			for (int j = 0; j < n; j++)
				ck_assert_uint_ne(subjects[n], subjects[j]);
			ck_assert(one(r, subjects[n], &rate, T0));
			n++;
		}
	for (int i = 0; i < n; i++)
		ck_assert(!rates_allow(r, subjects[i], &rate, T0));
	rates_free(r);
}
END_TEST

/*
 * A flood of new subjects, far more than the table holds: those that are held back stay so. The
 * table forgets whom it can do without.
 */
START_TEST(test_flood_frees_nobody)
{
	enum { N_HELD = 50, SLOTS = 1024 };
	struct rates *r = rates_new(SLOTS, 4711);
	const struct rate rate = { 5, 10000 };
	uint64_t held[N_HELD];
	char name[32];

	for (int i = 0; i < N_HELD; i++) {
		snprintf(name, sizeof(name), "held-%d", i);
		held[i] = rates_subject(r, RATE_CLIENT, str_of(name));
		ck_assert_int_eq(burst(r, held[i], &rate, T0), 5);
	}
	for (int i = 0; i < 50 * SLOTS; i++) {
		snprintf(name, sizeof(name), "stranger-%d", i);
		ck_assert(one(r, rates_subject(r, RATE_CLIENT, str_of(name)), &rate, T0 + i / 100));
	}
	for (int i = 0; i < N_HELD; i++)
		ck_assert(!rates_allow(r, held[i], &rate, T0 + 512));
	rates_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rates");
	TCase *tcase = tcase_create("rates");

	tcase_add_loop_test(tcase, test_burst_and_refill, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_against_a_model);
	tcase_add_test(tcase, test_never_more);
	tcase_add_test(tcase, test_allow_reads_only);
	tcase_add_test(tcase, test_last_one_is_taken_once);
	tcase_add_test(tcase, test_kinds_and_names_apart);
	tcase_add_test(tcase, test_flood_frees_nobody);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
