/*
 * The lines of health checks: faults in HAProxy 2.6's own words (it was asked), and what sound ones
 * are compiled to.
 */
#include "tests/unit/core/health_world.h"

#define HEAD "backend b\n"
#define HTTP HEAD "option httpchk\n"
#define TCP HEAD "option tcp-check\n"

static const struct {
	const char *lines, *alert; /* NULL: none */
} rows[] = {
	{ HEAD "option httpchk GET\n", NULL },
	{ HTTP "http-check\n", "parsing [h.cfg:3] : 'http-check' only supports 'disable-on-404', "
			       "'send-state', 'comment', 'connect', 'send', 'expect', "
			       "'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got ''" },
	{ HTTP "http-check foo\n",
	  "parsing [h.cfg:3] : 'http-check' only supports 'disable-on-404', 'send-state', "
	  "'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. "
	  "but got 'foo'" },
	{ HTTP "http-check expect\n", "parsing [h.cfg:3] : 'http-check expect' : expects at least "
				      "a matching pattern as arguments." },
	{ HTTP "http-check expect foo bar\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'only supports min-recv, [!]string', "
	  "'[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but "
	  "got 'foo' as argument.." },
	{ HTTP "http-check expect status\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'status' expects a <pattern> as argument." },
	{ HTTP "http-check expect status abc\n",
	  "parsing [h.cfg:3] : 'http-check expect' : invalid character 'a' in the list of status "
	  "codes." },
	{ HTTP "http-check expect status 200-\n",
	  "parsing [h.cfg:3] : 'http-check expect' : invalid range of status codes '200-'." },
	{ HTTP "http-check expect status 300-200\n",
	  "parsing [h.cfg:3] : 'http-check expect' : invalid range of status codes '300-200'." },
	{ HTTP "http-check expect rstatus [\n",
	  "parsing [h.cfg:3] : 'http-check expect' : regex '[' is invalid (error=missing "
	  "terminating ] for character class, erroffset=1)." },
	{ HTTP "http-check expect rstring (\n",
	  "parsing [h.cfg:3] : 'http-check expect' : regex '(' is invalid (error=missing closing "
	  "parenthesis, erroffset=1)." },
	{ HTTP "http-check expect string\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'string' expects a <pattern> as argument." },
	{ HTTP "http-check expect ! status 200\n", NULL },
	{ HTTP "http-check expect status 200 foo\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'only supports min-recv, [!]string', "
	  "'[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but "
	  "got 'foo' as argument.." },
	{ HTTP "http-check expect min-recv\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'min-recv' expects a integer as argument." },
	{ HTTP "http-check expect min-recv x string a\n", NULL },
	{ HTTP "http-check expect min-recv -2 string a\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'min-recv' expects -1 or an integer from 0 to "
	  "INT_MAX." },
	{ HTTP "http-check expect comment\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'comment' expects a string as argument." },
	{ HTTP "http-check expect ok-status L7OKX string a\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'ok-status' only supports 'L4OK', 'L6OK', "
	  "'L7OK' or 'L7OKC' status (got 'L7OKX').." },
	{ HTTP "http-check expect ok-status L7OK string a\n", NULL },
	{ HTTP "http-check expect error-status L4OK string a\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'error-status' only supports 'L4CON', "
	  "'L6RSP', 'L7RSP' or 'L7STS' status (got 'L4OK').." },
	{ HTTP "http-check expect tout-status L7STS string a\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'tout-status' only supports 'L4TOUT', "
	  "'L6TOUT' or 'L7TOUT' status (got 'L7STS').." },
	{ HTTP "http-check expect header name a\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'only supports min-recv, [!]string', "
	  "'[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but "
	  "got 'header' as argument.." },
	{ HTTP "http-check expect binary 20\n",
	  "parsing [h.cfg:3] : 'http-check expect' : 'only supports min-recv, [!]string', "
	  "'[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but "
	  "got 'binary' as argument.." },
	{ HTTP "http-check expect string a string b\n",
	  "parsing [h.cfg:3] : 'http-check expect' : only on pattern expected." },
	{ HTTP "http-check send foo\n",
	  "parsing [h.cfg:3] : 'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', "
	  "'ver', 'hdr', 'body' or 'body-lf' but got 'foo' as argument.." },
	{ HTTP "http-check send meth\n",
	  "parsing [h.cfg:3] : 'http-check send' : 'meth' expects a string as argument.." },
	{ HTTP "http-check send meth \"\" uri\n",
	  "parsing [h.cfg:3] : 'http-check send' : 'meth' expects a string as argument.." },
	{ HTTP "http-check send hdr a\n", "parsing [h.cfg:3] : 'http-check send' : 'hdr' expects "
					  "<name> and <value> as arguments." },
	{ HTTP "http-check send hdr a:b c\n", NULL },
	{ HTTP "http-check send hdr Content-Length 3\n", NULL },
	{ HTTP "http-check send body\n",
	  "parsing [h.cfg:3] : 'http-check send' : 'body' expects a string as argument.." },
	{ HTTP "http-check send comment\n",
	  "parsing [h.cfg:3] : 'http-check send' : 'comment' expects a string as argument.." },
	{ HTTP "http-check connect port\n",
	  "parsing [h.cfg:3] : 'http-check connect' : 'port' expects a port number or a sample "
	  "expression as argument.." },
	{ HTTP "http-check connect port 0\n",
	  "parsing [h.cfg:3] : 'http-check connect' : expects a valid TCP port (from range 1 to "
	  "65535) or a sample expression, got 0.." },
	{ HTTP "http-check connect port 70000\n",
	  "parsing [h.cfg:3] : 'http-check connect' : expects a valid TCP port (from range 1 to "
	  "65535) or a sample expression, got 70000.." },
	{ HTTP "http-check connect addr\n",
	  "parsing [h.cfg:3] : 'http-check connect' : 'addr' expects <ipv4|ipv6> as argument.." },
	{ HTTP "http-check connect addr 1.2.3.4\n", NULL },
	{ HTTP "http-check connect addr 1.2.3.4:80\n", NULL },
	{ HTTP "http-check connect foo\n",
	  "parsing [h.cfg:3] : 'http-check connect' : expects 'comment', 'port', 'addr', "
	  "'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got 'foo' "
	  "as argument.." },
	{ HTTP "http-check comment\n",
	  "parsing [h.cfg:3] : 'http-check comment' : expects a string as argument." },
	{ HTTP "http-check comment a b\n", NULL },
	{ HTTP "http-check comment a\n", NULL },
	{ HTTP "http-check disable-on-404 foo\n",
	  "parsing [h.cfg:3] : 'http-check' cannot handle unexpected argument 'foo'." },
	{ HTTP "http-check send-state foo\n",
	  "parsing [h.cfg:3] : 'http-check' cannot handle unexpected argument 'foo'." },
	{ HTTP "http-check disable-on-404\n", NULL },
	{ HTTP "http-check send uri /x\nhttp-check connect\n",
	  "parsing [h.cfg:4] : 'http-check connect' : first step MUST also be a 'connect', "
	  "optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a "
	  "'connect' step in the tcp-check ruleset." },
	{ HTTP "http-check send uri /x\nhttp-check connect\n",
	  "parsing [h.cfg:4] : 'http-check connect' : first step MUST also be a 'connect', "
	  "optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a "
	  "'connect' step in the tcp-check ruleset." },
	{ HTTP "http-check connect\nhttp-check expect status 200\n",
	  "parsing [h.cfg:4] : 'http-check expect' : unable to add http-check expect rule at step "
	  "2 (missing send rule).." },
	{ HTTP "http-check expect status 200\nhttp-check expect string foo\n", NULL },
	{ HTTP "http-check expect status 200\nhttp-check send uri /x\n",
	  "parsing [h.cfg:4] : 'http-check send' : unable to add http-check send rule at step 2 "
	  "(missing connect rule).." },
	{ TCP "tcp-check\n",
	  "parsing [h.cfg:3] : 'tcp-check' only supports 'comment', 'connect', 'send', "
	  "'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got ''" },
	{ TCP "tcp-check foo\n", "parsing [h.cfg:3] : 'tcp-check' only supports 'comment', "
				 "'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', "
				 "'set-var(*)', 'unset-var(*)'. but got 'foo'" },
	{ TCP "tcp-check connect foo\n",
	  "parsing [h.cfg:3] : 'tcp-check connect' : expects 'comment', 'port', 'addr', "
	  "'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got 'foo' "
	  "as argument.." },
	{ TCP "tcp-check send\n",
	  "parsing [h.cfg:3] : 'tcp-check send' : 'string' expects a send as argument." },
	{ TCP "tcp-check send a b\n",
	  "parsing [h.cfg:3] : 'tcp-check send' : expects 'comment' but got 'b' as argument.." },
	{ TCP "tcp-check send a comment\n",
	  "parsing [h.cfg:3] : 'tcp-check send' : 'comment' expects a string as argument.." },
	{ TCP "tcp-check send a comment x y\n",
	  "parsing [h.cfg:3] : 'tcp-check send' : expects 'comment' but got 'y' as argument.." },
	{ TCP "tcp-check send \"\"\n",
	  "parsing [h.cfg:3] : 'tcp-check send' : 'string' expects a send as argument." },
	{ TCP "tcp-check send-binary\n", "parsing [h.cfg:3] : 'tcp-check send-binary' : 'binary "
					 "string' expects a send-binary as argument." },
	{ TCP "tcp-check send-binary abc\n",
	  "parsing [h.cfg:3] : 'tcp-check send-binary' : 'abc' invalid binary string (an even "
	  "number of hex digit is expected)." },
	{ TCP "tcp-check send-binary xx\n",
	  "parsing [h.cfg:3] : 'tcp-check send-binary' : 'xx' invalid binary string (an hex digit "
	  "is expected (found 'x'))." },
	{ TCP "tcp-check send-binary \"\"\n",
	  "parsing [h.cfg:3] : 'tcp-check send-binary' : 'binary string' expects a send-binary as "
	  "argument." },
	{ TCP "tcp-check expect\n", "parsing [h.cfg:3] : 'tcp-check expect' : expects at least a "
				    "matching pattern as arguments." },
	{ TCP "tcp-check expect string\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'string' expects a <pattern> as argument." },
	{ TCP "tcp-check expect foo x\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'only supports min-recv, '[!]binary', "
	  "'[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but "
	  "got 'foo' as argument.." },
	{ TCP "tcp-check expect string \"\"\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'string' expects a <pattern> as argument." },
	{ TCP "tcp-check expect binary x\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : invalid binary string (an even number of hex "
	  "digit is expected)." },
	{ TCP "tcp-check expect binary 0\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : invalid binary string (an even number of hex "
	  "digit is expected)." },
	{ TCP "tcp-check expect binary \"\"\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'binary' expects a <pattern> as argument." },
	{ TCP "tcp-check expect rbinary (\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : regex '(' is invalid (error=missing closing "
	  "parenthesis, erroffset=1)." },
	{ TCP "tcp-check expect rstring *\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : regex '*' is invalid (error=quantifier does "
	  "not follow a repeatable item, erroffset=0)." },
	{ TCP "tcp-check expect ! ! string a\n", NULL },
	{ TCP "tcp-check expect string a b\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'only supports min-recv, '[!]binary', "
	  "'[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but "
	  "got 'b' as argument.." },
	{ TCP "tcp-check expect status 200\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'only supports min-recv, '[!]binary', "
	  "'[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but "
	  "got 'status' as argument.." },
	{ TCP "tcp-check expect on-error foo string x\n", NULL },
	{ TCP "tcp-check expect on-success foo string x\n", NULL },
	{ TCP "tcp-check expect !string x\n", NULL },
	{ TCP "tcp-check expect !\n",
	  "parsing [h.cfg:3] : 'tcp-check expect' : 'only supports min-recv, '[!]binary', "
	  "'[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but "
	  "got '' as argument.." },
	{ TCP "tcp-check send a\ntcp-check connect\n",
	  "parsing [h.cfg:4] : 'tcp-check connect' : first step MUST also be a 'connect', "
	  "optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a "
	  "'connect' step in the tcp-check ruleset." },
	{ TCP "tcp-check comment x\ntcp-check connect\n", NULL },
	{ TCP "tcp-check expect string a\ntcp-check connect\n",
	  "parsing [h.cfg:4] : 'tcp-check connect' : first step MUST also be a 'connect', "
	  "optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a "
	  "'connect' step in the tcp-check ruleset." },
	{ HTTP "tcp-check send a\n", "backend 'b' uses tcp-check rules without 'option tcp-check', "
				     "so the rules are ignored." },
	{ TCP "http-check send uri /x\n",
	  "backend 'b' uses http-check rules without 'option httpchk', so the rules are ignored." },
	{ TCP "tcp-check disable\n",
	  "parsing [h.cfg:3] : 'tcp-check' only supports 'comment', 'connect', 'send', "
	  "'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got "
	  "'disable'" },
	{ TCP "tcp-check send foo\ntcp-check send foo\n", NULL },
	{ HTTP "http-check send meth GET\nhttp-check send uri /x\n",
	  "parsing [h.cfg:4] : 'http-check send' : unable to add http-check send rule at step 2 "
	  "(missing connect rule).." },
	{ HTTP "http-check connect\nhttp-check connect\n",
	  "parsing [h.cfg:4] : 'http-check connect' : unable to add http-check connect rule at "
	  "step 2 (missing expect rule).." },
};

START_TEST(faults_have_haproxys_words)
{
	compile_all(rows[_i].lines);
	if (rows[_i].alert) {
		ck_assert_msg(report.n > 0, "%s", rows[_i].lines);
		ck_assert_str_eq(report.findings[report.n - 1].text, rows[_i].alert);
	} else {
		ck_assert_msg(report.n == 0, "%s%s", rows[_i].lines,
			      report.n ? report.findings[0].text : "");
	}
	ck_assert_int_eq(script.steps[0].op, SCRIPT_CONNECT);
	forget_all();
}
END_TEST

static const struct {
	const char *name, *lines, *alert; /* the end of it */
} refused[] = {
	{ "TLS in a check", TCP "tcp-check connect ssl\n",
	  "'ssl' is not supported by usher proxy yet." },
	{ "SNI in a check", HTTP "http-check connect sni str(x)\n",
	  "'sni' is not supported by usher proxy yet." },
	{ "a PROXY header in a check", TCP "tcp-check connect send-proxy\n",
	  "'send-proxy' is not supported by usher proxy yet." },
	{ "a port that is an expression", TCP "tcp-check connect port var(check.port)\n",
	  "the port expression 'var(check.port)' is not supported by usher proxy yet; write a "
	  "number." },
	{ "a variable in a log format", TCP "tcp-check send-lf %[be_name]\n",
	  "'%[be_name]' is a log-format string with variables, which is not supported by usher "
	  "proxy yet." },
	{ "headers", HTTP "http-check expect hdr name a\n",
	  "'hdr' is not supported by usher proxy yet." },
	{ "a status of one's own", TCP "tcp-check expect status-code int(1) string a\n",
	  "'status-code' is not supported by usher proxy yet." },
	{ "variables", TCP "tcp-check set-var(check.x) int(1)\n",
	  "variables are not supported by usher proxy yet." },
};

START_TEST(what_is_not_carried_out_is_refused)
{
	compile_all(refused[_i].lines);
	ck_assert_uint_eq(report.n_alerts, 1);
	ck_assert_msg(str_has_suffix(str_of(report.findings[report.n - 1].text),
				     str_of(refused[_i].alert)),
		      "%s", report.findings[report.n - 1].text);
	forget_all();
}
END_TEST

/* What HAProxy sends for the same lines, listened to. */
static const struct {
	const char *lines, *request;
} requests[] = {
	{ HTTP, "OPTIONS / HTTP/1.0\r\n\r\n" },
	{ HEAD "option httpchk /foo\n", "OPTIONS /foo HTTP/1.0\r\n\r\n" },
	{ HEAD "option httpchk OPTIONS * HTTP/1.1\n",
	  "OPTIONS * HTTP/1.1\r\nconnection: close\r\n\r\n" },
	{ HEAD "option httpchk HEAD /x HTTP/1.1\\r\\nHost:\\ foo\n",
	  "HEAD /x HTTP/1.1\r\nhost: foo\r\nconnection: close\r\n\r\n" },
	{ HEAD "option httpchk GET /x HTTP/1.1\nhttp-check send hdr Host foo hdr X y body abc\n",
	  "GET /x HTTP/1.1\r\nhost: foo\r\nx: y\r\ncontent-length: 3\r\nconnection: close\r\n"
	  "\r\nabc" },
	{ HTTP "http-check send meth PUT uri /y ver HTTP/1.1 hdr Host foo\n",
	  "PUT /y HTTP/1.1\r\nhost: foo\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" },
	{ HEAD "option httpchk /foo\nhttp-check connect\n", "OPTIONS /foo HTTP/1.0\r\n\r\n" },
	{ HTTP "http-check send hdr Content-Length 7 uri-lf /100%%\n",
	  "OPTIONS /100% HTTP/1.0\r\n\r\n" },
	{ TCP "tcp-check send a\\r\\nb\\ c\\x41\n", "a\r\nb cA" },
	{ TCP "tcp-check send-binary 100c00044d5154540400003c0000\n",
	  "\x10\x0c\0\x04MQTT\x04\0\0\x3c\0\0" },
};

START_TEST(requests_are_haproxys)
{
	const char *expected = requests[_i].request;
	size_t n = *expected == '\x10' ? 14 : strlen(expected);

	compile_all(requests[_i].lines);
	ck_assert_msg(report.n == 0, "%s", report.n ? report.findings[0].text : "");
	ck_assert_int_eq(script.steps[1].op, SCRIPT_SEND);
	ck_assert_uint_eq(script.steps[1].n_bytes, n);
	ck_assert_mem_eq(script.steps[1].bytes, expected, n);
	forget_all();
}
END_TEST

START_TEST(lines_of_defaults_count_while_there_are_no_others)
{
	compile_all("defaults\noption tcp-check\ntcp-check expect string a\n"
		    "backend c\ntcp-check send x\nbackend b\n");
	ck_assert_uint_eq(script.n_steps, 2);
	ck_assert_int_eq(script.steps[1].op, SCRIPT_EXPECT);
	script_fini(&script);
	script_compile(&script, topology_backend(&topology, STR("c")), &report);
	ck_assert_uint_eq(script.n_steps, 2);
	ck_assert_int_eq(script.steps[1].op, SCRIPT_SEND);
	forget_all();
}
END_TEST

START_TEST(rules_without_their_option_are_a_warning)
{
	compile_all(HEAD "tcp-check send x\n");
	ck_assert_int_eq(script.kind, SCRIPT_BARE);
	ck_assert_str_eq(
		report.findings[0].text,
		"backend 'b' uses tcp-check rules without 'option tcp-check', so the rules "
		"are ignored.");
	forget_all();
}
END_TEST

START_TEST(a_faulty_line_that_many_inherit_is_said_once)
{
	compile_all("defaults\noption tcp-check\ntcp-check send-binary x\nbackend b\nbackend c\n");
	script_fini(&script);
	script_compile(&script, topology_backend(&topology, STR("c")), &report);
	ck_assert_uint_eq(report.n_alerts, 1);
	forget_all();
}
END_TEST

static const struct {
	const char *lines;
	size_t step;
	const char *place;
} places[] = {
	{ TCP, 0, " at initial connection step of tcp-check" },
	{ TCP "tcp-check send x\n", 0, " at initial connection step of tcp-check" },
	{ TCP "tcp-check connect\n", 0, " at step 1 of tcp-check (connect)" },
	{ TCP "tcp-check comment foo\ntcp-check connect port 2 addr 127.0.0.2\n", 0,
	  " at step 2 of tcp-check (connect port 2) comment: 'foo'" },
	{ TCP "tcp-check comment foo\ntcp-check connect\ntcp-check expect string a\n", 1,
	  " at step 3 of tcp-check (expect string 'a')" },
	{ TCP "tcp-check expect binary 41\n", 1, " at step 1 of tcp-check (expect binary 'A')" },
	{ TCP "tcp-check expect comment x rbinary 41\n", 1,
	  " at step 1 of tcp-check (expect binary regex) comment: 'x'" },
	{ TCP "tcp-check expect ! rstring a\n", 1, " at step 1 of tcp-check (expect regex)" },
	{ HTTP, 1, "" },
	{ HEAD, 0, "" },
};

START_TEST(places_are_told_as_haproxy_tells_them)
{
	char out[SCRIPT_PLACE];

	compile_all(places[_i].lines);
	ck_assert_str_eq(script_place(&script, places[_i].step, out), places[_i].place);
	forget_all();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health script");
	TCase *tcase = tcase_create("lines");

	tcase_add_loop_test(tcase, faults_have_haproxys_words, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, what_is_not_carried_out_is_refused, 0, N_ROWS(refused));
	tcase_add_loop_test(tcase, requests_are_haproxys, 0, N_ROWS(requests));
	tcase_add_test(tcase, lines_of_defaults_count_while_there_are_no_others);
	tcase_add_test(tcase, rules_without_their_option_are_a_warning);
	tcase_add_test(tcase, a_faulty_line_that_many_inherit_is_said_once);
	tcase_add_loop_test(tcase, places_are_told_as_haproxy_tells_them, 0, N_ROWS(places));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
