#include "agent/core/topology/condition.h"
#include "tests/unit/run.h"

static const char *
get_variable(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "SET") ? "" : NULL;
}

static const struct lexer_variables variables = { .getenv = get_variable };

/* As HAProxy 2.6 answers. */
static const struct {
	const char *text;
	bool value;
} good[] = {
	{ "", false },
	{ " ", false },
	{ "0", false },
	{ "00", false },
	{ "1", true },
	{ "-1", true },
	{ "10", true },
	{ "!0", true },
	{ "!!1", true },
	{ "! 1", false },
	{ "(1)", true },
	{ "!(1 && 0)", true },
	{ "1&&1", true },
	{ "1 && 0", false },
	{ "0 || 1", true },
	{ "1 || 0 && 0", true },
	{ "0 && 0 || 1", true },
	{ "(1 || 0) && 0", false },
	{ "defined(SET)", true },
	{ "defined(NOT)", false },
	{ "defined( SET )", false },
	{ "defined()", false },
	{ "streq(a,a)", true },
	{ "streq(a,b)", false },
	{ "streq(a b,a b)", true },
	{ "streq( a,a )", false },
	{ "strneq(a,b) && !defined(NOT)", true },
};

START_TEST(condition_has_a_value)
{
	char what[CONDITION_ERROR] = "";
	bool value;
	size_t at;

	ck_assert_msg(condition_eval(str_of(good[_i].text), &variables, &value, what, &at),
		      "%s: %s", good[_i].text, what);
	ck_assert_msg(value == good[_i].value, "%s", good[_i].text);
}
END_TEST

/* As HAProxy 2.6.12 answers where usher reads the file in its stead. */
static const struct {
	const char *text;
	bool value;
} versions[] = {
	{ "version_atleast(2.6)", true },
	{ "version_atleast(2.6.12)", true },
	{ "version_atleast(2.6.13)", false },
	{ "version_atleast(2.6.12.1)", false },
	{ "version_atleast(2.6.12-1)", false },
	{ "version_atleast(2.6.12-0)", true },
	{ "version_atleast(2.6.12-1+deb12u5)", true },
	{ "version_atleast(2.6.12-dev5)", true },
	{ "version_atleast(2.5-dev9)", true },
	{ "version_atleast(2.7-dev1)", false },
	{ "version_atleast(2.10)", false },
	{ "version_atleast(3)", false },
	{ "version_atleast( 2.6)", true },
	{ "version_atleast(2.6x)", true },
	{ "version_atleast(99999999999999999999)", false },
	{ "version_before(2.6)", false },
	{ "version_before(2.6.12)", false },
	{ "version_before(2.6.13)", true },
	{ "version_before(2.7-dev0)", true },
	{ "!version_before(3) || version_atleast(2.4)", true },
	{ "feature(OPENSSL)", true },
	{ "feature(openssl)", false },
	{ "feature(OPENSS)", false },
	{ "feature(PCRE2) && !feature(PCRE)", true },
	{ "feature(QUIC)", false },
	{ "feature( LUA)", false },
};

START_TEST(condition_knows_the_version)
{
	struct lexer_variables v = variables;
	char what[CONDITION_ERROR] = "";
	bool value;
	size_t at;

	v.is_haproxy_2_6 = true;
	ck_assert_msg(condition_eval(str_of(versions[_i].text), &v, &value, what, &at), "%s: %s",
		      versions[_i].text, what);
	ck_assert_msg(value == versions[_i].value, "%s", versions[_i].text);
	ck_assert(!condition_eval(str_of(versions[_i].text), &variables, &value, what, &at));
}
END_TEST

static const struct {
	const char *text;
	size_t at;
	const char *what;
} bad[] = {
	{ "foo", 0, "unparsable conditional expression 'foo'" },
	{ "!", 0, "unparsable conditional expression '!'" },
	{ "1 && ", 5, "unparsable conditional expression ''" },
	{ "1 || foo", 5, "unparsable conditional expression 'foo'" },
	{ "0 && foo", 5, "unparsable conditional expression 'foo'" },
	{ "nope(1)", 0, "unparsable conditional expression 'nope(1)'" },
	{ "()", 1, "unparsable conditional expression ')'" },
	{ "(1", 0, "expected ')' after conditional expression '(1'" },
	{ "1)", 1, "unexpected character ')' at the end of conditional expression '1)'" },
	{ "2x", 1, "unexpected character 'x' at the end of conditional expression '2x'" },
	{ "defined(SET", 0, "unparsable conditional expression 'defined(SET'" },
	{ "streq(a)", 0, "unparsable conditional expression 'streq(a)'" },
	{ "streq(a,b,c)", 0, "unparsable conditional expression 'streq(a,b,c)'" },
	{ "1 && feature(OPENSSL)", 5,
	  "usher does not know the HAProxy that 'feature' asks about (use defined() and an "
	  "environment variable)" },
};

START_TEST(condition_is_refused)
{
	char what[CONDITION_ERROR] = "";
	bool value;
	size_t at = 99;

	ck_assert(!condition_eval(str_of(bad[_i].text), &variables, &value, what, &at));
	ck_assert_str_eq(what, bad[_i].what);
	ck_assert_uint_eq(at, bad[_i].at);
}
END_TEST

START_TEST(depth_is_bounded)
{
	char text[20001], what[CONDITION_ERROR];
	bool value;
	size_t at;

	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert(!condition_eval(str_of(text), &variables, &value, what, &at));
	ck_assert_uint_lt(at, 64);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("topology condition");
	TCase *tcase = tcase_create("condition");

	tcase_add_loop_test(tcase, condition_has_a_value, 0, N_ROWS(good));
	tcase_add_loop_test(tcase, condition_knows_the_version, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, condition_is_refused, 0, N_ROWS(bad));
	tcase_add_test(tcase, depth_is_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
