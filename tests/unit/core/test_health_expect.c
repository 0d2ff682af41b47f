/* Answers of servers held against what a script expects: whole, and cut at every byte. */
#include "tests/unit/core/health_world.h"

#define TCP "backend b\noption tcp-check\ntcp-check expect "
#define HTTP "backend b\noption httpchk\n"
#define OK "HTTP/1.0 200 OK\r\n"

/* What the check says as long as nothing more but the rest of the answer is to come. */
static const struct {
	const char *name, *lines, *answer;
	size_t n;	/* bytes of it; 0: strlen */
	size_t decided; /* with so many bytes it is known, with one less not; 0: at the end alone */
	enum script_result result;
	enum health_status status;
	int code;
	const char *info;
} rows[] = {
	{ "a string, somewhere", TCP "string foo\n", "xxfooyy", 0, 5, SCRIPT_PASS, HEALTH_L7OK, 0,
	  "(tcp-check)" },
	{ "a string that does not come", TCP "string foo\n", "barbar", 0, 0, SCRIPT_FAIL,
	  HEALTH_L7RSP, 0, "TCPCHK did not match content 'foo' at step 1" },
	{ "a string behind a NUL", TCP "string foo\n", "a\0foo", 5, 5, SCRIPT_PASS, HEALTH_L7OK, 0,
	  "(tcp-check)" },
	{ "an unwanted string", TCP "! string foo\n", "xfoo", 0, 4, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "TCPCHK matched unwanted content 'foo' at step 1" },
	{ "an unwanted string that does not come", TCP "!string foo\n", "bar", 0, 0, SCRIPT_PASS,
	  HEALTH_L7OK, 0, "(tcp-check)" },
	{ "nothing at all", TCP "string foo\n", "", 0, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "TCPCHK got an empty response at step 1" },
	{ "nothing unwanted, because nothing came", TCP "! string foo\n", "", 0, 0, SCRIPT_FAIL,
	  HEALTH_L7RSP, 0, "TCPCHK got an empty response at step 1" },
	{ "min-recv decides as soon as they are there", TCP "min-recv 3 string zzzz\n", "foobar", 0,
	  3, SCRIPT_FAIL, HEALTH_L7RSP, 0, "TCPCHK did not match content 'zzzz' at step 1" },
	{ "min-recv above the string's length is the string's length",
	  TCP "min-recv 9 string foo\n", "foobar", 0, 3, SCRIPT_PASS, HEALTH_L7OK, 0,
	  "(tcp-check)" },
	{ "min-recv holds a match back", TCP "min-recv 6 rstring foo\n", "foobar", 0, 6,
	  SCRIPT_PASS, HEALTH_L7OK, 0, "(tcp-check)" },
	{ "the end comes before min-recv", TCP "min-recv 30 rstring foo\n", "foobar", 0, 0,
	  SCRIPT_PASS, HEALTH_L7OK, 0, "(tcp-check)" },
	{ "a regular expression", TCP "rstring fo+b\n", "xfoob", 0, 5, SCRIPT_PASS, HEALTH_L7OK, 0,
	  "(tcp-check)" },
	{ "an unwanted one", TCP "! rstring fo+\n", "xfo", 0, 3, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "TCPCHK matched unwanted content (regex) at step 1" },
	{ "bytes", TCP "binary 20020002\n", "\x20\2\0\2", 4, 4, SCRIPT_PASS, HEALTH_L7OK, 0,
	  "(tcp-check)" },
	{ "other bytes, with a comment", TCP "comment conn\\ ack binary 20020002\n", "\x20\2\0\3",
	  4, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "TCPCHK did not match content (binary) at step 1 comment: conn ack" },
	{ "bytes as capital digits", TCP "rbinary ^2A..FF\n", "*\1\xff", 3, 3, SCRIPT_PASS,
	  HEALTH_L7OK, 0, "(tcp-check)" },
	{ "bytes are no small digits", TCP "rbinary ^2a\n", "*", 0, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "TCPCHK did not match content (binary regex) at step 1" },
	{ "statuses and words of one's own",
	  TCP "error-status L7STS on-error no\\ 100%% string foo\n", "x", 0, 0, SCRIPT_FAIL,
	  HEALTH_L7STS, 0, "no 100%" },
	{ "a conditional success", TCP "ok-status L7OKC on-success hm string f\n", "f", 0, 1,
	  SCRIPT_PASS, HEALTH_L7OKC, 0, "hm" },

	{ "2xx without a line of its own", HTTP, OK "\r\nx", 0, 19, SCRIPT_PASS, HEALTH_L7OK, 200,
	  "" },
	{ "399 too", HTTP, "HTTP/1.1 399 x\n\n", 0, 16, SCRIPT_PASS, HEALTH_L7OK, 399, "" },
	{ "100 is no answer", HTTP, "HTTP/1.1 100 Continue\r\n\r\n", 0, 25, SCRIPT_FAIL,
	  HEALTH_L7STS, 100, "Continue" },
	{ "503", HTTP, "HTTP/1.0 503 Service Unavailable\r\nA: b\r\n\r\n", 0, 42, SCRIPT_FAIL,
	  HEALTH_L7STS, 503, "Service Unavailable" },
	{ "no reason", HTTP, "HTTP/1.0 500\r\n\r\n", 0, 16, SCRIPT_FAIL, HEALTH_L7STS, 500, "" },
	{ "no HTTP", HTTP, "garbage\r\n\r\n", 0, 1, SCRIPT_FAIL, HEALTH_L7RSP, 0, "" },
	{ "no status", HTTP, "HTTP/1.0 foo\r\n\r\n", 0, 14, SCRIPT_FAIL, HEALTH_L7RSP, 0, "" },
	{ "a line that is no header", HTTP, OK "foo\r\n\r\n", 0, 22, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "" },
	{ "closed within the head", HTTP, OK "A: b\r\n", 0, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0, "" },
	{ "closed without a word", HTTP, "", 0, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0, "" },
	{ "a list of codes", HTTP "http-check expect status 200,300-310\n",
	  "HTTP/1.0 305 x\r\n\r\n", 0, 18, SCRIPT_PASS, HEALTH_L7OK, 305, "" },
	{ "a code beside them", HTTP "http-check expect comment hey status 201,300-310\n",
	  OK "\r\n", 0, 19, SCRIPT_FAIL, HEALTH_L7STS, 200, "OK comment: hey" },
	{ "an unwanted code", HTTP "http-check expect ! rstatus ^5\n", "HTTP/1.0 503 x\r\n\r\n", 0,
	  18, SCRIPT_FAIL, HEALTH_L7STS, 503, "x" },
	{ "a string in the body", HTTP "http-check expect string lo\n", OK "\r\nhello!", 0, 24,
	  SCRIPT_PASS, HEALTH_L7OK, 200, "" },
	{ "a string in a header is none in the body", HTTP "http-check expect string lo\n",
	  OK "X: lo\r\n\r\nhe", 0, 0, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "HTTP content check did not match" },
	{ "a body that ends at its length", HTTP "http-check expect string foo\n",
	  OK "Content-Length: 2\r\n\r\nfoo", 0, 40, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "HTTP content check did not match" },
	{ "a body in chunks", HTTP "http-check expect string foo\n",
	  OK "Transfer-Encoding: chunked\r\n\r\n2\r\nfo\r\n1;x\r\no\r\n0\r\n\r\n", 0, 60,
	  SCRIPT_PASS, HEALTH_L7OK, 200, "" },
	{ "no body", HTTP "http-check expect ! string foo\n", OK "Content-Length: 0\r\n\r\n", 0, 38,
	  SCRIPT_FAIL, HEALTH_L7RSP, 0, "HTTP content check could not find a response body" },
	{ "an unwanted string in the body", HTTP "http-check expect ! rstring l+o\n",
	  OK "\r\nhello", 0, 24, SCRIPT_FAIL, HEALTH_L7RSP, 0,
	  "HTTP check matched unwanted content" },
	{ "404 drains", HTTP "http-check disable-on-404\n", "HTTP/1.0 404 x\r\n\r\n", 0, 18,
	  SCRIPT_PASS, HEALTH_L7OKC, 404, "" },
};

static size_t
expect_step(void)
{
	for (size_t i = 0; i < script.n_steps; i++)
		if (script.steps[i].op == SCRIPT_EXPECT)
			return i;
	ck_abort_msg("nothing is expected");
}

START_TEST(answers_are_judged_as_haproxy_judges_them)
{
	const uint8_t *p = (const uint8_t *)rows[_i].answer;
	size_t n = rows[_i].n ? rows[_i].n : strlen(rows[_i].answer), step;
	size_t decided = rows[_i].decided ? rows[_i].decided : n + 1;
	struct health_answer a = { 0 };

	compile_all(rows[_i].lines);
	ck_assert_msg(report.n == 0, "%s", report.n ? report.findings[0].text : "");
	step = expect_step();
	ck_assert_uint_le(rows[_i].decided, n);
	for (size_t cut = 0; cut <= n; cut++) {
		enum script_result result = script_expect(&script, step, p, cut, false, true, &a);

		ck_assert_msg(result == (cut < decided ? SCRIPT_MORE : rows[_i].result),
			      "%s: %d after %zu bytes", rows[_i].name, result, cut);
	}
	ck_assert_int_eq(script_expect(&script, step, p, n, true, true, &a), rows[_i].result);
	ck_assert_str_eq(health_word(a.status), health_word(rows[_i].status));
	ck_assert_int_eq(a.code, rows[_i].code);
	ck_assert_str_eq(a.info, rows[_i].info);
	forget_all();
}
END_TEST

START_TEST(only_a_server_that_is_up_drains)
{
	static const char answer[] = "HTTP/1.0 404 x\r\n\r\n";
	struct health_answer a;

	compile_all(HTTP "http-check disable-on-404\n");
	ck_assert_int_eq(script_expect(&script, 2, (const uint8_t *)answer, sizeof(answer) - 1,
				       false, false, &a),
			 SCRIPT_FAIL);
	ck_assert_int_eq(a.status, HEALTH_L7STS);
	forget_all();
}
END_TEST

START_TEST(an_answer_without_end_is_cut)
{
	static uint8_t answer[SCRIPT_ANSWER_MAX];
	struct health_answer a;

	memset(answer, 'y', sizeof(answer));
	compile_all(TCP "string q\n");
	ck_assert_int_eq(script_expect(&script, 1, answer, sizeof(answer) - 1, false, true, &a),
			 SCRIPT_MORE);
	ck_assert_int_eq(script_expect(&script, 1, answer, sizeof(answer), false, true, &a),
			 SCRIPT_FAIL);
	forget_all();
}
END_TEST

static const struct {
	const char *lines;
	enum health_status status;
	const char *info;
} ends[] = {
	{ "backend b\n", HEALTH_L4OK, "" },
	{ "backend b\noption tcp-check\n", HEALTH_L4OK, "" },
	{ "backend b\noption tcp-check\ntcp-check connect\n", HEALTH_L4OK, "(tcp-check)" },
	{ "backend b\noption tcp-check\ntcp-check send x\n", HEALTH_L7OK, "(tcp-check)" },
};

START_TEST(scripts_that_expect_nothing_pass)
{
	struct health_answer a;

	compile_all(ends[_i].lines);
	script_done(&script, false, &a);
	ck_assert_int_eq(a.status, ends[_i].status);
	ck_assert_str_eq(a.info, ends[_i].info);
	forget_all();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health expect");
	TCase *tcase = tcase_create("answers");

	tcase_add_loop_test(tcase, answers_are_judged_as_haproxy_judges_them, 0, N_ROWS(rows));
	tcase_add_test(tcase, only_a_server_that_is_up_drains);
	tcase_add_test(tcase, an_answer_without_end_is_cut);
	tcase_add_loop_test(tcase, scripts_that_expect_nothing_pass, 0, N_ROWS(ends));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
