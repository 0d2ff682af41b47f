/* Heads of HTTP/1.1: what is taken apart, and what two readers could take apart in two ways. */
#include "agent/core/http1/head.h"
#include "tests/unit/run.h"

#define HOST "Host: a\r\n"

static const struct {
	const char *name;
	bool is_response;
	struct str head;
	const char *method, *target;
	unsigned status;
	const char *reason;
	size_t n_fields;
	const char *field, *value; /* the first field */
} rows[] = {
	{ "a request", false, STR("GET /mqtt?x=1 HTTP/1.1\r\nHost: a.example:80\r\nB: c\r\n\r\n"),
	  "GET", "/mqtt?x=1", 0, NULL, 2, "Host", "a.example:80" },
	{ "no fields", false, STR("GET / HTTP/1.1\r\n\r\n"), "GET", "/", 0, NULL, 0, NULL, NULL },
	{ "a target in absolute form", false, STR("GET http://a/ HTTP/1.1\r\n\r\n"), "GET",
	  "http://a/", 0, NULL, 0, NULL, NULL },
	{ "blanks around a value", false, STR("GET / HTTP/1.1\r\nHost: \t a b \t\r\n\r\n"), "GET",
	  "/", 0, NULL, 1, "Host", "a b" },
	{ "no blank before a value", false, STR("GET / HTTP/1.1\r\nHost:a\r\n\r\n"), "GET", "/", 0,
	  NULL, 1, "Host", "a" },
	{ "an empty value", false, STR("GET / HTTP/1.1\r\nX: \r\n\r\n"), "GET", "/", 0, NULL, 1,
	  "X", "" },
	{ "a colon in a value", false, STR("GET / HTTP/1.1\r\nX: a:b\r\n\r\n"), "GET", "/", 0, NULL,
	  1, "X", "a:b" },
	{ "bytes above 0x7f in a value", false, STR("GET / HTTP/1.1\r\nX: \xc3\xa9\r\n\r\n"), "GET",
	  "/", 0, NULL, 1, "X", "\xc3\xa9" },
	{ "another method", false, STR("M-SEARCH * HTTP/1.1\r\n\r\n"), "M-SEARCH", "*", 0, NULL, 0,
	  NULL, NULL },
	{ "a response", true, STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
	  NULL, NULL, 101, "Switching Protocols", 1, "Upgrade", "websocket" },
	{ "an empty reason", true, STR("HTTP/1.1 200 \r\n\r\n"), NULL, NULL, 200, "", 0, NULL,
	  NULL },
	{ "no reason", true, STR("HTTP/1.1 999\r\n\r\n"), NULL, NULL, 999, "", 0, NULL, NULL },
};

static enum parse
decode(bool is_response, const void *p, size_t n, struct http1_head *h, enum http1_fault *fault)
{
	return is_response ? http1_response_decode(p, n, h, fault)
			   : http1_request_decode(p, n, h, fault);
}

static void
assert_text(struct str got, const char *want)
{
	ck_assert_int_eq(got.p != NULL, want != NULL);
	ck_assert(str_is(got, want ? want : ""));
}

START_TEST(test_row)
{
	struct str head = rows[_i].head;
	char bytes[256];
	struct http1_head h;
	enum http1_fault fault;

	memcpy(bytes, head.p, head.n);
	memcpy(bytes + head.n, "\x82\x80\0\n", 4); /* what is behind the head is not looked at */
	for (size_t n = 0; n < head.n; n++)
		ck_assert_msg(decode(rows[_i].is_response, bytes, n, &h, &fault) == PARSE_MORE,
			      "%s, cut to %zu: %s", rows[_i].name, n, http1_fault_name(fault));
	ck_assert_msg(decode(rows[_i].is_response, bytes, head.n + 4, &h, &fault) == PARSE_OK,
		      "%s: %s", rows[_i].name, http1_fault_name(fault));
	ck_assert_uint_eq(h.len, head.n);
	assert_text(h.method, rows[_i].method);
	assert_text(h.target, rows[_i].target);
	ck_assert_uint_eq(h.status, rows[_i].status);
	assert_text(h.reason, rows[_i].reason);
	ck_assert_uint_eq(h.n_fields, rows[_i].n_fields);
	if (rows[_i].field) {
		assert_text(h.fields[0].name, rows[_i].field);
		assert_text(h.fields[0].value, rows[_i].value);
	}
}
END_TEST

static const struct {
	const char *name;
	bool is_response;
	struct str head;
	size_t at; /* bytes after which it is known */
	enum http1_fault fault;
} bad_rows[] = {
	{ "MQTT", false, STR("\x10\x0c\0\4MQTT"), 1, HTTP1_FAULT_CONTROL },
	{ "TLS", false, STR("\x16\3\1"), 1, HTTP1_FAULT_CONTROL },
	{ "an empty line in front", false, STR("\r\nGET / HTTP/1.1\r\n"), 2,
	  HTTP1_FAULT_START_LINE },
	{ "LF alone", false, STR("GET / HTTP/1.1\n"), 15, HTTP1_FAULT_LINE_END },
	{ "CR alone", false, STR("GET / HTTP/1.1\rX"), 16, HTTP1_FAULT_LINE_END },
	{ "LF alone behind a field", false, STR("GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n"), 30,
	  HTTP1_FAULT_LINE_END },
	{ "CR in a value", false, STR("GET / HTTP/1.1\r\nX: a\rY: b\r\n"), 22,
	  HTTP1_FAULT_LINE_END },
	{ "NUL in a value", false, STR("GET / HTTP/1.1\r\nX: a\0b\r\n"), 21, HTTP1_FAULT_CONTROL },
	{ "DEL in a value", false, STR("GET / HTTP/1.1\r\nX: \x7f\r\n"), 20, HTTP1_FAULT_CONTROL },
	{ "a folded line", false, STR("GET / HTTP/1.1\r\nX: a\r\n b\r\n"), 26, HTTP1_FAULT_FOLD },
	{ "a line folded by a tab", false, STR("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n"), 26,
	  HTTP1_FAULT_FOLD },
	{ "a blank before the first field", false, STR("GET / HTTP/1.1\r\n X: a\r\n"), 23,
	  HTTP1_FAULT_FOLD },
	{ "a blank before the colon", false, STR("GET / HTTP/1.1\r\nHost : a\r\n"), 26,
	  HTTP1_FAULT_FIELD },
	{ "no colon", false, STR("GET / HTTP/1.1\r\nHost\r\n"), 22, HTTP1_FAULT_FIELD },
	{ "no name", false, STR("GET / HTTP/1.1\r\n: a\r\n"), 21, HTTP1_FAULT_FIELD },
	{ "a name that is no token", false, STR("GET / HTTP/1.1\r\nH@st: a\r\n"), 25,
	  HTTP1_FAULT_FIELD },
	{ "HTTP/1.0", false, STR("GET / HTTP/1.0\r\n"), 16, HTTP1_FAULT_VERSION },
	{ "HTTP/2.0", false, STR("PRI * HTTP/2.0\r\n"), 16, HTTP1_FAULT_VERSION },
	{ "HTTP/0.9", false, STR("GET /\r\n"), 7, HTTP1_FAULT_START_LINE },
	{ "http in small letters", false, STR("GET / http/1.1\r\n"), 16, HTTP1_FAULT_START_LINE },
	{ "two spaces", false, STR("GET  / HTTP/1.1\r\n"), 17, HTTP1_FAULT_START_LINE },
	{ "a space in the target", false, STR("GET /a b HTTP/1.1\r\n"), 19,
	  HTTP1_FAULT_START_LINE },
	{ "a space at the end", false, STR("GET / HTTP/1.1 \r\n"), 17, HTTP1_FAULT_START_LINE },
	{ "a method that is no token", false, STR("G:T / HTTP/1.1\r\n"), 16,
	  HTTP1_FAULT_START_LINE },
	{ "a target beyond ASCII", false, STR("GET /\xc3\xa9 HTTP/1.1\r\n"), 18,
	  HTTP1_FAULT_START_LINE },
	{ "a response as a request", false, STR("HTTP/1.1 200 OK\r\n"), 17,
	  HTTP1_FAULT_START_LINE },
	{ "a response of 1.0", true, STR("HTTP/1.0 200 OK\r\n"), 17, HTTP1_FAULT_VERSION },
	{ "a status of two digits", true, STR("HTTP/1.1 20 OK\r\n"), 16, HTTP1_FAULT_START_LINE },
	{ "a status of four digits", true, STR("HTTP/1.1 2000 OK\r\n"), 18,
	  HTTP1_FAULT_START_LINE },
	{ "a status below 100", true, STR("HTTP/1.1 099 OK\r\n"), 17, HTTP1_FAULT_START_LINE },
	{ "no status", true, STR("HTTP/1.1\r\n"), 10, HTTP1_FAULT_START_LINE },
	{ "a request as a response", true, STR("GET / HTTP/1.1\r\n"), 16, HTTP1_FAULT_START_LINE },
};

START_TEST(test_bad_row)
{
	struct str head = bad_rows[_i].head;
	struct http1_head h;
	enum http1_fault fault;

	for (size_t n = 0; n <= head.n; n++) {
		bool known = n >= bad_rows[_i].at;
		enum parse parse = decode(bad_rows[_i].is_response, head.p, n, &h, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes: %s",
			      bad_rows[_i].name, n, http1_fault_name(fault));
		ck_assert_msg(fault == (known ? bad_rows[_i].fault : HTTP1_FAULT_NONE), "%s: %s",
			      bad_rows[_i].name, http1_fault_name(fault));
	}
}
END_TEST

START_TEST(test_bounds)
{
	static char bytes[HTTP1_HEAD_MAX + 1];
	size_t at = sizeof("GET / HTTP/1.1\r\n") - 1;
	struct http1_head h;
	enum http1_fault fault;

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "GET / HTTP/1.1\r\nX: ", 19);
	ck_assert_int_eq(decode(false, bytes, HTTP1_HEAD_MAX - 1, &h, &fault), PARSE_MORE);
	ck_assert_int_eq(decode(false, bytes, HTTP1_HEAD_MAX, &h, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, HTTP1_FAULT_TOO_LONG);
	memcpy(bytes + HTTP1_HEAD_MAX - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(decode(false, bytes, sizeof(bytes), &h, &fault), PARSE_OK);
	ck_assert_uint_eq(h.len, HTTP1_HEAD_MAX);
	memcpy(bytes + HTTP1_HEAD_MAX - 4, "x\r\n\r\n", 5);
	ck_assert_int_eq(decode(false, bytes, sizeof(bytes), &h, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, HTTP1_FAULT_TOO_LONG);

	for (int i = 0; i < HTTP1_FIELDS_MAX; i++, at += 6)
		memcpy(bytes + at, "X: y\r\n", 6);
	memcpy(bytes + at, "\r\n", 2);
	ck_assert_int_eq(decode(false, bytes, sizeof(bytes), &h, &fault), PARSE_OK);
	ck_assert_uint_eq(h.n_fields, HTTP1_FIELDS_MAX);
	memcpy(bytes + at, "X: y\r\n\r\n", 8);
	ck_assert_int_eq(decode(false, bytes, sizeof(bytes), &h, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, HTTP1_FAULT_TOO_MANY);
}
END_TEST

START_TEST(test_fields_and_lists)
{
	static const char bytes[] =
		"GET / HTTP/1.1\r\nA: 1\r\nConnection: keep-alive , ,Upgrade\r\n"
		"a: 2\r\ncONNECTION: close\r\nEmpty: , ,\r\n\r\n";
	struct http1_head h;
	enum http1_fault fault;
	struct str value, list = STR(" a,, b c ,"), element;

	ck_assert_int_eq(decode(false, bytes, sizeof(bytes) - 1, &h, &fault), PARSE_OK);
	ck_assert_uint_eq(http1_field_find(&h, "A", &value), 2);
	assert_str(value, "2");
	ck_assert_uint_eq(http1_field_find(&h, "b", &value), 0);
	ck_assert_ptr_null(value.p);
	ck_assert(http1_list_has(&h, "connection", STR("upgrade")));
	ck_assert(http1_list_has(&h, "connection", STR("CLOSE")));
	ck_assert(!http1_list_has(&h, "connection", STR("keep")));
	ck_assert(!http1_list_has(&h, "connection", STR("")));
	ck_assert(!http1_list_has(&h, "empty", STR("")));

	ck_assert(http1_list_next(&list, &element));
	assert_str(element, "a");
	ck_assert(http1_list_next(&list, &element));
	assert_str(element, "b c");
	ck_assert(!http1_list_next(&list, &element));
	for (int i = 0; i < N_HTTP1_FAULTS; i++)
		ck_assert_ptr_nonnull(http1_fault_name(i));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1 head");
	TCase *tcase = tcase_create("head");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_bad_row, 0, N_ROWS(bad_rows));
	tcase_add_test(tcase, test_bounds);
	tcase_add_test(tcase, test_fields_and_lists);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
