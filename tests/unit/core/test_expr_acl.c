/* Conditions: what HAProxy 2.6 answered, what it refuses, and what more bytes may still change. */
#include <stdio.h>

#include "agent/core/expr/acl.h"
#include "tests/unit/core/expr_world.h"

static const char *const acl_lines[] = {
	"local src 127.0.0.0/8", "local src 10.0.0.0/8",  "port dst_port 8883",
	"port dst_port 1883",	 "remote src 10.0.0.0/8", "remote src 11.0.0.0/8",
};

static void
set_up(struct acl_set *set)
{
	char what[EXPR_ERROR];
	struct line l;

	acl_set_init(set);
	for (int i = 0; i < N_ROWS(acl_lines); i++) {
		line_cut(&l, acl_lines[i]);
		ck_assert_int_eq(acl_set_add(set, l.words, l.n, what), EXPR_OK);
	}
}

static enum expr_status
compile(struct acl_condition *c, struct acl_set *set, const char *text, char *what)
{
	char line[LINE_MAX_LEN];
	struct line l;

	snprintf(line, sizeof(line), "if %s", text);
	line_cut(&l, line);
	return acl_condition_compile(c, set, l.words, l.n, what);
}

static const struct {
	const char *text;
	bool holds;
} rows[] = {
	{ "{ str(a.b.c) -m dom b }", true },
	{ "{ str(a.b.c) -m dom .b. }", true },
	{ "{ str(a.b.c) -m dom a.b }", true },
	{ "{ str(ab.c) -m dom a }", false },
	{ "{ str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu }", true },
	{ "{ str(http://www1.dc-eu.example.com:80/blah) -m dom :www1: }", true },
	{ "{ str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu.example:80 }", false },
	{ "{ str(http://www1.dc-eu.example.com:80/blah) -m dom eu dc }", false },
	{ "{ str(/images/png/logo/32x32.png) -m dir png/logo }", true },
	{ "{ str(/images/png/logo/32x32.png) -m dir /png/ }", true },
	{ "{ str(/images/png/logo/32x32.png) -m dir 32x32 }", false },
	{ "{ str(a.b.c) -m dir a.b.c }", true },
	{ "{ str(abc) -m beg a }", true },
	{ "{ str(abc) -m beg b }", false },
	{ "{ str(abc) -m end bc }", true },
	{ "{ str(abc) -m end b }", false },
	{ "{ str(abc) -m sub b }", true },
	{ "{ str(abc) -m sub d }", false },
	{ "{ str(abc) -m sub a b zzz }", true },
	{ "{ str() -m found }", true },
	{ "{ str(ABC) -m str abc }", false },
	{ "{ str(ABC) -m str -i abc }", true },
	{ "{ str(ABC) -m str -i xbc abc }", true },
	{ "{ str(ABC) -m beg -i ab }", true },
	{ "{ str(ABC) -m end -i bc }", true },
	{ "{ str(ABC) -m sub -i b }", true },
	{ "{ str(ABC) -m dom -i abc }", true },
	{ "{ str(ABC) -m dir -i abc }", true },
	{ "{ str(ABC) -m reg ^A }", true },
	{ "{ str(ABC) -m reg -i ^a }", true },
	{ "{ str(ABC) -m reg ^a }", false },
	{ "{ str(abc) -m len 3 }", true },
	{ "{ str(abc) -m len gt 2 }", true },
	{ "{ str(abc) -m len 1:2 }", false },
	{ "{ src -m len 4 }", false },
	{ "{ int(500) -m len 3 }", true },
	{ "{ int(500) -m str 500 }", true },
	{ "{ src -m str 127.0.0.1 }", true },
	{ "{ src -m beg 127. }", true },
	{ "{ src 127.0.0.0/8 }", true },
	{ "{ src 127/8 }", false },
	{ "{ src 127.1 }", true },
	{ "{ src 10.0.0.0/8 127.0.0.1 }", true },
	{ "{ src 10.0.0.0/8 }", false },
	{ "{ src ::ffff:127.0.0.1 }", true },
	{ "{ src ::ffff:0:0/96 }", true },
	{ "{ src 0.0.0.0/0 }", true },
	{ "{ src 127.0.0.0/255.0.0.0 }", true },
	{ "{ ipv6(::ffff:127.0.0.1) 127.0.0.1 }", true },
	{ "{ ipv6(::127.0.0.1) 127.0.0.1 }", true },
	{ "{ ipv6(2002:7f00:1::) 127.0.0.1 }", true },
	{ "{ ipv6(2001:db8::1) 2001:db8::/32 }", true },
	{ "{ ipv6(2001:db9::1) 2001:db8::/32 }", false },
	{ "{ int(5) 5 }", true },
	{ "{ int(5) 1:4 5:9 }", true },
	{ "{ int(5) :9 }", true },
	{ "{ int(5) 5: }", true },
	{ "{ int(5) 6: }", false },
	{ "{ int(5) gt 4 }", true },
	{ "{ int(5) gt 5 }", false },
	{ "{ int(5) ge 5 }", true },
	{ "{ int(5) ge 6 }", false },
	{ "{ int(5) lt 5 6 }", true },
	{ "{ int(5) lt 5 }", false },
	{ "{ int(5) le 5 }", true },
	{ "{ int(5) le 4 }", false },
	{ "{ int(5) eq 4 5 }", true },
	{ "{ int(5) gt 9 lt 6 }", true },
	{ "{ int(5) gt 1:2 }", false },
	{ "{ int(5) ge 4:9 }", true },
	{ "{ int(5) lt 4:9 }", true },
	{ "{ int(5) le 4:5 }", true },
	{ "{ int(-5) lt 0 }", true },
	{ "{ int(-5) -- -5 }", true },
	{ "{ int(-5) lt -- -3 }", true },
	{ "{ bool(1) }", true },
	{ "{ bool(0) }", false },
	{ "{ bool(0) 1 }", false },
	{ "{ int(5) -m bool }", true },
	{ "{ int(0) -m bool }", false },
	{ "{ str(5) -m int 5 }", true },
	{ "{ str(abc) -m int 0 }", true },
	{ "{ str(5) eq 5 }", true },
	{ "{ str(eq) eq 5 }", true },
	{ "{ str(true) -m bool }", false },
	{ "{ str(1) -m bool }", true },
	{ "{ str(0) -m bool }", false },
	{ "{ str(abc) -m bin 616263 }", true },
	{ "{ str(abc) -m bin 6162 }", false },
	{ "{ bin(616263) -m str abc }", true },
	{ "{ bin(61006263) -m str a }", true },
	{ "{ bin(61006263) -m sub bc }", false },
	{ "{ bin(61006263) -m len 4 }", false },
	{ "{ var(txn.none) -m found }", false },
	{ "{ var(txn.none) -m str a }", false },
	{ "!{ var(txn.none) -m found }", true },
	{ "!{ var(txn.none) -m str a }", true },
	{ "{ var(txn.n) -m int 7 }", true },
	{ "{ var(txn.n) -m str 7 }", true },
	{ "{ var(txn.s) -m found x }", true },
	{ "{ var(txn.ip) -m ip 10.0.0.0/8 }", true },
	{ "{ src_port -m ip 0.0.0.0/0 }", true },
	{ "{ str(10.1.2.3) -m ip 10.0.0.0/8 }", true },
	{ "{ str(zzz) -m ip 10.0.0.0/8 }", false },
	{ "{ ssl_fc_sni_end .test }", true },
	{ "{ ssl_fc_sni_reg -i ^tenant-b }", true },
	{ "{ ssl_fc_sni_end,lower -m end .test }", true },
	{ "{ ssl_fc_sni -m end -i .TEST }", true },
	{ "!!TRUE", true },
	{ "!!!TRUE", false },
	{ "! TRUE", false },
	{ "!", false },
	{ "or", false },
	{ "", false },
	{ "TRUE or", true },
	{ "FALSE or", false },
	{ "TRUE || FALSE ! TRUE", true },
	{ "FALSE or or TRUE", true },
	{ "TRUE FALSE or TRUE", true },
	{ "TRUE !FALSE", true },
	{ "TRUE FALSE", false },
	{ "LOCALHOST", true },
	{ "REQ_CONTENT", true },
	{ "WAIT_END", true },
	{ "{ always_true }", true },
	{ "{ always_false }", false },
	{ "{ str(abc),length 3 }", true },
	{ "{ req.payload(0,5) -m bin 68656c6c6f }", true },
	{ "{ req.payload(0,5) -m str hello }", true },
	{ "{ req.payload(0,100) -m found }", false },
	{ "{ req.len 17 }", true },
	{ "{ str(-i) -- -i }", true },
	{ "{ str(-i) a -i }", true },
	{ "{ str(a) -m str -i -- A }", true },
	{ "{ str(abc),lower abc }", true },
	{ "{ bin(616263) lower abc }", true },
	{ "{ src_port -m len 1:8 }", true },
	{ "local", true },
	{ "local port", true },
	{ "!local or port", true },
	{ "!local !port", false },
	{ "remote", false },
	{ "{ var(txn.usher.tenant),table_conn_cur(usher_tenants),sub(txn.usher.max) ge 0 }", true },
	{ "{ var(txn.usher.max) -m found } { sc1_conn_cur,sub(txn.usher.max) gt 0 }", true },
};

START_TEST(condition_holds)
{
	struct expr_context x = world_context();
	struct acl_condition c;
	struct acl_set set;
	char what[EXPR_ERROR];

	set_up(&set);
	ck_assert_msg(compile(&c, &set, rows[_i].text, what) == EXPR_OK, "%s: %s", rows[_i].text,
		      what);
	ck_assert_msg(acl_condition_eval(&c, &x) == (rows[_i].holds ? ACL_PASS : ACL_FAIL), "%s",
		      rows[_i].text);
	c.is_unless = true;
	ck_assert_int_eq(acl_condition_eval(&c, &x), rows[_i].holds ? ACL_FAIL : ACL_PASS);
	acl_condition_fini(&c);
	acl_set_fini(&set);
}
END_TEST

static const struct {
	const char *text;
	enum expr_status status;
	const char *what;
} odd[] = {
	{ "nope", EXPR_BAD, "no such ACL : 'nope'" },
	{ "TRUE && FALSE", EXPR_BAD, "no such ACL : '&&'" },
	{ "HTTP", EXPR_BAD,
	  "ACL 'HTTP' is not supported by usher: where there is HTTP, all of it is upgrades "
	  "without content" },
	{ "{ src 1.2.3.4", EXPR_BAD, "missing closing '}' in condition" },
	{ "{ }", EXPR_BAD, "missing fetch method in ACL expression ''" },
	{ "{ nope 1 }", EXPR_BAD, "unknown fetch method 'nope' in ACL expression 'nope'" },
	{ "{ src,zzzzzzz 1.2.3.4 }", EXPR_BAD,
	  "unknown converter 'zzzzzzz' in ACL expression 'src,zzzzzzz'" },
	{ "{ src(3) 1.2.3.4 }", EXPR_BAD,
	  "fetch method 'src' : expected ')' before '3)' in ACL expression 'src(3)'" },
	{ "{ req.payload(0,1) 10 }", EXPR_BAD,
	  "matching method must be specified first (using '-m') when using a sample fetch of this "
	  "type ('req.payload')" },
	{ "{ var(txn.a) abc }", EXPR_BAD,
	  "matching method must be specified first (using '-m') when using a sample fetch of this "
	  "type ('var')" },
	{ "{ src_port eq a }", EXPR_BAD, "'a' is not a number" },
	{ "{ src_port 5:2 }", EXPR_BAD, "'5:2' is not a valid number range" },
	{ "{ src_port : }", EXPR_BAD, "':' is not a valid number range" },
	{ "{ src_port 18446744073709551615 }", EXPR_BAD, "'18446744073709551615' is not a number" },
	{ "{ src 10.0.0.0/33 }", EXPR_BAD, "'10.0.0.0/33' is not a valid IPv4 or IPv6 address" },
	{ "{ src nosuch.invalid }", EXPR_BAD,
	  "'nosuch.invalid' is not a valid IPv4 or IPv6 address" },
	{ "{ src_port -m nope 1 }", EXPR_BAD,
	  "unknown matching method 'nope' when parsing ACL expression" },
	{ "{ src_port -m }", EXPR_BAD, "unknown matching method '' when parsing ACL expression" },
	{ "{ bin(35) -m int 1 }", EXPR_BAD,
	  "matching method 'int' cannot be used with fetch keyword 'bin'" },
	{ "{ str(a) -x b }", EXPR_BAD,
	  "'-x' is not a valid ACL option. Please use '--' before any pattern beginning with a "
	  "'-'" },
	{ "{ str(a) -f file }", EXPR_BAD,
	  "the flag '-f' is not supported by usher: pattern files are not read; write the values "
	  "behind the criterion" },
	{ "{ str(a) -m bin abc }", EXPR_BAD, "an even number of hex digit is expected" },
	{ "{ str(a) -m bin zz }", EXPR_BAD, "an hex digit is expected (found 'z')" },
	{ "{ src }", EXPR_NEVER,
	  "parsing acl keyword 'src' :\n  no pattern to match against were provided, so this ACL "
	  "will never match.\n" },
	{ "{ src -- }", EXPR_OK, "" },
	{ "{ req.payload(0,0),mqtt_field_value(connect, username) -m found }", EXPR_BLANKS,
	  "blanks inside the sample expression 'req.payload...', which HAProxy refuses" },
	{ "{ req.payload(0,0), mqtt_is_valid }", EXPR_OK, "" },
};

START_TEST(condition_is_odd)
{
	struct acl_condition c;
	struct acl_set set;
	char what[EXPR_ERROR];
	enum expr_status status;

	set_up(&set);
	status = compile(&c, &set, odd[_i].text, what);
	ck_assert_str_eq(what, odd[_i].what);
	ck_assert_int_eq(status, odd[_i].status);
	if (status != EXPR_BAD)
		acl_condition_fini(&c);
	acl_set_fini(&set);
}
END_TEST

static const struct {
	const char *line, *what;
} bad_lines[] = {
	{ "a/b src 1.2.3.4", "character '/' is not permitted in acl name 'a/b'." },
	{ "or src 1.2.3.4", "acl name 'or' will never match. 'or' is used to express a logical "
			    "disjunction within a condition." },
	{ "x", "missing fetch method in ACL expression ''" },
	{ "x nope", "unknown fetch method 'nope' in ACL expression 'nope'" },
};

START_TEST(acl_line_is_refused)
{
	struct acl_set set;
	char what[EXPR_ERROR];
	struct line l;

	acl_set_init(&set);
	line_cut(&l, bad_lines[_i].line);
	ck_assert_int_eq(acl_set_add(&set, l.words, l.n, what), EXPR_BAD);
	ck_assert_str_eq(what, bad_lines[_i].what);
	acl_set_fini(&set);
}
END_TEST

/* A CONNECT of MQTT 5 with will, user and properties. */
static const char packet[] =
	"\x10\x5d\x00\x04MQTT\x05\xf6\x00\x3c\x20\x11\x00\x00\x00\x64\x21\x00\x05\x19\x01\x15\x00"
	"\x04"
	"meth\x16\x00\x05"
	"au\x01th\x26\x00\x01k\x00\x01v\x00\x03"
	"cid\x18\x18\x00\x00\x00\x07\x01\x01\x03\x00\x04text\x08\x00\x02rt\x09\x00\x02"
	"cd\x00\x02wt\x00\x02wp\x00\x04user\x00\x04pass";
enum { CONNECT_LEN = sizeof(packet) - 1 };

static enum acl_result
ask(const char *text, struct str request, bool may_grow)
{
	struct expr_context x = world_context();
	struct acl_condition c;
	struct acl_set set;
	char what[EXPR_ERROR];
	enum acl_result result;

	x.mqtt_is_strict = true;
	x.request = request;
	x.request_may_grow = may_grow;
	set_up(&set);
	ck_assert_msg(compile(&c, &set, text, what) == EXPR_OK, "%s", what);
	result = acl_condition_eval(&c, &x);
	acl_condition_fini(&c);
	acl_set_fini(&set);
	return result;
}

START_TEST(prefix_of_connect_is_undecided)
{
	static const char valid[] = "{ req.payload(0,0),mqtt_is_valid }";
	struct str prefix = { packet, (size_t)_i };

	ck_assert_int_eq(ask(valid, prefix, true), ACL_UNDECIDED);
	ck_assert_int_eq(ask("!{ req.payload(0,0),mqtt_is_valid }", prefix, true), ACL_UNDECIDED);
	ck_assert_int_eq(ask("{ req.payload(0,0),mqtt_field_value(connect,username) -m str user }",
			     prefix, true),
			 ACL_UNDECIDED);
	/* the time to wait is over: what is not whole is not valid */
	ck_assert_int_eq(ask(valid, prefix, false), ACL_FAIL);
}
END_TEST

static const struct {
	const char *name;
	struct str request;
	const char *text;
	enum acl_result result;
} decided[] = {
	{ "whole CONNECT",
	  { packet, CONNECT_LEN },
	  "{ req.payload(0,0),mqtt_is_valid }",
	  ACL_PASS },
	{ "its user",
	  { packet, CONNECT_LEN },
	  "{ req.payload(0,0),mqtt_field_value(connect,username) -m str user }",
	  ACL_PASS },
	{ "another user: final",
	  { packet, CONNECT_LEN },
	  "{ req.payload(0,0),mqtt_field_value(connect,username) -m str root }",
	  ACL_FAIL },
	{ "garbage", { "GET / HTTP/1.1", 14 }, "{ req.payload(0,0),mqtt_is_valid }", ACL_FAIL },
	{ "one byte of garbage", { "G", 1 }, "{ req.payload(0,0),mqtt_is_valid }", ACL_FAIL },
	{ "CONNACK from a client",
	  { "\x20\x02\x00\x00", 4 },
	  "{ req.payload(0,0),mqtt_is_valid }",
	  ACL_FAIL },
	{ "bridge",
	  { "\x10\x0e\x00\x04MQTT\x84\x02\x00\x3c\x00\x02id", 16 },
	  "{ req.payload(0,0),mqtt_is_valid }",
	  ACL_PASS },
	{ "length of 128, cut behind byte 2",
	  { "\x10\x80", 2 },
	  "{ req.payload(0,0),mqtt_is_valid }",
	  ACL_UNDECIDED },
	{ "first byte", { "\x10", 1 }, "{ req.payload(0,1) -m bin 10 }", ACL_PASS },
	{ "another first byte", { "\x20", 1 }, "{ req.payload(0,1) -m bin 10 }", ACL_FAIL },
	{ "no first byte", { "", 0 }, "{ req.payload(0,1) -m bin 10 }", ACL_UNDECIDED },
	{ "and: one fails for good",
	  { "\x20", 1 },
	  "{ req.payload(0,1) -m bin 10 } { req.len gt 9 }",
	  ACL_FAIL },
	{ "or: one passes", { "\x20", 1 }, "{ req.len gt 9 } or TRUE", ACL_PASS },
	{ "or: one may yet pass", { "\x20", 1 }, "{ req.len gt 9 } or FALSE", ACL_UNDECIDED },
	{ "long enough", { "\x20", 1 }, "{ req.len gt 0 }", ACL_PASS },
	{ "not long enough yet", { "\x20", 1 }, "!{ req.len gt 1 }", ACL_UNDECIDED },
	{ "end of wait", { "\x20", 1 }, "WAIT_END", ACL_UNDECIDED },
	{ "no TLS", { "\x10", 1 }, "{ req.ssl_hello_type 1 }", ACL_FAIL },
	{ "TLS, maybe", { "\x16\x03", 2 }, "{ req.ssl_hello_type 1 }", ACL_UNDECIDED },
	{ "a variable is no byte", { "", 0 }, "{ var(txn.none) -m found }", ACL_FAIL },
};

START_TEST(condition_is_decided)
{
	enum acl_result result = ask(decided[_i].text, decided[_i].request, true);

	ck_assert_msg(result == decided[_i].result, "%s: %d", decided[_i].name, result);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr acl");
	TCase *tcase = tcase_create("acl");

	tcase_add_loop_test(tcase, condition_holds, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, condition_is_odd, 0, N_ROWS(odd));
	tcase_add_loop_test(tcase, acl_line_is_refused, 0, N_ROWS(bad_lines));
	tcase_add_loop_test(tcase, prefix_of_connect_is_undecided, 0, CONNECT_LEN);
	tcase_add_loop_test(tcase, condition_is_decided, 0, N_ROWS(decided));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
