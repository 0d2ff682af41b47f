#include "spoe/hello.h"

#include "tests/unit/spoe/bytes.h"

#define VERSIONS "\x12supported-versions"
#define SIZE "\x0emax-frame-size"
#define CAPS                                                                                       \
	"\x0c"                                                                                     \
	"capabilities"
#define ENGINE                                                                                     \
	"\x09"                                                                                     \
	"engine-id"
#define HEALTH "\x0bhealthcheck"

static const struct {
	const char *name;
	struct spop_str payload;
	struct spop_haproxy_hello want;
} hellos[] = {
	{ "2.6",
	  BYTES(VERSIONS "\x08\x03"
			 "2.0" SIZE "\x03\xfc\xf0\x06" CAPS "\x08\x10pipelining,async" ENGINE
			 "\x08\x08"
			 "81e0-c4f"),
	  { BYTES("2.0"), 16380, BYTES("pipelining,async"), BYTES("81e0-c4f"), false } },
	{ "3.1 and later",
	  BYTES(VERSIONS "\x08\x03"
			 "2.0" SIZE "\x03\xfc\xf0\x06" CAPS "\x08\x0apipelining" ENGINE "\x08\x08"
			 "81e0-c4f"),
	  { BYTES("2.0"), 16380, BYTES("pipelining"), BYTES("81e0-c4f"), false } },
	{ "health check",
	  BYTES(VERSIONS "\x08\x03"
			 "2.0" SIZE "\x03\xfc\xf0\x06" CAPS "\x08\x00" HEALTH "\x11"),
	  { BYTES("2.0"), 16380, BYTES(""), BYTES(""), true } },
	{ "no health check, said so; another order",
	  BYTES(HEALTH "\x01" CAPS "\x08\x00" SIZE "\x03\xf0\x01" VERSIONS "\x08\x03"
		       "2.0"),
	  { BYTES("2.0"), 256, BYTES(""), BYTES(""), false } },
	{ "a list of versions, blanks, keys from the future",
	  BYTES("\x06"
		"future"
		"\x06\x01\x02\x03\x04" VERSIONS "\x08\x09 1.5, 2.0" SIZE "\x03\xfc\xf0\x06" CAPS
		"\x08\x00"
		"\x05later\x00"),
	  { BYTES(" 1.5, 2.0"), 16380, BYTES(""), BYTES(""), false } },
	{ "a later minor of 2, first of its list",
	  BYTES(VERSIONS "\x08\x09"
			 "2.11, 3.0" SIZE "\x03\xfc\xf0\x06" CAPS "\x08\x00"),
	  { BYTES("2.11, 3.0"), 16380, BYTES(""), BYTES(""), false } },
};

static void
assert_hello(const struct spop_haproxy_hello *got, const struct spop_haproxy_hello *want)
{
	assert_same(got->versions, want->versions);
	ck_assert_uint_eq(got->max_frame_size, want->max_frame_size);
	assert_same(got->capabilities, want->capabilities);
	assert_same(got->engine_id, want->engine_id);
	ck_assert_int_eq(got->healthcheck, want->healthcheck);
}

START_TEST(decodes)
{
	struct spop_haproxy_hello got;

	ck_assert_int_eq(spop_haproxy_hello_decode(reader_of(hellos[_i].payload), &got),
			 SPOP_STATUS_NORMAL);
	assert_hello(&got, &hellos[_i].want);
}
END_TEST

START_TEST(encodes_what_decodes)
{
	uint8_t memory[256];

	for (size_t cap = 0; cap <= sizeof(memory); cap++) {
		struct spop_writer w = { .p = memory, .cap = cap };
		struct spop_haproxy_hello got;
		struct spop_frame f;

		if (!spop_haproxy_hello_encode(&w, &hellos[_i].want)) {
			ck_assert(cap < sizeof(memory) && w.n == 0 && !w.overflow);
			continue;
		}
		f = only_frame(&w);
		ck_assert_uint_eq(f.type, SPOP_FRAME_HAPROXY_HELLO);
		ck_assert(f.stream_id == 0 && f.frame_id == 0);
		ck_assert_int_eq(spop_haproxy_hello_decode(f.payload, &got), SPOP_STATUS_NORMAL);
		assert_hello(&got, &hellos[_i].want);
	}
}
END_TEST

#define OK_VERSIONS                                                                                \
	VERSIONS "\x08\x03"                                                                        \
		 "2.0"
#define OK_SIZE SIZE "\x03\xfc\xf0\x06"
#define OK_CAPS CAPS "\x08\x00"

static const struct {
	const char *name;
	struct spop_str payload;
	enum spop_status status;
} bad_hellos[] = {
	{ "empty", BYTES(""), SPOP_STATUS_NO_VERSION },
	{ "no version", BYTES(OK_SIZE OK_CAPS), SPOP_STATUS_NO_VERSION },
	{ "no max-frame-size", BYTES(OK_VERSIONS OK_CAPS), SPOP_STATUS_NO_FRAME_SIZE },
	{ "no capabilities", BYTES(OK_VERSIONS OK_SIZE), SPOP_STATUS_NO_CAPABILITIES },
	{ "version 1.0",
	  BYTES(VERSIONS "\x08\x03"
			 "1.0" OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "versions 1.0 and 3.0",
	  BYTES(VERSIONS "\x08\x08"
			 "1.0, 3.0" OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "version 20.0",
	  BYTES(VERSIONS "\x08\x04"
			 "20.0" OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "version without minor",
	  BYTES(VERSIONS "\x08\x02"
			 "2." OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "version with letters",
	  BYTES(VERSIONS "\x08\x05"
			 "2.0rc" OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "empty version", BYTES(VERSIONS "\x08\x00" OK_SIZE OK_CAPS), SPOP_STATUS_BAD_VERSION },
	{ "max-frame-size 255", BYTES(OK_VERSIONS SIZE "\x03\xff\x00" OK_CAPS),
	  SPOP_STATUS_BAD_FRAME_SIZE },
	{ "version is no string", BYTES(VERSIONS "\x03\x02" OK_SIZE OK_CAPS), SPOP_STATUS_INVALID },
	{ "max-frame-size is no UINT32",
	  BYTES(OK_VERSIONS SIZE "\x08\x03"
				 "300" OK_CAPS),
	  SPOP_STATUS_INVALID },
	{ "healthcheck is no bool", BYTES(OK_VERSIONS OK_SIZE OK_CAPS HEALTH "\x00"),
	  SPOP_STATUS_INVALID },
	{ "key runs past the end",
	  BYTES(OK_VERSIONS OK_SIZE OK_CAPS "\x05"
					    "some"),
	  SPOP_STATUS_INVALID },
	{ "key without value",
	  BYTES(OK_VERSIONS OK_SIZE OK_CAPS "\x04"
					    "some"),
	  SPOP_STATUS_INVALID },
	{ "unknown key, value of a type without length",
	  BYTES(OK_VERSIONS OK_SIZE OK_CAPS "\x04"
					    "some\x0b\x00"),
	  SPOP_STATUS_INVALID },
};

START_TEST(refuses)
{
	struct spop_haproxy_hello got;
	enum spop_status status =
		spop_haproxy_hello_decode(reader_of(bad_hellos[_i].payload), &got);

	ck_assert_msg(status == bad_hellos[_i].status, "%s: %s", bad_hellos[_i].name,
		      spop_status_text(status));
}
END_TEST

static const struct {
	struct spop_str list;
	bool has;
} capabilities[] = {
	{ BYTES(""), false },
	{ BYTES("pipelining"), true },
	{ BYTES("pipelining,async"), true },
	{ BYTES("async,fragmentation, pipelining "), true },
	{ BYTES(",,pipelining"), true },
	{ BYTES("pipeliningx"), false },
	{ BYTES("xpipelining"), false },
	{ BYTES("async"), false },
};

START_TEST(capability_is_a_whole_item)
{
	ck_assert_int_eq(spop_capability_in(capabilities[_i].list, "pipelining"),
			 capabilities[_i].has);
}
END_TEST

START_TEST(agent_hello_round_trip)
{
	const struct spop_agent_hello want = { BYTES("2.0"), 16380, BYTES("pipelining") };
	uint8_t memory[SPOP_CONTROL_MAX];
	int n_whole = 0;

	for (size_t cap = 0; cap <= sizeof(memory); cap++) {
		struct spop_writer w = { .p = memory, .cap = cap };
		struct spop_agent_hello got;
		struct spop_frame f;

		if (!spop_agent_hello_encode(&w, &want)) {
			ck_assert(w.n == 0 && !w.overflow);
			continue;
		}
		n_whole++;
		f = only_frame(&w);
		ck_assert_uint_eq(f.type, SPOP_FRAME_AGENT_HELLO);
		ck_assert_int_eq(spop_agent_hello_decode(f.payload, 16380, &got),
				 SPOP_STATUS_NORMAL);
		assert_same(got.version, want.version);
		assert_same(got.capabilities, want.capabilities);
		ck_assert_uint_eq(got.max_frame_size, want.max_frame_size);
	}
	ck_assert_int_gt(n_whole, 0);
}
END_TEST

#define VERSION "\x07version"

static const struct {
	const char *name;
	struct spop_str payload;
	enum spop_status status;
} agent_hellos[] = {
	{ "sound",
	  BYTES(VERSION "\x08\x03"
			"2.0" OK_SIZE OK_CAPS),
	  SPOP_STATUS_NORMAL },
	{ "smaller",
	  BYTES(VERSION "\x08\x03"
			"2.0" SIZE "\x03\xf0\x01" OK_CAPS),
	  SPOP_STATUS_NORMAL },
	{ "no version", BYTES(OK_SIZE OK_CAPS), SPOP_STATUS_NO_VERSION },
	{ "no max-frame-size",
	  BYTES(VERSION "\x08\x03"
			"2.0" OK_CAPS),
	  SPOP_STATUS_NO_FRAME_SIZE },
	{ "no capabilities",
	  BYTES(VERSION "\x08\x03"
			"2.0" OK_SIZE),
	  SPOP_STATUS_NO_CAPABILITIES },
	{ "version 2.1",
	  BYTES(VERSION "\x08\x03"
			"2.1" OK_SIZE OK_CAPS),
	  SPOP_STATUS_BAD_VERSION },
	{ "above the offered",
	  BYTES(VERSION "\x08\x03"
			"2.0" SIZE "\x03\xfd\xf0\x06" OK_CAPS),
	  SPOP_STATUS_BAD_FRAME_SIZE },
	{ "below 256",
	  BYTES(VERSION "\x08\x03"
			"2.0" SIZE "\x03\x64" OK_CAPS),
	  SPOP_STATUS_BAD_FRAME_SIZE },
	{ "cut",
	  BYTES(VERSION "\x08\x03"
			"2."),
	  SPOP_STATUS_INVALID },
};

START_TEST(agent_hello_as_haproxy_judges_it)
{
	struct spop_agent_hello got;
	enum spop_status status =
		spop_agent_hello_decode(reader_of(agent_hellos[_i].payload), 16380, &got);

	ck_assert_msg(status == agent_hellos[_i].status, "%s: %s", agent_hellos[_i].name,
		      spop_status_text(status));
}
END_TEST

static const enum spop_status statuses[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99, 1000, UINT32_MAX,
};

START_TEST(disconnect_round_trip)
{
	static bool (*const encode[])(struct spop_writer *, const struct spop_disconnect *) = {
		spop_haproxy_disconnect_encode,
		spop_agent_disconnect_encode,
	};
	const char *text = spop_status_text(statuses[_i]);
	const struct spop_disconnect want = { statuses[_i], { text, strlen(text) } };

	for (int side = 0; side < 2; side++) {
		uint8_t memory[SPOP_CONTROL_MAX];
		struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
		struct spop_disconnect got;
		struct spop_frame f;

		ck_assert(encode[side](&w, &want));
		f = only_frame(&w);
		ck_assert_uint_eq(f.type, side ? SPOP_FRAME_AGENT_DISCONNECT
					       : SPOP_FRAME_HAPROXY_DISCONNECT);
		ck_assert_int_eq(spop_disconnect_decode(f.payload, &got), SPOP_STATUS_NORMAL);
		ck_assert_uint_eq(got.status, want.status);
		assert_same(got.message, want.message);
	}
}
END_TEST

START_TEST(disconnect_may_say_nothing)
{
	struct spop_disconnect got;

	ck_assert_int_eq(spop_disconnect_decode(reader_of(SPOP_STR("")), &got), SPOP_STATUS_NORMAL);
	ck_assert_int_eq(got.status, SPOP_STATUS_UNKNOWN);
	assert_str(got.message, "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/hello");
	TCase *tc = tcase_create("hello");

	tcase_add_loop_test(tc, decodes, 0, N_ROWS(hellos));
	tcase_add_loop_test(tc, encodes_what_decodes, 0, N_ROWS(hellos));
	tcase_add_loop_test(tc, refuses, 0, N_ROWS(bad_hellos));
	tcase_add_loop_test(tc, capability_is_a_whole_item, 0, N_ROWS(capabilities));
	tcase_add_test(tc, agent_hello_round_trip);
	tcase_add_loop_test(tc, agent_hello_as_haproxy_judges_it, 0, N_ROWS(agent_hellos));
	tcase_add_loop_test(tc, disconnect_round_trip, 0, N_ROWS(statuses));
	tcase_add_test(tc, disconnect_may_say_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
