/* Lines of the runtime socket: words, escapes, several commands on one line. */
#include "agent/core/wire/command.h"
#include "tests/unit/run.h"

/* Commands end in "|", words in ","; "<<" behind a command: it has a payload. */
static const struct {
	const char *name, *line, *commands;
} rows[] = {
	{ "one word", "quit", "quit,|" },
	{ "several", "show stat -1 4 -1", "show,stat,-1,4,-1,|" },
	{ "blanks around and between", "  show \t stat ", "show,stat,|" },
	{ "a carriage return is a blank", "show stat\r", "show,stat,|" },
	{ "two commands", "show stat;show info", "show,stat,|show,info,|" },
	{ "blanks around a semicolon", "a ; b", "a,|b,|" },
	{ "nothing between two semicolons is a command", "a;;b", "a,||b,|" },
	{ "a semicolon at the end begins another", "a;", "a,||" },
	{ "an empty line is a command of no words", "", "|" },
	{ "escaped semicolon", "a\\;b", "a;b,|" },
	{ "escaped blank", "key a\\ b", "key,a b,|" },
	{ "escaped backslash", "a\\\\b", "a\\b,|" },
	{ "a backslash at the end is itself", "a\\", "a\\,|" },
	{ "an escaped letter is the letter", "b\\e", "be,|" },
	{ "a word of one escaped blank", "a \\  b", "a, ,b,|" },
	{ "quotes mean nothing", "show table \"be\"", "show,table,\"be\",|" },
	{ "a payload follows", "set map x <<", "set,map,x,<<|" },
	{ "only as the last word", "<< a", "<<,a,|" },
};

START_TEST(test_commands)
{
	struct str line = str_of(rows[_i].line);
	char memory[256], shown[256] = "";
	struct command c;

	while (command_next(&line, memory, &c)) {
		for (unsigned i = 0; i < c.n; i++)
			strcat(strcat(shown, c.words[i]), ",");
		strcat(shown, c.has_payload ? "<<|" : "|");
		for (unsigned i = c.n; i <= COMMAND_WORDS_MAX; i++)
			ck_assert_str_eq(c.words[i], "");
	}
	ck_assert_msg(strcmp(shown, rows[_i].commands) == 0, "%s: %s", rows[_i].name, shown);
}
END_TEST

START_TEST(test_words_beyond_the_last_are_dropped)
{
	char text[4 * COMMAND_WORDS_MAX], memory[sizeof(text)];
	struct str line = { text, sizeof(text) };
	struct command c;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? ' ' : 'a';
	ck_assert(command_next(&line, memory, &c));
	ck_assert_uint_eq(c.n, COMMAND_WORDS_MAX);
	ck_assert_str_eq(c.words[COMMAND_WORDS_MAX - 1], "a");
	ck_assert_str_eq(c.words[COMMAND_WORDS_MAX], "");
	ck_assert(!command_next(&line, memory, &c));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command");
	TCase *tcase = tcase_create("command");

	tcase_add_loop_test(tcase, test_commands, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_words_beyond_the_last_are_dropped);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
