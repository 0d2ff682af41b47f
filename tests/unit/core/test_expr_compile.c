/* What does not compile, in HAProxy's words; what does although HAProxy refuses it; and house
 * files. */
#include <stdio.h>

#include "agent/core/expr/acl.h"
#include "agent/core/expr/log_format.h"
#include "tests/unit/core/expr_world.h"

static const struct {
	const char *expression, *what;
} bad[] = {
	{ "nope", "unknown fetch method 'nope'" },
	{ "req.paylod(0,0)",
	  "unknown fetch method 'req.paylod' (did you mean 'req.payload' maybe ?)" },
	{ "req.payload(0,0),mqtt_is_vald",
	  "unknown converter 'mqtt_is_vald' (did you mean 'mqtt_is_valid' maybe ?)" },
	{ "shdr(date)", "fetch method 'shdr' is not supported by usher: it reads more of HTTP than "
			"a request's line, fields and cookies" },
	{ "str(a),map(x)",
	  "converter 'map' is not supported by usher: maps and pattern files are not read" },
	{ "req.payload(0)",
	  "fetch method 'req.payload' : missing arguments (got 1/2), type 'integer' expected" },
	{ "req.payload",
	  "fetch method 'req.payload' : expected type 'integer' at position 1, but got nothing" },
	{ "req.payload(a,b)",
	  "fetch method 'req.payload' : failed to parse 'a' as type 'integer' at position 1" },
	{ "req.payload(0,0,0)", "fetch method 'req.payload' : expected ')' before ',0)'" },
	{ "req.payload(0,0", "fetch method 'req.payload' : expected ')'" },
	{ "req.payload(0,0),mqtt_field_value(connect,nope)",
	  "invalid args in converter 'mqtt_field_value' : Unknown MQTT field name 'nope' for "
	  "packet type 'connect'" },
	{ "req.payload(0,0),mqtt_field_value(nope,username)",
	  "invalid args in converter 'mqtt_field_value' : Unknown MQTT type 'nope'" },
	{ "req.payload(0,0),mqtt_field_value(3,flags)",
	  "invalid args in converter 'mqtt_field_value' : Unknown MQTT field name 'flags' for "
	  "packet type '3'" },
	{ "req.payload(0,0),mqtt_field_value(connect,99)",
	  "invalid args in converter 'mqtt_field_value' : Unknown MQTT field name '99' for packet "
	  "type 'connect'" },
	{ "req.payload(0,0),mqtt_field_value(connect)",
	  "invalid arg 2 in converter 'mqtt_field_value' : missing arguments (got 1/2), type "
	  "'string' expected" },
	{ ",lower", "missing fetch method" },
	{ "", "missing fetch method" },
	{ "src(1)", "fetch method 'src' : expected ')' before '1)'" },
	{ "src,lower(a)", "invalid arg 1 in converter 'lower' : expected ')' before 'a)'" },
	{ "src_port,add(a)",
	  "invalid args in converter 'add' : expects an integer or a variable name" },
	{ "src,iif(a,b)", "converter 'iif' cannot be applied" },
	{ "bin(35),add(1)", "converter 'add' cannot be applied" },
	{ "ipv6(::5),add(1)", "converter 'add' cannot be applied" },
	{ "str(a),ipmask(xx)", "invalid arg 1 in converter 'ipmask' : failed to parse 'xx' as type "
			       "'IPv4 mask' at position 1" },
	{ "bool(2)", "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'" },
	{ "int(a)", "fetch method 'int' : failed to parse 'a' as type 'integer' at position 1" },
	{ "int(0x10)",
	  "fetch method 'int' : failed to parse '0x10' as type 'integer' at position 1" },
	{ "var(foo)",
	  "invalid args in fetch method 'var' : invalid variable name 'foo'. A variable name must "
	  "be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req' or 'res'" },
	{ "var(txn.)",
	  "invalid args in fetch method 'var' : invalid variable name 'txn.'. A variable name must "
	  "be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req' or 'res'" },
	{ "var(txn.a-b)", "invalid args in fetch method 'var' : invalid syntax at char '-b'" },
	{ "str(a),field(0,:)", "invalid args in converter 'field' : Unexpected value 0 for index" },
	{ "str(a),field(1)", "invalid arg 2 in converter 'field' : missing arguments (got 1/2), "
			     "type 'string' expected" },
	{ "bin(0)",
	  "invalid args in fetch method 'bin' : an even number of hex digit is expected" },
	{ "bin(0g)", "invalid args in fetch method 'bin' : an hex digit is expected (found 'g')" },
	{ "ipv4(1.2.3)",
	  "fetch method 'ipv4' : failed to parse '1.2.3' as type 'IPv4 address' at position 1" },
	{ "str(\"ab),lower", "fetch method 'str' : expected ')'" },
	{ "str(a,b)", "fetch method 'str' : expected ')' before ',b)'" },
	{ "uuid(3)", "invalid args in fetch method 'uuid' : Unsupported UUID version: '3'" },
	{ "date(1,x)", "invalid args in fetch method 'date' : expects 's', 'ms' or 'us', got 'x'" },
	{ "ssl_c_s_dn(cn,1,foo)", "invalid args in fetch method 'ssl_c_s_dn' : only rfc2253 or a "
				  "blank value are currently supported as the format argument." },
	{ "str(a),lower)", "missing comma after converter 'lower'" },
	{ "str(a)x,lower", "missing comma after fetch keyword 'str'" },
	{ "str(a)(b)", "missing comma after fetch keyword 'str'" },
	{ "str(a),crc32(1)",
	  "invalid args in converter 'crc32' : usher does not know the avalanche function" },
	{ "sc_conn_cur(9)",
	  "invalid args in fetch method 'sc_conn_cur' : counter ID must be between 0 and 2" },
};

START_TEST(expression_is_refused)
{
	char what[EXPR_ERROR];
	struct expr e;
	size_t used;

	ck_assert_int_eq(expr_compile(&e, &bad[_i].expression, 1, &used, what), EXPR_BAD);
	ck_assert_str_eq(what, bad[_i].what);
}
END_TEST

static const struct {
	const char *line;
	enum expr_status status;
	size_t used;
} spread[] = {
	{ "req.payload(0,0), mqtt_is_valid", EXPR_OK, 2 },
	{ "req.payload(0,0) mqtt_is_valid", EXPR_OK, 2 },
	{ "req.payload(0,0) if TRUE", EXPR_OK, 1 },
	{ "req.payload(0,0), if TRUE", EXPR_OK, 1 },
	{ "req.payload(0, 0)", EXPR_BLANKS, 2 },
	{ "req.payload( 0 , 0 ) if TRUE", EXPR_BLANKS, 5 },
	{ "req.payload(0,0), mqtt_field_value(connect, client_identifier)", EXPR_BLANKS, 3 },
	{ "str(a b)", EXPR_BAD, 1 }, /* which of two texts is meant cannot be told */
	{ "str(a, b)", EXPR_BAD, 1 },
};

START_TEST(expression_is_spread_over_words)
{
	char what[EXPR_ERROR];
	enum expr_status status;
	struct line l;
	struct expr e;
	size_t used;

	line_cut(&l, spread[_i].line);
	status = expr_compile(&e, l.words, l.n, &used, what);
	ck_assert_msg(status == spread[_i].status, "%s: %s", spread[_i].line, what);
	if (status == EXPR_BAD)
		return;
	ck_assert_uint_eq(used, spread[_i].used);
	expr_fini(&e);
}
END_TEST

/* The expression that starts at words[0], then a condition, must both compile. */
static void
check_tail(struct acl_set *set, const char *const *words, size_t n, const char *line)
{
	char what[EXPR_ERROR];
	struct acl_condition c;

	if (n == 0)
		return;
	ck_assert_msg(acl_condition_compile(&c, set, words, n, what) == EXPR_OK, "%s: %s", line,
		      what);
	ck_assert_uint_gt(c.n_terms, 0);
	acl_condition_fini(&c);
}

static void
check_expression(const char *const *words, size_t n, size_t *used, const char *line)
{
	char what[EXPR_ERROR];
	struct expr e;

	ck_assert_msg(expr_compile(&e, words, n, used, what) == EXPR_OK, "%s: %s", line, what);
	expr_fini(&e);
}

/* A name that may hold expressions. */
static void
check_format(const char *word, const char *line)
{
	struct log_format f;
	char what[EXPR_ERROR];

	ck_assert_msg(log_format_compile(&f, word, LOG_FORMAT_NAME, what) == EXPR_OK, "%s: %s",
		      line, what);
	log_format_fini(&f);
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* All lines of our own files that say something in this language. */
static int
check_line(struct acl_set *set, const char *text)
{
	static const char *const names[] = { "use_backend", "use-server", NULL };
	struct line l;
	size_t used, at;

	line_cut(&l, text);
	if (l.n && strcmp(l.words[0], "args") == 0) {
		for (size_t i = 1; i < l.n; i++) {
			const char *expression = strchr(l.words[i], '=') + 1;

			check_expression(&expression, 1, &used, text);
		}
		return (int)l.n - 1;
	}
	if (l.n > 2 && strcmp(l.words[0], "stick") == 0 && strcmp(l.words[1], "on") == 0) {
		check_expression(l.words + 2, l.n - 2, &used, text);
		return 1;
	}
	if (l.n > 1 && is_one_of(l.words[0], names)) {
		check_format(l.words[1], text);
		check_tail(set, l.words + 2, l.n - 2, text);
		return 1;
	}
	if (l.n < 3 || strncmp(l.words[0], "tcp-re", 6) != 0)
		return 0;
	at = strncmp(l.words[2], "set-var", 7) == 0 || strncmp(l.words[2], "track-", 6) == 0 ? 3
											     : 0;
	if (at) {
		check_expression(l.words + at, l.n - at, &used, text);
		at += used;
	}
	for (at = at ? at : 3; at < l.n; at++)
		if (strcmp(l.words[at], "if") == 0 || strcmp(l.words[at], "unless") == 0) {
			check_tail(set, l.words + at, l.n - at, text);
			return 1;
		}
	return at > 3;
}

static const struct {
	const char *file;
	int n_least;
} house[] = {
	{ "haproxy/haproxy.cfg", 25 },
	{ "haproxy/spoe-usher.conf", 15 },
};

START_TEST(house_file_compiles)
{
	FILE *file = fopen(house[_i].file, "r");
	char text[LINE_MAX_LEN];
	struct acl_set set;
	bool of_http = false; /* a message for mode http, which usher proxy has not */
	int n = 0;

	ck_assert_ptr_nonnull(file);
	acl_set_init(&set);
	while (fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		if (strncmp(text, "spoe-message", 12) == 0)
			of_http = strcmp(text + 12, " usher-http") == 0;
		n += of_http ? 0 : check_line(&set, text);
	}
	acl_set_fini(&set);
	fclose(file);
	ck_assert_int_ge(n, house[_i].n_least);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr compile");
	TCase *tcase = tcase_create("compile");

	tcase_add_loop_test(tcase, expression_is_refused, 0, N_ROWS(bad));
	tcase_add_loop_test(tcase, expression_is_spread_over_words, 0, N_ROWS(spread));
	tcase_add_loop_test(tcase, house_file_compiles, 0, N_ROWS(house));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
