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

int
main(void)
{
	Suite *suite = suite_create("policy rule");
	TCase *tcase = tcase_create("rule");

	tcase_add_loop_test(tcase, test_condition, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
