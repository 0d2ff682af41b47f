/*
 * Conversations as HAProxy holds them, and as it never would.
 */
#include "spoe/conn.h"

#include "spoe/ack.h"
#include "spoe/hello.h"
#include "tests/unit/spoe/bytes.h"

enum { MAX = 16380 };

#define VERSIONS                                                                                   \
	"\x12supported-versions\x08\x03"                                                           \
	"2.0"
#define SIZE "\x0emax-frame-size\x03\xfc\xf0\x06"
#define CAPS                                                                                       \
	"\x0c"                                                                                     \
	"capabilities\x08\x10pipelining,async"
#define ENGINE                                                                                     \
	"\x09"                                                                                     \
	"engine-id\x08\x06"                                                                        \
	"engine"
#define HELLO VERSIONS SIZE CAPS ENGINE
#define MESSAGE                                                                                    \
	"\x04"                                                                                     \
	"mqtt\x02\x02id\x09\x05"                                                                   \
	"dev-1\x00\x00"

/* A connection with what came from HAProxy and what is to go back to it. */
struct talk {
	struct spop_conn c;
	struct spop_writer in, out;
	uint8_t in_memory[4 * MAX], out_memory[4096];
	struct spop_notify notify;
};

static void
talk_init(struct talk *t)
{
	spop_conn_init(&t->c, MAX);
	t->in = (struct spop_writer){ .p = t->in_memory, .cap = sizeof(t->in_memory) };
	t->out = (struct spop_writer){ .p = t->out_memory, .cap = sizeof(t->out_memory) };
}

/* What comes of the bytes so far; those used are gone. */
static enum spop_event
next(struct talk *t)
{
	size_t used;
	enum spop_event event = spop_conn_next(&t->c, t->in.p, t->in.n, &used, &t->notify, &t->out);

	ck_assert_uint_le(used, t->in.n);
	t->in.p += used;
	t->in.n -= used;
	t->in.cap -= used;
	return event;
}

/* Take the next frame of what goes back to HAProxy. */
static struct spop_frame
sent(struct talk *t)
{
	enum spop_status fault;
	struct spop_frame f;

	ck_assert_int_eq(spop_frame_decode(t->out.p, t->out.n, MAX, &f, &fault), SPOP_OK);
	t->out.p += f.size;
	t->out.n -= f.size;
	t->out.cap -= f.size;
	return f;
}

static void
assert_sent_bye(struct talk *t, enum spop_status status)
{
	struct spop_frame f = sent(t);
	struct spop_disconnect bye;

	ck_assert_uint_eq(f.type, SPOP_FRAME_AGENT_DISCONNECT);
	ck_assert_int_eq(spop_disconnect_decode(f.payload, &bye), SPOP_STATUS_NORMAL);
	ck_assert_int_eq(bye.status, status);
	ck_assert(spop_str_is(bye.message, spop_status_text(status)));
	ck_assert_uint_eq(t->out.n, 0);
}

static void
say_hello(struct talk *t)
{
	put_frame(&t->in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0,
		  (struct spop_str)BYTES(HELLO));
	ck_assert_int_eq(next(t), SPOP_EVENT_HELLO);
	ck_assert_uint_eq(sent(t).type, SPOP_FRAME_AGENT_HELLO);
}

/* ---- HELLO --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct spop_str payload;
	uint32_t answered_size;
	const char *answered_capabilities;
	const char *engine_id;
	bool healthcheck;
} hellos[] = {
	{ "2.6", BYTES(HELLO), 16380, "pipelining", "engine", false },
	{ "3.1 and later",
	  BYTES(VERSIONS SIZE "\x0c"
			      "capabilities\x08\x0apipelining" ENGINE),
	  16380, "pipelining", "engine", false },
	{ "health check",
	  BYTES(VERSIONS SIZE "\x0c"
			      "capabilities\x08\x00\x0bhealthcheck\x11"),
	  16380, "", "", true },
	{ "fragmentation and async are not taken up",
	  BYTES(VERSIONS SIZE "\x0c"
			      "capabilities\x08\x13"
			      "fragmentation,async"),
	  16380, "", "", false },
	{ "smaller frames", BYTES(VERSIONS "\x0emax-frame-size\x03\xf0\x01" CAPS), 256,
	  "pipelining", "", false },
	{ "bigger frames than ours", BYTES(VERSIONS "\x0emax-frame-size\x03\xfd\xf0\x06" CAPS), MAX,
	  "pipelining", "", false },
};

START_TEST(hello_is_answered)
{
	struct spop_agent_hello answer;
	struct spop_frame f;
	struct talk t;

	talk_init(&t);
	put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0, hellos[_i].payload);
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	ck_assert_uint_le(t.out.n, SPOP_CONTROL_MAX);
	f = sent(&t);
	ck_assert_uint_eq(t.out.n, 0);
	ck_assert_uint_eq(f.type, SPOP_FRAME_AGENT_HELLO);
	ck_assert(f.stream_id == 0 && f.frame_id == 0);
	ck_assert_int_eq(spop_agent_hello_decode(f.payload, UINT32_MAX, &answer),
			 SPOP_STATUS_NORMAL);
	ck_assert_uint_eq(answer.max_frame_size, hellos[_i].answered_size);
	ck_assert_uint_eq(t.c.max_frame_size, hellos[_i].answered_size);
	ck_assert(spop_str_is(answer.capabilities, hellos[_i].answered_capabilities));
	ck_assert_int_eq(t.c.pipelining, *hellos[_i].answered_capabilities != '\0');
	ck_assert_int_eq(t.c.healthcheck, hellos[_i].healthcheck);
	ck_assert(spop_str_is((struct spop_str){ t.c.engine_id, t.c.engine_id_len },
			      hellos[_i].engine_id));
	ck_assert_int_eq(t.c.state, SPOP_CONN_READY);
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
}
END_TEST

START_TEST(long_engine_id_is_cut)
{
	char id[100];
	struct talk t;

	memset(id, 'e', sizeof(id));
	talk_init(&t);
	ck_assert(spop_haproxy_hello_encode(
		&t.in, &(struct spop_haproxy_hello){ .versions = SPOP_STR("2.0"),
						     .max_frame_size = MAX,
						     .capabilities = SPOP_STR(""),
						     .engine_id = { id, sizeof(id) } }));
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	ck_assert_uint_eq(t.c.engine_id_len, SPOP_ENGINE_ID_MAX);
	ck_assert_mem_eq(t.c.engine_id, id, SPOP_ENGINE_ID_MAX);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool after_hello;
	uint8_t type, flags, stream_id, frame_id;
	struct spop_str payload;
	enum spop_status status;
} refused[] = {
	{ "HELLO without version", false, 1, 1, 0, 0, BYTES(SIZE CAPS), SPOP_STATUS_NO_VERSION },
	{ "HELLO without max-frame-size", false, 1, 1, 0, 0, BYTES(VERSIONS CAPS),
	  SPOP_STATUS_NO_FRAME_SIZE },
	{ "HELLO without capabilities", false, 1, 1, 0, 0, BYTES(VERSIONS SIZE),
	  SPOP_STATUS_NO_CAPABILITIES },
	{ "HELLO of version 3.0", false, 1, 1, 0, 0,
	  BYTES("\x12supported-versions\x08\x03"
		"3.0" SIZE CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "HELLO with frames of 100 bytes", false, 1, 1, 0, 0,
	  BYTES(VERSIONS "\x0emax-frame-size\x03\x64" CAPS), SPOP_STATUS_BAD_FRAME_SIZE },
	{ "HELLO on a stream", false, 1, 1, 1, 0, BYTES(HELLO), SPOP_STATUS_INVALID },
	{ "HELLO with a frame-id", false, 1, 1, 0, 1, BYTES(HELLO), SPOP_STATUS_INVALID },
	{ "HELLO malformed", false, 1, 1, 0, 0, BYTES(HELLO "\x01"), SPOP_STATUS_INVALID },
	{ "HELLO in fragments", false, 1, 0, 0, 0, BYTES(HELLO), SPOP_STATUS_FRAGMENTED },
	{ "second HELLO", true, 1, 1, 0, 0, BYTES(HELLO), SPOP_STATUS_INVALID },
	{ "NOTIFY before HELLO", false, 3, 1, 1, 1, BYTES(MESSAGE), SPOP_STATUS_INVALID },
	{ "NOTIFY malformed", true, 3, 1, 1, 1, BYTES(MESSAGE "\x01"), SPOP_STATUS_INVALID },
	{ "NOTIFY with data type 12", true, 3, 1, 1, 1,
	  BYTES("\x01m\x01\x01"
		"a\x0c"),
	  SPOP_STATUS_INVALID },
	{ "NOTIFY in fragments", true, 3, 0, 1, 1, BYTES(MESSAGE), SPOP_STATUS_FRAGMENTED },
	{ "NOTIFY aborted", true, 3, 3, 1, 1, BYTES(""), SPOP_STATUS_FRAGMENTED },
	{ "a later fragment", true, 0, 0, 1, 1, BYTES("more"), SPOP_STATUS_FRAGMENTED },
	{ "the last fragment", true, 0, 1, 1, 1, BYTES("last"), SPOP_STATUS_FRAGMENTED },
	{ "AGENT-HELLO", false, 101, 1, 0, 0, BYTES(""), SPOP_STATUS_INVALID },
	{ "AGENT-DISCONNECT", true, 102, 1, 0, 0, BYTES(""), SPOP_STATUS_INVALID },
	{ "ACK", true, 103, 1, 1, 1, BYTES(""), SPOP_STATUS_INVALID },
	{ "DISCONNECT malformed", true, 2, 1, 0, 0,
	  BYTES("\x0bstatus-code\x08\x01"
		"0"),
	  SPOP_STATUS_INVALID },
};

START_TEST(refuses)
{
	struct talk t;

	talk_init(&t);
	if (refused[_i].after_hello)
		say_hello(&t);
	put_frame(&t.in, refused[_i].type, refused[_i].flags, refused[_i].stream_id,
		  refused[_i].frame_id, refused[_i].payload);
	put_frame(&t.in, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, 1, 1, SPOP_STR(MESSAGE));
	ck_assert_msg(next(&t) == SPOP_EVENT_CLOSE, "%s", refused[_i].name);
	assert_sent_bye(&t, refused[_i].status);
	ck_assert_int_eq(t.c.state, SPOP_CONN_CLOSED);
	ck_assert_int_eq(t.c.status, refused[_i].status);
	ck_assert(!t.c.closed_by_peer);
	ck_assert_str_eq(t.c.message, "");
	ck_assert_uint_eq(t.in.n, 0); /* nothing behind it counts */
}
END_TEST

/* In HELLO the size is bounded by what we can take, after it by what was agreed. */
START_TEST(too_big_is_refused_from_its_length_alone)
{
	struct talk t;

	talk_init(&t);
	if (_i) {
		put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0,
			  SPOP_STR(VERSIONS "\x0emax-frame-size\x03\xf0\x01" CAPS));
		ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
		sent(&t);
	}
	spop_write_bytes(&t.in, _i ? "\0\0\x01\x01" : "\0\0\x3f\xfd", 3);
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
	spop_write_bytes(&t.in, _i ? "\x01" : "\xfd", 1);
	ck_assert_int_eq(next(&t), SPOP_EVENT_CLOSE);
	assert_sent_bye(&t, SPOP_STATUS_TOO_BIG);
}
END_TEST

/* ---- NOTIFY -------------------------------------------------------------------------------- */

static void
assert_message(struct spop_notify *n)
{
	struct spop_str name;
	struct spop_args args;
	struct spop_value value;

	ck_assert(spop_notify_message(n, &name, &args));
	assert_str(name, "mqtt");
	ck_assert(spop_notify_arg(&args, &name, &value));
	assert_str(name, "id");
	assert_str(value.str, "dev-1");
	ck_assert(spop_notify_arg(&args, &name, &value));
	assert_str(name, "");
	ck_assert(!spop_notify_arg(&args, &name, &value));
	ck_assert(!spop_notify_message(n, &name, &args));
}

START_TEST(notify_without_messages_passes)
{
	struct spop_str name;
	struct spop_args args;
	struct talk t;

	talk_init(&t);
	say_hello(&t);
	put_frame(&t.in, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, 9, 1, SPOP_STR(""));
	ck_assert_int_eq(next(&t), SPOP_EVENT_NOTIFY);
	ck_assert_uint_eq(t.notify.stream_id, 9);
	ck_assert(!spop_notify_message(&t.notify, &name, &args));
}
END_TEST

/* A whole conversation, byte by byte: the events come with the last byte of their frames. */
START_TEST(byte_by_byte)
{
	static const enum spop_event events[] = {
		SPOP_EVENT_HELLO,
		SPOP_EVENT_NOTIFY,
		SPOP_EVENT_NOTIFY,
		SPOP_EVENT_CLOSE,
	};
	uint8_t memory[512];
	struct spop_writer all = { .p = memory, .cap = sizeof(memory) };
	size_t ends[4];
	int n_events = 0;
	struct talk t;

	talk_init(&t);
	put_frame(&all, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0, SPOP_STR(HELLO));
	ends[0] = all.n;
	put_frame(&all, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, 1, 1, SPOP_STR(MESSAGE));
	ends[1] = all.n;
	put_frame(&all, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, 3, 1, SPOP_STR(MESSAGE));
	ends[2] = all.n;
	put_frame(&all, SPOP_FRAME_HAPROXY_DISCONNECT, SPOP_FLAG_FIN, 0, 0, SPOP_STR(""));
	ends[3] = all.n;

	for (size_t i = 0; i < all.n; i++) {
		enum spop_event event;

		spop_write_u8(&t.in, memory[i]);
		event = next(&t);
		if (i + 1 < ends[n_events]) {
			ck_assert_int_eq(event, SPOP_EVENT_NONE);
			continue;
		}
		ck_assert_int_eq(event, events[n_events++]);
		if (event == SPOP_EVENT_NOTIFY)
			assert_message(&t.notify);
		ck_assert_uint_eq(t.in.n, 0);
	}
	ck_assert_int_eq(n_events, 4);
}
END_TEST

START_TEST(pipelined_frames_answered_out_of_order)
{
	static const uint8_t streams[] = { 7, 1, 5, 3 };
	struct talk t;

	talk_init(&t);
	put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0, SPOP_STR(HELLO));
	for (int i = 0; i < N_ROWS(streams); i++)
		put_frame(&t.in, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, streams[i], (uint8_t)(i + 1),
			  SPOP_STR(MESSAGE));
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	sent(&t);
	for (int i = 0; i < N_ROWS(streams); i++) {
		ck_assert_int_eq(next(&t), SPOP_EVENT_NOTIFY);
		ck_assert_uint_eq(t.notify.stream_id, streams[i]);
		ck_assert_uint_eq(t.notify.frame_id, i + 1);
		assert_message(&t.notify);
	}
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);

	for (int i = N_ROWS(streams) - 1; i >= 0; i--) {
		spop_ack_begin(&t.out, &t.c, streams[i], (uint64_t)i + 1);
		spop_ack_set_uint(&t.out, SPOP_SCOPE_TXN, "stream", streams[i]);
		ck_assert(spop_ack_end(&t.out));
	}
	for (int i = N_ROWS(streams) - 1; i >= 0; i--) {
		struct spop_frame f = sent(&t);
		struct spop_action action;
		struct spop_ack ack;

		ck_assert_uint_eq(f.type, SPOP_FRAME_ACK);
		ck_assert(spop_ack_open(&ack, &f));
		ck_assert_uint_eq(ack.stream_id, streams[i]);
		ck_assert_uint_eq(ack.frame_id, i + 1);
		ck_assert(spop_ack_action(&ack, &action));
		ck_assert_uint_eq(action.value.u, streams[i]);
	}
}
END_TEST

START_TEST(ack_too_big_becomes_an_empty_one)
{
	static const char big[300];
	struct spop_frame f;
	struct talk t;

	talk_init(&t);
	put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0,
		  SPOP_STR(VERSIONS "\x0emax-frame-size\x03\xf0\x01" CAPS));
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	sent(&t);
	spop_ack_begin(&t.out, &t.c, 1, 1);
	spop_ack_set_bin(&t.out, SPOP_SCOPE_TXN, "big", (struct spop_str){ big, sizeof(big) });
	ck_assert(!spop_ack_end(&t.out));
	spop_ack_begin(&t.out, &t.c, 1, 1);
	ck_assert(spop_ack_end(&t.out));
	f = sent(&t);
	ck_assert_uint_eq(f.size, 11);
	ck_assert_uint_eq(t.out.n, 0);
}
END_TEST

/* ---- the rest ------------------------------------------------------------------------------ */

START_TEST(without_room_nothing_is_consumed)
{
	struct talk t;

	talk_init(&t);
	put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0, SPOP_STR(HELLO));
	t.out.n = t.out.cap - SPOP_CONTROL_MAX + 1;
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
	ck_assert_int_eq(t.c.state, SPOP_CONN_HELLO);
	t.out.n--;
	t.out.overflow = true; /* of the caller's own making */
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
	t.out.overflow = false;
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	ck_assert_uint_eq(t.in.n, 0);
}
END_TEST

START_TEST(unknown_frame_types_are_skipped)
{
	struct talk t;

	talk_init(&t);
	put_frame(&t.in, 4, SPOP_FLAG_FIN, 1, 1, SPOP_STR("from the future"));
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
	ck_assert_uint_eq(t.in.n, 0);
	put_frame(&t.in, 100, 0, 1, 1, SPOP_STR(""));
	put_frame(&t.in, 104, SPOP_FLAG_ABORT, 1, 1, SPOP_STR("more"));
	put_frame(&t.in, SPOP_FRAME_HAPROXY_HELLO, SPOP_FLAG_FIN, 0, 0, SPOP_STR(HELLO));
	put_frame(&t.in, 255, SPOP_FLAG_FIN, 1, 1, SPOP_STR(""));
	ck_assert_int_eq(next(&t), SPOP_EVENT_HELLO);
	ck_assert_uint_eq(t.in.n, 11);
	ck_assert_int_eq(next(&t), SPOP_EVENT_NONE);
	ck_assert_uint_eq(t.in.n, 0);
}
END_TEST

static const struct {
	struct spop_str payload;
	enum spop_status status;
	const char *message;
} byes[] = {
	{ BYTES("\x0bstatus-code\x03\x00\x07message\x08\x06normal"), SPOP_STATUS_NORMAL, "normal" },
	{ BYTES("\x0bstatus-code\x03\x08\x07message\x08\x03"
		"bad"),
	  SPOP_STATUS_BAD_VERSION, "bad" },
	{ BYTES("\x0bstatus-code\x03\x63\x07message\x08\x07"
		"a\nb\x1b\xc3\x7f~"),
	  SPOP_STATUS_UNKNOWN, "a?b???~" },
	{ BYTES("\x0bstatus-code\x03\x64"), 100, "" },
	{ BYTES(""), SPOP_STATUS_UNKNOWN, "" },
};

START_TEST(disconnect_is_answered)
{
	for (int after_hello = 0; after_hello < 2; after_hello++) {
		struct talk t;

		talk_init(&t);
		if (after_hello)
			say_hello(&t);
		put_frame(&t.in, SPOP_FRAME_HAPROXY_DISCONNECT, SPOP_FLAG_FIN, 0, 0,
			  byes[_i].payload);
		ck_assert_int_eq(next(&t), SPOP_EVENT_CLOSE);
		assert_sent_bye(&t, SPOP_STATUS_NORMAL);
		ck_assert(t.c.closed_by_peer);
		ck_assert_int_eq(t.c.status, byes[_i].status);
		ck_assert_str_eq(t.c.message, byes[_i].message);
	}
}
END_TEST

START_TEST(long_message_is_cut)
{
	char text[2 * SPOP_MESSAGE_MAX];
	struct talk t;

	memset(text, 'm', sizeof(text));
	talk_init(&t);
	ck_assert(spop_haproxy_disconnect_encode(
		&t.in, &(struct spop_disconnect){ SPOP_STATUS_IO, { text, sizeof(text) } }));
	ck_assert_int_eq(next(&t), SPOP_EVENT_CLOSE);
	ck_assert_uint_eq(strlen(t.c.message), SPOP_MESSAGE_MAX);
}
END_TEST

START_TEST(agent_ends_it)
{
	struct talk t;

	talk_init(&t);
	say_hello(&t);
	put_frame(&t.in, SPOP_FRAME_NOTIFY, SPOP_FLAG_FIN, 1, 1, SPOP_STR(MESSAGE));
	for (size_t room = 0;; room++) {
		t.out.n = 0;
		t.out.cap = room;
		if (spop_conn_bye(&t.c, SPOP_STATUS_TIMEOUT, &t.out))
			break;
		ck_assert(t.c.state == SPOP_CONN_READY && t.out.n == 0 && !t.out.overflow);
		ck_assert_uint_lt(room, SPOP_CONTROL_MAX);
	}
	ck_assert_int_eq(t.c.state, SPOP_CONN_CLOSED);
	ck_assert_int_eq(t.c.status, SPOP_STATUS_TIMEOUT);
	assert_sent_bye(&t, SPOP_STATUS_TIMEOUT);
	ck_assert(spop_conn_bye(&t.c, SPOP_STATUS_IO, &t.out)); /* once is enough */
	ck_assert_uint_eq(t.out.n, 0);
	ck_assert_int_eq(t.c.status, SPOP_STATUS_TIMEOUT);
	ck_assert_int_eq(next(&t), SPOP_EVENT_CLOSE);
	ck_assert_uint_eq(t.in.n, 0);
	ck_assert_uint_eq(t.out.n, 0);
}
END_TEST

/* Every status that we can be made to say fits into what is promised. */
START_TEST(every_bye_fits_control_max)
{
	static const enum spop_status statuses[] = { 0, 1, 2,  3,  4,  5,  6,  7,
						     8, 9, 10, 11, 12, 13, 99, UINT32_MAX };

	for (int i = 0; i < N_ROWS(statuses); i++) {
		uint8_t memory[SPOP_CONTROL_MAX];
		struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
		struct spop_conn c;

		spop_conn_init(&c, MAX);
		ck_assert(spop_conn_bye(&c, statuses[i], &w));
		ck_assert_uint_eq(only_frame(&w).type, SPOP_FRAME_AGENT_DISCONNECT);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/conn");
	TCase *tc = tcase_create("conn");

	tcase_add_loop_test(tc, hello_is_answered, 0, N_ROWS(hellos));
	tcase_add_test(tc, long_engine_id_is_cut);
	tcase_add_loop_test(tc, refuses, 0, N_ROWS(refused));
	tcase_add_loop_test(tc, too_big_is_refused_from_its_length_alone, 0, 2);
	tcase_add_test(tc, notify_without_messages_passes);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, pipelined_frames_answered_out_of_order);
	tcase_add_test(tc, ack_too_big_becomes_an_empty_one);
	tcase_add_test(tc, without_room_nothing_is_consumed);
	tcase_add_test(tc, unknown_frame_types_are_skipped);
	tcase_add_loop_test(tc, disconnect_is_answered, 0, N_ROWS(byes));
	tcase_add_test(tc, long_message_is_cut);
	tcase_add_test(tc, agent_ends_it);
	tcase_add_test(tc, every_bye_fits_control_max);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
