/* What HAProxy's runtime socket says of its servers: real answers, odd ones, and cut ones. */
#include <stdio.h>

#include "agent/core/wire/runtime.h"
#include "tests/unit/run.h"

/* HAProxy 2.6.12, to the byte. a/s1 fails its check, b/drained and b/mainted were set so. */
static const char answer_26[] =
	"1\n"
	"# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
	"srv_iweight srv_time_since_last_change srv_check_status srv_check_result "
	"srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn "
	"srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr "
	"srv_agent_port\n"
	"2 a 1 s1 127.0.0.1 0 0 1 1 4 8 2 0 6 0 0 0 - 39111 - 0 0 - - 0\n"
	"2 a 2 s2 127.0.0.1 0 5 7 7 4 1 0 0 8 0 0 0 - 39112 - 0 0 - - 0\n"
	"2 a 3 s3 127.0.0.1 2 0 0 0 4 1 0 2 0 0 0 0 - 39113 - 0 0 - - 0\n"
	"2 a 4 s4 127.0.0.1 2 0 1 1 4 1 0 2 0 0 0 0 - 39114 - 0 0 - - 0\n"
	"3 b 1 s1 127.0.0.1 2 0 256 256 4 1 0 2 0 0 0 0 - 39111 - 0 0 - - 0\n"
	"3 b 2 drained 127.0.0.1 2 8 1 1 0 1 0 2 0 0 0 0 - 39115 - 0 0 - - 0\n"
	"3 b 3 mainted 127.0.0.1 0 1 1 1 0 1 0 0 0 0 0 0 - 39116 - 0 0 - - 0\n"
	"\n"
	"# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
	"safe_nb idle_lim idle_cur idle_per_thr[2]\n"
	"a/s1 2/1 127.0.0.1 39111 - 5000 0 1 1 0 0 -1 0 0 0\n"
	"a/s2 2/2 127.0.0.1 39112 - 5000 0 0 0 0 0 -1 0 0 0\n"
	"a/s3 2/3 127.0.0.1 39113 - 5000 0 0 0 0 0 -1 0 0 0\n"
	"a/s4 2/4 127.0.0.1 39114 - 5000 12345 20000 0 0 0 -1 0 0 0\n"
	"b/s1 3/1 127.0.0.1 39111 - 5000 3 4 0 0 0 -1 0 0 0\n"
	"b/drained 3/2 127.0.0.1 39115 - 5000 0 0 0 0 0 -1 0 0 0\n"
	"b/mainted 3/3 127.0.0.1 39116 - 5000 0 0 0 0 0 -1 0 0 0\n"
	"\n";

struct expected {
	const char *backend, *server;
	bool has_state;
	enum runtime_state state;
	uint16_t weight;
	bool has_sessions;
	uint32_t sessions;
};

static const struct expected expected_26[] = {
	{ "a", "s1", true, RUNTIME_DOWN, 1, false, 0 },
	{ "a", "s2", true, RUNTIME_MAINT, 7, false, 0 },
	{ "a", "s3", true, RUNTIME_UP, 0, false, 0 },
	{ "a", "s4", true, RUNTIME_UP, 1, false, 0 },
	{ "b", "s1", true, RUNTIME_UP, 256, false, 0 },
	{ "b", "drained", true, RUNTIME_DRAIN, 1, false, 0 },
	{ "b", "mainted", true, RUNTIME_MAINT, 1, false, 0 },
	{ "a", "s1", false, 0, 0, true, 0 },
	{ "a", "s2", false, 0, 0, true, 0 },
	{ "a", "s3", false, 0, 0, true, 0 },
	{ "a", "s4", false, 0, 0, true, 12345 },
	{ "b", "s1", false, 0, 0, true, 3 },
	{ "b", "drained", false, 0, 0, true, 0 },
	{ "b", "mainted", false, 0, 0, true, 0 },
};

static void
assert_server(const struct runtime_server *s, const struct expected *e)
{
	ck_assert(str_is(s->backend, e->backend));
	ck_assert(str_is(s->server, e->server));
	ck_assert_int_eq(s->has_state, e->has_state);
	ck_assert_int_eq(s->has_sessions, e->has_sessions);
	if (e->has_state) {
		ck_assert_int_eq(s->state, e->state);
		ck_assert_uint_eq(s->weight, e->weight);
	}
	if (e->has_sessions)
		ck_assert_uint_eq(s->sessions, e->sessions);
}

START_TEST(test_haproxy_26)
{
	struct runtime_reader r;
	struct runtime_server s;

	runtime_reader_init(&r, str_of(answer_26));
	for (int i = 0; i < N_ROWS(expected_26); i++) {
		ck_assert(runtime_reader_next(&r, &s));
		assert_server(&s, &expected_26[i]);
	}
	ck_assert(!runtime_reader_next(&r, &s));
	ck_assert(!runtime_reader_next(&r, &s));
}
END_TEST

/*
 * HAProxy died while it answered. Whatever is still said must be true: each server given is the
 * one the whole answer gives at that place, so a half-read weight is never taken for a whole one.
 */
START_TEST(test_cut_short)
{
	for (size_t n = 0; n < sizeof(answer_26) - 1; n++) {
		char *cut = malloc(n + !n);
		struct runtime_reader r;
		struct runtime_server s;
		int i = 0;

		memcpy(cut, answer_26, n);
		runtime_reader_init(&r, (struct str){ cut, n });
		for (; runtime_reader_next(&r, &s); i++)
			assert_server(&s, &expected_26[i]);
		ck_assert_int_lt(i, N_ROWS(expected_26) + 1);
		free(cut);
	}
}
END_TEST

/* One server of each table; what newer versions add, and what nobody has written yet. */
static const struct {
	const char *name, *answer;
	struct expected expected[2]; /* backend NULL: no more */
} rows[] = {
	{ "newer: served and idle_sess",
	  "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est "
	  "unsafe_nb safe_nb idle_lim idle_cur idle_sess idle_per_thr[2]\n"
	  "b/s 3/1 127.0.0.1 39111 - 5000 77 42 50 0 0 0 -1 0 0 0 0\n",
	  { { "b", "s", false, 0, 0, true, 42 } } },
	{ "columns in another order",
	  "# srv_uweight srv_name srv_admin_state be_name srv_op_state\n9 s 0 b 2\n",
	  { { "b", "s", true, RUNTIME_UP, 9, false, 0 } } },
	{ "sessions first, in another order",
	  "# used_cur bkname/svname\n5 b/s\n\n# be_name srv_name srv_op_state srv_admin_state "
	  "srv_uweight\nb s 2 0 1\n",
	  { { "b", "s", false, 0, 0, true, 5 }, { "b", "s", true, RUNTIME_UP, 1, false, 0 } } },
	{ "CR LF, and blanks in runs",
	  "# be_name  srv_name srv_op_state srv_admin_state srv_uweight\r\n b  s 2  0 1 \r\n",
	  { { "b", "s", true, RUNTIME_UP, 1, false, 0 } } },
	{ "bytes that are no text",
	  "\xff\x01\n# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb\xff s\x01 2 0 "
	  "1\n",
	  { { "b\xff", "s\x01", true, RUNTIME_UP, 1, false, 0 } } },
	{ "no header", "2 a 1 s1 127.0.0.1 2 0 1\n", { { 0 } } },
	{ "a column is missing", "# be_name srv_name srv_op_state srv_admin_state\nb s 2 0\n",
	  { { 0 } } },
	{ "the line is too short",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0\n", { { 0 } } },
	{ "an error instead", "Unknown command: 'show servers state'\n", { { 0 } } },
	{ "permission denied", "Permission denied\n\n", { { 0 } } },
	{ "weight is no number",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 x\n", { { 0 } } },
	{ "weight above 256",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 257\n", { { 0 } } },
	{ "no such state",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 4 0 1\n", { { 0 } } },
	{ "negative", "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 -1\n",
	  { { 0 } } },
	{ "sessions do not fit", "# bkname/svname used_cur\nb/s 4294967296\n", { { 0 } } },
	{ "most sessions that fit", "# bkname/svname used_cur\nb/s 4294967295\n",
	  { { "b", "s", false, 0, 0, true, UINT32_MAX } } },
	{ "no slash", "# bkname/svname used_cur\nbs 1\n", { { 0 } } },
	{ "a header alone", "#\n#\n# \n", { { 0 } } },
	{ "nothing", "", { { 0 } } },
};

START_TEST(test_row)
{
	struct runtime_reader r;
	struct runtime_server s;

	runtime_reader_init(&r, str_of(rows[_i].answer));
	for (int i = 0; i < 2 && rows[_i].expected[i].backend; i++) {
		ck_assert_msg(runtime_reader_next(&r, &s), "%s", rows[_i].name);
		assert_server(&s, &rows[_i].expected[i]);
	}
	ck_assert_msg(!runtime_reader_next(&r, &s), "%s", rows[_i].name);
}
END_TEST

/* Management guide, "show servers state": each bit of srv_admin_state, beside each op state. */
static const struct {
	const char *name;
	unsigned op, admin;
	enum runtime_state state;
} states[] = {
	{ "stopped", 0, 0, RUNTIME_DOWN },
	{ "starting", 1, 0, RUNTIME_UP },
	{ "running", 2, 0, RUNTIME_UP },
	{ "stopping", 3, 0, RUNTIME_DRAIN },
	{ "forced maintenance", 2, 0x01, RUNTIME_MAINT },
	{ "inherited maintenance", 2, 0x02, RUNTIME_MAINT },
	{ "disabled in the file", 2, 0x04, RUNTIME_MAINT },
	{ "forced drain", 2, 0x08, RUNTIME_DRAIN },
	{ "inherited drain", 2, 0x10, RUNTIME_DRAIN },
	{ "name does not resolve", 2, 0x20, RUNTIME_MAINT },
	{ "maintenance while stopped", 0, 0x01, RUNTIME_MAINT },
	{ "drain while stopped: dead is more", 0, 0x08, RUNTIME_DOWN },
	{ "drain and maintenance", 2, 0x09, RUNTIME_MAINT },
	{ "both drains", 2, 0x18, RUNTIME_DRAIN },
	{ "drain while starting", 1, 0x10, RUNTIME_DRAIN },
};

START_TEST(test_states)
{
	char answer[160];
	struct runtime_reader r;
	struct runtime_server s;

	snprintf(answer, sizeof(answer),
		 "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s %u %u 1\n",
		 states[_i].op, states[_i].admin);
	runtime_reader_init(&r, str_of(answer));
	ck_assert(runtime_reader_next(&r, &s));
	ck_assert_msg(s.state == states[_i].state, "%s", states[_i].name);
}
END_TEST

/* More columns than anybody has: those in reach are read, the rest is passed over. */
START_TEST(test_many_columns)
{
	static char answer[40000];
	struct runtime_reader r;
	struct runtime_server s;
	int n = snprintf(answer, sizeof(answer), "# bkname/svname used_cur");

	for (int i = 0; i < 3000; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, " c%d", i);
	n += snprintf(answer + n, sizeof(answer) - (size_t)n, "\nb/s 1");
	for (int i = 0; i < 3000; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, " 0");
	snprintf(answer + n, sizeof(answer) - (size_t)n, "\nb/t 2\n");
	runtime_reader_init(&r, str_of(answer));
	ck_assert(runtime_reader_next(&r, &s));
	ck_assert_uint_eq(s.sessions, 1);
	ck_assert(runtime_reader_next(&r, &s));
	ck_assert(str_is(s.server, "t"));
	ck_assert(!runtime_reader_next(&r, &s));
}
END_TEST

/* `show info` comes behind the tables, which pass it over; each reader finds its own. */
START_TEST(test_info)
{
	static const char info[] = "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 4711\n"
				   "Uptime: 0d 0h00m04s\nUptime_sec: 4\nnode: a/b 1 2 3 4 5 6 7\n"
				   "description: \nCut: sho";
	char answer[sizeof(answer_26) + sizeof(info)];
	struct runtime_reader r;
	struct runtime_server s;
	int n = 0;

	snprintf(answer, sizeof(answer), "%s%s", answer_26, info);
	runtime_reader_init(&r, str_of(answer));
	while (runtime_reader_next(&r, &s))
		n++;
	ck_assert_int_eq(n, N_ROWS(expected_26));
	assert_str(runtime_info(str_of(answer), "Pid"), "4711");
	assert_str(runtime_info(str_of(answer), "Uptime_sec"), "4");
	assert_str(runtime_info(str_of(answer), "Version"), "2.6.12-1+deb12u4");
	ck_assert_ptr_null(runtime_info(str_of(answer), "Upt").p);
	ck_assert_ptr_null(runtime_info(str_of(answer), "Cut").p);
	ck_assert_ptr_null(runtime_info((struct str){ 0 }, "Pid").p);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("runtime");
	TCase *tcase = tcase_create("runtime");

	tcase_add_test(tcase, test_haproxy_26);
	tcase_add_test(tcase, test_cut_short);
	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_states, 0, N_ROWS(states));
	tcase_add_test(tcase, test_many_columns);
	tcase_add_test(tcase, test_info);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
