#include "spoe/frame.h"

#include "tests/unit/spoe/bytes.h"

enum { MAX = 16380 };

static const struct {
	const char *name;
	struct spop_str bytes;
	uint8_t type;
	uint32_t flags;
	uint64_t stream_id, frame_id;
	struct spop_str payload;
} frames[] = {
	{ "smallest", BYTES("\0\0\0\x07\x67\0\0\0\x01\0\0"), SPOP_FRAME_ACK, 1, 0, 0, BYTES("") },
	{ "with a payload",
	  BYTES("\0\0\0\x0a\x03\0\0\0\x01\x05\x01"
		"abc"),
	  SPOP_FRAME_NOTIFY, 1, 5, 1, BYTES("abc") },
	{ "ids of many bytes",
	  BYTES("\0\0\0\x11\x03\0\0\0\x01\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e\xf0\x00"),
	  SPOP_FRAME_NOTIFY, 1, UINT64_MAX, 240, BYTES("") },
	{ "all flags", BYTES("\0\0\0\x07\0\xff\xff\xff\xff\x01\x02"), SPOP_FRAME_UNSET, UINT32_MAX,
	  1, 2, BYTES("") },
	{ "unknown type", BYTES("\0\0\0\x07\xfe\0\0\0\0\x01\x02"), 0xfe, 0, 1, 2, BYTES("") },
};

START_TEST(decodes)
{
	enum spop_status fault;
	struct spop_frame f;

	ck_assert_int_eq(
		spop_frame_decode(bytes(frames[_i].bytes), frames[_i].bytes.n, MAX, &f, &fault),
		SPOP_OK);
	ck_assert_uint_eq(f.type, frames[_i].type);
	ck_assert_uint_eq(f.flags, frames[_i].flags);
	ck_assert_uint_eq(f.stream_id, frames[_i].stream_id);
	ck_assert_uint_eq(f.frame_id, frames[_i].frame_id);
	ck_assert_uint_eq(f.size, frames[_i].bytes.n);
	ck_assert_uint_eq((size_t)(f.payload.end - f.payload.p), frames[_i].payload.n);
	ck_assert_mem_eq(f.payload.p, frames[_i].payload.p, frames[_i].payload.n);
}
END_TEST

START_TEST(cut_short_asks_for_more)
{
	for (size_t n = 0; n < frames[_i].bytes.n; n++) {
		enum spop_status fault;
		struct spop_frame f;

		ck_assert_int_eq(spop_frame_decode(bytes(frames[_i].bytes), n, MAX, &f, &fault),
				 SPOP_MORE);
	}
}
END_TEST

static const struct {
	const char *name;
	struct spop_str bytes;
	enum spop_status fault;
} bad_frames[] = {
	{ "length 0", BYTES("\0\0\0\0"), SPOP_STATUS_INVALID },
	{ "length 6", BYTES("\0\0\0\x06\x03\0\0\0\x01\0"), SPOP_STATUS_INVALID },
	{ "longer than agreed, known from the length alone", BYTES("\0\0\x3f\xfd"),
	  SPOP_STATUS_TOO_BIG },
	{ "longest", BYTES("\xff\xff\xff\xff"), SPOP_STATUS_TOO_BIG },
	{ "text of another protocol", BYTES("GET / HTTP/1.0\r\n\r\n"), SPOP_STATUS_TOO_BIG },
	{ "stream-id runs past the end", BYTES("\0\0\0\x07\x03\0\0\0\x01\xf0\x80\x00"),
	  SPOP_STATUS_INVALID },
	{ "frame-id is not there", BYTES("\0\0\0\x07\x03\0\0\0\x01\xf0\x00\x00"),
	  SPOP_STATUS_INVALID },
};

START_TEST(refuses)
{
	enum spop_status fault = SPOP_STATUS_NORMAL;
	struct spop_frame f;

	ck_assert_msg(spop_frame_decode(bytes(bad_frames[_i].bytes), bad_frames[_i].bytes.n, MAX,
					&f, &fault) == SPOP_BAD,
		      "%s", bad_frames[_i].name);
	ck_assert_int_eq(fault, bad_frames[_i].fault);
}
END_TEST

START_TEST(exactly_max_is_not_too_big)
{
	enum spop_status fault;
	struct spop_frame f;

	ck_assert_int_eq(spop_frame_decode((const uint8_t *)"\0\0\x3f\xfc", 4, MAX, &f, &fault),
			 SPOP_MORE);
}
END_TEST

START_TEST(encodes)
{
	uint8_t memory[64];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

	spop_frame_begin(&w, SPOP_FRAME_NOTIFY, MAX, 5, 1);
	spop_write_bytes(&w, "abc", 3);
	ck_assert(spop_frame_end(&w));
	assert_str(written(&w), "\0\0\0\x0a\x03\0\0\0\x01\x05\x01"
				"abc");
}
END_TEST

/* Behind a frame that stands, in every room from none to enough. */
START_TEST(without_room_leaves_what_was_there)
{
	static const size_t whole = 11 + 14;

	for (size_t cap = 11; cap <= 11 + 20; cap++) {
		uint8_t memory[64];
		struct spop_writer w = { .p = memory, .cap = cap };
		bool fits;

		spop_frame_begin(&w, SPOP_FRAME_ACK, MAX, 1, 1);
		ck_assert(spop_frame_end(&w));
		spop_frame_begin(&w, SPOP_FRAME_NOTIFY, MAX, 5, 1);
		spop_write_bytes(&w, "abc", 3);
		fits = spop_frame_end(&w);
		ck_assert_int_eq(fits, cap >= whole);
		ck_assert_uint_eq(w.n, fits ? whole : 11);
		ck_assert(!w.overflow);
		ck_assert_mem_eq(memory, "\0\0\0\x07\x67\0\0\0\x01\x01\x01", 11);
	}
}
END_TEST

START_TEST(above_max_is_taken_back)
{
	for (uint32_t max = 7; max <= 12; max++) {
		uint8_t memory[64];
		struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

		spop_frame_begin(&w, SPOP_FRAME_NOTIFY, max, 5, 1);
		spop_write_bytes(&w, "abc", 3);
		ck_assert_int_eq(spop_frame_end(&w), max >= 10);
		ck_assert_uint_eq(w.n, max >= 10 ? 14 : 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/frame");
	TCase *tc = tcase_create("frame");

	tcase_add_loop_test(tc, decodes, 0, N_ROWS(frames));
	tcase_add_loop_test(tc, cut_short_asks_for_more, 0, N_ROWS(frames));
	tcase_add_loop_test(tc, refuses, 0, N_ROWS(bad_frames));
	tcase_add_test(tc, exactly_max_is_not_too_big);
	tcase_add_test(tc, encodes);
	tcase_add_test(tc, without_room_leaves_what_was_there);
	tcase_add_test(tc, above_max_is_taken_back);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
