/* Lines of published examples, as they are and as they were meant. */
#include "agent/core/advice/mend.h"

#include "agent/core/advice/lines.h"
#include "agent/core/topology/lexer.h"
#include "tests/unit/run.h"

static const struct {
	const char *name, *line, *mended; /* NULL: nothing to mend */
} rows[] = {
	{ "blank behind a comma",
	  "  stick on req.payload(0,0), mqtt_field_value(connect, client_identifier)",
	  "  stick on req.payload(0,0), mqtt_field_value(connect,client_identifier)" },
	{ "several blanks and a tab", "\tstick on  mqtt_field_value(connect, \t username )",
	  "\tstick on  mqtt_field_value(connect,username)" },
	{ "blanks inside quotes",
	  "stick on \"req.payload(0,0),mqtt_field_value(connect, username)\"",
	  "stick on \"req.payload(0,0),mqtt_field_value(connect,username)\"" },
	{ "comment is left alone", "stick on mqtt_field_value(connect, username) # f(a, b)",
	  "stick on mqtt_field_value(connect,username) # f(a, b)" },
	{ "behind the pattern of another ACL",
	  "tcp-request content reject if { src -f x } { req.payload(0, 0),mqtt_is_valid }",
	  "tcp-request content reject if { src -f x } { req.payload(0,0),mqtt_is_valid }" },
	{ "full-width comma", "stick on req.payload(0，0)，mqtt_field_value(connect，username)",
	  "stick on req.payload(0,0),mqtt_field_value(connect,username)" },
	{ "full-width brackets and blank",
	  "tcp-request content reject unless { req.payload（0， 0）, mqtt_is_valid }",
	  "tcp-request content reject unless { req.payload(0,0), mqtt_is_valid }" },
	{ "full-width colon", "bind *：1883", "bind *:1883" },
	{ "no-break space", "timeout client\u00a0240s", "timeout client 240s" },
	{ "blank between fetch and converter", "stick on req.payload(0,0), mqtt_is_valid", NULL },
	{ "bracket in a pattern", "acl a req.payload(0,0) -m str f( x, y", NULL },
	{ "full-width in a pattern", "acl a req.payload(0,0) -m str a，b", NULL },
	{ "text for people", "description a（b， c）", NULL },
	{ "only a comment", "# stick on mqtt_field_value(connect, username)", NULL },
};

static const struct lexer_variables no_variables = { .file = "x", .section = "" };

START_TEST(row)
{
	struct lexer l;
	struct raw_line line;
	char *mended;

	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, str_of(rows[_i].line), &no_variables), LEXER_OK);
	line = (struct raw_line){ .words = (char **)(uintptr_t)l.words, .n = l.n_words };
	ck_assert_msg(mend_is_needed(&line) == (rows[_i].mended != NULL), "%s", rows[_i].name);
	if (rows[_i].mended) {
		mended = mend_line(str_of(rows[_i].line));
		ck_assert_str_eq(mended, rows[_i].mended);
		free(mended);
	}
	lexer_fini(&l);
}
END_TEST

/* What was mended needs it no more. */
START_TEST(mended_is_sound)
{
	struct lexer l;
	struct raw_line line;

	if (!rows[_i].mended)
		return;
	lexer_init(&l);
	ck_assert_int_eq(lexer_read(&l, str_of(rows[_i].mended), &no_variables), LEXER_OK);
	line = (struct raw_line){ .words = (char **)(uintptr_t)l.words, .n = l.n_words };
	ck_assert(!mend_is_needed(&line));
	lexer_fini(&l);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("advice mend");
	TCase *tcase = tcase_create("lines");

	tcase_add_loop_test(tcase, row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, mended_is_sound, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
