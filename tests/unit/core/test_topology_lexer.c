#include "agent/core/topology/lexer.h"
#include "tests/unit/run.h"

static const char *
get_variable(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "HOME")	? "/h"
	       : str_is(name, "EMPTY")	? ""
	       : str_is(name, "LIST")	? "a  b c"
	       : str_is(name, "PADDED") ? " a b "
					: NULL;
}

static const struct lexer_variables variables = {
	.getenv = get_variable, .file = "h.cfg", .line = 7, .section = "mqtt"
};

/* ---- what is cut ------------------------------------------------------------------------------
 */

/* As HAProxy 2.6 cuts them. */
static const struct row {
	const char *name, *line;
	size_t n;
	const char *words[4];
} good[] = {
	{ "empty line", "", 0, { 0 } },
	{ "blanks alone", " \t\v\f\r ", 0, { 0 } },
	{ "comment alone", "  # bind :1", 0, { 0 } },
	{ "blanks around words", " \ta \t b\t", 2, { "a", "b" } },
	{ "comment behind a blank", "a #b", 1, { "a" } },
	{ "comment inside a word", "a#b c", 1, { "a" } },
	{ "carriage return behind a word ends the line", "a\rb", 1, { "a" } },
	{ "carriage return behind a blank is a blank", "a \rb", 2, { "a", "b" } },
	{ "quotes glue", "a\"b c\"d'e f'", 1, { "ab cde f" } },
	{ "empty weak quotes are a word", "a \"\" b", 3, { "a", "", "b" } },
	{ "empty strong quotes are a word", "''''", 1, { "" } },
	{ "strong quotes inside weak ones", "\"a'b\"", 1, { "a'b" } },
	{ "weak quotes inside strong ones", "'a\"b'", 1, { "a\"b" } },
	{ "hash in quotes", "\"a#b\" '#'", 2, { "a#b", "#" } },
	{ "escaped blank", "a\\ b", 1, { "a b" } },
	{ "escaped hash", "a\\#b", 1, { "a#b" } },
	{ "escaped quotes", "a\\\"b\\'c", 1, { "a\"b'c" } },
	{ "escaped backslash", "a\\\\b \"a\\\\b\"", 2, { "a\\b", "a\\b" } },
	{ "letters for control bytes", "\\n\\r\\t", 1, { "\n\r\t" } },
	{ "hexadecimal byte", "\\x41\\x7a\\xC3", 1, { "Az\xc3" } },
	{ "hexadecimal byte in weak quotes", "\"\\x20\"", 1, { " " } },
	{ "backslash before something else stays", "\\q\\1 \"\\{\"", 2, { "\\q\\1", "\\{" } },
	{ "backslash in strong quotes stays", "'\\n\\x4'", 1, { "\\n\\x4" } },
	{ "backslash at the end stays", "a\\", 1, { "a\\" } },
	{ "dollar outside weak quotes", "$HOME '$HOME'", 2, { "$HOME", "$HOME" } },
	{ "escaped dollar", "\"\\$HOME\" \\$", 2, { "$HOME", "\\$" } },
	{ "variable", "\"$HOME/x\"", 1, { "/h/x" } },
	{ "variable in braces", "\"a${HOME}x\"", 1, { "a/hx" } },
	{ "dash behind a bare variable", "\"$HOME-x\"", 1, { "/h-x" } },
	{ "variable that is not set", "\"a${NOPE}b\"", 1, { "ab" } },
	{ "nothing but an unset variable", "\"$NOPE\"", 1, { "" } },
	{ "default value", "\"${NOPE-a b}:1\"", 1, { "a b:1" } },
	{ "default value not needed", "\"${HOME-x}\"", 1, { "/h" } },
	{ "default value of an empty variable", "\"${EMPTY-x}\"", 1, { "" } },
	{ "default value ends at the first brace", "\"${NOPE-a\\}b}\"", 1, { "a\\b}" } },
	{ "default value is not read any further",
	  "\"${NOPE-$HOME\\x\"y}\"",
	  1,
	  { "$HOME\\x\"y" } },
	{ "default value as words", "\"${NOPE[*]-a b}\"", 2, { "a", "b" } },
	{ "value with blanks is one word", "\"$LIST\"", 1, { "a  b c" } },
	{ "value as words", "\"x${LIST[*]}y\"", 3, { "xa", "b", "cy" } },
	{ "padded value as words", "\"${PADDED[*]}\"", 4, { "", "a", "b", "" } },
	{ "empty value as words", "\"${EMPTY[*]}\"", 1, { "" } },
	{ "pseudo variables",
	  "\"$.FILE\" \"${.LINE}\" \"$.SECTION\"",
	  3,
	  { "h.cfg", "7", "mqtt" } },
};

START_TEST(line_is_cut)
{
	const struct row *row = &good[_i];
	struct lexer l;

	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, str_of(row->line), &variables), LEXER_OK);
	ck_assert_msg(l.n_words == row->n, "%s: %zu words", row->name, l.n_words);
	for (size_t i = 0; i < row->n; i++)
		ck_assert_msg(strcmp(l.words[i], row->words[i]) == 0, "%s: word %zu is '%s'",
			      row->name, i, l.words[i]);
	ck_assert_str_eq(lexer_word(&l, row->n), "");
	lexer_fini(&l);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------
 */

static const struct {
	const char *name, *line;
	enum lexer_fault fault;
	size_t at;
} bad[] = {
	{ "weak quote not closed", "a \"b", LEXER_QUOTE, 2 },
	{ "strong quote not closed", " 'b\"", LEXER_QUOTE, 1 },
	{ "escaped quote does not close", "\"a\\\"", LEXER_QUOTE, 0 },
	{ "the second quote", "\"a\"'", LEXER_QUOTE, 3 },
	{ "no hexadecimal digit", "ab\\x", LEXER_HEX, 2 },
	{ "one hexadecimal digit", "\\x4", LEXER_HEX, 0 },
	{ "not a hexadecimal digit", "\\x4g", LEXER_HEX, 0 },
	{ "brace not closed", "\"${HOME\"", LEXER_BRACE, 2 },
	{ "blank in braces", "\"${HO ME}\"", LEXER_BRACE, 2 },
	{ "default value not closed", "\"${NOPE-x\"", LEXER_BRACE, 2 },
	{ "dollar alone", "\"a$\"", LEXER_NAME, 3 },
	{ "dollar at the end", "\"a$", LEXER_NAME, 3 },
	{ "name begins with a digit", "\"$1\"", LEXER_NAME, 2 },
	{ "empty braces", "\"${}\"", LEXER_NAME, 3 },
	{ "unknown pseudo variable", "\"$.NOPE\"", LEXER_NAME, 2 },
	{ "index", "\"${LIST[1]}\"", LEXER_EXPANSION, 7 },
	{ "index cut off", "\"${LIST[*", LEXER_EXPANSION, 7 },
};

START_TEST(line_is_refused)
{
	struct lexer l;

	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, str_of(bad[_i].line), &variables), bad[_i].fault);
	ck_assert_msg(l.fault_at == bad[_i].at, "%s: at %zu", bad[_i].name, l.fault_at);
	lexer_fini(&l);
}
END_TEST

/* ---- bounds -----------------------------------------------------------------------------------
 */

START_TEST(sixty_four_words_and_no_more)
{
	char line[2 * (LEXER_WORDS_MAX + 1) + 1];
	struct lexer l;

	for (size_t i = 0; i < sizeof(line) - 1; i++)
		line[i] = i % 2 ? ' ' : 'a';
	line[sizeof(line) - 1] = '\0';

	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, (struct str){ line, 2 * LEXER_WORDS_MAX }, &variables),
			 LEXER_OK);
	ck_assert_uint_eq(l.n_words, LEXER_WORDS_MAX);
	ck_assert_int_eq(lexer_read(&l, str_of(line), &variables), LEXER_WORDS);
	ck_assert_uint_eq(l.n_words, LEXER_WORDS_MAX);
	ck_assert_uint_eq(l.fault_at, 2 * (LEXER_WORDS_MAX - 1));
	lexer_fini(&l);
}
END_TEST

START_TEST(text_has_a_maximum)
{
	size_t n = LEXER_TEXT_MAX + 10;
	char *line = malloc(n);
	struct lexer l;

	memset(line, 'a', n);
	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, (struct str){ line, n }, &variables), LEXER_TEXT);
	ck_assert_uint_eq(l.n_words, 1);
	ck_assert_uint_lt(strlen(l.words[0]), LEXER_TEXT_MAX);
	ck_assert_int_eq(lexer_read(&l, (struct str){ line, LEXER_TEXT_MAX - 1 }, &variables),
			 LEXER_OK);
	lexer_fini(&l);
	free(line);
}
END_TEST

START_TEST(words_survive_shift)
{
	struct lexer l;

	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, STR("no option x"), &variables), LEXER_OK);
	lexer_shift(&l);
	ck_assert_uint_eq(l.n_words, 2);
	ck_assert_str_eq(l.words[0], "option");
	lexer_fini(&l);
}
END_TEST

/* ---- the excerpt ------------------------------------------------------------------------------
 */

#define A20 "aaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *line;
	size_t at;
	const char *excerpt;
} excerpts[] = {
	{ "a \"b", 2, "\n  a \"b\n    ^" },
	{ "\t a \"b", 4, "\n  a \"b\n    ^" },
	{ "a\tb\xc3 c", 1, "\n  a b? c\n   ^" },
	{ "  ", 1, "\n   \n  ^" },
	{ A20 A20 A20 A20 A20, 0, "\n  " A20 A20 A20 A20 "\n  ^" },
	{ A20 A20 A20 A20 A20 A20, 100,
	  "\n  ..."
	  "aaaaaaaaaaaaaaaaa" A20 A20 "\n  "
	  "                    "
	  "                    ^" },
};

START_TEST(excerpt_shows_the_spot)
{
	char out[LEXER_EXCERPT];

	ck_assert_str_eq(lexer_excerpt(str_of(excerpts[_i].line), excerpts[_i].at, out),
			 excerpts[_i].excerpt);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("topology lexer");
	TCase *tcase = tcase_create("lexer");

	tcase_add_loop_test(tcase, line_is_cut, 0, N_ROWS(good));
	tcase_add_loop_test(tcase, line_is_refused, 0, N_ROWS(bad));
	tcase_add_loop_test(tcase, excerpt_shows_the_spot, 0, N_ROWS(excerpts));
	tcase_add_test(tcase, sixty_four_words_and_no_more);
	tcase_add_test(tcase, text_has_a_maximum);
	tcase_add_test(tcase, words_survive_shift);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
