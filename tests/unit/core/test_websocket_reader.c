/* A stream of frames, however it is cut: the MQTT bytes in it, and what comes between them. */
#include "agent/core/websocket/reader.h"
#include "tests/unit/core/websocket_bytes.h"
#include "tests/unit/run.h"

enum { FRAMES_MAX = 5, STREAM_MAX = 1024, ROOM = 256, EVENTS_MAX = 64 };

#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

/*
 * `story` has a letter an event that is no data: P ping, p pong, C close, F full, ! bad. A stream
 * that is only bad at its end tells first what came before.
 */
static const struct {
	const char *name;
	struct {
		unsigned first;
		struct str payload;
	} frames[FRAMES_MAX];
	const char *story, *mqtt;
	struct str control; /* payload of the last control frame */
	uint16_t close_code;
	enum websocket_fault fault;
} rows[] = {
	{ "one frame", { { 0x82, STR("\x10\x0e") } }, "", "\x10\x0e", { 0 }, 0, 0 },
	{ "one packet over two messages",
	  { { 0x82, STR("ab") }, { 0x82, STR("c") } },
	  "",
	  "abc",
	  { 0 },
	  0,
	  0 },
	{ "a message in parts",
	  { { 0x02, STR("a") }, { 0x00, STR("b") }, { 0x80, STR("c") }, { 0x82, STR("d") } },
	  "",
	  "abcd",
	  { 0 },
	  0,
	  0 },
	{ "empty frames",
	  { { 0x02, STR("") }, { 0x00, STR("") }, { 0x80, STR("a") }, { 0x82, STR("") } },
	  "",
	  "a",
	  { 0 },
	  0,
	  0 },
	{ "a length in 16 bits", { { 0x82, STR(X128) } }, "", X128, { 0 }, 0, 0 },
	{ "a ping between the parts",
	  { { 0x02, STR("a") }, { 0x89, STR("Hello") }, { 0x80, STR("b") } },
	  "P",
	  "ab",
	  { "Hello", 5 },
	  0,
	  0 },
	{ "an empty ping", { { 0x89, STR("") }, { 0x82, STR("a") } }, "P", "a", { "", 0 }, 0, 0 },
	{ "a pong that nobody asked for",
	  { { 0x8a, STR("x") }, { 0x82, STR("a") } },
	  "p",
	  "a",
	  { "x", 1 },
	  0,
	  0 },
	{ "a close with code and reason",
	  { { 0x82, STR("a") },
	    { 0x88, STR("\x03\xe8"
			"bye") } },
	  "C",
	  "a",
	  { "\x03\xe8"
	    "bye",
	    5 },
	  1000,
	  0 },
	{ "a close without code", { { 0x88, STR("") } }, "C", "", { "", 0 }, 1005, 0 },
	{ "a close of one's own code",
	  { { 0x88, STR("\x0f\xa0") } },
	  "C",
	  "",
	  { "\x0f\xa0", 2 },
	  4000,
	  0 },
	{ "more than there is room for",
	  { { 0x82, STR(X128) }, { 0x82, STR(X128) }, { 0x82, STR("y") } },
	  "F",
	  X128 X128,
	  { 0 },
	  0,
	  0 },
	{ "a frame longer than there is room for",
	  { { 0x82, STR(X128 X128 "y") } },
	  "F",
	  X128 X128,
	  { 0 },
	  0,
	  0 },
	{ "text behind binary",
	  { { 0x82, STR("a") }, { 0x81, STR("b") } },
	  "!",
	  "a",
	  { 0 },
	  0,
	  WEBSOCKET_FAULT_TEXT },
	{ "a continuation of nothing",
	  { { 0x80, STR("a") } },
	  "!",
	  "",
	  { 0 },
	  0,
	  WEBSOCKET_FAULT_CONTINUATION },
	{ "a continuation behind the last part",
	  { { 0x02, STR("a") }, { 0x80, STR("b") }, { 0x80, STR("c") } },
	  "!",
	  "ab",
	  { 0 },
	  0,
	  WEBSOCKET_FAULT_CONTINUATION },
	{ "a message within a message",
	  { { 0x02, STR("a") }, { 0x82, STR("b") } },
	  "!",
	  "a",
	  { 0 },
	  0,
	  WEBSOCKET_FAULT_CONTINUATION },
	{ "a close of one byte",
	  { { 0x88, STR("\3") } },
	  "!",
	  "",
	  { "\3", 1 },
	  0,
	  WEBSOCKET_FAULT_CLOSE },
	{ "a close with a code below 1000",
	  { { 0x88, STR("\x03\xe7") } },
	  "!",
	  "",
	  { "\x03\xe7", 2 },
	  999,
	  WEBSOCKET_FAULT_CLOSE },
	{ "a close with 1005",
	  { { 0x88, STR("\x03\xed") } },
	  "!",
	  "",
	  { "\x03\xed", 2 },
	  1005,
	  WEBSOCKET_FAULT_CLOSE },
	{ "a close with 1015",
	  { { 0x88, STR("\x03\xf7") } },
	  "!",
	  "",
	  { "\x03\xf7", 2 },
	  1015,
	  WEBSOCKET_FAULT_CLOSE },
	{ "a close with 5000",
	  { { 0x88, STR("\x13\x88") } },
	  "!",
	  "",
	  { "\x13\x88", 2 },
	  5000,
	  WEBSOCKET_FAULT_CLOSE },
};

static size_t
make_stream(int row, enum websocket_side from, uint8_t *out)
{
	struct writer w = { .p = out, .size = STREAM_MAX };

	for (int i = 0; i < FRAMES_MAX && rows[row].frames[i].payload.p; i++)
		put_frame(&w, rows[row].frames[i].first, from, rows[row].frames[i].payload);
	return w.n;
}

static const char letters[] = {
	[WEBSOCKET_PINGED] = 'P', [WEBSOCKET_PONGED] = 'p', [WEBSOCKET_CLOSED] = 'C',
	[WEBSOCKET_FULL] = 'F',	  [WEBSOCKET_BAD] = '!',
};

/* Read the first n bytes of the stream to their end, and add to the story. False: it is over. */
static bool
read_on(struct websocket_reader *r, const uint8_t *stream, size_t n, char *story)
{
	uint8_t *copy = malloc(n + !n); /* exactly as long: a sanitizer sees each overrun */
	enum websocket_event event;

	memcpy(copy, stream, n);
	while ((event = websocket_read(r, copy, n)) == WEBSOCKET_DATA || letters[event]) {
		if (event == WEBSOCKET_DATA)
			continue;
		story[strlen(story)] = letters[event];
		if (event >= WEBSOCKET_CLOSED)
			break;
	}
	ck_assert_mem_eq(copy, stream, n); /* it is to be replayed */
	free(copy);
	return event == WEBSOCKET_MORE;
}

static void
check_row(int row, enum websocket_side from, size_t step)
{
	uint8_t stream[STREAM_MAX], mqtt[ROOM];
	size_t len = make_stream(row, from, stream), n = 0;
	char story[EVENTS_MAX] = { 0 };
	struct websocket_reader r;
	bool goes_on = true;

	websocket_reader_init(&r, from, mqtt, sizeof(mqtt));
	while (goes_on && n < len) {
		n = n + step < len ? n + step : len;
		goes_on = read_on(&r, stream, n, story);
	}
	ck_assert_msg(strcmp(story, rows[row].story) == 0, "%s, in steps of %zu: '%s' %s",
		      rows[row].name, step, story, websocket_fault_name(r.fault));
	ck_assert_uint_eq(r.n_mqtt, strlen(rows[row].mqtt));
	ck_assert_mem_eq(mqtt, rows[row].mqtt, r.n_mqtt);
	ck_assert_uint_eq(r.n_control, rows[row].control.n);
	ck_assert_mem_eq(r.control, rows[row].control.n ? rows[row].control.p : "", r.n_control);
	ck_assert_uint_eq(r.close_code, rows[row].close_code);
	ck_assert_int_eq(r.fault, rows[row].fault);
	if (goes_on)
		ck_assert_uint_eq(r.at, len);
	else if (r.fault)
		ck_assert_int_eq(websocket_read(&r, stream, len), WEBSOCKET_BAD);
}

START_TEST(test_row)
{
	for (size_t step = 1; step < 300; step++)
		check_row(_i, WEBSOCKET_CLIENT, step);
	check_row(_i, WEBSOCKET_CLIENT, STREAM_MAX);
	check_row(_i, WEBSOCKET_SERVER, 1);
	check_row(_i, WEBSOCKET_SERVER, STREAM_MAX);
}
END_TEST

/* What stands behind `at` in the middle of a frame goes on where the reader stopped. */
START_TEST(test_stops_in_a_frame)
{
	uint8_t stream[64], mqtt[8], rest[8];
	struct writer w = { .p = stream, .size = sizeof(stream) };
	struct websocket_reader r;

	put_frame(&w, 0x82, WEBSOCKET_CLIENT, STR("0123456789"));
	websocket_reader_init(&r, WEBSOCKET_CLIENT, mqtt, sizeof(mqtt));
	ck_assert_int_eq(websocket_read(&r, stream, 9), WEBSOCKET_DATA);
	ck_assert_uint_eq(r.n_mqtt, 3);
	ck_assert_int_eq(websocket_read(&r, stream, 9), WEBSOCKET_MORE);
	ck_assert_int_eq(websocket_read(&r, stream, w.n), WEBSOCKET_DATA);
	ck_assert_int_eq(websocket_read(&r, stream, w.n), WEBSOCKET_FULL);
	ck_assert_uint_eq(r.at, 6 + 8);
	ck_assert(r.in_frame);
	websocket_unmask(stream + r.at, w.n - r.at, r.frame.mask, r.done, rest);
	ck_assert_mem_eq(rest, "89", 2);
}
END_TEST

START_TEST(test_side)
{
	uint8_t stream[64], mqtt[8];
	struct writer w = { .p = stream, .size = sizeof(stream) };
	struct websocket_reader r;

	put_frame(&w, 0x82, WEBSOCKET_SERVER, STR("a"));
	websocket_reader_init(&r, WEBSOCKET_CLIENT, mqtt, sizeof(mqtt));
	ck_assert_int_eq(websocket_read(&r, stream, 1), WEBSOCKET_MORE);
	ck_assert_int_eq(websocket_read(&r, stream, w.n), WEBSOCKET_BAD);
	ck_assert_int_eq(r.fault, WEBSOCKET_FAULT_MASK);
	ck_assert_uint_eq(r.at, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("websocket reader");
	TCase *tcase = tcase_create("reader");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_stops_in_a_frame);
	tcase_add_test(tcase, test_side);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
