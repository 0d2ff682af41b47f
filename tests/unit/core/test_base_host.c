/* "HOST:PORT" with names and ranges. */
#include "agent/core/base/host.h"
#include "tests/unit/run.h"

static const struct {
	const char *what, *text;
	const char *name; /* NULL: not taken */
	int family, port, port_end;
} rows[] = {
	{ "a name and its port", "broker.test:1883", "broker.test", 0, 1883, 1883 },
	{ "a name alone", "broker.test", "broker.test", 0, 0, 0 },
	{ "a family before it", "ipv4@broker.test:1", "broker.test", 4, 1, 1 },
	{ "the other family", "ipv6@broker.test:1", "broker.test", 6, 1, 1 },
	{ "a range of ports", "broker.test:1883-1885", "broker.test", 0, 1883, 1885 },
	{ "a range that runs backwards", "x:3-1", "x", 0, 3, 1 },
	{ "any interface", ":1883-1885", "", 0, 1883, 1885 },
	{ "any interface by a star", "*:1883-1885", "*", 0, 1883, 1885 },
	{ "IPv6 in brackets", "[::1]:1-2", "::1", 0, 1, 2 },
	{ "IPv6 in brackets without a port", "[::1]", "::1", 0, 0, 0 },
	{ "IPv6 whose last colon is the port's", "::1:1883", "::1", 0, 1883, 1883 },
	{ "the greatest port", "x:65535", "x", 0, 65535, 65535 },
	{ "a port too great", "x:65536", NULL, 0, 0, 0 },
	{ "a range that ends too great", "x:1-65536", NULL, 0, 0, 0 },
	{ "a range without an end", "x:1-", NULL, 0, 0, 0 },
	{ "an offset", "x:+10", NULL, 0, 0, 0 },
	{ "an offset downwards", "x:-10", NULL, 0, 0, 0 },
	{ "a port that is no number", "x:http", NULL, 0, 0, 0 },
	{ "a colon and no port", "x:", NULL, 0, 0, 0 },
	{ "a UNIX socket", "/run/x.sock", NULL, 0, 0, 0 },
	{ "a UNIX socket by its prefix", "unix@/run/x.sock", NULL, 0, 0, 0 },
	{ "a descriptor", "fd@3", NULL, 0, 0, 0 },
	{ "nothing", "", NULL, 0, 0, 0 },
	{ "nothing behind the family", "ipv4@", NULL, 0, 0, 0 },
};

START_TEST(test_parse)
{
	struct host h;
	bool ok = host_parse(str_of(rows[_i].text), &h);

	ck_assert_msg(ok == (rows[_i].name != NULL), "%s", rows[_i].what);
	if (!ok)
		return;
	ck_assert_msg(str_is(h.name, rows[_i].name), "%s", rows[_i].what);
	ck_assert_int_eq(h.family, rows[_i].family);
	ck_assert_int_eq(h.port, rows[_i].port);
	ck_assert_int_eq(h.port_end, rows[_i].port_end);
}
END_TEST

START_TEST(test_nul_is_no_name)
{
	struct host h;

	ck_assert(!host_parse((struct str){ "a\0b:1", 5 }, &h));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host");
	TCase *tc = tcase_create("parse");

	tcase_add_loop_test(tc, test_parse, 0, N_ROWS(rows));
	tcase_add_test(tc, test_nul_is_no_name);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
