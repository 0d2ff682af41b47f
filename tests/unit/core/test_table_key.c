/* Samples as keys. The rows are what `show table` of HAProxy 2.6 says of the same samples. */
#include <stdio.h>

#include "agent/core/table/table.h"
#include "tests/unit/run.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		.type = SAMPLE_STR, .bytes = { literal, sizeof(literal) - 1 }                      \
	}
#define BYTES(literal)                                                                             \
	{                                                                                          \
		.type = SAMPLE_BIN, .bytes = { literal, sizeof(literal) - 1 }                      \
	}
#define NUMBER(n)                                                                                  \
	{                                                                                          \
		.type = SAMPLE_INT, .number = (n)                                                  \
	}
#define IP4(...)                                                                                   \
	{                                                                                          \
		.type = SAMPLE_IPV4, .ip = { 4, { __VA_ARGS__ } }                                  \
	}
#define IP6(...)                                                                                   \
	{                                                                                          \
		.type = SAMPLE_IPV6, .ip = { 6, { __VA_ARGS__ } }                                  \
	}
#define KEY(literal) { sizeof(literal) - 1, literal }, true
#define NONE { 0 }, false

static const struct {
	const char *name;
	enum sample_type type;
	uint16_t len;
	struct sample sample;
	struct table_key key;
	bool is_key;
} rows[] = {
	{ "text as it is", SAMPLE_STR, 4, TEXT("abc"), KEY("abc") },
	{ "text at its limit", SAMPLE_STR, 4, TEXT("abcd"), KEY("abcd") },
	{ "text is cut", SAMPLE_STR, 4, TEXT("abcdefgh"), KEY("abcd") },
	{ "empty text", SAMPLE_STR, 4, TEXT(""), KEY("") },
	{ "absent text", SAMPLE_STR, 4, { .type = SAMPLE_STR }, KEY("") },
	{ "bytes end at their NUL as text", SAMPLE_STR, 4, BYTES("a\0b"), KEY("a") },
	{ "text ends at its NUL", SAMPLE_STR, 4, TEXT("a\0b"), KEY("a") },
	{ "a NUL alone as text", SAMPLE_STR, 4, BYTES("\0"), KEY("") },
	{ "number as text", SAMPLE_STR, 31, NUMBER(-42), KEY("-42") },
	{ "address as text", SAMPLE_STR, 31, IP4(1, 2, 3, 4), KEY("1.2.3.4") },
	{ "bytes are padded", SAMPLE_BIN, 4, BYTES("\1\2"), KEY("\1\2\0\0") },
	{ "bytes are cut", SAMPLE_BIN, 4, BYTES("\1\2\3\4\5"), KEY("\1\2\3\4") },
	{ "no bytes", SAMPLE_BIN, 4, BYTES(""), KEY("\0\0\0\0") },
	{ "text as bytes", SAMPLE_BIN, 4, TEXT("ab"), KEY("ab\0\0") },
	{ "number as bytes has eight", SAMPLE_BIN, 4, NUMBER(1), KEY("\0\0\0\0") },
	{ "number as ten bytes", SAMPLE_BIN, 10, NUMBER(1), KEY("\0\0\0\0\0\0\0\1\0\0") },
	{ "address as bytes", SAMPLE_BIN, 6, IP4(1, 2, 3, 4), KEY("\1\2\3\4\0\0") },
	{ "IPv4", SAMPLE_IPV4, 4, IP4(1, 2, 3, 4), KEY("\1\2\3\4") },
	{ "IPv4 of zeros", SAMPLE_IPV4, 4, IP4(0), KEY("\0\0\0\0") },
	{ "IPv4 out of mapped IPv6", SAMPLE_IPV4, 4,
	  IP6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4), KEY("\1\2\3\4") },
	{ "other IPv6 is no IPv4", SAMPLE_IPV4, 4, IP6(0x20, 1), NONE },
	{ "IPv4 out of text", SAMPLE_IPV4, 4, TEXT("1.2.3.4"), KEY("\1\2\3\4") },
	{ "IPv6 in text is no IPv4", SAMPLE_IPV4, 4, TEXT("::ffff:1.2.3.4"), NONE },
	{ "text without address", SAMPLE_IPV4, 4, TEXT("1.2.3"), NONE },
	{ "empty text is no address", SAMPLE_IPV4, 4, TEXT(""), NONE },
	{ "number as IPv4", SAMPLE_IPV4, 4, NUMBER(0x01020304), KEY("\1\2\3\4") },
	{ "IPv6", SAMPLE_IPV6, 16, IP6(0x20, 1), KEY("\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "IPv4 as IPv6 is mapped", SAMPLE_IPV6, 16, IP4(1, 2, 3, 4),
	  KEY("\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4") },
	{ "IPv4 in text is no IPv6", SAMPLE_IPV6, 16, TEXT("1.2.3.4"), NONE },
	{ "IPv6 out of text", SAMPLE_IPV6, 16, TEXT("2001::"),
	  KEY("\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "bytes are no address", SAMPLE_IPV6, 16, BYTES("abc"), NONE },
};

static struct table *
table_of(enum sample_type type, uint16_t len)
{
	struct table_spec spec = { .type = type, .key_len = len, .size = 10 };
	struct table *t = table_new(&spec, 1);

	ck_assert_ptr_nonnull(t);
	return t;
}

START_TEST(test_key)
{
	struct table *t = table_of(rows[_i].type, rows[_i].len);
	char room[64];
	struct scratch m = { .p = room, .size = sizeof(room) };
	struct table_key key;

	memset(&key, 0xaa, sizeof(key));
	ck_assert_msg(table_key_from(t, &rows[_i].sample, &m, &key) == rows[_i].is_key, "%s",
		      rows[_i].name);
	if (rows[_i].is_key) {
		ck_assert_msg(key.len == rows[_i].key.len, "%s", rows[_i].name);
		ck_assert_msg(memcmp(key.bytes, rows[_i].key.bytes, key.len) == 0, "%s",
			      rows[_i].name);
	}
	table_free(t);
}
END_TEST

static const struct {
	const char *name;
	struct sample sample;
	uint32_t key;
	bool is_key;
} numbers[] = {
	{ "a number", NUMBER(42), 42, true },
	{ "-1 is the greatest", NUMBER(-1), UINT32_MAX, true },
	{ "32 bits count", NUMBER(INT64_C(4294967297)), 1, true },
	{ "digits at the front of a text", TEXT("77x"), 77, true },
	{ "text without digits", TEXT("x"), 0, true },
	{ "a number too big", TEXT("99999999999999999999"), UINT32_MAX, true },
	{ "empty text is no number", TEXT(""), 0, false },
	{ "IPv4 as number", IP4(1, 2, 3, 4), 0x01020304, true },
	{ "a boolean", { .type = SAMPLE_BOOL, .number = 1 }, 1, true },
	{ "bytes are no number", BYTES("1"), 0, false },
};

START_TEST(test_number)
{
	struct table *t = table_of(SAMPLE_INT, 4);
	struct scratch m = { 0 };
	struct table_key key;
	uint32_t number;

	ck_assert_msg(table_key_from(t, &numbers[_i].sample, &m, &key) == numbers[_i].is_key, "%s",
		      numbers[_i].name);
	if (numbers[_i].is_key) {
		ck_assert_uint_eq(key.len, sizeof(number));
		memcpy(&number, key.bytes, sizeof(number));
		ck_assert_uint_eq(number, numbers[_i].key);
	}
	table_free(t);
}
END_TEST

START_TEST(test_no_room)
{
	struct table *t = table_of(SAMPLE_STR, 31);
	struct scratch m = { 0 };
	struct sample s = NUMBER(5);
	struct table_key key;

	ck_assert(!table_key_from(t, &s, &m, &key));
	table_free(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table key");
	TCase *tcase = tcase_create("samples");

	tcase_add_loop_test(tcase, test_key, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_number, 0, N_ROWS(numbers));
	tcase_add_test(tcase, test_no_room);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
