/* Log-format strings: what HAProxy 2.6 wrote for the same session, and what it refuses. */
#include "agent/core/expr/log_format.h"
#include "tests/unit/core/expr_world.h"

static const struct log_fields fields = {
	.accepted_us = INT64_C(1795334044955123),
	.utc_offset_s = 3600,
	.handshake_ms = 3,
	.wait_ms = -1,
	.connect_ms = -1,
	.total_ms = 12,
	.bytes_in = 1,
	.termination = { "PR", 2 },
	.n_process = 1,
	.n_frontend = 2,
	.n_backend = 3,
	.n_server = 4,
	.retries = 5,
	.redispatched = true,
	.server_queue = 6,
	.backend_queue = 7,
	.pid = 18391,
};

static const struct {
	const char *format, *text;
} rows[] = {
	{ "%{+Q}o %ci", "\"127.0.0.1\"" },
	{ " %ci ", "127.0.0.1 " },
	{ "%o%o  %ci", "127.0.0.1" },
	{ "a %o b", "a b" },
	{ "a%o b", "a b" },
	{ "%ci %o", "127.0.0.1 " },
	{ "%{+Q}[var(txn.none)]", "\"\"" },
	{ "%[var(txn.none)]", "-" },
	{ "%{+Q}[var(txn.s)]", "\"abc\"" },
	{ "%{+E}[var(txn.w)]", "\\\"\\]\\\\a" },
	{ "%{+Q,+E}[var(txn.w)]", "\"\\\"\\]\\\\a\"" },
	{ "%[var(txn.w)]", "\"]\\a" },
	{ "%{+X}[var(txn.n)]", "7" },
	{ "%{+Q}[var(txn.n)]", "\"7\"" },
	{ "%{+Q}[src]", "\"127.0.0.1\"" },
	{ "%{+X}[src]", "127.0.0.1" },
	{ "%{+Q}ci", "\"127.0.0.1\"" },
	{ "%{+X}ci", "7F000001" },
	{ "%{+X}cp", "AD44" },
	{ "%{+Q}cp", "44356" },
	{ "%{+X}Ts", "6B029F9C" },
	{ "%{+X}pid", "47D7" },
	{ "%{+X}rt", "0000" },
	{ "%{+X}ms", "3BB" },
	{ "%{+Q}t", "22/Nov/2026:08:54:04.955" },
	{ "%T", "22/Nov/2026:07:54:04 +0000" },
	{ "%Tl", "22/Nov/2026:08:54:04 +0100" },
	{ "%Ts.%ms", "1795334044.955" },
	{ "%{+Q}f", "\"mqtt\"" },
	{ "%{+Q}ft", "\"mqtt~\"" },
	{ "%b", "mqtt" },
	{ "%{+Q}s", "\"<NOSRV>\"" },
	{ "%Tw/%Tc/%Tt", "-1/-1/12" },
	{ "%Tu %Th", "15 3" },
	{ "%B %U", "0 1" },
	{ "%{+Q}ts", "PR" },
	{ "%ac/%fc/%bc/%sc/%rc %sq/%bq", "1/2/3/4/+5 6/7" },
	{ "%ID %{+Q}ID", "- \"\"" },
	{ "%pid %lc %rt %ST", "18391 0 0 0" },
	{ "%si:%sp %bi:%bp", "-:- -:-" },
	{ "%fi:%fp", "192.0.2.1:1883" },
	{ "%{+X}si %{+Q}si", "- \"\"" },
	{ "%sslv %sslc", "TLSv1.3 -" },
	{ "%{+Q,+E}o%f %{-Q}f %ci %Tt %[var(txn.none)]", "\"mqtt\" mqtt \"127.0.0.1\" 12 \"\"" },
	{ "%{+X}o%cp %f", "AD44 mqtt" },
	{ "a%%b", "a%b" },
	{ "a  b   c", "a b c" },
	{ "%f %f  %f", "mqtt mqtt mqtt" },
	{ "%[bool(1)]%[int(-5)]%[ipv6(::1)]x%[str()]y", "1-5::1x-y" },
	{ "%[bin(41004200)]", "A" },
	{ "%[str(\"a]b\")]", "a]b" },
	{ "%[str(a b)]", "a b" },
	{ "%[var(txn.lf)]", "a#0Ab#7F" },
	{ "%{+Q,+E}o [usher@32473 key=%[var(txn.w)] be=%b srv=%s ts=%ts]",
	  "[usher@32473 key=\"\\\"\\]\\\\a\" be=\"mqtt\" srv=\"<NOSRV>\" ts=PR]" },
};

START_TEST(format_is_written)
{
	struct expr_context x = world_context();
	char what[EXPR_ERROR], out[256];
	struct log_format f;
	size_t n;

	ck_assert_msg(log_format_compile(&f, rows[_i].format, LOG_FORMAT_LINE, what) == EXPR_OK,
		      "%s: %s", rows[_i].format, what);
	n = log_format_write(&f, &x, &fields, out, sizeof(out));
	ck_assert_str_eq(out, rows[_i].text);
	ck_assert_uint_eq(n, strlen(out));
	for (size_t size = 0; size <= n; size++) { /* cut, never past the end */
		memset(out, 'x', sizeof(out));
		ck_assert_uint_eq(log_format_write(&f, &x, &fields, out, size),
				  size ? size - 1 : 0);
		ck_assert_int_eq(out[size], 'x');
		ck_assert(size == 0 || strncmp(out, rows[_i].text, size - 1) == 0);
	}
	log_format_fini(&f);
}
END_TEST

static const struct {
	const char *format, *what;
} bad[] = {
	{ "%[src", "missing ']' after 'src'." },
	{ "%[src]%[nope]",
	  "failed to parse sample expression <nope]> : unknown fetch method 'nope'." },
	{ "%[]", "failed to parse sample expression <]> : missing fetch method." },
	{ "%nope", "no such format variable 'nope'. If you wanted to emit the '%' character "
		   "verbatim, you need to use '%%'." },
	{ "%ciabc", "no such format variable 'ciabc'. If you wanted to emit the '%' character "
		    "verbatim, you need to use '%%'." },
	{ "%ci%", "truncated line after '%'." },
	{ "%{+Q", "truncated line after '+Q'." },
	{ "%{+Q}", "parse argument modifier without variable name near '%{+Q}'." },
	{ "%r", "format variable 'r' is reserved for HTTP mode." },
	{ "%Ta", "format variable 'Ta' is reserved for HTTP mode." },
	{ "%[str(a)x]", "expected ']' after 'str(a)', but found 'x'." },
};

START_TEST(format_is_refused)
{
	char what[EXPR_ERROR];
	struct log_format f;

	ck_assert_int_eq(log_format_compile(&f, bad[_i].format, LOG_FORMAT_LINE, what), EXPR_BAD);
	ck_assert_str_eq(what, bad[_i].what);
}
END_TEST

/* Names are not log lines: nothing is added, merged or encoded. */
static const struct {
	const char *format, *text;
} names[] = {
	{ "%[var(txn.none)]", "" },	  { "x%[fe_name]", "xmqtt" },	    { "a  b", "a  b" },
	{ "%[var(txn.lf)]", "a\nb\x7f" }, { "%[src, lower]", "127.0.0.1" },
};

START_TEST(name_is_written)
{
	struct expr_context x = world_context();
	char what[EXPR_ERROR], out[256];
	struct log_format f;

	ck_assert_int_ne(log_format_compile(&f, names[_i].format, LOG_FORMAT_NAME, what), EXPR_BAD);
	log_format_write(&f, &x, NULL, out, sizeof(out));
	ck_assert_str_eq(out, names[_i].text);
	log_format_fini(&f);
}
END_TEST

/* Days where calendars go wrong. */
static const struct {
	int64_t seconds;
	const char *text;
} days[] = {
	{ 0, "01/Jan/1970:00:00:00 +0000" },	      { 951782399, "28/Feb/2000:23:59:59 +0000" },
	{ 951782400, "29/Feb/2000:00:00:00 +0000" },  { 951868800, "01/Mar/2000:00:00:00 +0000" },
	{ 1735689599, "31/Dec/2024:23:59:59 +0000" }, { 4107542400, "01/Mar/2100:00:00:00 +0000" },
	{ 4107542399, "28/Feb/2100:23:59:59 +0000" }, { -1, "31/Dec/1969:23:59:59 +0000" },
};

START_TEST(day_is_written)
{
	struct expr_context x = world_context();
	struct log_fields at = { .accepted_us = days[_i].seconds * 1000000 };
	char what[EXPR_ERROR], out[64];
	struct log_format f;

	ck_assert_int_eq(log_format_compile(&f, "%T", LOG_FORMAT_LINE, what), EXPR_OK);
	log_format_write(&f, &x, &at, out, sizeof(out));
	ck_assert_str_eq(out, days[_i].text);
	log_format_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr log format");
	TCase *tcase = tcase_create("log format");

	tcase_add_loop_test(tcase, format_is_written, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, format_is_refused, 0, N_ROWS(bad));
	tcase_add_loop_test(tcase, name_is_written, 0, N_ROWS(names));
	tcase_add_loop_test(tcase, day_is_written, 0, N_ROWS(days));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
