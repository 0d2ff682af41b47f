/* `stats socket` lines: where, for whom, and what they may do. */
#include <string.h>

#include "agent/runtime/socket_line.h"
#include "tests/unit/run.h"

enum { MOST = 12 };

static const struct {
	const char *name;
	const char *words[MOST];
	bool good;
	enum runtime_level level;
	int mode;
	const char *user, *group;
} rows[] = {
	{ "a path alone", { "stats", "socket", "/x" }, true, RUNTIME_OPERATOR, -1, NULL, NULL },
	{ "all of it",
	  { "stats", "socket", "/x", "mode", "660", "user", "haproxy", "group", "adm", "level",
	    "admin" },
	  true,
	  RUNTIME_ADMIN,
	  0660,
	  "haproxy",
	  "adm" },
	{ "numbers of users",
	  { "stats", "socket", "/x", "uid", "7", "gid", "8", "level", "user" },
	  true,
	  RUNTIME_USER,
	  -1,
	  "7",
	  "8" },
	{ "an address with a port",
	  { "stats", "socket", "ipv4@127.0.0.1:9999", "level", "operator" },
	  true,
	  RUNTIME_OPERATOR,
	  -1,
	  NULL,
	  NULL },
	{ "words for others",
	  { "stats", "socket", "/x", "expose-fd", "listeners", "level", "admin" },
	  true,
	  RUNTIME_ADMIN,
	  -1,
	  NULL,
	  NULL },
	{ "no address", { "stats", "socket" }, false, 0, 0, NULL, NULL },
	{ "no port", { "stats", "socket", "127.0.0.1" }, false, 0, 0, NULL, NULL },
	{ "unknown level", { "stats", "socket", "/x", "level", "root" }, false, 0, 0, NULL, NULL },
	{ "mode that is not octal",
	  { "stats", "socket", "/x", "mode", "9" },
	  false,
	  0,
	  0,
	  NULL,
	  NULL },
	{ "mode out of range",
	  { "stats", "socket", "/x", "mode", "1777" },
	  false,
	  0,
	  0,
	  NULL,
	  NULL },
};

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

START_TEST(test_lines)
{
	char *words[MOST];
	struct raw_line line = { .words = words };
	struct socket_line s;

	for (; line.n < MOST && rows[_i].words[line.n]; line.n++)
		words[line.n] = (char *)(uintptr_t)rows[_i].words[line.n];
	ck_assert_msg(!socket_line_read(&line, &s) == rows[_i].good, "%s", rows[_i].name);
	if (!rows[_i].good)
		return;
	ck_assert_int_eq(s.level, rows[_i].level);
	ck_assert_int_eq(s.mode, rows[_i].mode);
	ck_assert(same(s.user, rows[_i].user) && same(s.group, rows[_i].group));
}
END_TEST

static const struct {
	const char *name, *what, *value;
	int64_t timeout_ms;
	unsigned maxconn;
} limits[] = {
	{ "nothing said", "socket", "/x", 10000, 10 },
	{ "a time-out", "timeout", "2m", 120000, 10 },
	{ "a number", "maxconn", "3", 10000, 3 },
	{ "no number", "maxconn", "x", 10000, 10 },
	{ "no time", "timeout", "x", 10000, 10 },
};

START_TEST(test_limits)
{
	char stats[] = "stats", what[32], value[32];
	char *words[] = { stats, what, value };
	struct raw_line line = { .words = words, .n = 3 };
	struct topology t = { .global = &line, .n_global = 1 };
	struct socket_limits l;

	strcpy(what, limits[_i].what);
	strcpy(value, limits[_i].value);
	l = socket_limits_read(&t);
	ck_assert_msg(l.timeout_ms == limits[_i].timeout_ms, "%s", limits[_i].name);
	ck_assert_uint_eq(l.maxconn, limits[_i].maxconn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("socket line");
	TCase *tcase = tcase_create("socket line");

	tcase_add_loop_test(tcase, test_lines, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_limits, 0, N_ROWS(limits));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
