/* Session ends, as HAProxy logs them and as nobody should. */
#include <stdio.h>

#include "agent/core/wire/syslog.h"
#include "tests/unit/run.h"

#define HEAD "<142>1 2026-11-22T07:25:33.803752+00:00 - haproxy 26564 - "
#define TAIL                                                                                       \
	" 127.0.0.1:41148 [22/Nov/2026:07:25:33.803] mqtt mqtt_backend/emqx1 1/0/0 0 -- "          \
	"1/1/0/0/0 0/0\n"

static const struct {
	const char *name;
	struct str datagram;
	enum parse result;
	uint64_t key;
	const char *backend, *server;
} rows[] = {
	/* HAProxy 2.6.12, to the byte. */
	{ "a session's end",
	  STR(HEAD "[usher@32473 key=\"0123456789abcdef\" be=\"mqtt_backend\" srv=\"emqx1\" "
		   "ts=--]" TAIL),
	  PARSE_OK, UINT64_C(0x0123456789abcdef), "mqtt_backend", "emqx1" },
	{ "a session without key",
	  STR(HEAD "[usher@32473 key=\"\" be=\"mqtt_backend\" srv=\"emqx1\" ts=--]" TAIL), PARSE_OK,
	  0, "mqtt_backend", "emqx1" },
	{ "a session without server",
	  STR(HEAD "[usher@32473 key=\"\" be=\"dead\" srv=\"<NOSRV>\" ts=PR]" TAIL), PARSE_OK, 0,
	  "dead", "<NOSRV>" },
	{ "HAProxy's escapes in the key",
	  STR(HEAD "[usher@32473 key=\"a\\\"b\\]c\\\\d\" be=\"b\" srv=\"s\" ts=--]" TAIL),
	  PARSE_BAD, 0, NULL, NULL },

	/* With the manual's line, ts is not quoted; with quotes it may be. */
	{ "every value quoted",
	  STR(HEAD "[usher@32473 key=\"ffffffffffffffff\" be=\"b\" srv=\"s\" ts=\"--\"]" TAIL),
	  PARSE_OK, UINT64_MAX, "b", "s" },
	{ "another order",
	  STR(HEAD "[usher@32473 ts=\"--\" srv=\"s\" key=\"000000000000002a\" be=\"b\"]"), PARSE_OK,
	  42, "b", "s" },
	{ "the key alone", STR(HEAD "[usher@32473 key=\"000000000000002a\"]"), PARSE_OK, 42, "",
	  "" },
	{ "names we do not know",
	  STR(HEAD "[usher@32473 a=\"1\" key=\"000000000000002a\" zz=\"\" be=\"b\"]"), PARSE_OK, 42,
	  "b", "" },
	{ "escapes are left in",
	  STR(HEAD "[usher@32473 key=\"000000000000002a\" be=\"a\\\"b\\]c\\\\\" srv=\"]\\\"\"]"),
	  PARSE_OK, 42, "a\\\"b\\]c\\\\", "]\\\"" },
	{ "behind another element",
	  STR(HEAD "[other@1 id=\"x\"][usher@32473 key=\"000000000000002a\"][more@2]" TAIL),
	  PARSE_OK, 42, "", "" },
	{ "behind one that looks like ours",
	  STR(HEAD "[other@1 cid=\"[usher@32473 key=\\\"0000000000000001\\\"\\]\"]"
		   "[usher@32473 key=\"000000000000002a\"]"),
	  PARSE_OK, 42, "", "" },
	{ "behind one without values", STR(HEAD "[other@1][usher@32473 key=\"000000000000002a\"]"),
	  PARSE_OK, 42, "", "" },
	{ "no host, no process", STR("<142>1 - - - - - [usher@32473 key=\"000000000000002a\"]"),
	  PARSE_OK, 42, "", "" },
	{ "NUL bytes behind", STR(HEAD "[usher@32473 key=\"000000000000002a\"] a\0b"), PARSE_OK, 42,
	  "", "" },

	{ "nothing", { "", 0 }, PARSE_BAD, 0, NULL, NULL },
	{ "no structured data", STR(HEAD "- hello"), PARSE_BAD, 0, NULL, NULL },
	{ "another's element", STR(HEAD "[other@1 key=\"000000000000002a\"]"), PARSE_BAD, 0, NULL,
	  NULL },
	{ "another enterprise", STR(HEAD "[usher@324731 key=\"000000000000002a\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "no values", STR(HEAD "[usher@32473]"), PARSE_BAD, 0, NULL, NULL },
	{ "no key", STR(HEAD "[usher@32473 be=\"b\" srv=\"s\"]"), PARSE_BAD, 0, NULL, NULL },
	{ "the key is -", STR(HEAD "[usher@32473 key=\"-\" be=\"b\"]"), PARSE_BAD, 0, NULL, NULL },
	{ "the key is - without quotes", STR(HEAD "[usher@32473 key=- be=\"b\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "the key is too short", STR(HEAD "[usher@32473 key=\"00000000000002a\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "the key is too long", STR(HEAD "[usher@32473 key=\"0000000000000002a\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "capitals", STR(HEAD "[usher@32473 key=\"000000000000002A\"]"), PARSE_BAD, 0, NULL,
	  NULL },
	{ "a sign", STR(HEAD "[usher@32473 key=\"+00000000000002a\"]"), PARSE_BAD, 0, NULL, NULL },
	{ "a NUL in the key", STR(HEAD "[usher@32473 key=\"00000000\0000002a\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "ours stands behind the structured data",
	  STR(HEAD "[other@1 id=\"x\"] [usher@32473 key=\"000000000000002a\"]"), PARSE_BAD, 0, NULL,
	  NULL },
	{ "a name goes on into the message",
	  STR(HEAD "[usher@32473 be=\"b\" x] a=b key=000000000000002a ]"), PARSE_BAD, 0, NULL,
	  NULL },
	{ "a key without quotes", STR(HEAD "[usher@32473 key=000000000000002a ts=--]"), PARSE_OK,
	  42, "", "" },
	{ "not closed", STR(HEAD "[usher@32473 key=\"000000000000002a\" be=\"b\""), PARSE_BAD, 0,
	  NULL, NULL },
	{ "ours stands inside another's value",
	  STR(HEAD "[other@1 cid=\"[usher@32473 key=\\\"000000000000002a\\\"\\]\"]"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "a backslash at the end", STR(HEAD "[usher@32473 key=\"000000000000002a\\"), PARSE_BAD, 0,
	  NULL, NULL },
	{ "nothing but brackets", STR("[[[[[[[]]]]]]]"), PARSE_BAD, 0, NULL, NULL },
};

START_TEST(test_row)
{
	struct session_end end;
	enum parse result = session_end_decode(rows[_i].datagram, &end);

	ck_assert_msg(result == rows[_i].result, "%s", rows[_i].name);
	if (result != PARSE_OK)
		return;
	ck_assert_uint_eq(end.key, rows[_i].key);
	ck_assert_msg(end.has_key == (rows[_i].key != 0), "%s", rows[_i].name);
	ck_assert_msg(str_is(end.backend, rows[_i].backend), "%s", rows[_i].name);
	ck_assert_msg(str_is(end.server, rows[_i].server), "%s", rows[_i].name);
}
END_TEST

/* Our element is whole, or there is no session end: where the network cut it makes no other key. */
START_TEST(test_cut_short)
{
	struct str whole = rows[_i].datagram;
	const char *element = whole.n ? memmem(whole.p, whole.n, "[usher@32473", 12) : NULL;

	for (size_t n = 0; n < whole.n; n++) {
		char *cut = malloc(n + !n);
		struct session_end end;

		memcpy(cut, whole.p, n);
		if (session_end_decode((struct str){ cut, n }, &end) == PARSE_OK) {
			ck_assert_int_eq(rows[_i].result, PARSE_OK);
			ck_assert_uint_eq(end.key, rows[_i].key);
			ck_assert_ptr_nonnull(element);
			ck_assert_ptr_nonnull(
				memchr(element, ']', whole.n - (size_t)(element - whole.p)));
			ck_assert_msg(str_is(end.backend, rows[_i].backend), "%s", rows[_i].name);
		}
		free(cut);
	}
}
END_TEST

START_TEST(test_key_round_trip)
{
	static const uint64_t keys[] = { 0, 1, 0x2a, UINT64_C(0x0123456789abcdef), UINT64_MAX };
	char text[SESSION_KEY_TEXT + 1] = { 0 };
	uint64_t key;

	for (int i = 0; i < N_ROWS(keys); i++) {
		session_key_format(keys[i], text);
		ck_assert_uint_eq(strlen(text), SESSION_KEY_TEXT);
		ck_assert(session_key_parse(str_of(text), &key));
		ck_assert_uint_eq(key, keys[i]);
	}
	session_key_format(UINT64_C(0x0123456789abcdef), text);
	ck_assert_str_eq(text, "0123456789abcdef");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session end");
	TCase *tcase = tcase_create("session end");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_cut_short, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_key_round_trip);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
