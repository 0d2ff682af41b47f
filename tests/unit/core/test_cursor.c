/* The bounded reader: what it reads, and that its failure sticks. */
#include "agent/core/base/cursor.h"
#include "tests/unit/run.h"

START_TEST(test_fields_in_a_row)
{
	struct cursor c = cursor_of(STR("\x81\x01\x02\xfe\xdc\xba\x98"
					"\x80\x01"
					"abc"
					"\0\3id7"
					"\0\0"));
	struct str s;

	ck_assert_uint_eq(cursor_u8(&c), 0x81);
	ck_assert_uint_eq(cursor_u16(&c), 0x0102);
	ck_assert_uint_eq(cursor_u32(&c), 0xfedcba98);
	ck_assert_uint_eq(cursor_varint(&c), 128);
	s = cursor_bytes(&c, 3);
	assert_str(s, "abc");
	ck_assert_uint_eq(cursor_left(&c), 7);
	s = cursor_str(&c);
	assert_str(s, "id7");
	ck_assert_ptr_nonnull(cursor_str(&c).p); /* empty, not absent */
	ck_assert_uint_eq(cursor_left(&c), 0);
	ck_assert(!c.short_read && !c.malformed);
}
END_TEST

enum read { U8, U16, U32, VARINT, BYTES3, STRING };

static void
read_one(struct cursor *c, enum read what)
{
	static const struct str absent = { 0 };
	struct str s = absent;
	uint32_t number = 0;

	switch (what) {
	case U8:
		number = cursor_u8(c);
		break;
	case U16:
		number = cursor_u16(c);
		break;
	case U32:
		number = cursor_u32(c);
		break;
	case VARINT:
		number = cursor_varint(c);
		break;
	case BYTES3:
		s = cursor_bytes(c, 3);
		break;
	case STRING:
		s = cursor_str(c);
		break;
	}
	ck_assert_uint_eq(number, 0);
	ck_assert_ptr_null(s.p);
	ck_assert_uint_eq(s.n, 0);
}

static const struct {
	const char *name;
	struct str bytes;
	enum read what;
} short_rows[] = {
	{ "nothing for a byte", { "", 0 }, U8 },
	{ "no bytes at all", { NULL, 0 }, U8 },
	{ "one byte for two", STR("\1"), U16 },
	{ "three bytes for four", STR("\1\2\3"), U32 },
	{ "nothing for a varint", { "", 0 }, VARINT },
	{ "a varint goes on", STR("\xff"), VARINT },
	{ "a varint goes on after three bytes", STR("\xff\xff\xff"), VARINT },
	{ "two bytes for three", STR("\1\2"), BYTES3 },
	{ "half a string's length", STR("\0"), STRING },
	{ "a string longer than what is there", STR("\0\3ab"), STRING },
	{ "a string of 65535 bytes", STR("\xff\xff"), STRING },
};

START_TEST(test_short_read_sticks)
{
	struct cursor c = cursor_of(short_rows[_i].bytes);

	read_one(&c, short_rows[_i].what);
	ck_assert_msg(c.short_read && !c.malformed, "%s", short_rows[_i].name);
	ck_assert_ptr_eq(c.p, c.end);
	for (enum read what = U8; what <= STRING; what++)
		read_one(&c, what);
	ck_assert_ptr_null(cursor_bytes(&c, 0).p);
	ck_assert(c.short_read && !c.malformed);
}
END_TEST

static const struct {
	struct str bytes;
	uint32_t value;
} varints[] = {
	{ STR("\0"), 0 },
	{ STR("\x7f"), 127 },
	{ STR("\x80\x01"), 128 },
	{ STR("\xff\x7f"), 16383 },
	{ STR("\x80\x80\x01"), 16384 },
	{ STR("\xff\xff\x7f"), 2097151 },
	{ STR("\x80\x80\x80\x01"), 2097152 },
	{ STR("\xff\xff\xff\x7f"), 268435455 },
};

START_TEST(test_varint)
{
	struct cursor c = cursor_of(varints[_i].bytes);

	ck_assert_uint_eq(cursor_varint(&c), varints[_i].value);
	ck_assert(!c.short_read && !c.malformed);
	ck_assert_uint_eq(cursor_left(&c), 0);
}
END_TEST

static const struct {
	const char *name;
	struct str bytes;
} bad_varints[] = {
	{ "0 in two bytes", STR("\x80\0zz") },
	{ "127 in two bytes", STR("\xff\0zz") },
	{ "1 in four bytes", STR("\x81\x80\x80\0zz") },
	{ "a fifth byte announced", STR("\x80\x80\x80\x80") },
	{ "five bytes", STR("\xff\xff\xff\xff\x01zz") },
};

START_TEST(test_malformed_sticks)
{
	struct cursor c = cursor_of(bad_varints[_i].bytes);

	ck_assert_uint_eq(cursor_varint(&c), 0);
	ck_assert_msg(c.malformed && !c.short_read, "%s", bad_varints[_i].name);
	ck_assert_ptr_eq(c.p, c.end);
	for (enum read what = U8; what <= STRING; what++)
		read_one(&c, what);
	ck_assert(c.malformed && !c.short_read);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cursor");
	TCase *tcase = tcase_create("cursor");

	tcase_add_test(tcase, test_fields_in_a_row);
	tcase_add_loop_test(tcase, test_short_read_sticks, 0, N_ROWS(short_rows));
	tcase_add_loop_test(tcase, test_varint, 0, N_ROWS(varints));
	tcase_add_loop_test(tcase, test_malformed_sticks, 0, N_ROWS(bad_varints));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
