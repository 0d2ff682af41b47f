/* Views of bytes: comparison, numbers, guesses and what a terminal gets to see. */
#include "agent/core/base/str.h"
#include "tests/unit/run.h"

static const struct {
	const char *a, *b;
	bool equal, iequal, prefix, suffix; /* b is a prefix, a suffix of a */
} pairs[] = {
	{ "abc", "abc", true, true, true, true },
	{ "abc", "ABC", false, true, false, false },
	{ "abc", "ab", false, false, true, false },
	{ "abc", "bc", false, false, false, true },
	{ "abc", "", false, false, true, true },
	{ "", "", true, true, true, true },
	{ "ab", "abc", false, false, false, false },
	{ "@[`{", "@[`{", true, true, true, true },
	{ "@", "`", false, false, false, false },
	{ "[", "{", false, false, false, false },
	{ "\xc3\x84", "\xc3\xa4", false, false, false, false },
};

START_TEST(test_pair)
{
	struct str a = str_of(pairs[_i].a), b = str_of(pairs[_i].b);

	ck_assert_int_eq(str_eq(a, b), pairs[_i].equal);
	ck_assert_int_eq(str_is(a, pairs[_i].b), pairs[_i].equal);
	ck_assert_int_eq(str_ieq(a, b), pairs[_i].iequal);
	ck_assert_int_eq(str_has_prefix(a, b), pairs[_i].prefix);
	ck_assert_int_eq(str_has_suffix(a, b), pairs[_i].suffix);
}
END_TEST

START_TEST(test_absent_equals_empty)
{
	struct str absent = { 0 };

	ck_assert(str_eq(absent, STR("")));
	ck_assert(!str_eq(absent, STR("a")));
	ck_assert(str_has_prefix(absent, absent) && str_has_suffix(absent, absent));
	ck_assert_uint_eq(str_of(NULL).n, 0);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	uint64_t value;
} numbers[] = {
	{ "0", true, 0 },
	{ "7", true, 7 },
	{ "007", true, 7 },
	{ "18446744073709551615", true, UINT64_MAX },
	{ "18446744073709551616", false, 0 },
	{ "99999999999999999999", false, 0 },
	{ "", false, 0 },
	{ "-1", false, 0 },
	{ "+1", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "0x10", false, 0 },
	{ "1/", false, 0 },
	{ "1:", false, 0 },
};

START_TEST(test_number)
{
	uint64_t value = 4711;

	ck_assert_int_eq(str_u64(str_of(numbers[_i].text), &value), numbers[_i].ok);
	ck_assert_uint_eq(value, numbers[_i].ok ? numbers[_i].value : 4711);
}
END_TEST

static const struct {
	const char *word, *nearest;
} guesses[] = {
	{ "balanse", "balance" },
	{ "BALANCE", "balance" },
	{ "server", "servers" },
	{ "sever", "servers" },
	{ "lance", "balance" },
	{ "frontend", NULL },
	{ "", NULL },
	{ "xyz", NULL },
	{ "balanceservers", NULL },
};

START_TEST(test_nearest)
{
	static const char *const names[] = { "servers", "balance", "backends" };
	const char *nearest = str_nearest(str_of(guesses[_i].word), names, 3);

	if (guesses[_i].nearest)
		ck_assert_str_eq(nearest ? nearest : "none", guesses[_i].nearest);
	else
		ck_assert_msg(!nearest, "%s", nearest);
}
END_TEST

START_TEST(test_nearest_of_a_long_word)
{
	static const char *const names[] = { "servers" };
	char word[4096];

	memset(word, 's', sizeof(word));
	ck_assert_ptr_null(str_nearest((struct str){ word, sizeof(word) }, names, 1));
	ck_assert_ptr_null(str_nearest(STR("servers"), names, 0));
}
END_TEST

static const struct {
	const char *text;
	size_t size;
	const char *escaped;
} escapes[] = {
	{ "plain text", 64, "plain text" },
	{ "", 64, "" },
	{ "a\"b\\c", 64, "a\\x22b\\x5cc" },
	{ "\x1b[31m\n\x7f", 64, "\\x1b[31m\\x0a\\x7f" },
	{ "\xc3\xa9", 64, "\\xc3\\xa9" },
	{ "abcd", 5, "abcd" }, /* fits to the byte */
	{ "abcde", 5, "a..." },
	{ "abcdefgh", 8, "abcd..." },
	{ "a\nb", 7, "a\\x0ab" },
	{ "a\nb", 6, "a..." },
	{ "\n\n", 9, "\\x0a\\x0a" },
	{ "\n\n", 8, "\\x0a..." },
	{ "abcd", 4, "..." },
	{ "abcd", 3, ".." },
	{ "abcd", 1, "" },
};

START_TEST(test_escape)
{
	char out[64];

	memset(out, '#', sizeof(out));
	ck_assert_str_eq(str_escape(str_of(escapes[_i].text), out, escapes[_i].size),
			 escapes[_i].escaped);
	if (escapes[_i].size < sizeof(out))
		ck_assert_int_eq(out[escapes[_i].size], '#');
}
END_TEST

START_TEST(test_escape_into_nothing)
{
	char out[1] = "#";

	str_escape(STR("abc"), out, 0);
	ck_assert_int_eq(out[0], '#');
}
END_TEST

START_TEST(test_dup)
{
	char *copy = str_dup((struct str){ "abcdef", 3 });
	char *empty = str_dup((struct str){ 0 });

	ck_assert_str_eq(copy, "abc");
	ck_assert_str_eq(empty, "");
	free(copy);
	free(empty);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base str");
	TCase *tcase = tcase_create("str");

	tcase_add_loop_test(tcase, test_pair, 0, N_ROWS(pairs));
	tcase_add_test(tcase, test_absent_equals_empty);
	tcase_add_loop_test(tcase, test_number, 0, N_ROWS(numbers));
	tcase_add_loop_test(tcase, test_nearest, 0, N_ROWS(guesses));
	tcase_add_test(tcase, test_nearest_of_a_long_word);
	tcase_add_loop_test(tcase, test_escape, 0, N_ROWS(escapes));
	tcase_add_test(tcase, test_escape_into_nothing);
	tcase_add_test(tcase, test_dup);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
