/* Durations and sizes in HAProxy's notation. */
#include "agent/core/base/units.h"
#include "tests/unit/run.h"

static const struct {
	const char *text;
	int64_t default_ms;
	enum units result;
	int64_t ms;
	size_t bad; /* when UNITS_BAD */
} durations[] = {
	{ "250", 1, UNITS_OK, 250, 0 },
	{ "250", 1000, UNITS_OK, 250000, 0 },
	{ "250", 0, UNITS_BAD, 0, 3 }, /* the caller takes no bare numbers */
	{ "0", 1, UNITS_OK, 0, 0 },
	{ "10ms", 1000, UNITS_OK, 10, 0 },
	{ "10s", 1, UNITS_OK, 10000, 0 },
	{ "30m", 1, UNITS_OK, 1800000, 0 },
	{ "2h", 1, UNITS_OK, 7200000, 0 },
	{ "24d", 1, UNITS_OK, INT64_C(2073600000), 0 },
	{ "25d", 1, UNITS_RANGE, 0, 0 },
	{ "2147483647", 1, UNITS_OK, INT64_C(2147483647), 0 },
	{ "2147483648", 1, UNITS_RANGE, 0, 0 },
	{ "2147483647000us", 1, UNITS_OK, INT64_C(2147483647), 0 },
	{ "2147483647001us", 1, UNITS_RANGE, 0, 0 },
	{ "1us", 1, UNITS_OK, 1, 0 }, /* never down to nothing */
	{ "1000us", 1, UNITS_OK, 1, 0 },
	{ "1001us", 1, UNITS_OK, 2, 0 },
	{ "99999999999999999999s", 1, UNITS_RANGE, 0, 0 },
	{ "", 1, UNITS_BAD, 0, 0 },
	{ "s", 1, UNITS_BAD, 0, 0 },
	{ "-1s", 1, UNITS_BAD, 0, 0 },
	{ " 1s", 1, UNITS_BAD, 0, 0 },
	{ "10x", 1, UNITS_BAD, 0, 2 },
	{ "10S", 1, UNITS_BAD, 0, 2 },
	{ "10 s", 1, UNITS_BAD, 0, 2 },
	{ "1.5s", 1, UNITS_BAD, 0, 1 },
	{ "1h30m", 1, UNITS_BAD, 0, 1 },
};

START_TEST(test_duration)
{
	int64_t ms = -1;
	size_t bad = 99;
	enum units result =
		units_duration(str_of(durations[_i].text), durations[_i].default_ms, &ms, &bad);

	ck_assert_msg(result == durations[_i].result, "%s: %d", durations[_i].text, result);
	ck_assert_int_eq(ms, result == UNITS_OK ? durations[_i].ms : -1);
	if (result == UNITS_BAD)
		ck_assert_uint_eq(bad, durations[_i].bad);
}
END_TEST

static const struct {
	const char *text;
	enum units result;
	uint64_t value;
} sizes[] = {
	{ "100", UNITS_OK, 100 },
	{ "100k", UNITS_OK, 102400 },
	{ "100K", UNITS_OK, 102400 },
	{ "2m", UNITS_OK, 2097152 },
	{ "1g", UNITS_OK, 1073741824 },
	{ "18446744073709551615", UNITS_OK, UINT64_MAX },
	{ "17179869183g", UNITS_OK, UINT64_C(18446744072635809792) },
	{ "17179869184g", UNITS_RANGE, 0 },
	{ "18446744073709551616", UNITS_RANGE, 0 },
	{ "", UNITS_BAD, 0 },
	{ "k", UNITS_BAD, 0 },
	{ "1kb", UNITS_BAD, 0 },
	{ "1t", UNITS_BAD, 0 },
	{ "1\x0b", UNITS_BAD, 0 }, /* 'K' but for its case bits */
};

START_TEST(test_size)
{
	uint64_t value = 4711;
	enum units result = units_size(str_of(sizes[_i].text), &value, NULL);

	ck_assert_msg(result == sizes[_i].result, "%s: %d", sizes[_i].text, result);
	ck_assert_uint_eq(value, result == UNITS_OK ? sizes[_i].value : 4711);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base units");
	TCase *tcase = tcase_create("units");

	tcase_add_loop_test(tcase, test_duration, 0, N_ROWS(durations));
	tcase_add_loop_test(tcase, test_size, 0, N_ROWS(sizes));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
