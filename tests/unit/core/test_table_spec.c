/*
 * `stick-table` lines: what they declare, and what is wrong with them in the words of HAProxy 2.6,
 * each of which was copied from its mouth.
 */
#include <stdio.h>

#include "agent/core/table/table.h"
#include "tests/unit/core/expr_world.h"

#define BIT(data) (UINT32_C(1) << TABLE_##data)

static struct report report;
static struct table_spec spec;

static bool
parse(const char *text)
{
	static char name[] = "app";
	static struct proxy p = { .kind = PROXY_BACKEND, .name = name };
	struct line l;
	char *words[WORDS_MAX];
	struct raw_line line = { .words = words, .at = { "x.cfg", 12 } };

	line_cut(&l, text);
	for (line.n = 0; line.n < l.n; line.n++)
		words[line.n] = strdup(strcmp(l.words[line.n], "\"\"") ? l.words[line.n] : "");
	report_init(&report);
	bool ok = table_spec_parse(&spec, &p, &line, &report);
	for (size_t i = 0; i < line.n; i++)
		free(words[i]);
	return ok;
}

static const struct {
	const char *line;
	struct table_spec is;
} good[] = {
	{ "type ip size 1k", { .type = SAMPLE_IPV4, .key_len = 4, .size = 1024 } },
	{ "type ipv6 size 3g",
	  { .type = SAMPLE_IPV6, .key_len = 16, .size = UINT32_C(3221225472) } },
	{ "size 1M type integer", { .type = SAMPLE_INT, .key_len = 4, .size = 1048576 } },
	{ "type string size 010", { .type = SAMPLE_STR, .key_len = 31, .size = 10 } },
	{ "type string len 32 size 5", { .type = SAMPLE_STR, .key_len = 32, .size = 5 } },
	{ "type string len 5x size 5", { .type = SAMPLE_STR, .key_len = 5, .size = 5 } },
	{ "type string len 1024 size 5", { .type = SAMPLE_STR, .key_len = 1024, .size = 5 } },
	{ "type binary size 5", { .type = SAMPLE_BIN, .key_len = 32, .size = 5 } },
	{ "type binary len 20 size 5", { .type = SAMPLE_BIN, .key_len = 20, .size = 5 } },
	{ "type ip type ipv6 size 5 size 6", { .type = SAMPLE_IPV6, .key_len = 16, .size = 6 } },
	{ "type ip size 5 expire 30m nopurge",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5, .expire_ms = 1800000, .nopurge = true } },
	{ "type ip size 5 expire 1us",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5, .expire_ms = 1 } },
	{ "type ip size 5 expire 250ms",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5, .expire_ms = 250 } },
	{ "type ip size 5 peers p srvkey addr write-to t",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5 } },
	{ "type ip size 5 \"\" nonsense", { .type = SAMPLE_IPV4, .key_len = 4, .size = 5 } },
	{ "type ip size 5 store", { .type = SAMPLE_IPV4, .key_len = 4, .size = 5 } },
	{ "type ip size 5 store gpc0, store conn_cur,gpt0",
	  { .type = SAMPLE_IPV4,
	    .key_len = 4,
	    .size = 5,
	    .stores = BIT(GPC0) | BIT(CONN_CUR) | BIT(GPT0) } },
	{ "type ip size 5 store bytes_in_cnt,bytes_out_rate(2s),server_id",
	  { .type = SAMPLE_IPV4,
	    .key_len = 4,
	    .size = 5,
	    .stores = BIT(KBYTES_IN) | BIT(BYTES_OUT_RATE) | BIT(SERVER_ID),
	    .period_ms = { [TABLE_BYTES_OUT_RATE] = 2000 } } },
	{ "type ip size 5 store conn_rate(10s,5)x,gpc1",
	  { .type = SAMPLE_IPV4,
	    .key_len = 4,
	    .size = 5,
	    .stores = BIT(CONN_RATE) | BIT(GPC1),
	    .period_ms = { [TABLE_CONN_RATE] = 10000 } } },
	{ "type ip size 5 store conn_rate(x)(3s)",
	  { .type = SAMPLE_IPV4,
	    .key_len = 4,
	    .size = 5,
	    .stores = BIT(CONN_RATE),
	    .period_ms = { [TABLE_CONN_RATE] = 3000 } } },
	{ "type ip size 5 store gpc(1),gpt(4)",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5, .stores = BIT(GPC0) | BIT(GPT0) } },
	{ "type ip size 5 store gpc(2),gpc_rate(4294967297,x,7s)",
	  { .type = SAMPLE_IPV4,
	    .key_len = 4,
	    .size = 5,
	    .stores = BIT(GPC0) | BIT(GPC1) | BIT(GPC0_RATE),
	    .period_ms = { [TABLE_GPC0_RATE] = 7000 } } },
	{ "type ip size 5 store http_req_cnt,http_req_rate(1s),http_err_cnt,http_err_rate(1s),"
	  "http_fail_cnt,http_fail_rate(1s),server_key,server_name",
	  { .type = SAMPLE_IPV4, .key_len = 4, .size = 5 } },
};

START_TEST(test_good)
{
	const struct table_spec *is = &good[_i].is;
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "stick-table %s", good[_i].line);
	ck_assert_msg(parse(line), "%s", line);
	ck_assert_uint_eq(report.n, 0);
	ck_assert_int_eq(spec.type, is->type);
	ck_assert_uint_eq(spec.key_len, is->key_len);
	ck_assert_uint_eq(spec.size, is->size);
	ck_assert_int_eq(spec.expire_ms, is->expire_ms);
	ck_assert_int_eq(spec.nopurge, is->nopurge);
	ck_assert_uint_eq(spec.stores, is->stores);
	for (int i = 0; i < N_TABLE_DATA; i++)
		ck_assert_uint_eq(spec.period_ms[i], is->period_ms[i]);
	ck_assert_int_eq(spec.at.line, 12);
	report_fini(&report);
}
END_TEST

#define HERE "parsing [x.cfg:12] : stick-table: "

static const struct {
	const char *line, *alert;
} bad[] = {
	{ "", HERE "missing size." },
	{ "type ip", HERE "missing size." },
	{ "type ip size 0", HERE "missing size." },
	{ "size 1k", HERE "missing type." },
	{ "type", HERE "unknown type ''." },
	{ "type foo size 0", HERE "unknown type 'foo'." },
	{ "type int size 1", HERE "unknown type 'int'." },
	{ "type string len", HERE "unknown type ''." },
	{ "type string len 0 size 1", HERE "unknown type '0'." },
	{ "type string len size 1", HERE "unknown type 'size'." },
	{ "type binary len abc size 1", HERE "unknown type 'abc'." },
	{ "type ip len 5 size 1", HERE "unknown argument 'len'." },
	{ "type string size 1 len 5", HERE "unknown argument 'len'." },
	{ "TYPE ip", HERE "unknown argument 'TYPE'." },
	{ "type ip size", HERE "missing argument after 'size'." },
	{ "type ip size abc", HERE "unexpected character 'a' in argument of 'size'." },
	{ "type ip size 10kx", HERE "unexpected character 'x' in argument of 'size'." },
	{ "type ip size 10x", HERE "unexpected character 'x' in argument of 'size'." },
	{ "type ip size k", HERE "unexpected character 'k' in argument of 'size'." },
	{ "type ip size 4g", HERE "unexpected character 'g' in argument of 'size'." },
	{ "type ip size 4294967296", HERE "unexpected character '6' in argument of 'size'." },
	{ "type ip size 17179869184g", HERE "unexpected character '4' in argument of 'size'." },
	{ "type ip size 1 expire", HERE "missing argument after 'expire'." },
	{ "type ip size 1 expire 10u", HERE "unexpected character 'u' in argument of 'expire'." },
	{ "type ip size 1 expire 10.5s", HERE "unexpected character '.' in argument of 'expire'." },
	{ "type ip size 1 expire 25d",
	  "parsing [x.cfg:12]: stick-table: timer overflow in argument <25d> to <expire>, maximum "
	  "value is 2147483647 ms (~24.8 days)." },
	{ "type ip size 1 peers", HERE "missing argument after 'peers'." },
	{ "type ip size 1 srvkey foo",
	  "parsing [x.cfg:12] : stick-table : unknown server key type 'foo'." },
	{ "type ip size 1 foo", HERE "unknown argument 'foo'." },
	{ "type ip size 1 store foo", HERE "unknown store option 'foo'." },
	{ "type ip size 1 store GPC0", HERE "unknown store option 'GPC0'." },
	{ "type ip size 1 store kbytes_in", HERE "unknown store option 'kbytes_in'." },
	{ "type ip size 1 store ,gpc0", HERE "unknown store option ''." },
	{ "type ip size 1 store gpc0,,gpc1", HERE "unknown store option ''." },
	{ "type ip size 1 store gpc0 gpc1", HERE "unknown argument 'gpc1'." },
	{ "type ip size 1 store foo(5",
	  HERE "missing closing parenthesis after store option 'foo'." },
	{ "type ip size 1 store conn_rate(10s,gpc0",
	  HERE "missing closing parenthesis after store option 'conn_rate'." },
	{ "type ip size 1 store gpc0()", HERE "unexpected argument to store option 'gpc0'." },
	{ "type ip size 1 store conn_rate", HERE "missing argument to store option 'conn_rate'." },
	{ "type ip size 1 store conn_rate()",
	  HERE "error when processing store option 'conn_rate'." },
	{ "type ip size 1 store conn_rate(25d)",
	  HERE "error when processing store option 'conn_rate'." },
	{ "type ip size 1 store gpc", HERE "missing argument to store option 'gpc'." },
	{ "type ip size 1 store gpc(3,)", HERE "unexpected argument to store option 'gpc'." },
	{ "type ip size 1 store gpc(101)",
	  HERE "array size is out of allowed range (1-100) for store option 'gpc'." },
	{ "type ip size 1 store gpc_rate()",
	  HERE "array size is out of allowed range (1-100) for store option 'gpc_rate'." },
	{ "type ip size 1 store gpc_rate(3)", HERE "missing argument to store option 'gpc_rate'." },
	{ "type ip size 1 store gpc_rate(3,10s,x)",
	  HERE "error when processing store option 'gpc_rate'." },
	{ "type ip store gpc0,gpc(3)",
	  HERE "simultaneous usage of 'gpc' and 'gpc[0/1]' in a same table is not permitted as "
	       "'gpc' overrides 'gpc[0/1]'." },
	{ "type ip size 1 store gpc_rate(3,1s),gpc1_rate(1s)",
	  HERE "simultaneous usage of 'gpc_rate' and 'gpc[0/1]_rate' in a same table is not "
	       "permitted as 'gpc_rate' overrides 'gpc[0/1]_rate'." },
	{ "type ip size 1 store gpc(3),gpc1,gpt(3),gpt0",
	  HERE "simultaneous usage of 'gpt' and 'gpt0' in a same table is not permitted as 'gpt' "
	       "overrides 'gpt0'." },
};

START_TEST(test_bad)
{
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "stick-table %s", bad[_i].line);
	ck_assert_msg(!parse(line), "%s", line);
	ck_assert_uint_eq(report.n, 1);
	ck_assert_int_eq(report.findings[0].level, FINDING_ALERT);
	ck_assert_str_eq(report.findings[0].text, bad[_i].alert);
	report_fini(&report);
}
END_TEST

static const struct {
	const char *line, *warning;
} doubtful[] = {
	{ "type ip size 1 store conn_rate(1s),conn_rate(2s)",
	  "parsing [x.cfg:12]: stick-table: store option 'conn_rate' already enabled, ignored." },
	{ "type ip size 1 store gpc0,gpc0(5)",
	  "parsing [x.cfg:12]: stick-table: store option 'gpc0' already enabled, ignored." },
	{ "type ip size 1 expire 10s5",
	  "unexpected character '5' after the timer value '10s5', only (us=microseconds,"
	  "ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) are supported. This will be "
	  "reported as an error in next versions." },
	{ "type ip size 1 store conn_rate(10msx)",
	  "unexpected character 'x' after the timer value '10msx', only (us=microseconds,"
	  "ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) are supported. This will be "
	  "reported as an error in next versions." },
	{ "type string len 5000 size 1",
	  HERE "usher keeps at most 1024 bytes of a key of backend 'app' (got 'len 5000')." },
	{ "type string len -3 size 1",
	  HERE "usher keeps at most 1024 bytes of a key of backend 'app' (got 'len -3')." },
};

START_TEST(test_doubtful)
{
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "stick-table %s", doubtful[_i].line);
	ck_assert_msg(parse(line), "%s", line);
	ck_assert_uint_eq(report.n, 1);
	ck_assert_int_eq(report.findings[0].level, FINDING_WARNING);
	ck_assert_str_eq(report.findings[0].text, doubtful[_i].warning);
	ck_assert(spec.period_ms[TABLE_CONN_RATE] != 2000);
	ck_assert(spec.type != SAMPLE_STR || spec.key_len == TABLE_KEY_MAX);
	report_fini(&report);
}
END_TEST

static const struct {
	const char *name, *a, *b;
	bool alike;
} pairs[] = {
	{ "limits may differ", "type ip size 5 expire 1s", "type ip size 9 expire 2s nopurge",
	  true },
	{ "another type", "type ip size 5", "type ipv6 size 5", false },
	{ "another length", "type string size 5", "type string len 32 size 5", false },
	{ "other data", "type ip size 5 store gpc0", "type ip size 5 store gpc1", false },
	{ "another period", "type ip size 5 store conn_rate(1s)",
	  "type ip size 5 store conn_rate(2s)", false },
	{ "the same in another order", "type ip size 5 store gpc0,gpc1",
	  "size 5 store gpc1,gpc0 type ip", true },
};

START_TEST(test_alike)
{
	struct table_spec a;
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "stick-table %s", pairs[_i].a);
	ck_assert(parse(line));
	a = spec;
	snprintf(line, sizeof(line), "stick-table %s", pairs[_i].b);
	ck_assert(parse(line));
	ck_assert_msg(table_spec_is_alike(&a, &spec) == pairs[_i].alike, "%s", pairs[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table spec");
	TCase *tcase = tcase_create("lines");

	tcase_add_loop_test(tcase, test_good, 0, N_ROWS(good));
	tcase_add_loop_test(tcase, test_bad, 0, N_ROWS(bad));
	tcase_add_loop_test(tcase, test_doubtful, 0, N_ROWS(doubtful));
	tcase_add_loop_test(tcase, test_alike, 0, N_ROWS(pairs));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
