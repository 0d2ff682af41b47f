/* What the fields of usher.json become; the defaults; names resolved. */
#include <stdio.h>

#include "agent/core/policy/check.h"
#include "agent/core/policy/load.h"
#include "tests/unit/core/policy_world.h"
#include "tests/unit/run.h"

static struct policy policy;
static struct report report;

/* Load without a finding. */
static void
load(const char *json)
{
	report_init(&report);
	policy_load(&policy, str_of(json), "usher.json", &report);
	ck_assert_msg(report.n == 0, "%s", report.n ? report.findings[0].text : "");
}

static void
unload(void)
{
	policy_fini(&policy);
	report_fini(&report);
}

static void
check_defaults(const struct policy *p)
{
	ck_assert_int_eq(p->expire_ms, 30 * 60 * 1000);
	ck_assert_int_eq(p->max_life_ms, 7 * 24 * 3600 * 1000);
	ck_assert_uint_eq(p->max_entries, 1000000);
	ck_assert_int_eq(p->max_delay_ms, 100);
	ck_assert_int_eq(p->key, KEY_CLIENT_ID);
	ck_assert_int_eq(p->identity.match, IDENTITY_NONE);
	ck_assert(!p->reject_unknown_tenant);
	ck_assert_uint_eq(p->source_rate.count, 0);
	ck_assert_uint_eq(p->client_rate.count, 0);
	ck_assert_uint_eq(p->total_rate.count, 0);
	ck_assert_uint_eq(p->n_listen, 0);
	ck_assert_ptr_null(policy_tenant(p, STR("acme")));
	ck_assert_ptr_null(policy_backend(p, STR("mqtt_backend")));
	ck_assert_ptr_null(policy_frontend(p, STR("mqtt_servers")));
}

START_TEST(test_defaults)
{
	policy_init(&policy);
	check_defaults(&policy);
	policy_fini(&policy);
	load("{}");
	check_defaults(&policy);
	unload();
}
END_TEST

START_TEST(test_frontends_and_backends)
{
	load("{\"frontends\":{\"a\":{},\"b\":{\"without_verdict\":\"closed\"},"
	     "\"c\":{\"without_verdict\":\"open\",\"websocket\":true}},"
	     "\"backends\":{\"a\":{\"sticky\":false},"
	     "\"b\":{\"balance\":\"rendezvous\",\"bounded_load\":1.255,\"sticky\":true},"
	     "\"c\":{\"balance\":\"roundrobin\"}}}");
	ck_assert(!policy_frontend(&policy, STR("a"))->closed);
	ck_assert(policy_frontend(&policy, STR("b"))->closed);
	ck_assert(!policy_frontend(&policy, STR("c"))->closed);
	ck_assert(!policy_frontend(&policy, STR("b"))->websocket);
	ck_assert(policy_frontend(&policy, STR("c"))->websocket);
	ck_assert(policy_backend(&policy, STR("a"))->not_sticky);
	ck_assert(!policy_backend(&policy, STR("a"))->has_balance);
	ck_assert(!policy_backend(&policy, STR("b"))->not_sticky);
	ck_assert_int_eq(policy_backend(&policy, STR("b"))->balance, BALANCE_RENDEZVOUS);
	ck_assert_uint_ge(policy_backend(&policy, STR("b"))->bounded_load_percent, 125);
	ck_assert(policy_backend(&policy, STR("c"))->has_balance);
	ck_assert_int_eq(policy_backend(&policy, STR("c"))->balance, BALANCE_ROUNDROBIN);
	unload();
}
END_TEST

START_TEST(test_scalars)
{
	load("{\"stickiness\":{\"key\":\"cn\",\"expire\":\"90s\",\"max_life\":\"24d\","
	     "\"entries\":7},\"limits\":{\"source\":\"20/10s\",\"client\":\"5/1m\","
	     "\"total\":\"4294967295/500ms\"},\"unknown_tenant\":\"reject\","
	     "\"agent\":{\"listen\":\"127.0.0.1:12345\",\"max_delay\":\"2s\"}}");
	ck_assert_int_eq(policy.key, KEY_CN);
	ck_assert_int_eq(policy.expire_ms, 90000);
	ck_assert_int_eq(policy.max_life_ms, INT64_C(24) * 86400000);
	ck_assert_uint_eq(policy.max_entries, 7);
	ck_assert_uint_eq(policy.source_rate.count, 20);
	ck_assert_uint_eq(policy.source_rate.period_ms, 10000);
	ck_assert_uint_eq(policy.client_rate.period_ms, 60000);
	ck_assert_uint_eq(policy.total_rate.count, UINT32_MAX);
	ck_assert_uint_eq(policy.total_rate.period_ms, 500);
	ck_assert(policy.reject_unknown_tenant);
	ck_assert_uint_eq(policy.n_listen, 1);
	ck_assert_str_eq(policy.listen[0], "127.0.0.1:12345");
	ck_assert_int_eq(policy.max_delay_ms, 2000);
	unload();
}
END_TEST

START_TEST(test_store)
{
	load("{}");
	ck_assert(!policy.store.is_set);
	unload();
	load("{\"stickiness\":{\"store\":{\"url\":\"redis://:p@h:1/2\"}}}");
	ck_assert(policy.store.is_set);
	ck_assert_str_eq(policy.store.url.host, "h");
	ck_assert_str_eq(policy.store.url.password, "p");
	ck_assert_str_eq(policy.store.prefix, "usher:");
	ck_assert_ptr_null(policy.store.password_file);
	ck_assert_int_eq(policy.store.deadline_ms, 3);
	unload();
	load("{\"agent\":{\"max_delay\":\"1s\"},\"stickiness\":{\"store\":{"
	     "\"url\":\"unix:///r\",\"password_file\":\"/p\",\"prefix\":\"x\","
	     "\"deadline\":\"1s\"}}}");
	ck_assert_str_eq(policy.store.url.path, "/r");
	ck_assert_str_eq(policy.store.prefix, "x");
	ck_assert_str_eq(policy.store.password_file, "/p");
	ck_assert_int_eq(policy.store.deadline_ms, 1000);
	unload();
}
END_TEST

/* What a tenant leaves out is the policy's, though the policy says it further down. */
START_TEST(test_differences)
{
	load("{}");
	ck_assert_uint_eq(policy.as_haproxy, 0);
	unload();
	load("{\"proxy\":{\"as_haproxy\":[\"maxconn\",\"retry_elsewhere\",\"maxconn\"]}}");
	ck_assert_uint_eq(policy.as_haproxy,
			  1U << DIFFERENCE_MAXCONN | 1U << DIFFERENCE_RETRY_ELSEWHERE);
	unload();
}
END_TEST

START_TEST(test_standby)
{
	const struct standby_policy *s = &policy.standby;

	load("{}");
	ck_assert_int_eq(s->start_delay_ms, 10000);
	ck_assert(!s->stays && !s->has_haproxy_uid && !s->state_file);
	ck_assert_uint_eq(s->drain.count, 0);
	unload();
	load("{\"standby\":{\"start_delay\":\"2s\",\"on_stop\":\"stay\",\"drain\":\"20/10s\","
	     "\"haproxy_uid\":99,\"state_file\":\"/x\"}}");
	ck_assert_int_eq(s->start_delay_ms, 2000);
	ck_assert(s->stays && s->has_haproxy_uid);
	ck_assert_uint_eq(s->haproxy_uid, 99);
	ck_assert_uint_eq(s->drain.count, 20);
	ck_assert_uint_eq(s->drain.period_ms, 10000);
	ck_assert_str_eq(s->state_file, "/x");
	unload();
	load("{\"standby\":{\"on_stop\":\"takeover\",\"drain\":\"off\",\"haproxy_uid\":0}}");
	ck_assert(!s->stays && s->has_haproxy_uid);
	ck_assert_uint_eq(s->drain.count, 0);
	unload();
}
END_TEST

START_TEST(test_tenants_inherit)
{
	const struct tenant *t;

	load("{\"tenants\":{\"plain\":{},"
	     "\"own\":{\"identity\":{\"client_id\":\"starts_with\",\"to\":\"tenant\"},"
	     "\"key\":\"client_id\",\"max_connections\":9,\"connect_rate\":\"3/1s\"},"
	     "\"free\":{\"identity\":{\"client_id\":\"any\"}}},"
	     "\"identity\":{\"client_id\":\"equals\",\"to\":\"cn\"},"
	     "\"stickiness\":{\"key\":\"username\"}}");
	t = policy_tenant(&policy, STR("plain"));
	ck_assert_int_eq(t->identity.match, IDENTITY_EQUALS);
	ck_assert_int_eq(t->identity.with, IDENTITY_CN);
	ck_assert_int_eq(t->key, KEY_USERNAME);
	ck_assert_uint_eq(t->max_connections, 0);
	t = policy_tenant(&policy, STR("own"));
	ck_assert_int_eq(t->identity.match, IDENTITY_STARTS_WITH);
	ck_assert_int_eq(t->identity.with, IDENTITY_TENANT);
	ck_assert_int_eq(t->key, KEY_CLIENT_ID);
	ck_assert_uint_eq(t->max_connections, 9);
	ck_assert_uint_eq(t->connect_rate.count, 3);
	t = policy_tenant(&policy, STR("free"));
	ck_assert_int_eq(t->identity.match, IDENTITY_NONE);
	ck_assert_ptr_null(policy_tenant(&policy, STR("pla")));
	unload();
}
END_TEST

START_TEST(test_rules)
{
	load("{\"rules\":[\n"
	     "{\"name\":\"no\",\"if\":{\"cn\":\"a\",\"sni\":\"b\"},\"reject\":\"banned\"},\n"
	     "{\"unless\":{\"verified\":true},\"server\":\"s1\"},\n"
	     "{\"backend\":\"b1\"}]}");
	ck_assert_uint_eq(policy.n_rules, 3);
	ck_assert_str_eq(policy.rules[0].name, "no");
	ck_assert_int_eq(policy.rules[0].line, 2);
	ck_assert_uint_eq(policy.rules[0].n_conditions, 2);
	ck_assert_int_eq(policy.rules[0].action, RULE_REJECT);
	ck_assert_int_eq(policy.rules[0].refusal, REFUSAL_BANNED);
	ck_assert_str_eq(policy.rules[1].name, "rules[1]");
	ck_assert_uint_eq(policy.rules[1].n_exceptions, 1);
	ck_assert_int_eq(policy.rules[1].action, RULE_SERVER);
	ck_assert_str_eq(policy.rules[1].target, "s1");
	ck_assert_uint_eq(policy.rules[2].n_conditions + policy.rules[2].n_exceptions, 0);
	ck_assert_int_eq(policy.rules[2].action, RULE_BACKEND);
	unload();
}
END_TEST

START_TEST(test_names_are_resolved)
{
	struct topology topology;

	world_init(&topology);
	load("{\"tenant_from\":[{\"cn\":\"(?<tenant>.+)\"}],"
	     "\"tenants\":{\"acme\":{\"backend\":\"acme_backend\"},\"beta\":{}},"
	     "\"rules\":[{\"if\":{\"cn\":\"a\"},\"backend\":\"eu_backend\"},"
	     "{\"if\":{\"cn\":\"b\"},\"tenant\":\"beta\"},"
	     "{\"if\":{\"cn\":\"c\"},\"server\":\"acme1\"}]}");
	policy_check(&policy, &topology, "usher.json", &report);
	ck_assert_msg(report.n == 0, "%s", report.n ? report.findings[0].text : "");
	ck_assert_ptr_eq(policy.tenants[0]->backend,
			 topology_backend(&topology, STR("acme_backend")));
	ck_assert_ptr_null(policy.tenants[1]->backend);
	ck_assert_ptr_eq(policy.rules[0].backend, topology_backend(&topology, STR("eu_backend")));
	ck_assert_ptr_eq(policy.rules[1].tenant, policy.tenants[1]);
	unload();
	topology_fini(&topology);
}
END_TEST

START_TEST(test_thousands_of_tenants)
{
	size_t size = 0;
	char *json = malloc(1 << 20), name[32];

	size += (size_t)sprintf(json, "{\"tenants\":{\"t0\":{}");
	for (int i = 1; i < 20000; i++)
		size += (size_t)sprintf(json + size, ",\n\"t%d\":{\"max_connections\":%d}", i, i);
	sprintf(json + size, "}}");
	load(json);
	ck_assert_uint_eq(policy.n_tenants, 20000);
	for (int i = 0; i < 20000; i += 777) {
		const struct tenant *t;

		sprintf(name, "t%d", i);
		t = policy_tenant(&policy, str_of(name));
		ck_assert_uint_eq(t->max_connections, (unsigned)i);
		ck_assert_int_eq(t->line, i + 1);
	}
	unload();
	free(json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy load");
	TCase *tcase = tcase_create("load");

	tcase_add_test(tcase, test_defaults);
	tcase_add_test(tcase, test_frontends_and_backends);
	tcase_add_test(tcase, test_scalars);
	tcase_add_test(tcase, test_store);
	tcase_add_test(tcase, test_differences);
	tcase_add_test(tcase, test_standby);
	tcase_add_test(tcase, test_tenants_inherit);
	tcase_add_test(tcase, test_rules);
	tcase_add_test(tcase, test_names_are_resolved);
	tcase_add_test(tcase, test_thousands_of_tenants);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
