#include "agent/core/expr/client_hello.h"
#include "tests/unit/run.h"

#define STR_INIT(literal)                                                                          \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

/* Name "a.test", protocols "mqtt" and "h2". */
#define HELLO                                                                                      \
	"\x16\x03\x01\x00\x4c\x01\x00\x00\x48\x03\x03\x72\x72\x72\x72\x72"                         \
	"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72"                         \
	"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x00\x00\x02\x13\x01"                         \
	"\x01\x00\x00\x1d\x00\x00\x00\x0b\x00\x09\x00\x00\x06\x61\x2e\x74"                         \
	"\x65\x73\x74\x00\x10\x00\x0a\x00\x08\x04\x6d\x71\x74\x74\x02\x68"                         \
	"\x32"

/* The same without extensions. */
#define BARE                                                                                       \
	"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03\x72\x72\x72\x72\x72"                         \
	"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72"                         \
	"\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x00\x00\x02\x13\x01"                         \
	"\x01\x00"

static const struct {
	const char *name;
	struct str bytes;
	enum parse parse;
	struct str sni, alpn;
} rows[] = {
	{ "name and protocols", STR_INIT(HELLO), PARSE_OK, STR_INIT("a.test"), STR_INIT("mqtt") },
	{ "bytes behind it", STR_INIT(HELLO "x"), PARSE_OK, STR_INIT("a.test"), STR_INIT("mqtt") },
	{ "no extensions", STR_INIT(BARE), PARSE_OK, { 0 }, { 0 } },
	{ "nothing", STR_INIT(""), PARSE_MORE, { 0 }, { 0 } },
	{ "MQTT", STR_INIT("\x10"), PARSE_BAD, { 0 }, { 0 } },
	{ "SSLv2", STR_INIT("\x16\x02"), PARSE_BAD, { 0 }, { 0 } },
	{ "a ServerHello", STR_INIT("\x16\x03\x01\x00\x04\x02"), PARSE_BAD, { 0 }, { 0 } },
	{ "an empty record", STR_INIT("\x16\x03\x01\x00\x00"), PARSE_BAD, { 0 }, { 0 } },
	{ "a record too long", STR_INIT("\x16\x03\x01\x40\x01"), PARSE_BAD, { 0 }, { 0 } },
	{ "spread over records",
	  STR_INIT("\x16\x03\x01\x00\x04\x01\x00\x01\x00"),
	  PARSE_BAD,
	  { 0 },
	  { 0 } },
	{ "a name past its extension",
	  STR_INIT("\x16\x03\x01\x00\x3c\x01\x00\x00\x38\x03\x03\x72\x72\x72\x72\x72"
		   "\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72"
		   "\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x72\x00\x00\x02\x13\x01"
		   "\x01\x00\x00\x0d\x00\x00\x00\x09\x00\x07\x00\x00\x09\x61\x2e\x74"
		   "\x65"),
	  PARSE_BAD,
	  { 0 },
	  { 0 } },
};

START_TEST(hello_is_decoded)
{
	struct client_hello hello = { .sni = { 0 } };
	const uint8_t *p = (const uint8_t *)rows[_i].bytes.p;

	ck_assert_msg(client_hello_decode(p, rows[_i].bytes.n, &hello) == rows[_i].parse, "%s",
		      rows[_i].name);
	ck_assert_msg(str_eq(hello.sni, rows[_i].sni), "%s", rows[_i].name);
	ck_assert_msg(str_eq(hello.alpn, rows[_i].alpn), "%s", rows[_i].name);
}
END_TEST

START_TEST(prefix_asks_for_more)
{
	static const char hello[] = HELLO;
	struct client_hello h;

	ck_assert_int_eq(client_hello_decode((const uint8_t *)hello, (size_t)_i, &h), PARSE_MORE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr client hello");
	TCase *tcase = tcase_create("client hello");

	tcase_add_loop_test(tcase, hello_is_decoded, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, prefix_asks_for_more, 0, (int)sizeof(HELLO) - 1);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
