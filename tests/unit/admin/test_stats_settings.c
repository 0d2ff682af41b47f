/* The statistics page's settings, and what its address asks for. */
#include <stdio.h>
#include <string.h>

#include "agent/admin/stats_settings.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

static struct topology topology;
static struct stats_settings settings;
static char wrong[EXPR_ERROR];

/* The page of a proxy `p` with these lines. */
static void
read_page(const char *lines)
{
	static const struct topology_env env = { .strict = false };
	struct report report;
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), "listen p\n mode http\n bind 127.0.0.1:1\n%s", lines);
	report_init(&report);
	topology_init(&topology);
	topology_parse(&topology, str_of(cfg), "h.cfg", &env, &report);
	report_fini(&report);
	stats_settings_read(&settings, topology.proxies[0], wrong);
}

static void
tear_down(void)
{
	stats_settings_fini(&settings);
	topology_fini(&topology);
}

START_TEST(test_defaults)
{
	read_page(" stats enable\n");
	ck_assert(settings.enabled && settings.n_users == 0 && settings.admin.n_terms == 0);
	ck_assert_str_eq(settings.uri, "/haproxy?stats");
	ck_assert_str_eq(settings.realm, "HAProxy Statistics");
	ck_assert_int_eq(settings.refresh_s, 0);
	ck_assert(stats_settings_show(&settings, topology.proxies[0], "anything"));
}
END_TEST

START_TEST(test_all_of_it)
{
	read_page(
		" stats uri /x\n stats realm My\\ Realm\n stats refresh 10s\n stats hide-version\n"
		" stats show-legends\n stats show-node here\n stats show-desc\n"
		" stats scope .\n stats scope b\n stats refresh 2m\n stats admin if TRUE\n");
	ck_assert_str_eq(settings.uri, "/x");
	ck_assert_str_eq(settings.realm, "My Realm");
	ck_assert_int_eq(settings.refresh_s, 120);
	ck_assert(settings.hide_version && settings.shows_legends && settings.shows_node);
	ck_assert_str_eq(settings.node, "here");
	ck_assert(settings.shows_description && !settings.description);
	ck_assert(stats_settings_show(&settings, topology.proxies[0], "p"));
	ck_assert(stats_settings_show(&settings, topology.proxies[0], "b"));
	ck_assert(!stats_settings_show(&settings, topology.proxies[0], "c"));
	ck_assert_uint_gt(settings.admin.n_terms, 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

START_TEST(test_bad_condition_lets_nobody_in)
{
	read_page(" stats admin if nobody_knows\n");
	ck_assert_uint_eq(settings.admin.n_terms, 0);
	ck_assert_str_ne(wrong, "");
}
END_TEST

START_TEST(test_condition_on_the_address)
{
	struct expr_context x = { 0 };
	char memory[256];

	read_page(" acl inside src 10.0.0.0/8\n stats admin if inside\n");
	ck_assert_str_eq(wrong, "");
	x.scratch = (struct scratch){ memory, sizeof(memory), 0 };
	ck_assert(ip_parse(STR("10.1.2.3"), &x.src));
	ck_assert_int_eq(acl_condition_eval(&settings.admin, &x), ACL_PASS);
	ck_assert(ip_parse(STR("192.0.2.1"), &x.src));
	ck_assert_int_eq(acl_condition_eval(&settings.admin, &x), ACL_FAIL);
}
END_TEST

static const struct {
	const char *name, *password;
	bool known;
} users[] = {
	{ "eve", "apple", true }, { "bob", "pe:ar", true },   { "eve", "pe:ar", false },
	{ "eve", "", false },	  { "eve", "apple2", false }, { "eve", "appl", false },
	{ "", "", false },	  { "eve:apple", "", false }, { "bob:pe", "ar", true },
};

START_TEST(test_users)
{
	read_page(" stats auth eve:apple\n stats auth bob:pe:ar\n");
	ck_assert_int_eq(stats_settings_know(&settings, users[_i].name, users[_i].password),
			 users[_i].known);
}
END_TEST

static const struct {
	const char *uri;
	bool is_ours, csv, json, norefresh, up, no_maint;
	const char *status, *scope;
} requests[] = {
	{ "/x", true, false, false, false, false, false, NULL, NULL },
	{ "/x;csv", true, true, false, false, false, false, NULL, NULL },
	{ "/x;json;norefresh", true, false, true, true, false, false, NULL, NULL },
	{ "/x;up;no-maint", true, false, false, false, true, true, NULL, NULL },
	{ "/x;st=DONE;csv", true, true, false, false, false, false, "DONE", NULL },
	{ "/x?scope=web&y", true, false, false, false, false, false, NULL, "web" },
	{ "/xyz", true, false, false, false, false, false, NULL, NULL },
	{ "/y", false, false, false, false, false, false, NULL, NULL },
	{ "/;csv/x", false, false, false, false, false, false, NULL, NULL },
	{ "", false, false, false, false, false, false, NULL, NULL },
};

START_TEST(test_requests)
{
	struct stats_request r;

	read_page(" stats uri /x\n");
	r = stats_request_parse(&settings, requests[_i].uri);
	ck_assert_msg(r.is_ours == requests[_i].is_ours, "%s", requests[_i].uri);
	ck_assert(r.csv == requests[_i].csv && r.json == requests[_i].json);
	ck_assert(r.norefresh == requests[_i].norefresh && r.up == requests[_i].up);
	ck_assert_int_eq(r.no_maint, requests[_i].no_maint);
	ck_assert(requests[_i].status ? str_is(r.status, requests[_i].status) : !r.status.p);
	ck_assert(requests[_i].scope ? str_is(r.scope, requests[_i].scope) : !r.scope.p);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stats settings");
	TCase *tcase = tcase_create("stats settings");

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, test_defaults);
	tcase_add_test(tcase, test_all_of_it);
	tcase_add_test(tcase, test_bad_condition_lets_nobody_in);
	tcase_add_test(tcase, test_condition_on_the_address);
	tcase_add_loop_test(tcase, test_users, 0, N_ROWS(users));
	tcase_add_loop_test(tcase, test_requests, 0, N_ROWS(requests));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
