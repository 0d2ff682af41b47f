/* MQTT's strings (MQTT 5, 1.5.4) and the names of topics (4.7). */
#include "agent/core/mqtt/utf8.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	struct str s;
	bool valid;
} rows[] = {
	{ "nothing", { "", 0 }, true },
	{ "absent", { NULL, 0 }, true },
	{ "ASCII", STR("sensor-7"), true },
	{ "U+0001", STR("\x01"), true },
	{ "U+001F", STR("a\x1f"), true },
	{ "U+007F", STR("\x7f"), true },
	{ "U+0080, the first of two bytes", STR("\xc2\x80"), true },
	{ "U+07FF, the last of two", STR("\xdf\xbf"), true },
	{ "U+0800, the first of three", STR("\xe0\xa0\x80"), true },
	{ "U+D7FF, before the surrogates", STR("\xed\x9f\xbf"), true },
	{ "U+E000, behind the surrogates", STR("\xee\x80\x80"), true },
	{ "U+FEFF, a byte order mark", STR("\xef\xbb\xbfid"), true },
	{ "U+FFFF, a noncharacter", STR("\xef\xbf\xbf"), true },
	{ "U+10000, the first of four", STR("\xf0\x90\x80\x80"), true },
	{ "U+10FFFF, the last", STR("\xf4\x8f\xbf\xbf"), true },
	{ "U+0041 U+2A6D4", STR("A\xf0\xaa\x9b\x94"), true },

	{ "U+0000", STR("\0"), false },
	{ "U+0000 inside", STR("a\0b"), false },
	{ "U+0000 at the end", STR("ab\0"), false },
	{ "U+0000 in two bytes, as Java writes it", STR("\xc0\x80"), false },
	{ "a continuation alone", STR("\x80"), false },
	{ "a continuation too many", STR("\xc3\xa9\xa9"), false },
	{ "two bytes, overlong", STR("\xc1\xbf"), false },
	{ "three bytes, overlong", STR("\xe0\x9f\xbf"), false },
	{ "four bytes, overlong", STR("\xf0\x8f\xbf\xbf"), false },
	{ "U+D800, a surrogate", STR("\xed\xa0\x80"), false },
	{ "U+DFFF, a surrogate", STR("\xed\xbf\xbf"), false },
	{ "a pair of surrogates", STR("\xed\xa0\xbd\xed\xb8\x80"), false },
	{ "U+110000", STR("\xf4\x90\x80\x80"), false },
	{ "five bytes", STR("\xf8\x88\x80\x80\x80"), false },
	{ "0xff", STR("\xff"), false },
	{ "0xfe", STR("\xfe"), false },
	{ "two bytes cut short", STR("a\xc3"), false },
	{ "three bytes cut short", STR("a\xe2\x82"), false },
	{ "four bytes cut short", STR("a\xf0\x90\x80"), false },
	{ "ASCII where a continuation belongs", STR("\xe2(\xa1"), false },
	{ "a lead where a continuation belongs", STR("\xe2\x82\xc3\xa9"), false },
	{ "Latin-1", STR("caf\xe9"), false },
};

START_TEST(test_row)
{
	struct str s = rows[_i].s;
	char *copy = malloc(s.n + !s.n); /* exactly as long: a sanitizer sees each overrun */

	if (s.n)
		memcpy(copy, s.p, s.n);
	ck_assert_msg(mqtt_utf8_is_valid((struct str){ copy, s.n }) == rows[_i].valid, "%s",
		      rows[_i].name);
	free(copy);
	ck_assert(mqtt_utf8_is_valid((struct str){ NULL, 0 }));
}
END_TEST

/* Every code point, written by the book. */
START_TEST(test_all_code_points)
{
	static const uint8_t leads[] = { 0, 0xc0, 0xe0, 0xf0 };

	for (uint32_t point = 0; point < 0x120000; point++) {
		bool valid = point && (point < 0xd800 || point > 0xdfff) && point <= 0x10ffff;
		unsigned more = (point >= 0x80) + (point >= 0x800) + (point >= 0x10000);
		char s[4] = { (char)(leads[more] | point >> 6 * more) };

		for (unsigned i = 1; i <= more; i++)
			s[i] = (char)(0x80 | (point >> 6 * (more - i) & 0x3f));
		if (mqtt_utf8_is_valid((struct str){ s, more + 1 }) != valid)
			ck_abort_msg("U+%04X", point);
	}
}
END_TEST

static const struct {
	const char *name;
	struct str s;
	bool is_name;
} topics[] = {
	{ "a topic", STR("a/b"), true },
	{ "a blank", STR(" "), true },
	{ "empty levels", STR("/"), true },
	{ "a broker's own", STR("$SYS/x"), true },
	{ "nothing", { "", 0 }, false },
	{ "absent", { NULL, 0 }, false },
	{ "a wildcard for a level", STR("a/+/b"), false },
	{ "a wildcard for the rest", STR("a/#"), false },
	{ "a wildcard in a level", STR("a+"), false },
};

START_TEST(test_topic)
{
	ck_assert_msg(mqtt_topic_is_name(topics[_i].s) == topics[_i].is_name, "%s",
		      topics[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt utf8");
	TCase *tcase = tcase_create("utf8");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_all_code_points);
	tcase_add_loop_test(tcase, test_topic, 0, N_ROWS(topics));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
