/* A world from files: where to listen, what is wrong, and what goes on over a reload. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/engine/world.h"
#include "tests/unit/run.h"

#define DEFAULTS                                                                                   \
	"defaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 1s\n\ttimeout server 1s\n"
#define FRONTEND                                                                                   \
	"frontend mqtt\n\tbind 127.0.0.1:1883\n"                                                   \
	"\tfilter spoe engine usher config spoe.conf\n\tdefault_backend brokers\n"
#define BROKERS                                                                                    \
	"backend brokers\n\tserver emqx1 127.0.0.1:1\n\tserver emqx2 127.0.0.1:2\n"                \
	"\tserver emqx3 127.0.0.1:3\n"
#define AGENTS "backend agents\n\tserver one 127.0.0.1:12345\n\tserver two 127.0.0.1:12346\n"
#define SPOE                                                                                       \
	"[usher]\nspoe-agent usher\n\tgroups g\n\ttimeout processing 200ms\n\tuse-backend "        \
	"agents\n"                                                                                 \
	"spoe-group g\n\tmessages m\nspoe-message m\n\targs client_id=src\n"
#define ENDS(address)                                                                              \
	"\tlog " address " len 1024 format rfc5424 local1\n"                                       \
	"\tlog-format-sd %{+Q,+E}o\\ [usher@32473\\ key=%[var(txn.usher.key)]\\ be=%b]\n"

static char dir[64];
static struct engine *engine;
static struct report report;

static void
set_up(void)
{
	strcpy(dir, "/tmp/usher-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	engine = engine_new();
	report_init(&report);
}

static void
tear_down(void)
{
	char command[100];

	report_fini(&report);
	engine_free(engine);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* The two files in the present directory; no policy: NULL. */
static struct world *
load(const char *cfg, const char *policy, struct world *old)
{
	struct world_files files = { { "haproxy.cfg" }, 1, policy ? "usher.json" : NULL };

	write_file("haproxy.cfg", cfg);
	write_file("spoe.conf", SPOE);
	if (policy)
		write_file("usher.json", policy);
	report_fini(&report);
	report_init(&report);
	return world_load(engine, &files, old, &report);
}

static void
assert_agents(const struct world_agent *agents, size_t n, const char *const *expected)
{
	size_t i = 0;

	for (; expected[i]; i++) {
		char text[ADDR_TEXT];

		ck_assert_uint_gt(n, i);
		ck_assert_str_eq(agents[i].text, expected[i]);
		ck_assert_uint_gt(agents[i].addr.len, 0);
		ck_assert_ptr_nonnull(strstr(expected[i], addr_format(&agents[i].addr, text)));
	}
	ck_assert_uint_eq(n, i);
}

enum { MOST = 4 };

static const struct {
	const char *name, *cfg, *policy;
	const char *listen[MOST], *ends[MOST], *stats[MOST];
} rows[] = {
	{ "where the SPOE backend points",
	  DEFAULTS FRONTEND BROKERS AGENTS,
	  NULL,
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { NULL },
	  { NULL } },
	{ "two frontends, one engine: once",
	  DEFAULTS FRONTEND "frontend more\n\tbind 127.0.0.1:1884\n"
			    "\tfilter spoe engine usher config spoe.conf\n" BROKERS AGENTS,
	  "{}",
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { NULL },
	  { NULL } },
	{ "the policy knows better",
	  DEFAULTS FRONTEND BROKERS AGENTS,
	  "{\"agent\": {\"listen\": [\"127.0.0.1:7\", \"unix@/tmp/usher-test.sock\"]}}",
	  { "127.0.0.1:7", "unix@/tmp/usher-test.sock" },
	  { NULL },
	  { NULL } },
	{ "another's engine",
	  DEFAULTS "frontend mqtt\n\tbind 127.0.0.1:1883\n"
		   "\tfilter spoe engine waf config nowhere.conf\n" BROKERS AGENTS,
	  NULL,
	  { NULL },
	  { NULL },
	  { NULL } },
	{ "no filter: nowhere", DEFAULTS BROKERS AGENTS, NULL, { NULL }, { NULL }, { NULL } },
	{ "session ends",
	  DEFAULTS FRONTEND ENDS("127.0.0.1:10514") BROKERS AGENTS,
	  NULL,
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { "127.0.0.1:10514" },
	  { NULL } },
	{ "a log of another format is none",
	  DEFAULTS FRONTEND
	  "\tlog 127.0.0.1:514 local0\n\tlog 127.0.0.1:515 format rfc3164 local0\n" ENDS(
		  "127.0.0.1:10514") BROKERS AGENTS,
	  NULL,
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { "127.0.0.1:10514" },
	  { NULL } },
	{ "nor is one without our line",
	  DEFAULTS FRONTEND "\tlog 127.0.0.1:10514 format rfc5424 local1\n" BROKERS AGENTS,
	  NULL,
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { NULL },
	  { NULL } },
	{ "runtime sockets",
	  "global\n\tstats socket unix@/tmp/a.sock mode 660\n\tstats socket "
	  "127.0.0.1:9999\n" DEFAULTS FRONTEND BROKERS AGENTS,
	  NULL,
	  { "127.0.0.1:12345", "127.0.0.1:12346" },
	  { NULL },
	  { "unix@/tmp/a.sock", "127.0.0.1:9999" } },
};

START_TEST(test_addresses)
{
	struct world *w = load(rows[_i].cfg, rows[_i].policy, NULL);

	ck_assert_msg(w != NULL, "%s: %s", rows[_i].name,
		      report.n ? report.findings[0].text : "no world, no finding");
	assert_agents(w->listen, w->n_listen, rows[_i].listen);
	assert_agents(w->session_ends, w->n_session_ends, rows[_i].ends);
	assert_agents(w->stats_sockets, w->n_stats_sockets, rows[_i].stats);
	world_unref(w);
}
END_TEST

/* Everything that is wrong is said at once, and there is no world. */
static const struct {
	const char *name, *cfg, *policy;
	const char *findings[MOST];
} bad[] = {
	{ "haproxy.cfg",
	  DEFAULTS "frontend f\n\tfrobnicate\n\tdefault_backend b\nbackend b\n\tserver\n",
	  NULL,
	  { "haproxy.cfg:" } },
	{ "both files: each has its say",
	  DEFAULTS FRONTEND BROKERS AGENTS "\tserver\n",
	  "{\"rulez\": [], \"limits\": {\"source\": \"x\"}}",
	  { "haproxy.cfg:", "rulez", "limits.source" } },
	{ "a name that does not exist",
	  DEFAULTS FRONTEND BROKERS AGENTS,
	  "{\"tenants\": {\"acme\": {\"backend\": \"nope\"}}}",
	  { "tenants.acme.backend: no backend 'nope'" } },
	{ "no JSON", DEFAULTS FRONTEND BROKERS AGENTS, "{", { "usher.json:1" } },
	{ "the SPOE backend is missing", DEFAULTS FRONTEND BROKERS, NULL, { "backend 'agents'" } },
	{ "the SPOE file is missing",
	  DEFAULTS "frontend mqtt\n\tbind 127.0.0.1:1883\n"
		   "\tfilter spoe engine usher config nowhere.conf\n" BROKERS AGENTS,
	  NULL,
	  { "nowhere.conf" } },
	{ "it has no such engine",
	  DEFAULTS "frontend mqtt\n\tbind 127.0.0.1:1883\n"
		   "\tfilter spoe engine usher-2 config spoe.conf\n" BROKERS AGENTS,
	  NULL,
	  { "spoe.conf" } },
};

START_TEST(test_errors)
{
	ck_assert_msg(!load(bad[_i].cfg, bad[_i].policy, NULL), "%s", bad[_i].name);
	ck_assert_uint_gt(report.n_alerts, 0);
	for (int i = 0; i < MOST && bad[_i].findings[i]; i++) {
		bool found = false;

		for (size_t j = 0; j < report.n; j++)
			found |= strstr(report.findings[j].text, bad[_i].findings[i]) != NULL;
		ck_assert_msg(found, "%s: %s in %s", bad[_i].name, bad[_i].findings[i],
			      report.findings[0].text);
	}
}
END_TEST

START_TEST(test_missing_files)
{
	struct world_files files = { { "nowhere.cfg" }, 1, "nowhere.json" };

	ck_assert_ptr_null(world_load(engine, &files, NULL, &report));
	ck_assert_uint_eq(report.n, 2);
	ck_assert_str_eq(report.findings[0].text, "Cannot open configuration file/directory "
						  "nowhere.cfg : No such file or directory");
	ck_assert_int_eq(report.findings[1].origin, FINDING_POLICY);
	ck_assert_ptr_nonnull(strstr(report.findings[1].text, "nowhere.json"));
}
END_TEST

/* A directory's .cfg files in the order of their names; what HAProxy leaves, we leave. */
START_TEST(test_directory)
{
	struct world_files files = { { "conf.d", "last.cfg" }, 2, NULL };
	static const char *const names[] = { "b1", "b2", "b10", "last" };
	struct world *w;

	ck_assert_int_eq(mkdir("conf.d", 0700), 0);
	write_file("conf.d/20.cfg", "backend b2\n\tserver s 127.0.0.1:1\n");
	write_file("conf.d/10.cfg", DEFAULTS "backend b1\n\tserver s 127.0.0.1:1\n");
	write_file("conf.d/30.cfg", "backend b10\n\tserver s 127.0.0.1:1\n");
	write_file("conf.d/.15.cfg", "nonsense\n");
	write_file("conf.d/15.cfg~", "nonsense\n");
	write_file("conf.d/15.conf", "nonsense\n");
	write_file("last.cfg", "backend last\n\tserver s 127.0.0.1:1\n");
	w = world_load(engine, &files, NULL, &report);
	ck_assert_ptr_nonnull(w);
	ck_assert_uint_eq(w->topology.n_proxies, N_ROWS(names));
	for (int i = 0; i < N_ROWS(names); i++) {
		ck_assert_str_eq(w->topology.proxies[i]->name, names[i]);
		ck_assert_ptr_eq(world_pool(w, str_of(names[i])), w->pools[i]);
	}
	world_unref(w);
}
END_TEST

START_TEST(test_environment)
{
	struct world *w;

	setenv("USHER_TEST_PORT", "4711", 1);
	w = load(DEFAULTS FRONTEND BROKERS
		 "backend agents\n\tserver one \"127.0.0.1:${USHER_TEST_PORT}\"\n",
		 NULL, NULL);
	ck_assert_ptr_nonnull(w);
	assert_agents(w->listen, w->n_listen, (const char *const[]){ "127.0.0.1:4711", NULL });
	world_unref(w);
}
END_TEST

/* What is known of servers, and the numbers that entries know them by, outlive a world. */
START_TEST(test_reload)
{
	static const char next[] =
		DEFAULTS FRONTEND "backend brokers\n\tserver new 127.0.0.1:9\n"
				  "\tserver emqx3 127.0.0.1:3\n\tserver emqx1 127.0.0.1:1\n" AGENTS;
	struct world *old = load(DEFAULTS FRONTEND BROKERS AGENTS, NULL, NULL), *w;
	uint32_t emqx1 = world_target(old, STR("emqx1")), emqx2 = world_target(old, STR("emqx2"));
	struct stick_key k = stick_key(old->env.table, STR(""), STR("device"));
	struct stick_view v;
	struct pool *p;

	ck_assert_uint_ne(emqx1, STICK_NO_TARGET);
	ck_assert_uint_ne(emqx1, emqx2);
	ck_assert_uint_eq(world_target(old, STR("new")), STICK_NO_TARGET);
	ck_assert(pool_set_state(world_pool(old, STR("brokers")), 0, SERVER_DOWN, 1));
	pool_set_sessions(world_pool(old, STR("brokers")), 0, 17, 0);
	ck_assert_uint_eq(stick_table_place(old->env.table, &k, STICK_NO_TARGET, emqx1, 1000),
			  emqx1);

	w = load(next, "{\"backends\": {\"brokers\": {\"balance\": \"leastconn\"}}}", old);
	ck_assert_ptr_nonnull(w);
	world_unref(old);
	p = world_pool(w, STR("brokers"));
	ck_assert_int_eq(pool_balance(p), BALANCE_LEASTCONN);
	ck_assert_int_eq(pool_server(p, 2).status, SERVER_DOWN);
	ck_assert_uint_eq(pool_server(p, 2).sessions, 17);
	ck_assert_int_eq(pool_server(p, 1).status, SERVER_UP);
	ck_assert_uint_eq(pool_target(p, 2), emqx1);
	ck_assert_uint_eq(world_target(w, STR("emqx1")), emqx1);
	/* One that is gone keeps its number: it may be back with the next file. */
	ck_assert_uint_eq(world_target(w, STR("emqx2")), emqx2);
	ck_assert_uint_ne(pool_target(p, 0), emqx2);
	k = stick_key(w->env.table, STR(""), STR("device"));
	ck_assert(stick_table_find(w->env.table, &k, 1000, &v));
	ck_assert_uint_eq(v.target, emqx1);
	world_unref(w);
}
END_TEST

/* A reload that fails leaves everything as it was. */
START_TEST(test_failed_reload)
{
	struct world *w = load(DEFAULTS FRONTEND BROKERS AGENTS, NULL, NULL);
	struct stick_key k = stick_key(w->env.table, STR(""), STR("device"));
	struct stick_view v;

	pool_set_state(world_pool(w, STR("brokers")), 0, SERVER_DOWN, 1);
	ck_assert_uint_eq(stick_table_place(w->env.table, &k, STICK_NO_TARGET, 1, 0), 1);
	ck_assert_ptr_null(load("nonsense\n", "{\"stickiness\": {\"expire\": \"1s\"}}", w));
	ck_assert_ptr_null(
		load(DEFAULTS FRONTEND BROKERS, "{\"stickiness\": {\"expire\": \"1s\"}}", w));
	ck_assert_int_eq(pool_server(world_pool(w, STR("brokers")), 0).status, SERVER_DOWN);
	ck_assert(stick_table_find(w->env.table, &k, 60000, &v));
	world_unref(w);
}
END_TEST

/* A world that was loaded and not put to use, because its mode cannot carry it, changes nothing. */
START_TEST(test_limits_wait_for_the_begin)
{
	static const char cfg[] = DEFAULTS FRONTEND BROKERS AGENTS;
	struct world *w = load(cfg, "{\"stickiness\": {\"expire\": \"1m\"}}", NULL);
	struct world *next = load(cfg, "{\"stickiness\": {\"expire\": \"1s\"}}", w);
	struct stick_key k = stick_key(w->env.table, STR(""), STR("device"));
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(w->env.table, &k, STICK_NO_TARGET, 1, 0), 1);
	ck_assert(stick_table_find(w->env.table, &k, 30000, &v));
	world_begin(next, false);
	ck_assert(!stick_table_find(w->env.table, &k, 30000, &v));
	world_unref(w);
	world_unref(next);
}
END_TEST

/* The policy's limits, and whether ends are reported, reach the table. */
START_TEST(test_limits_reach_the_table)
{
	static const char *const cfgs[] = { DEFAULTS FRONTEND BROKERS AGENTS,
					    DEFAULTS FRONTEND ENDS("127.0.0.1:10514")
						    BROKERS AGENTS };
	struct world *w = load(
		cfgs[_i], "{\"stickiness\": {\"expire\": \"1m\", \"max_life\": \"1h\"}}", NULL);
	struct stick_key k = stick_key(w->env.table, STR(""), STR("device"));
	struct stick_view v;

	ck_assert_uint_eq(stick_table_place(w->env.table, &k, STICK_NO_TARGET, 1, 0), 1);
	ck_assert(stick_table_find(w->env.table, &k, 59000, &v));
	ck_assert_int_eq(stick_table_find(w->env.table, &k, 61000, &v), _i);
	ck_assert(!stick_table_find(w->env.table, &k, 3601000, &v));
	world_unref(w);
}
END_TEST

START_TEST(test_references)
{
	struct world *w = load(DEFAULTS FRONTEND BROKERS AGENTS, NULL, NULL);

	ck_assert_ptr_eq(world_ref(w), w);
	world_unref(w);
	ck_assert_ptr_nonnull(world_pool(w, STR("brokers")));
	ck_assert_ptr_null(world_pool(w, STR("mqtt")));
	ck_assert_ptr_null(world_pool(w, STR("nobody")));
	world_unref(w);
	world_unref(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("world");
	TCase *tcase = tcase_create("world");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_addresses, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_errors, 0, N_ROWS(bad));
	tcase_add_test(tcase, test_missing_files);
	tcase_add_test(tcase, test_directory);
	tcase_add_test(tcase, test_environment);
	tcase_add_test(tcase, test_reload);
	tcase_add_test(tcase, test_failed_reload);
	tcase_add_test(tcase, test_limits_wait_for_the_begin);
	tcase_add_loop_test(tcase, test_limits_reach_the_table, 0, 2);
	tcase_add_test(tcase, test_references);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
