/* What HAProxy's runtime socket says of its servers: real answers, odd ones, and cut ones. */
#include <stdio.h>

#include "agent/core/wire/runtime.h"
#include "tests/unit/run.h"

/*
 * HAProxy 2.6.12 as it answered, but for more sessions of a/s4 and b/s1 and less of `show info`.
 * a/s1 fails its check; b/drained and b/mainted were set so.
 */
static const char answer_26[] =
	"1\n"
	"# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iw"
	"eight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_"
	"check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord s"
	"rv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"
	"2 a 1 s1 127.0.0.1 0 0 1 1 4 8 2 0 6 0 0 0 - 39111 - 0 0 - - 0\n"
	"2 a 2 s2 127.0.0.1 0 5 7 7 4 1 0 0 8 0 0 0 - 39112 - 0 0 - - 0\n"
	"2 a 3 s3 127.0.0.1 2 0 0 0 4 1 0 2 0 0 0 0 - 39113 - 0 0 - - 0\n"
	"2 a 4 s4 127.0.0.1 2 0 1 1 4 1 0 2 0 0 0 0 - 39114 - 0 0 - - 0\n"
	"3 b 1 s1 127.0.0.1 2 0 256 256 4 1 0 2 0 0 0 0 - 39111 - 0 0 - - 0\n"
	"3 b 2 drained 127.0.0.1 2 8 1 1 0 1 0 2 0 0 0 0 - 39115 - 0 0 - - 0\n"
	"3 b 3 mainted 127.0.0.1 0 1 1 1 0 1 0 0 0 0 0 0 - 39116 - 0 0 - - 0\n"
	"\n"
	"# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,"
	"wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttl"
	"e,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_"
	"1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_to"
	"t,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,"
	"ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_ris"
	"e,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_"
	"rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache"
	"_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_"
	"conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,a"
	"gg_check_status,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake,h2_headers_rcvd,h2_data_"
	"rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd,h2_detected_conn_protocol_errors"
	",h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,"
	"h2_backend_open_streams,h2_total_connections,h2_backend_total_streams,h1_open_connection"
	"s,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spli"
	"ced_bytes_in,h1_spliced_bytes_out,\n"
	"a,s1,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,1,1,0,1,1,4,4,,1,2,1,,0,,2,0,,0,L4CON,,0,,,,,,,,,,,"
	"0,0,,,,,-1,Connection refused,,0,0,0,0,,,,Layer4 connection problem,,2,3,0,,,,127.0.0.1:"
	"39111,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,1,1,,,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"a,s2,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,7,1,0,,,4,,,1,2,2,,0,,2,0,,0,,,,,,,,,,,,,,0,0,,,,,"
	"-1,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39112,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,0,7,,,,-,"
	"0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"a,s3,0,0,0,0,,0,0,0,,0,,0,0,0,0,no check,0,1,0,,,4,,,1,2,3,,0,,2,0,,0,,,,,,,,,,,,,,0,0,,"
	",,,-1,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39113,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,0,0,,,"
	",-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"a,s4,0,0,12345,20000,,70000,0,0,,0,,0,0,1,0,no check,1,1,0,,,4,,,1,2,4,,1,,2,1,,1,,,,,,,"
	",,,,,,,0,0,,,,,0,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39114,,tcp,,,,,,,,0,1,0,,,0,,0,0,0,0,0,0"
	",0,0,1,1,,,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"b,s1,0,0,3,4,,5,0,0,,0,,0,0,0,0,no check,256,1,0,,,4,,,1,3,1,,0,,2,0,,0,,,,,,,,,,,,,,0,0"
	",,,,,-1,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39111,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,0,25"
	"6,,,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"b,drained,0,0,0,0,,0,0,0,,0,,0,0,0,0,DRAIN,1,1,0,,,0,,,1,3,2,,0,,2,0,,0,,,,,,,,,,,,,,0,0"
	",,,,,-1,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39115,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,0,1,"
	",,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"b,mainted,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,1,1,0,,,0,,,1,3,3,,0,,2,0,,0,,,,,,,,,,,,,,0,0"
	",,,,,-1,,,0,0,0,0,,,,,,,,,,,,127.0.0.1:39116,,tcp,,,,,,,,0,0,0,,,0,,0,0,0,0,0,0,0,0,0,1,"
	",,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,\n"
	"\n"
	"Name: HAProxy\n"
	"Version: 2.6.12-1+deb12u4\n"
	"Release_date: 2026/10/17\n"
	"Nbthread: 2\n"
	"Nbproc: 1\n"
	"Process_num: 1\n"
	"Pid: 16134\n"
	"Uptime: 0d 0h00m04s\n"
	"Uptime_sec: 4\n"
	"Memmax_MB: 0\n"
	"PoolAlloc_MB: 0\n"
	"PoolUsed_MB: 0\n"
	"Unstoppable Jobs: 0\n"
	"node: vm\n"
	"Stopping: 0\n"
	"Build info: 2.6.12-1+deb12u4\n"
	"Tainted: 0\n"
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
	{ "newer statistics: columns between and behind",
	  "# pxname,svname,qcur,new1,qmax,scur,smax,slim,agg_check_status,new2,-,ssl_sess,\n"
	  "b,s,0,99,0,42,50,,,7,-,0,\n",
	  { { "b", "s", false, 0, 0, true, 42 } } },
	{ "quoted fields behind",
	  "# pxname,svname,scur,last_chk,x\nb,s,7,\"a, \"\"b\"\", 9\",1\n",
	  { { "b", "s", false, 0, 0, true, 7 } } },
	{ "columns in another order",
	  "# srv_uweight srv_name srv_admin_state be_name srv_op_state\n9 s 0 b 2\n",
	  { { "b", "s", true, RUNTIME_UP, 9, false, 0 } } },
	{ "sessions first, in another order",
	  "# scur,svname,pxname\n5,s,b\n\n# be_name srv_name srv_op_state srv_admin_state "
	  "srv_uweight\nb s 2 0 1\n",
	  { { "b", "s", false, 0, 0, true, 5 }, { "b", "s", true, RUNTIME_UP, 1, false, 0 } } },
	{ "statistics instead of states",
	  "# pxname,svname,srv_op_state,srv_uweight\nb,s,2,1\n",
	  { { 0 } } },
	{ "empty fields",
	  "# pxname,svname,scur\n,,\nb,s,\n,,5\n",
	  { { "", "", false, 0, 0, true, 5 } } },
	{ "fewer fields than columns", "# pxname,svname,scur\nb\nb,s\n\n", { { 0 } } },
	{ "CR LF, and blanks in runs",
	  "# be_name  srv_name srv_op_state srv_admin_state srv_uweight\r\n b  s 2  0 1 \r\n",
	  { { "b", "s", true, RUNTIME_UP, 1, false, 0 } } },
	{ "bytes that are no text",
	  "\xff\x01\n# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb\xff s\x01 2 0 "
	  "1\n",
	  { { "b\xff", "s\x01", true, RUNTIME_UP, 1, false, 0 } } },
	{ "no header", "2 a 1 s1 127.0.0.1 2 0 1\n", { { 0 } } },
	{ "a column is missing",
	  "# be_name srv_name srv_op_state srv_admin_state\nb s 2 0\n",
	  { { 0 } } },
	{ "the line is too short",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0\n",
	  { { 0 } } },
	{ "an error instead", "Unknown command: 'show servers state'\n", { { 0 } } },
	{ "permission denied", "Permission denied\n\n", { { 0 } } },
	{ "weight is no number",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 x\n",
	  { { 0 } } },
	{ "weight above 256",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 257\n",
	  { { 0 } } },
	{ "no such state",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 4 0 1\n",
	  { { 0 } } },
	{ "negative",
	  "# be_name srv_name srv_op_state srv_admin_state srv_uweight\nb s 2 0 -1\n",
	  { { 0 } } },
	{ "sessions do not fit", "# pxname,svname,scur\nb,s,4294967296\n", { { 0 } } },
	{ "most sessions that fit",
	  "# pxname,svname,scur\nb,s,4294967295\n",
	  { { "b", "s", false, 0, 0, true, UINT32_MAX } } },
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
	int n = snprintf(answer, sizeof(answer), "# pxname,svname,scur");

	for (int i = 0; i < 3000; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, ",c%d", i);
	n += snprintf(answer + n, sizeof(answer) - (size_t)n, "\nb,s,1");
	for (int i = 0; i < 3000; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, ",0");
	snprintf(answer + n, sizeof(answer) - (size_t)n, "\nb,t,2\n");
	runtime_reader_init(&r, str_of(answer));
	ck_assert(runtime_reader_next(&r, &s));
	ck_assert_uint_eq(s.sessions, 1);
	ck_assert(runtime_reader_next(&r, &s));
	ck_assert(str_is(s.server, "t"));
	ck_assert(!runtime_reader_next(&r, &s));
}
END_TEST

static const struct {
	const char *key, *value; /* NULL: there is none */
} infos[] = {
	{ "Pid", "16134" },    { "Uptime_sec", "4" },		{ "Version", "2.6.12-1+deb12u4" },
	{ "Name", "HAProxy" }, { "Unstoppable Jobs", "0" },	{ "Upt", NULL },
	{ "pid", NULL },       { "Uptime: 0d 0h00m04s", NULL }, { "", NULL },
};

/* `show info` comes behind the tables. */
START_TEST(test_info)
{
	struct str value = runtime_info(str_of(answer_26), infos[_i].key);

	ck_assert_int_eq(value.p != NULL, infos[_i].value != NULL);
	ck_assert(str_is(value, infos[_i].value));
}
END_TEST

START_TEST(test_no_info)
{
	ck_assert_ptr_null(runtime_info((struct str){ 0 }, "Pid").p);
	ck_assert_ptr_null(runtime_info(STR("Pid: 47"), "Pid").p);
	ck_assert_ptr_null(runtime_info(STR("Pid:\nPid\n: \n"), "Pid").p);
	assert_str(runtime_info(STR("xPid: 1\nPid:2\nPid: 3\n"), "Pid"), "3");
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
	tcase_add_loop_test(tcase, test_info, 0, N_ROWS(infos));
	tcase_add_test(tcase, test_no_info);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
