/* Rows of statistics: status texts, what is kept over time, the three forms of text. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/engine/statistics_text.h"
#include "tests/unit/run.h"

static const char cfg[] = "global\n\tstats socket /tmp/usher-test-none.sock\n"
			  "defaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 1s\n"
			  "\ttimeout server 1s\n"
			  "frontend f\n\tbind 127.0.0.1:1883\n\tmaxconn 300\n"
			  "\tdefault_backend b\n"
			  "backend b\n\tserver s 127.0.0.1:1 check rise 2 fall 3\n"
			  "\tserver plain 127.0.0.1:2 weight 7\n"
			  "\tserver tracks 127.0.0.1:3 track s\n"
			  "\tserver off 127.0.0.1:4 disabled\n"
			  "\tserver spare 127.0.0.1:5 backup weight 9\n";
enum { S, PLAIN, TRACKS, OFF, SPARE };

static char dir[64];
static struct engine *engine;
static struct world *world;
static struct health_view view; /* of `s` */
static unsigned n_changed;
static struct operations operations;

static struct world *
get_world(void *arg)
{
	return world;
}

static bool
check(void *arg, const struct proxy *backend, unsigned server, struct health_view *v)
{
	*v = view;
	return server == S;
}

static bool
force(void *arg, const struct proxy *backend, unsigned server, enum server_status to)
{
	return false;
}

static void
changed(void *arg, const struct proxy *backend, unsigned server, enum server_status now)
{
	n_changed++;
}

static uint32_t
max_sessions(void *arg)
{
	return 1000;
}

static struct world *
load(struct world *old)
{
	struct world_files files = { { "haproxy.cfg" }, 1, NULL };
	struct report report;
	struct world *w;

	report_init(&report);
	w = world_load(engine, &files, old, &report);
	ck_assert_ptr_nonnull(w);
	report_fini(&report);
	return w;
}

static void
set_up(void)
{
	FILE *f;

	strcpy(dir, "/tmp/usher-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	f = fopen("haproxy.cfg", "w");
	fputs(cfg, f);
	fclose(f);
	engine = engine_new();
	engine_carries(engine, 1);
	world = load(NULL);
	view = (struct health_view){ .health = 4, .rise = 2, .fall = 3 };
	view.answer.status = HEALTH_L4OK;
	n_changed = 0;
	operations = (struct operations){
		.world = get_world,
		.check = check,
		.force = force,
		.changed = changed,
		.max_sessions = max_sessions,
		.statistics = statistics_new(),
		.n_workers = 1,
	};
	statistics_look(&operations, 1000);
}

static void
tear_down(void)
{
	char command[100];

	statistics_free(operations.statistics);
	world_unref(world);
	engine_free(engine);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct wanted {
	const char *name;
	struct statistics_row row;
	bool found;
};

static void
keep_row(void *arg, const struct statistics_row *row)
{
	struct wanted *w = arg;

	if (strcmp(row->value[STAT_SVNAME].text, w->name) != 0)
		return;
	w->found = true;
	w->row = *row;
	/* A text in the row stays behind in the original. */
	for (int c = 0; c < N_STAT; c++)
		if (row->value[c].text >= row->memory &&
		    row->value[c].text < row->memory + sizeof(row->memory))
			w->row.value[c].text = w->row.memory + (row->value[c].text - row->memory);
}

static const struct statistics_row *
row_of(const char *name, int64_t now_ms)
{
	static struct wanted w;

	w = (struct wanted){ .name = name };
	statistics_each(&operations, &STATISTICS_ALL, now_ms, keep_row, &w);
	ck_assert_msg(w.found, "%s", name);
	return &w.row;
}

static struct pool *
pool(void)
{
	return world_pool(world, STR("b"));
}

static const char *
status_of(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s", row_of(name, 2000)->value[STAT_STATUS].text);
	return text;
}

static const struct {
	const char *name;
	unsigned server;
	enum server_status status;
	uint16_t weight;
	bool drained; /* by an operator */
	enum health_status found;
	uint32_t health; /* of rise 2, fall 3 */
	const char *text;
	enum server_shown shown;
	unsigned admin;
} states[] = {
	{ "up", S, SERVER_UP, 1, false, HEALTH_L4OK, 4, "UP", SHOWN_RUNNING, 0 },
	{ "on its way down", S, SERVER_UP, 1, false, HEALTH_L4CON, 3, "UP 2/3", SHOWN_RUNNING, 0 },
	{ "about to go down", S, SERVER_UP, 1, false, HEALTH_L4CON, 2, "UP 1/3", SHOWN_RUNNING, 0 },
	{ "down", S, SERVER_DOWN, 1, false, HEALTH_L4CON, 0, "DOWN", SHOWN_STOPPED, 0 },
	{ "on its way up", S, SERVER_DOWN, 1, false, HEALTH_L4OK, 1, "DOWN 1/2", SHOWN_STOPPED, 0 },
	{ "maintenance", S, SERVER_MAINT, 1, false, HEALTH_L4OK, 4, "MAINT", SHOWN_STOPPED,
	  ADMIN_MAINT },
	{ "drained", S, SERVER_DRAIN, 1, true, HEALTH_L4OK, 4, "DRAIN", SHOWN_RUNNING,
	  ADMIN_DRAIN },
	{ "drained, on its way down", S, SERVER_DRAIN, 1, true, HEALTH_L4CON, 3, "DRAIN 2/3",
	  SHOWN_RUNNING, ADMIN_DRAIN },
	{ "drained and down", S, SERVER_DRAIN, 1, true, HEALTH_L4CON, 0, "DOWN", SHOWN_STOPPED,
	  ADMIN_DRAIN },
	{ "its check wants nobody", S, SERVER_DRAIN, 1, false, HEALTH_L7OKC, 4, "NOLB",
	  SHOWN_STOPPING, 0 },
	{ "nor for long", S, SERVER_DRAIN, 1, false, HEALTH_L7OKC, 3, "NOLB 2/3", SHOWN_STOPPING,
	  0 },
	{ "weight 0", S, SERVER_UP, 0, false, HEALTH_L4OK, 4, "UP", SHOWN_RUNNING, 0 },
	{ "weight 0 and drained", S, SERVER_DRAIN, 0, true, HEALTH_L4OK, 4, "DRAIN", SHOWN_RUNNING,
	  ADMIN_DRAIN },
	{ "not checked", PLAIN, SERVER_UP, 1, false, HEALTH_L4OK, 4, "no check", SHOWN_RUNNING, 0 },
	{ "not checked, drained", PLAIN, SERVER_DRAIN, 1, true, HEALTH_L4OK, 4, "DRAIN",
	  SHOWN_RUNNING, ADMIN_DRAIN },
	{ "not checked, down", PLAIN, SERVER_DOWN, 1, false, HEALTH_L4OK, 4, "DOWN", SHOWN_STOPPED,
	  0 },
	{ "disabled in the file", OFF, SERVER_MAINT, 1, false, HEALTH_L4OK, 4, "MAINT",
	  SHOWN_STOPPED, ADMIN_MAINT | ADMIN_MAINT_CONFIGURED },
	{ "and enabled since", OFF, SERVER_UP, 1, false, HEALTH_L4OK, 4, "no check", SHOWN_RUNNING,
	  ADMIN_MAINT_CONFIGURED },
};

START_TEST(test_states)
{
	const struct proxy *b = topology_backend(&world->topology, STR("b"));
	const struct server *server = b->servers[states[_i].server];
	struct server_facts f;

	view.answer.status = states[_i].found;
	view.health = states[_i].health;
	(void)pool_set_state(pool(), states[_i].server, states[_i].status, states[_i].weight);
	statistics_drained(operations.statistics, server, states[_i].drained);
	statistics_server(&operations, server, &f);
	ck_assert_msg(strcmp(status_of(server->name), states[_i].text) == 0, "%s: %s",
		      states[_i].name, status_of(server->name));
	ck_assert_int_eq(f.shown, states[_i].shown);
	ck_assert_uint_eq(f.admin, states[_i].admin);
}
END_TEST

START_TEST(test_follower_of_one_in_maintenance)
{
	struct target_server t = operations_find(&operations, STR("b"), STR("s"));

	operations_set_state(&operations, &t, OPERATOR_MAINT);
	ck_assert_str_eq(status_of("tracks"), "MAINT (via b/s)");
	operations_set_state(&operations, &t, OPERATOR_DRAIN);
	ck_assert_str_eq(status_of("tracks"), "DRAIN");
	operations_set_state(&operations, &t, OPERATOR_READY);
	ck_assert_str_eq(status_of("tracks"), "UP");
	ck_assert_uint_eq(n_changed, 6);
}
END_TEST

START_TEST(test_without_an_address)
{
	ck_assert(pool_set_addr(pool(), PLAIN, &(struct addr){ 0 }));
	ck_assert_str_eq(status_of("plain"), "MAINT (resolution)");
	ck_assert(!row_of("plain", 2000)->value[STAT_ADDR].is_set);
}
END_TEST

START_TEST(test_weight_ends_no_drain_but_its_own)
{
	struct target_server t = operations_find(&operations, STR("b"), STR("plain"));

	operations_set_weight(&operations, &t, 0);
	ck_assert_int_eq(pool_server(pool(), PLAIN).status, SERVER_DRAIN);
	operations_set_weight(&operations, &t, 5);
	ck_assert_int_eq(pool_server(pool(), PLAIN).status, SERVER_UP);
	operations_set_state(&operations, &t, OPERATOR_DRAIN);
	operations_set_weight(&operations, &t, 0);
	operations_set_weight(&operations, &t, 5);
	ck_assert_int_eq(pool_server(pool(), PLAIN).status, SERVER_DRAIN);
}
END_TEST

START_TEST(test_times_are_kept)
{
	const struct statistics_row *row;

	(void)pool_set_state(pool(), S, SERVER_DOWN, 1);
	statistics_look(&operations, 10000);
	row = row_of("s", 15000);
	ck_assert_int_eq(row->value[STAT_LASTCHG].number, 5);
	ck_assert_int_eq(row->value[STAT_DOWNTIME].number, 5);
	ck_assert_int_eq(row->value[STAT_CHKDOWN].number, 1);
	(void)pool_set_state(pool(), S, SERVER_UP, 1);
	statistics_look(&operations, 20000);
	row = row_of("s", 21000);
	ck_assert_int_eq(row->value[STAT_LASTCHG].number, 1);
	ck_assert_int_eq(row->value[STAT_DOWNTIME].number, 10);
	(void)pool_set_state(pool(), S, SERVER_MAINT, 1);
	statistics_look(&operations, 30000);
	row = row_of("s", 32000);
	ck_assert_int_eq(row->value[STAT_DOWNTIME].number, 12);
	ck_assert_int_eq(row->value[STAT_CHKDOWN].number, 2);
}
END_TEST

START_TEST(test_times_survive_a_reload)
{
	struct world *old = world;

	(void)pool_set_state(pool(), S, SERVER_DOWN, 1);
	statistics_look(&operations, 10000);
	world = load(old);
	world_unref(old);
	ck_assert_int_eq(row_of("s", 15000)->value[STAT_LASTCHG].number, 5);
	ck_assert_int_eq(row_of("s", 15000)->value[STAT_CHKDOWN].number, 1);
}
END_TEST

START_TEST(test_backend_is_the_sum_of_its_servers)
{
	const struct statistics_value *v = row_of("BACKEND", 2000)->value;

	ck_assert_int_eq(v[STAT_ACT].number, 3);
	ck_assert_int_eq(v[STAT_BCK].number, 1);
	ck_assert_int_eq(v[STAT_WEIGHT].number, 9); /* 1 + 7 + 1, without the backup's */
	ck_assert_int_eq(v[STAT_SLIM].number, 30);  /* a tenth of the frontend's */
	for (unsigned i = S; i <= TRACKS; i++)
		(void)pool_set_state(pool(), i, SERVER_DOWN, 1);
	statistics_look(&operations, 3000);
	v = row_of("BACKEND", 3000)->value;
	ck_assert_int_eq(v[STAT_WEIGHT].number, 9); /* the backup's turn */
	ck_assert_str_eq(v[STAT_STATUS].text, "UP");
	(void)pool_set_state(pool(), SPARE, SERVER_DOWN, 1);
	statistics_look(&operations, 4000);
	v = row_of("BACKEND", 6000)->value;
	ck_assert_str_eq(v[STAT_STATUS].text, "DOWN");
	ck_assert_int_eq(v[STAT_CHKDOWN].number, 1);
	ck_assert_int_eq(v[STAT_DOWNTIME].number, 2);
}
END_TEST

/* ---- which rows ----------------------------------------------------------------------------- */

static void
add_name(void *arg, const struct statistics_row *row)
{
	strcat(strcat(arg, row->value[STAT_SVNAME].text), " ");
}

static const struct {
	const char *name;
	struct statistics_filter filter;
	const char *rows;
} filters[] = {
	{ "all", { .kinds = 7, .sid = -1 }, "FRONTEND s plain tracks off spare BACKEND " },
	{ "frontends", { .kinds = 1, .sid = -1 }, "FRONTEND " },
	{ "backends", { .kinds = 2, .sid = -1 }, "BACKEND " },
	{ "servers", { .kinds = 4, .sid = -1 }, "s plain tracks off spare " },
	{ "one server", { .kinds = 4, .sid = 2 }, "plain " },
	{ "a proxy's", { .iid = 3, .kinds = 7, .sid = -1 }, "s plain tracks off spare BACKEND " },
	{ "nobody's", { .iid = 9, .kinds = 7, .sid = -1 }, "" },
	{ "those that are up", { .kinds = 4, .sid = -1, .up = true }, "s plain tracks spare " },
	{ "none in maintenance",
	  { .kinds = 4, .sid = -1, .no_maint = true },
	  "s plain tracks spare " },
};

START_TEST(test_filters)
{
	char names[256] = "";

	statistics_each(&operations, &filters[_i].filter, 2000, add_name, names);
	ck_assert_msg(strcmp(names, filters[_i].rows) == 0, "%s: %s", filters[_i].name, names);
}
END_TEST

/* ---- text ----------------------------------------------------------------------------------- */

static const struct {
	const char *text, *csv, *json;
} texts[] = {
	{ "plain", "plain", "plain" },
	{ "a,b", "\"a,b\"", "a,b" },
	{ "say \"no\"", "\"say \"\"no\"\"\"", "say \\\"no\\\"" },
	{ "two\nlines", "\"two\nlines\"", "two\\u000alines" },
	{ "back\\slash", "back\\slash", "back\\\\slash" },
};

START_TEST(test_texts_cannot_break_out)
{
	struct statistics_row row = { .kind = STATISTICS_SERVER };
	char expected[64];
	struct buf out;

	row.value[STAT_LAST_CHK] =
		(struct statistics_value){ .is_set = true, .text = texts[_i].text };
	buf_init(&out, 1 << 16);
	ck_assert(statistics_write_csv_row(&row, &out) && buf_put(&out, "", 1));
	snprintf(expected, sizeof(expected), ",%s,", texts[_i].csv);
	ck_assert_ptr_nonnull(strstr((char *)buf_front(&out), expected));
	buf_consume(&out, buf_len(&out));
	ck_assert(statistics_put_json_text(&out, texts[_i].text) && buf_put(&out, "", 1));
	ck_assert_str_eq((char *)buf_front(&out), texts[_i].json);
	buf_fini(&out);
}
END_TEST

START_TEST(test_header_and_rows_have_the_same_columns)
{
	struct buf out;
	size_t commas[2] = { 0 };
	int line = 0;

	buf_init(&out, 1 << 20);
	ck_assert(statistics_write(&operations, &STATISTICS_ALL, STATISTICS_CSV, 2000, &out));
	for (size_t i = 0; i < buf_len(&out) && line < 2; i++) {
		commas[line] += buf_front(&out)[i] == ',';
		line += buf_front(&out)[i] == '\n';
	}
	ck_assert_uint_eq(commas[0], N_STAT + 1);
	ck_assert_uint_eq(commas[1], N_STAT + 1);
	buf_fini(&out);
}
END_TEST

START_TEST(test_what_does_not_fit_is_said)
{
	struct buf out;

	for (size_t max = 0; max < 1500; max += 50) {
		buf_init(&out, max);
		ck_assert(!statistics_write(&operations, &STATISTICS_ALL, _i, 2000, &out));
		buf_fini(&out);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("statistics");
	TCase *tcase = tcase_create("statistics");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_states, 0, N_ROWS(states));
	tcase_add_test(tcase, test_follower_of_one_in_maintenance);
	tcase_add_test(tcase, test_without_an_address);
	tcase_add_test(tcase, test_weight_ends_no_drain_but_its_own);
	tcase_add_test(tcase, test_times_are_kept);
	tcase_add_test(tcase, test_times_survive_a_reload);
	tcase_add_test(tcase, test_backend_is_the_sum_of_its_servers);
	tcase_add_loop_test(tcase, test_filters, 0, N_ROWS(filters));
	tcase_add_loop_test(tcase, test_texts_cannot_break_out, 0, N_ROWS(texts));
	tcase_add_test(tcase, test_header_and_rows_have_the_same_columns);
	tcase_add_loop_test(tcase, test_what_does_not_fit_is_said, STATISTICS_CSV,
			    STATISTICS_JSON + 1);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
