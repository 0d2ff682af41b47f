#include "agent/core/base/pattern.h"
#include "tests/unit/run.h"

static const struct {
	const char *name, *pattern, *subject;
	bool matches;
	const char *tenant; /* NULL: the group takes no part */
} patterns[] = {
	{ "captured", "^(?<tenant>[a-z]+)-", "acme-1", true, "acme" },
	{ "not at the front", "^(?<tenant>[a-z]+)-", "1acme-1", false, NULL },
	{ "empty capture", "^(?<tenant>[a-z]*)-", "-1", true, "" },
	{ "optional group left out", "^(?<tenant>x)?acme", "acme", true, NULL },
	{ "one of two groups of the name", "(?J)^(?:(?<tenant>a+)|(?<tenant>b+))$", "bbb", true,
	  "bbb" },
	{ "no such group", "^acme", "acme", true, NULL },
	{ "the very end, not before a newline", "^acme$", "acme\n", false, NULL },
	{ "bytes, not characters", "^....$", "\xc3\xa9\xc3\xa9", true, NULL },
	{ "broken UTF-8 is bytes as well", "^\\xc3.$", "\xc3\x28", true, NULL },
	{ "empty subject", "^$", "", true, NULL },
	{ "a lookahead that sets the start behind the end", "(?=ab(?<tenant>c)\\K)", "abc", true,
	  "c" },
};

START_TEST(test_pattern)
{
	char what[PATTERN_ERROR];
	struct str subject = str_of(patterns[_i].subject);
	struct pattern *p = pattern_new(str_of(patterns[_i].pattern), what);
	struct str tenant;

	if (!p && strstr(patterns[_i].pattern, "\\K"))
		return; /* newer libraries refuse it */
	ck_assert_msg(p != NULL, "%s: %s", patterns[_i].name, what);
	ck_assert_msg(pattern_matches(p, subject) == patterns[_i].matches, "%s", patterns[_i].name);
	tenant = pattern_capture(p, "tenant", subject);
	if (patterns[_i].tenant)
		ck_assert(str_is(tenant, patterns[_i].tenant));
	ck_assert_int_eq(tenant.p != NULL, patterns[_i].tenant != NULL);
	pattern_free(p);
}
END_TEST

static const struct {
	const char *pattern, *what;
} bad[] = {
	{ "a(b", "missing closing parenthesis at offset 3" },
	{ "*", "quantifier does not follow a repeatable item at offset 0" },
	{ "\\C", "using \\C is disabled by the application at offset 2" },
	{ "(*UTF)a", "using UTF is disabled by the application at offset 6" },
};

START_TEST(test_bad_pattern)
{
	char what[PATTERN_ERROR];

	ck_assert_ptr_null(pattern_new(str_of(bad[_i].pattern), what));
	ck_assert_str_eq(what, bad[_i].what);
}
END_TEST

START_TEST(test_pattern_too_long)
{
	char what[PATTERN_ERROR], source[PATTERN_SOURCE_MAX + 1];
	struct pattern *p;

	memset(source, 'a', sizeof(source));
	p = pattern_new((struct str){ source, PATTERN_SOURCE_MAX }, what);
	ck_assert_ptr_nonnull(p);
	pattern_free(p);
	ck_assert_ptr_null(pattern_new((struct str){ source, PATTERN_SOURCE_MAX + 1 }, what));
}
END_TEST

/* It would match in the end, after 2^24 steps; nobody waits that long. */
START_TEST(test_steps_are_bounded)
{
	char what[PATTERN_ERROR];
	struct pattern *p = pattern_new(STR("^(?:(a+)+x|(?<tenant>a*))$"), what);

	ck_assert(pattern_matches(p, STR("aaaaaa")));
	assert_str(pattern_capture(p, "tenant", STR("aaaaaa")), "aaaaaa");
	ck_assert(!pattern_matches(p, STR("aaaaaaaaaaaaaaaaaaaaaaaa")));
	ck_assert_ptr_null(pattern_capture(p, "tenant", STR("aaaaaaaaaaaaaaaaaaaaaaaa")).p);
	pattern_free(p);
}
END_TEST

START_TEST(test_subject_is_bounded)
{
	char what[PATTERN_ERROR], subject[PATTERN_SUBJECT_MAX + 1];
	struct pattern *p = pattern_new(STR("^(?<tenant>(?:ab)+)"), what);

	for (size_t i = 0; i < sizeof(subject); i++)
		subject[i] = i % 2 ? 'b' : 'a';
	ck_assert(pattern_matches(p, (struct str){ subject, PATTERN_SUBJECT_MAX }));
	ck_assert_uint_eq(
		pattern_capture(p, "tenant", (struct str){ subject, PATTERN_SUBJECT_MAX }).n,
		PATTERN_SUBJECT_MAX);
	ck_assert(!pattern_matches(p, (struct str){ subject, PATTERN_SUBJECT_MAX + 1 }));
	pattern_free(p);
}
END_TEST

START_TEST(test_case_is_ignored)
{
	char what[PATTERN_ERROR];
	struct pattern *exact = pattern_new(STR("^ab[c]"), what);
	struct pattern *caseless = pattern_new_caseless(STR("^ab[c]"), what);

	ck_assert(pattern_matches(exact, STR("abc")) && !pattern_matches(exact, STR("aBC")));
	ck_assert(pattern_matches(caseless, STR("abc")) && pattern_matches(caseless, STR("aBC")));
	ck_assert_ptr_null(pattern_new_caseless(STR("a(b"), what));
	ck_assert_str_eq(what, "missing closing parenthesis at offset 3");
	pattern_free(exact);
	pattern_free(caseless);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base pattern");
	TCase *tcase = tcase_create("pattern");

	tcase_add_loop_test(tcase, test_pattern, 0, N_ROWS(patterns));
	tcase_add_loop_test(tcase, test_bad_pattern, 0, N_ROWS(bad));
	tcase_add_test(tcase, test_pattern_too_long);
	tcase_add_test(tcase, test_steps_are_bounded);
	tcase_add_test(tcase, test_subject_is_bounded);
	tcase_add_test(tcase, test_case_is_ignored);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
