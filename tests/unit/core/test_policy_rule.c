/* Conditions, as usher.json writes them, on facts; patterns and what bounds them. */
#include <stdio.h>

#include "agent/core/policy/load.h"
#include "tests/unit/run.h"

/* A client of whom everything is known. */
static void
fill_facts(struct facts *f)
{
	struct ip ip;

	*f = (struct facts){ 0 };
	facts_set_str(f, FACT_CLIENT_ID, STR("lab-sensor-7"));
	facts_set_str(f, FACT_USERNAME, STR("ann"));
	facts_set_str(f, FACT_PROTOCOL, STR("3.1.1"));
	facts_set_str(f, FACT_TRANSPORT, STR("tls"));
	facts_set_str(f, FACT_SNI, STR("acme.eu.example.com"));
	facts_set_number(f, FACT_CLEAN_START, 0);
	facts_set_number(f, FACT_VERIFIED, 1);
	facts_set_number(f, FACT_KEEPALIVE, 60);
	facts_set_number(f, FACT_SESSION_EXPIRY, UINT32_MAX);
	ck_assert(ip_parse(STR("10.1.2.3"), &ip));
	facts_set_ip(f, FACT_SOURCE, &ip);
	ck_assert(ip_parse(STR("2001:db8::1"), &ip));
	facts_set_ip(f, FACT_DESTINATION, &ip);
}

static const struct {
	const char *conditions; /* of "if" */
	bool holds;
} rows[] = {
	{ "\"client_id\": \"lab-sensor-7\"", true },
	{ "\"client_id\": \"lab-sensor-\"", false },
	{ "\"client_id\": \"LAB-sensor-7\"", false },
	{ "\"client_id\": [\"x\", \"lab-sensor-7\"]", true },
	{ "\"client_id\": [\"x\", \"y\"]", false },
	{ "\"client_id\": {\"in\": [\"lab-sensor-7\"]}", true },
	{ "\"client_id\": {\"exact\": \"lab-sensor-7\"}", true },
	{ "\"client_id\": {\"prefix\": \"lab-\"}", true },
	{ "\"client_id\": {\"prefix\": \"ab-\"}", false },
	{ "\"client_id\": {\"suffix\": \"-7\"}", true },
	{ "\"client_id\": {\"suffix\": \"-8\"}", false },
	{ "\"client_id\": {\"regex\": \"sensor\"}", true },
	{ "\"client_id\": {\"regex\": \"^sensor\"}", false },
	{ "\"client_id\": {\"regex\": \"^[a-z]+-[a-z]+-[0-9]$\"}", true },
	{ "\"client_id\": {\"prefix\": \"lab-\", \"suffix\": \"-7\"}", true },
	{ "\"client_id\": {\"prefix\": \"lab-\", \"suffix\": \"-8\"}", false },
	{ "\"client_id\": {\"prefix\": \"lab-\"}, \"username\": \"bob\"", false },
	{ "\"username\": \"ann\", \"protocol\": \"3.1.1\", \"transport\": \"tls\"", true },
	{ "\"protocol\": [\"3.1\", \"5.0\"]", false },
	{ "\"sni\": {\"suffix\": \".eu.example.com\"}", true },
	{ "\"cn\": \"\\u0061\"", false },
	{ "\"cn\": {\"regex\": \".*\"}", false },
	{ "\"keepalive\": 60", true },
	{ "\"keepalive\": 61", false },
	{ "\"keepalive\": {\"min\": 60}", true },
	{ "\"keepalive\": {\"min\": 61}", false },
	{ "\"keepalive\": {\"max\": 60}", true },
	{ "\"keepalive\": {\"max\": 59}", false },
	{ "\"keepalive\": {\"min\": 1, \"max\": 60}", true },
	{ "\"session_expiry\": 4294967295", true },
	{ "\"source_port\": {\"min\": 0}", false },
	{ "\"clean_start\": false", true },
	{ "\"clean_start\": true", false },
	{ "\"verified\": true", true },
	{ "\"source\": \"10.0.0.0/8\"", true },
	{ "\"source\": \"10.1.2.3\"", true },
	{ "\"source\": \"10.1.2.4\"", false },
	{ "\"source\": [\"192.168.0.0/16\", \"10.1.0.0/16\"]", true },
	{ "\"source\": {\"cidr\": \"192.168.0.0/16\"}", false },
	{ "\"source\": {\"cidr\": [\"::ffff:10.0.0.0/104\"]}", true },
	{ "\"source\": \"::/0\"", false },
	{ "\"destination\": \"2001:db8::/32\"", true },
	{ "\"destination\": \"0.0.0.0/0\"", false },
};

START_TEST(test_condition)
{
	char json[512];
	struct policy policy;
	struct report report;
	struct facts facts;
	const struct rule *rule;
	bool holds = true;

	snprintf(json, sizeof(json), "{\"rules\":[{\"if\":{%s},\"reject\":\"banned\"}]}",
		 rows[_i].conditions);
	report_init(&report);
	policy_load(&policy, str_of(json), "usher.json", &report);
	ck_assert_msg(report.n == 0, "%s", report.n ? report.findings[0].text : "");
	fill_facts(&facts);
	rule = &policy.rules[0];
	ck_assert_uint_gt(rule->n_conditions, 0);
	for (size_t i = 0; i < rule->n_conditions; i++)
		holds = holds && condition_holds(&rule->conditions[i], &facts);
	ck_assert_msg(holds == rows[_i].holds, "%s", rows[_i].conditions);
	policy_fini(&policy);
	report_fini(&report);
}
END_TEST

static const struct {
	const char *name, *pattern, *subject;
	bool matches;
	const char *tenant; /* NULL: the group takes no part */
} patterns[] = {
	{ "captured", "^(?<tenant>[a-z]+)-", "acme-1", true, "acme" },
	{ "not at the front", "^(?<tenant>[a-z]+)-", "1acme-1", false, NULL },
	{ "empty capture", "^(?<tenant>[a-z]*)-", "-1", true, "" },
	{ "optional group left out", "^(?<tenant>x)?acme", "acme", true, NULL },
	{ "one of two groups of the name", "(?J)^(?:(?<tenant>a+)|(?<tenant>b+))$", "bbb", true,
	  "bbb" },
	{ "no such group", "^acme", "acme", true, NULL },
	{ "the very end, not before a newline", "^acme$", "acme\n", false, NULL },
	{ "bytes, not characters", "^....$", "\xc3\xa9\xc3\xa9", true, NULL },
	{ "broken UTF-8 is bytes as well", "^\\xc3.$", "\xc3\x28", true, NULL },
	{ "empty subject", "^$", "", true, NULL },
	{ "a lookahead that sets the start behind the end", "(?=ab(?<tenant>c)\\K)", "abc", true,
	  "c" },
};

START_TEST(test_pattern)
{
	char what[PATTERN_ERROR];
	struct str subject = str_of(patterns[_i].subject);
	struct pattern *p = pattern_new(str_of(patterns[_i].pattern), what);
	struct str tenant;

	if (!p && strstr(patterns[_i].pattern, "\\K"))
		return; /* newer libraries refuse it */
	ck_assert_msg(p != NULL, "%s: %s", patterns[_i].name, what);
	ck_assert_msg(pattern_matches(p, subject) == patterns[_i].matches, "%s", patterns[_i].name);
	tenant = pattern_capture(p, "tenant", subject);
	if (patterns[_i].tenant)
		ck_assert(str_is(tenant, patterns[_i].tenant));
	ck_assert_int_eq(tenant.p != NULL, patterns[_i].tenant != NULL);
	pattern_free(p);
}
END_TEST

static const struct {
	const char *pattern, *what;
} bad[] = {
	{ "a(b", "missing closing parenthesis at offset 3" },
	{ "*", "quantifier does not follow a repeatable item at offset 0" },
	{ "\\C", "using \\C is disabled by the application at offset 2" },
	{ "(*UTF)a", "using UTF is disabled by the application at offset 6" },
};

START_TEST(test_bad_pattern)
{
	char what[PATTERN_ERROR];

	ck_assert_ptr_null(pattern_new(str_of(bad[_i].pattern), what));
	ck_assert_str_eq(what, bad[_i].what);
}
END_TEST

START_TEST(test_pattern_too_long)
{
	char what[PATTERN_ERROR], source[PATTERN_SOURCE_MAX + 1];
	struct pattern *p;

	memset(source, 'a', sizeof(source));
	p = pattern_new((struct str){ source, PATTERN_SOURCE_MAX }, what);
	ck_assert_ptr_nonnull(p);
	pattern_free(p);
	ck_assert_ptr_null(pattern_new((struct str){ source, PATTERN_SOURCE_MAX + 1 }, what));
}
END_TEST

/* It would match in the end, after 2^24 steps; nobody waits that long. */
START_TEST(test_steps_are_bounded)
{
	char what[PATTERN_ERROR];
	struct pattern *p = pattern_new(STR("^(?:(a+)+x|(?<tenant>a*))$"), what);

	ck_assert(pattern_matches(p, STR("aaaaaa")));
	assert_str(pattern_capture(p, "tenant", STR("aaaaaa")), "aaaaaa");
	ck_assert(!pattern_matches(p, STR("aaaaaaaaaaaaaaaaaaaaaaaa")));
	ck_assert_ptr_null(pattern_capture(p, "tenant", STR("aaaaaaaaaaaaaaaaaaaaaaaa")).p);
	pattern_free(p);
}
END_TEST

START_TEST(test_subject_is_bounded)
{
	char what[PATTERN_ERROR], subject[PATTERN_SUBJECT_MAX + 1];
	struct pattern *p = pattern_new(STR("^(?<tenant>(?:ab)+)"), what);

	for (size_t i = 0; i < sizeof(subject); i++)
		subject[i] = i % 2 ? 'b' : 'a';
	ck_assert(pattern_matches(p, (struct str){ subject, PATTERN_SUBJECT_MAX }));
	ck_assert_uint_eq(
		pattern_capture(p, "tenant", (struct str){ subject, PATTERN_SUBJECT_MAX }).n,
		PATTERN_SUBJECT_MAX);
	ck_assert(!pattern_matches(p, (struct str){ subject, PATTERN_SUBJECT_MAX + 1 }));
	pattern_free(p);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy rule");
	TCase *tcase = tcase_create("rule");

	tcase_add_loop_test(tcase, test_condition, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_pattern, 0, N_ROWS(patterns));
	tcase_add_loop_test(tcase, test_bad_pattern, 0, N_ROWS(bad));
	tcase_add_test(tcase, test_pattern_too_long);
	tcase_add_test(tcase, test_steps_are_bounded);
	tcase_add_test(tcase, test_subject_is_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
