/* Findings as they are printed; haproxy.cfg's must not be told from HAProxy's own. */
#include "agent/core/base/report.h"
#include "tests/unit/run.h"

static const struct {
	enum finding_origin origin;
	enum finding_level level;
	const char *printed;
} rows[] = {
	{ FINDING_HAPROXY_CFG, FINDING_ALERT, "[ALERT]    (4711) : config : text 7" },
	{ FINDING_HAPROXY_CFG, FINDING_WARNING, "[WARNING]  (4711) : config : text 7" },
	{ FINDING_HAPROXY_CFG, FINDING_NOTICE, "[NOTICE]   (4711) : config : text 7" },
	{ FINDING_POLICY, FINDING_ALERT, "text 7" },
	{ FINDING_POLICY, FINDING_WARNING, "warning: text 7" },
	{ FINDING_POLICY, FINDING_NOTICE, "note: text 7" },
};

START_TEST(test_format)
{
	struct report r;
	char out[64];

	report_init(&r);
	if (rows[_i].origin == FINDING_POLICY)
		report_policy(&r, rows[_i].level, "text %d", 7);
	else
		report_cfg(&r, rows[_i].level, "text %d", 7);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(report_format(&r.findings[0], 4711, out, sizeof(out)), rows[_i].printed);
	ck_assert_str_eq(report_format(&r.findings[0], 4711, out, 5),
			 ((char[5]){ rows[_i].printed[0], rows[_i].printed[1], rows[_i].printed[2],
				     rows[_i].printed[3], '\0' }));
	report_fini(&r);
}
END_TEST

START_TEST(test_counts_and_order)
{
	struct report r;

	report_init(&r);
	report_cfg(&r, FINDING_ALERT, "0");
	report_policy(&r, FINDING_WARNING, "1");
	report_policy(&r, FINDING_ALERT, "2");
	report_cfg(&r, FINDING_NOTICE, "3");
	ck_assert_uint_eq(r.n, 4);
	ck_assert_uint_eq(r.n_alerts, 2);
	ck_assert_uint_eq(r.n_warnings, 1);
	for (size_t i = 0; i < r.n; i++)
		ck_assert_int_eq(r.findings[i].text[0], '0' + (int)i);
	report_fini(&r);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base report");
	TCase *tcase = tcase_create("report");

	tcase_add_loop_test(tcase, test_format, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_counts_and_order);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
