/* Headers of WebSocket frames, their masks, and the frames that usher writes. */
#include "agent/core/websocket/frame.h"
#include "tests/unit/run.h"

#define MASK "\x37\xfa\x21\x3d"

static const struct {
	const char *name;
	struct str header;
	enum websocket_side from;
	enum websocket_opcode opcode;
	bool is_last;
	uint64_t len;
} rows[] = {
	{ "binary", STR("\x82\x85" MASK), WEBSOCKET_CLIENT, WEBSOCKET_BINARY, true, 5 },
	{ "binary, begun", STR("\x02\x80" MASK), WEBSOCKET_CLIENT, WEBSOCKET_BINARY, false, 0 },
	{ "continued", STR("\x00\xfd" MASK), WEBSOCKET_CLIENT, WEBSOCKET_CONTINUATION, false, 125 },
	{ "continued, the last", STR("\x80\x80" MASK), WEBSOCKET_CLIENT, WEBSOCKET_CONTINUATION,
	  true, 0 },
	{ "a mask of zeros", STR("\x82\x85\0\0\0\0"), WEBSOCKET_CLIENT, WEBSOCKET_BINARY, true, 5 },
	{ "16 bits, the least", STR("\x82\xfe\0\x7e" MASK), WEBSOCKET_CLIENT, WEBSOCKET_BINARY,
	  true, 126 },
	{ "16 bits, the most", STR("\x82\xfe\xff\xff" MASK), WEBSOCKET_CLIENT, WEBSOCKET_BINARY,
	  true, 65535 },
	{ "64 bits, the least", STR("\x82\xff\0\0\0\0\0\1\0\0" MASK), WEBSOCKET_CLIENT,
	  WEBSOCKET_BINARY, true, 65536 },
	{ "64 bits, the most", STR("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK),
	  WEBSOCKET_CLIENT, WEBSOCKET_BINARY, true, INT64_MAX },
	{ "close", STR("\x88\x82" MASK), WEBSOCKET_CLIENT, WEBSOCKET_CLOSE, true, 2 },
	{ "ping", STR("\x89\x80" MASK), WEBSOCKET_CLIENT, WEBSOCKET_PING, true, 0 },
	{ "pong of 125 bytes", STR("\x8a\xfd" MASK), WEBSOCKET_CLIENT, WEBSOCKET_PONG, true, 125 },
	{ "a server's", STR("\x82\x05"), WEBSOCKET_SERVER, WEBSOCKET_BINARY, true, 5 },
	{ "a server's, 16 bits", STR("\x82\x7e\1\0"), WEBSOCKET_SERVER, WEBSOCKET_BINARY, true,
	  256 },
};

START_TEST(test_row)
{
	const uint8_t *p = (const uint8_t *)rows[_i].header.p;
	size_t len = rows[_i].header.n;
	struct websocket_frame f;
	enum websocket_fault fault;

	for (size_t n = 0; n < len; n++)
		ck_assert_msg(websocket_header_decode(p, n, rows[_i].from, &f, &fault) ==
				      PARSE_MORE,
			      "%s, cut to %zu", rows[_i].name, n);
	ck_assert_msg(websocket_header_decode(p, len, rows[_i].from, &f, &fault) == PARSE_OK,
		      "%s: %s", rows[_i].name, websocket_fault_name(fault));
	ck_assert_int_eq(f.opcode, rows[_i].opcode);
	ck_assert_int_eq(f.is_last, rows[_i].is_last);
	ck_assert_int_eq(f.is_masked, rows[_i].from == WEBSOCKET_CLIENT);
	ck_assert_uint_eq(f.len, rows[_i].len);
	ck_assert_uint_eq(f.header_len, len);
	ck_assert_mem_eq(f.mask, f.is_masked ? (const char *)p + len - 4 : "\0\0\0\0", 4);
}
END_TEST

static const struct {
	const char *name;
	struct str header;
	enum websocket_side from;
	size_t at; /* bytes after which it is known */
	enum websocket_fault fault;
	uint16_t code;
} bad_rows[] = {
	{ "RSV1: compressed", STR("\xc2\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_RESERVED,
	  1002 },
	{ "RSV2", STR("\xa2\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_RESERVED, 1002 },
	{ "RSV3", STR("\x92\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_RESERVED, 1002 },
	{ "text", STR("\x81\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_TEXT, 1003 },
	{ "opcode 3", STR("\x83\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_OPCODE, 1002 },
	{ "opcode 7", STR("\x87\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_OPCODE, 1002 },
	{ "opcode 11", STR("\x8b\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_OPCODE, 1002 },
	{ "opcode 15", STR("\x8f\x85"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_OPCODE, 1002 },
	{ "a CONNECT without WebSocket", STR("\x10\x0c\0\4"), WEBSOCKET_CLIENT, 1,
	  WEBSOCKET_FAULT_RESERVED, 1002 },
	{ "ping in parts", STR("\x09\x80"), WEBSOCKET_CLIENT, 1, WEBSOCKET_FAULT_CONTROL, 1002 },
	{ "ping of 126 bytes", STR("\x89\xfe"), WEBSOCKET_CLIENT, 2, WEBSOCKET_FAULT_CONTROL,
	  1002 },
	{ "close with a length in 64 bits", STR("\x88\xff"), WEBSOCKET_CLIENT, 2,
	  WEBSOCKET_FAULT_CONTROL, 1002 },
	{ "a client without mask", STR("\x82\x05"), WEBSOCKET_CLIENT, 2, WEBSOCKET_FAULT_MASK,
	  1002 },
	{ "a server with mask", STR("\x82\x85"), WEBSOCKET_SERVER, 2, WEBSOCKET_FAULT_MASK, 1002 },
	{ "125 in 16 bits", STR("\x82\xfe\0\x7d" MASK), WEBSOCKET_CLIENT, 4, WEBSOCKET_FAULT_LENGTH,
	  1002 },
	{ "65535 in 64 bits", STR("\x82\xff\0\0\0\0\0\0\xff\xff" MASK), WEBSOCKET_CLIENT, 10,
	  WEBSOCKET_FAULT_LENGTH, 1002 },
	{ "64 bits", STR("\x82\xff\x80\0\0\0\0\0\0\0" MASK), WEBSOCKET_CLIENT, 10,
	  WEBSOCKET_FAULT_LENGTH, 1002 },
};

START_TEST(test_bad_row)
{
	struct websocket_frame f;

	for (size_t n = 0; n <= bad_rows[_i].header.n; n++) {
		bool known = n >= bad_rows[_i].at;
		enum websocket_fault fault;
		enum parse parse = websocket_header_decode((const uint8_t *)bad_rows[_i].header.p,
							   n, bad_rows[_i].from, &f, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes: %s",
			      bad_rows[_i].name, n, websocket_fault_name(fault));
		ck_assert_msg(fault == (known ? bad_rows[_i].fault : WEBSOCKET_FAULT_NONE),
			      "%s: %s", bad_rows[_i].name, websocket_fault_name(fault));
	}
	ck_assert_uint_eq(websocket_fault_code(bad_rows[_i].fault), bad_rows[_i].code);
}
END_TEST

/* RFC 6455, 5.7 */
START_TEST(test_unmask)
{
	uint8_t hello[] = { 0x7f, 0x9f, 0x4d, 0x51, 0x58 };
	const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

	for (size_t cut = 0; cut <= sizeof(hello); cut++) {
		uint8_t p[sizeof(hello)];

		memcpy(p, hello, sizeof(p));
		websocket_unmask(p, cut, mask, 0, p);
		websocket_unmask(p + cut, sizeof(p) - cut, mask, cut, p + cut);
		ck_assert_mem_eq(p, "Hello", sizeof(p));
	}
	websocket_unmask(hello, 3, mask, UINT64_C(1) << 40, hello);
	ck_assert_mem_eq(hello, "Hel", 3);
}
END_TEST

static const size_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536, 70000 };

START_TEST(test_written_is_read)
{
	static char payload[70000];
	static uint8_t out[70000 + WEBSOCKET_HEADER_MAX];
	size_t len = lengths[_i], n;
	struct websocket_frame f;
	enum websocket_fault fault;

	memset(payload, 'x', sizeof(payload));
	n = websocket_frame_encode(WEBSOCKET_BINARY, (struct str){ payload, len }, out,
				   sizeof(out));
	ck_assert_int_eq(websocket_header_decode(out, n, WEBSOCKET_SERVER, &f, &fault), PARSE_OK);
	ck_assert_int_eq(f.opcode, WEBSOCKET_BINARY);
	ck_assert(f.is_last);
	ck_assert_uint_eq(f.len, len);
	ck_assert_uint_eq(f.header_len + len, n);
	ck_assert_mem_eq(out + f.header_len, payload, len);
	ck_assert_uint_eq(
		websocket_frame_encode(WEBSOCKET_BINARY, (struct str){ payload, len }, out, n - 1),
		0);
}
END_TEST

START_TEST(test_written)
{
	uint8_t out[16];

	ck_assert_uint_eq(websocket_close_encode(1002, out), WEBSOCKET_CLOSE_LEN);
	ck_assert_mem_eq(out, "\x88\2\x03\xea", 4);
	ck_assert_uint_eq(websocket_frame_encode(WEBSOCKET_PONG, STR("Hello"), out, sizeof(out)),
			  7);
	ck_assert_mem_eq(out, "\x8a\5Hello", 7); /* RFC 6455, 5.7, without the mask */
	ck_assert_uint_eq(
		websocket_frame_encode(WEBSOCKET_BINARY, STR("\x20\2\0\5"), out, sizeof(out)), 6);
	ck_assert_mem_eq(out, "\x82\4\x20\2\0\5", 6);
	for (int i = 0; i < N_WEBSOCKET_FAULTS; i++)
		ck_assert_ptr_nonnull(websocket_fault_name(i));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("websocket frame");
	TCase *tcase = tcase_create("frame");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_bad_row, 0, N_ROWS(bad_rows));
	tcase_add_test(tcase, test_unmask);
	tcase_add_loop_test(tcase, test_written_is_read, 0, N_ROWS(lengths));
	tcase_add_test(tcase, test_written);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
