/* What the head of a request yields. Values as HAProxy 2.6 gave them for the same head. */
#include <stdio.h>
#include <time.h>

#include "agent/core/expr/acl.h"
#include "agent/core/http1/head.h"
#include "tests/unit/core/expr_world.h"

/* tests/config/expr-against-haproxy.py sends the same bytes to HAProxy. */
static const char request[] = "GET /mqtt/Acme?tenant=acme&n=7;empty=&tenant=two&x=%20y HTTP/1.1\r\n"
			      "Host: Broker.Example:8083\r\n"
			      "X-List: one, two ,\"th,ree\"\r\n"
			      "X-Number: 12\r\n"
			      "Cookie: sid=abc; SID=upper; theme=dark\r\n"
			      "x-list: four\r\n"
			      "X-Empty:\r\n"
			      "X-Commas: a,,b\r\n"
			      "X-Client: 192.0.2.7\r\n"
			      "X-Client: 192.0.2.8, 2001:db8::1\r\n"
			      "Cookie: sid=last; n=5; bare\r\n"
			      "X-Escaped: \"a\\\",b\",c\r\n"
			      "X-Literal: [::1], [2001:db8::1]:65536\r\n"
			      "X-Colon: name:\r\n"
			      "\r\n";

static const struct {
	const char *expression;
	const char *text; /* NULL: no value */
} rows[] = {
	{ "path", "/mqtt/Acme" },
	{ "pathq", "/mqtt/Acme?tenant=acme&n=7;empty=&tenant=two&x=%20y" },
	{ "url", "/mqtt/Acme?tenant=acme&n=7;empty=&tenant=two&x=%20y" },
	{ "query", "tenant=acme&n=7;empty=&tenant=two&x=%20y" },
	{ "base", "Broker.Example:8083/mqtt/Acme" },
	{ "method", "GET" },
	{ "method,lower", "get" },
	{ "req.ver", "1.1" },
	{ "path,field(2,/)", "mqtt" },
	{ "req.hdr(host)", "Broker.Example:8083" },
	{ "req.hdr(HOST),lower", "broker.example:8083" },
	{ "req.hdr(host),host_only", "broker.example" },
	{ "req.hdr(host),port_only", "8083" },
	{ "hdr(x-number),host_only", "12" },
	{ "hdr(x-number),port_only", "0" },
	{ "hdr(x-client),host_only", "2001:db8:" },
	{ "hdr(x-literal),host_only", "[2001:db8::1]" },
	{ "hdr(x-literal,1),host_only", "[::1]" },
	{ "hdr(x-literal),port_only", "65536" },
	{ "hdr(x-colon),host_only", "name" },
	{ "hdr(x-colon),port_only", "0" },
	{ "hdr(x-list)", "four" },
	{ "hdr(x-list,1)", "one" },
	{ "hdr(x-list,2)", "two" },
	{ "hdr(x-list,3)", "\"th,ree\"" },
	{ "hdr(x-list,4)", "four" },
	{ "hdr(x-list,5)", NULL },
	{ "hdr(x-list,-1)", "four" },
	{ "hdr(x-list,-4)", "one" },
	{ "hdr(x-list,-5)", NULL },
	{ "hdr(x-none)", NULL },
	{ "hdr_cnt(x-list)", "4" },
	{ "hdr_cnt(x-none)", "0" },
	{ "hdr_cnt(x-empty)", "1" },
	{ "hdr(x-empty),length", "0" },
	{ "hdr_cnt(x-commas)", "3" },
	{ "hdr(x-commas,2),length", "0" },
	{ "hdr(x-commas,3)", "b" },
	{ "hdr(x-escaped,1)", "\"a\\\",b\"" },
	{ "hdr_cnt(x-escaped)", "2" },
	{ "req.fhdr(x-list)", "four" },
	{ "req.fhdr(x-list,1)", "one, two ,\"th,ree\"" },
	{ "req.fhdr_cnt(x-list)", "2" },
	{ "hdr_ip(x-client)", "2001:db8::1" },
	{ "hdr_ip(x-client,1)", "192.0.2.7" },
	{ "hdr_ip(host)", NULL },
	{ "hdr_val(x-number),add(1)", "13" },
	{ "hdr_val(host)", "0" },
	{ "req.cook(sid)", "last" },
	{ "cook(SID)", "upper" },
	{ "cook(theme)", "dark" },
	{ "cook(none)", NULL },
	{ "cook(bare)", NULL },
	{ "cook_cnt(sid)", "2" },
	{ "cook_val(n),add(1)", "6" },
	{ "url_param(tenant)", "acme" },
	{ "urlp(n)", "7" },
	{ "urlp_val(n),add(1)", "8" },
	{ "urlp(empty),length", "0" },
	{ "urlp(x)", "%20y" },
	{ "urlp(none)", NULL },
	{ "urlp(ten)", NULL },
};

static const struct {
	const char *text;
	bool holds;
} conditions[] = {
	{ "{ path /mqtt/Acme }", true },
	{ "{ path /mqtt }", false },
	{ "{ path -i /MQTT/acme }", true },
	{ "{ path_beg /mqtt }", true },
	{ "{ path_beg -i /MQTT }", true },
	{ "{ path_end cme }", true },
	{ "{ path_dir mqtt }", true },
	{ "{ path_sub q }", true },
	{ "{ path_reg ^/[a-z]+/A }", true },
	{ "{ path_len 10 }", true },
	{ "{ path_dom Acme }", true },
	{ "{ url_beg /mqtt/Acme? }", true },
	{ "{ base_end /Acme }", true },
	{ "{ method GET }", true },
	{ "{ method POST }", false },
	{ "{ hdr(host) -i broker.example:8083 }", true },
	{ "{ hdr(host) broker.example:8083 }", false },
	{ "{ hdr_dom(host) Example }", true },
	{ "{ hdr_beg(host) Broker. }", true },
	{ "{ req.hdr(host),host_only -i broker.example }", true },
	{ "METH_GET", true },
	{ "METH_POST", false },
	{ "HTTP_1.1", true },
	{ "HTTP_1.0", false },
	{ "HTTP_URL_SLASH", true },
	{ "HTTP_URL_ABS", false },
	{ "HTTP_URL_STAR", false },
	/* any of the values will do */
	{ "{ hdr(x-list) one }", true },
	{ "{ hdr(x-list) two }", true },
	{ "{ hdr(x-list,1) two }", false },
	{ "{ req.fhdr(x-list) one }", false },
	{ "{ hdr_ip(x-client) 192.0.2.8 }", true },
	{ "{ hdr(x-list) -m found }", true },
	{ "{ hdr(x-none) -m found }", false },
	{ "{ hdr_cnt(x-list) gt 3 }", true },
	{ "{ cook(sid) abc }", true },
	{ "{ cook(sid) last }", true },
	{ "{ cook_beg(theme) da }", true },
	{ "{ urlp(tenant) two }", true },
	{ "{ urlp_beg(tenant) ac }", true },
	{ "{ urlp(tenant),length gt 3 }", true },
};

static struct expr_context
context_of(struct http1_head *head)
{
	struct expr_context x = world_context();
	enum http1_fault fault;

	ck_assert_int_eq(
		http1_request_decode((const uint8_t *)request, strlen(request), head, &fault),
		PARSE_OK);
	x.http = head;
	return x;
}

START_TEST(expression_has_a_value)
{
	struct http1_head head;
	struct expr_context x = context_of(&head);
	char what[EXPR_ERROR];
	struct sample s;
	struct expr e;
	struct line l;
	size_t used;
	bool found;

	line_cut(&l, rows[_i].expression);
	ck_assert_msg(expr_compile(&e, l.words, l.n, &used, what) == EXPR_OK, "%s", what);
	ck_assert_uint_eq(expr_needs(&e), EXPR_NEEDS_HTTP);
	found = expr_eval_as(&e, &x, SAMPLE_STR, &s);
	ck_assert_msg(found == (rows[_i].text != NULL), "%s", rows[_i].expression);
	if (found)
		ck_assert_msg(str_is(s.bytes, rows[_i].text), "%s: %.*s", rows[_i].expression,
			      STR_ARG(s.bytes));
	ck_assert(!s.may_change);
	x.http = NULL;
	ck_assert_msg(!expr_eval(&e, &x, &s), "%s: without a head", rows[_i].expression);
	expr_fini(&e);
}
END_TEST

/* CPU time of looking at so many values for one that is not there, ns. */
static int64_t
cost_of_values(size_t n)
{
	const char *const words[] = { "if", "{", "hdr(x)", "1", "}" };
	char values[HTTP1_HEAD_MAX], what[EXPR_ERROR];
	struct http1_head head = { .n_fields = 1, .fields = { { STR("X"), { values, n - 1 } } } };
	struct expr_context x = { .http = &head };
	struct timespec begin, end;
	struct acl_condition c;
	struct acl_set set;

	memset(values, ',', sizeof(values));
	acl_set_init(&set);
	ck_assert_int_eq(acl_condition_compile(&c, &set, words, 5, what), EXPR_OK);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(acl_condition_eval(&c, &x), ACL_FAIL);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	acl_condition_fini(&c);
	acl_set_fini(&set);
	return (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
}

/* Sixteen times as many cost about sixteen times as much, and not 256 times. */
START_TEST(many_values_are_no_weapon)
{
	int64_t few, many;

	(void)cost_of_values(1000); /* the first time warms up */
	few = cost_of_values(1000);
	many = cost_of_values(16000);
	ck_assert_msg(many < few * 64, "%lld ns for 1000, %lld for 16000", (long long)few,
		      (long long)many);
}
END_TEST

START_TEST(condition_holds)
{
	struct http1_head head;
	struct expr_context x = context_of(&head);
	char line[LINE_MAX_LEN], what[EXPR_ERROR];
	struct acl_condition c;
	struct acl_set set;
	struct line l;

	acl_set_init(&set);
	snprintf(line, sizeof(line), "if %s", conditions[_i].text);
	line_cut(&l, line);
	ck_assert_msg(acl_condition_compile(&c, &set, l.words, l.n, what) == EXPR_OK, "%s", what);
	ck_assert_msg((acl_condition_eval(&c, &x) == ACL_PASS) == conditions[_i].holds, "%s",
		      conditions[_i].text);
	ck_assert_uint_eq(x.nth, 0);
	acl_condition_fini(&c);
	acl_set_fini(&set);
}
END_TEST

/* A target that is no path has none, and none of what stands in one. */
START_TEST(target_in_another_form)
{
	static const struct {
		const char *target, *path, *query;
	} forms[] = {
		{ "*", NULL, NULL },
		{ "host:443", NULL, NULL },
		{ "http://host/a/b?c", "/a/b", "c" },
		{ "http://host", NULL, NULL },
		{ "/?", "/", "" },
		{ "/a?b?c", "/a", "b?c" },
	};
	static const char *const fetches[] = { "path", "query" };
	struct expr_context x = world_context();

	for (int i = 0; i < N_ROWS(forms); i++) {
		struct http1_head head = { .target = str_of(forms[i].target) };

		x.http = &head;
		for (int k = 0; k < 2; k++) {
			const char *expected = k ? forms[i].query : forms[i].path;
			char what[EXPR_ERROR];
			struct sample s;
			struct expr e;
			size_t used;
			bool found;

			ck_assert_int_eq(expr_compile(&e, &fetches[k], 1, &used, what), EXPR_OK);
			found = expr_eval(&e, &x, &s);
			ck_assert_msg(found == (expected != NULL), "%s", forms[i].target);
			ck_assert(!found || str_is(s.bytes, expected));
			expr_fini(&e);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr http");
	TCase *tcase = tcase_create("head");

	tcase_add_loop_test(tcase, expression_has_a_value, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, condition_holds, 0, N_ROWS(conditions));
	tcase_add_test(tcase, target_in_another_form);
	tcase_add_test(tcase, many_values_are_no_weapon);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
