#include "spoe/wire.h"

#include "tests/unit/spoe/bytes.h"

/* ---- integers ------------------------------------------------------------------------------ */

static const struct {
	uint64_t value;
	struct spop_str bytes;
} varints[] = {
	{ 0, BYTES("\x00") },
	{ 1, BYTES("\x01") },
	{ 239, BYTES("\xef") },
	{ 240, BYTES("\xf0\x00") },
	{ 241, BYTES("\xf1\x00") },
	{ 255, BYTES("\xff\x00") },
	{ 256, BYTES("\xf0\x01") },
	{ 2287, BYTES("\xff\x7f") },
	{ 2288, BYTES("\xf0\x80\x00") },
	{ 16380, BYTES("\xfc\xf0\x06") },
	{ 264431, BYTES("\xff\xff\x7f") },
	{ 264432, BYTES("\xf0\x80\x80\x00") },
	{ UINT32_MAX, BYTES("\xff\xf0\xfe\xfe\x7e") },
	{ (uint64_t)UINT32_MAX + 1, BYTES("\xf0\xf1\xfe\xfe\x7e") },
	{ INT64_MAX, BYTES("\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06") },
	{ UINT64_MAX, BYTES("\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e") },
};

START_TEST(varint_both_ways)
{
	struct spop_reader r = reader_of(varints[_i].bytes);
	uint8_t memory[SPOP_VARINT_MAX];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

	ck_assert_uint_eq(spop_read_varint(&r), varints[_i].value);
	ck_assert(!r.bad && r.p == r.end);
	spop_write_varint(&w, varints[_i].value);
	assert_same(written(&w), varints[_i].bytes);
}
END_TEST

START_TEST(varint_cut_short_fails)
{
	for (size_t n = 0; n < varints[_i].bytes.n; n++) {
		struct spop_reader r = reader_of((struct spop_str){ varints[_i].bytes.p, n });

		ck_assert_uint_eq(spop_read_varint(&r), 0);
		ck_assert(r.bad && r.p == r.end);
	}
}
END_TEST

START_TEST(varint_without_room_writes_nothing)
{
	for (size_t cap = 0; cap < varints[_i].bytes.n; cap++) {
		uint8_t memory[SPOP_VARINT_MAX] = { 0 };
		struct spop_writer w = { .p = memory, .cap = cap };

		spop_write_varint(&w, varints[_i].value);
		ck_assert(w.overflow && w.n == 0 && memory[0] == 0);
	}
}
END_TEST

static const struct {
	const char *name;
	struct spop_str bytes;
} bad_varints[] = {
	{ "2^64", BYTES("\xf0\xf1\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e") },
	{ "the tenth byte has bits above 2^64", BYTES("\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x1e") },
	{ "eleven bytes", BYTES("\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x8e\x00") },
	{ "never ends", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") },
	{ "eleven bytes, the last of no weight",
	  BYTES("\xf0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00") },
};

START_TEST(varint_too_big_fails)
{
	struct spop_reader r = reader_of(bad_varints[_i].bytes);

	ck_assert_msg(spop_read_varint(&r) == 0 && r.bad, "%s", bad_varints[_i].name);
}
END_TEST

/* ---- values -------------------------------------------------------------------------------- */

static const struct {
	struct spop_value value;
	struct spop_str bytes;
} values[] = {
	{ { .type = SPOP_TYPE_NULL }, BYTES("\x00") },
	{ { .type = SPOP_TYPE_BOOL, .boolean = false }, BYTES("\x01") },
	{ { .type = SPOP_TYPE_BOOL, .boolean = true }, BYTES("\x11") },
	{ { .type = SPOP_TYPE_INT32, .i = 7 }, BYTES("\x02\x07") },
	{ { .type = SPOP_TYPE_INT32, .i = INT32_MAX }, BYTES("\x02\xff\xf0\xfe\xfe\x3e") },
	{ { .type = SPOP_TYPE_INT32, .i = -1 },
	  BYTES("\x02\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e") },
	{ { .type = SPOP_TYPE_INT32, .i = INT32_MIN },
	  BYTES("\x02\xf0\xf1\xfe\xfe\xbe\xfe\xfe\xfe\xfe\x0e") },
	{ { .type = SPOP_TYPE_UINT32, .u = 16380 }, BYTES("\x03\xfc\xf0\x06") },
	{ { .type = SPOP_TYPE_UINT32, .u = UINT32_MAX }, BYTES("\x03\xff\xf0\xfe\xfe\x7e") },
	{ { .type = SPOP_TYPE_INT64, .i = 1883 }, BYTES("\x04\xfb\x66") },
	{ { .type = SPOP_TYPE_INT64, .i = INT64_MAX },
	  BYTES("\x04\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06") },
	{ { .type = SPOP_TYPE_INT64, .i = INT64_MIN },
	  BYTES("\x04\xf0\xf1\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06") },
	{ { .type = SPOP_TYPE_INT64, .i = -1 },
	  BYTES("\x04\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e") },
	{ { .type = SPOP_TYPE_UINT64, .u = UINT64_MAX },
	  BYTES("\x05\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e") },
	{ { .type = SPOP_TYPE_IPV4, .ip = { 192, 0, 2, 1 } }, BYTES("\x06\xc0\x00\x02\x01") },
	{ { .type = SPOP_TYPE_IPV6, .ip = { 0x20, 1, 0x0d, 0xb8, [15] = 1 } },
	  BYTES("\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") },
	{ { .type = SPOP_TYPE_STRING, .str = BYTES("") }, BYTES("\x08\x00") },
	{ { .type = SPOP_TYPE_STRING, .str = BYTES("fe_tls") },
	  BYTES("\x08\x06"
		"fe_tls") },
	{ { .type = SPOP_TYPE_BINARY, .str = BYTES("a\0b") },
	  BYTES("\x09\x03"
		"a\0b") },
};

START_TEST(value_both_ways)
{
	struct spop_reader r = reader_of(values[_i].bytes);
	uint8_t memory[32];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
	struct spop_value v;

	spop_read_value(&r, &v);
	ck_assert(!r.bad && r.p == r.end);
	assert_value(&v, &values[_i].value);
	spop_write_value(&w, &values[_i].value);
	assert_same(written(&w), values[_i].bytes);
}
END_TEST

START_TEST(value_cut_short_fails)
{
	for (size_t n = 0; n < values[_i].bytes.n; n++) {
		struct spop_reader r = reader_of((struct spop_str){ values[_i].bytes.p, n });
		struct spop_value v;

		spop_read_value(&r, &v);
		ck_assert(r.bad && r.p == r.end);
		ck_assert_int_eq(v.type, SPOP_TYPE_NULL);
	}
}
END_TEST

START_TEST(value_without_room_overflows)
{
	for (size_t cap = 0; cap < values[_i].bytes.n; cap++) {
		uint8_t memory[32];
		struct spop_writer w = { .p = memory, .cap = cap };

		spop_write_value(&w, &values[_i].value);
		ck_assert(w.overflow && w.n <= cap);
	}
}
END_TEST

/* Not what we write, yet sound. */
static const struct {
	const char *name;
	struct spop_value value;
	struct spop_str bytes;
} odd_values[] = {
	{ "-1 in 32 bits",
	  { .type = SPOP_TYPE_INT32, .i = -1 },
	  BYTES("\x02\xff\xf0\xfe\xfe\x7e") },
	{ "flags of no meaning",
	  { .type = SPOP_TYPE_STRING, .str = BYTES("x") },
	  BYTES("\xf8\x01x") },
	{ "flags beside the bool", { .type = SPOP_TYPE_BOOL, .boolean = true }, BYTES("\xf1") },
	{ "flags beside a false bool", { .type = SPOP_TYPE_BOOL }, BYTES("\xe1") },
};

START_TEST(value_odd_but_sound)
{
	struct spop_reader r = reader_of(odd_values[_i].bytes);
	struct spop_value v;

	spop_read_value(&r, &v);
	ck_assert_msg(!r.bad && r.p == r.end, "%s", odd_values[_i].name);
	assert_value(&v, &odd_values[_i].value);
}
END_TEST

static const struct {
	const char *name;
	struct spop_str bytes;
} bad_values[] = {
	{ "type 10", BYTES("\x0a\x00\x00") },
	{ "type 11", BYTES("\x0b\x00\x00") },
	{ "type 12", BYTES("\x0c\x00\x00") },
	{ "type 13", BYTES("\x0d\x00\x00") },
	{ "type 14", BYTES("\x0e\x00\x00") },
	{ "type 15", BYTES("\x0f\x00\x00") },
	{ "UINT32 of 2^32", BYTES("\x03\xf0\xf1\xfe\xfe\x7e") },
	{ "INT32 of 2^32", BYTES("\x02\xf0\xf1\xfe\xfe\x7e") },
	{ "string longer than what is there", BYTES("\x08\x05"
						    "four") },
	{ "string of 2^64-1 bytes", BYTES("\x08\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e"
					  "abc") },
};

START_TEST(value_malformed_fails)
{
	struct spop_reader r = reader_of(bad_values[_i].bytes);
	struct spop_value v;

	spop_read_value(&r, &v);
	ck_assert_msg(r.bad && v.type == SPOP_TYPE_NULL, "%s", bad_values[_i].name);
}
END_TEST

/* ---- what sticks --------------------------------------------------------------------------- */

START_TEST(reader_failure_sticks)
{
	struct spop_reader r = reader_of(SPOP_STR("\x09"
						  "abc\x01\x02"));
	struct spop_value v;

	assert_str(spop_read_str(&r), "");
	ck_assert(r.bad);
	ck_assert_uint_eq(spop_read_u8(&r), 0);
	ck_assert_uint_eq(spop_read_varint(&r), 0);
	assert_str(spop_read_str(&r), "");
	spop_read_value(&r, &v);
	ck_assert(r.bad);
}
END_TEST

START_TEST(writer_overflow_sticks)
{
	uint8_t memory[4];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

	spop_write_bytes(&w, "abc", 3);
	spop_write_bytes(&w, "de", 2);
	ck_assert(w.overflow);
	spop_write_u8(&w, 'f'); /* would fit, but belongs behind what is lost */
	assert_str(written(&w), "abc");
}
END_TEST

START_TEST(empty_string_may_be_null)
{
	uint8_t memory[1];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

	spop_write_str(&w, (struct spop_str){ NULL, 0 });
	assert_str(written(&w), "\0");
	ck_assert(!w.overflow);
	ck_assert(spop_str_is((struct spop_str){ NULL, 0 }, ""));
	ck_assert(!spop_str_is(SPOP_STR("src"), "src_port"));
	ck_assert(!spop_str_is(SPOP_STR("srx"), "src"));
}
END_TEST

START_TEST(status_has_words)
{
	static const struct {
		enum spop_status status;
		const char *text;
	} rows[] = {
		{ SPOP_STATUS_NORMAL, "normal" },
		{ SPOP_STATUS_RESOURCES, "out of resources" },
		{ SPOP_STATUS_UNKNOWN, "unknown error" },
		{ 14, "unknown status" },
		{ UINT32_MAX, "unknown status" },
	};

	for (int i = 0; i < N_ROWS(rows); i++)
		ck_assert_str_eq(spop_status_text(rows[i].status), rows[i].text);
	for (int status = 0; status <= SPOP_STATUS_RESOURCES; status++)
		ck_assert_str_ne(spop_status_text(status), "unknown status");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/wire");
	TCase *tc = tcase_create("wire");

	tcase_add_loop_test(tc, varint_both_ways, 0, N_ROWS(varints));
	tcase_add_loop_test(tc, varint_cut_short_fails, 0, N_ROWS(varints));
	tcase_add_loop_test(tc, varint_without_room_writes_nothing, 0, N_ROWS(varints));
	tcase_add_loop_test(tc, varint_too_big_fails, 0, N_ROWS(bad_varints));
	tcase_add_loop_test(tc, value_both_ways, 0, N_ROWS(values));
	tcase_add_loop_test(tc, value_cut_short_fails, 0, N_ROWS(values));
	tcase_add_loop_test(tc, value_without_room_overflows, 0, N_ROWS(values));
	tcase_add_loop_test(tc, value_odd_but_sound, 0, N_ROWS(odd_values));
	tcase_add_loop_test(tc, value_malformed_fails, 0, N_ROWS(bad_values));
	tcase_add_test(tc, reader_failure_sticks);
	tcase_add_test(tc, writer_overflow_sticks);
	tcase_add_test(tc, empty_string_may_be_null);
	tcase_add_test(tc, status_has_words);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
