/* Rates over time. HAProxy 2.6 showed these values for the same events, to a millisecond. */
#include "agent/core/table/rate.h"
#include "tests/unit/run.h"

enum { PERIOD = 2000, T0 = 770 };

/* Events at a time since T0, and what the rate reads as afterwards. */
static const struct {
	const char *name;
	struct {
		int at;
		uint32_t n;
	} events[3];
	struct {
		int at;
		uint32_t is;
	} reads[8];
} rows[] = {
	{ "nothing yet", { { 0, 0 } }, { { 0, 0 }, { 5000, 0 } } },
	{ "all in the running period, then a falling share",
	  { { 0, 20 } },
	  { { 0, 20 },
	    { 1999, 20 },
	    { 2000, 20 },
	    { 2200, 18 },
	    { 3000, 10 },
	    { 3001, 9 },
	    { 3800, 2 },
	    { 4000, 0 } } },
	{ "one alone does not flicker",
	  { { 0, 1 } },
	  { { 0, 1 }, { 2200, 1 }, { 3999, 1 }, { 4000, 0 } } },
	{ "two do",
	  { { 0, 1 }, { 1601, 1 } },
	  { { 2000, 2 }, { 2200, 1 }, { 3000, 1 }, { 3001, 0 } } },
	{ "the period before and the running one",
	  { { 0, 20 }, { 3000, 3 } },
	  { { 3001, 12 },
	    { 3200, 11 },
	    { 3600, 7 },
	    { 3999, 3 },
	    { 4200, 2 },
	    { 4800, 1 },
	    { 5400, 0 },
	    { 6000, 0 } } },
	{ "a gap starts anew",
	  { { 0, 20 }, { 5001, 3 } },
	  { { 5001, 3 }, { 7000, 3 }, { 7200, 2 }, { 7800, 1 }, { 8400, 0 } } },
	{ "a clock read earlier", { { 0, 20 }, { -5, 1 } }, { { -9, 21 }, { 1000, 21 } } },
	{ "the top is kept",
	  { { 0, UINT32_MAX }, { 1, 5 } },
	  { { 1, UINT32_MAX }, { 3000, UINT32_MAX / 2 } } },
	{ "the sum has a top too",
	  { { 0, UINT32_MAX }, { 2100, UINT32_MAX } },
	  { { 2100, UINT32_MAX } } },
};

START_TEST(test_rate)
{
	struct table_rate r = { 0 };

	for (size_t i = 0; i < 3 && rows[_i].events[i].n; i++)
		table_rate_add(&r, PERIOD, rows[_i].events[i].n, T0 + rows[_i].events[i].at);
	for (size_t i = 0; i < 8 && (i == 0 || rows[_i].reads[i].at); i++)
		ck_assert_msg(table_rate_read(&r, PERIOD, T0 + rows[_i].reads[i].at) ==
				      rows[_i].reads[i].is,
			      "%s: %d ms", rows[_i].name, rows[_i].reads[i].at);
}
END_TEST

START_TEST(test_no_period)
{
	struct table_rate r = { 0 };

	table_rate_add(&r, 0, 7, T0);
	ck_assert_uint_eq(table_rate_read(&r, 0, T0), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table rate");
	TCase *tcase = tcase_create("time");

	tcase_add_loop_test(tcase, test_rate, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_no_period);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
