#include "spoe/notify.h"

#include "tests/unit/spoe/bytes.h"

enum { MAX = 16380 };

/* What HAProxy sends for one CONNECT, in the types it uses (a value of each it has). */
static const struct spop_arg connect_args[] = {
	{ BYTES("src"), { .type = SPOP_TYPE_IPV4, .ip = { 192, 0, 2, 1 } } },
	{ BYTES("dst"), { .type = SPOP_TYPE_IPV6, .ip = { 0x20, 1, 0x0d, 0xb8, [15] = 9 } } },
	{ BYTES("src_port"), { .type = SPOP_TYPE_INT64, .i = 44258 } },
	{ BYTES("frontend"), { .type = SPOP_TYPE_STRING, .str = BYTES("fe_tls") } },
	{ BYTES("tls"), { .type = SPOP_TYPE_BOOL, .boolean = true } },
	{ BYTES("client_id"), { .type = SPOP_TYPE_BINARY, .str = BYTES("device-0001") } },
	{ BYTES("username"), { .type = SPOP_TYPE_NULL } },
	{ BYTES(""), { .type = SPOP_TYPE_UINT32, .u = 60 } },
};
static const struct spop_arg one_arg[] = {
	{ BYTES("n"), { .type = SPOP_TYPE_INT32, .i = -5 } },
};

static const struct message {
	struct spop_str name;
	const struct spop_arg *args;
	size_t n_args;
} messages[] = {
	{ BYTES("mqtt-connect"), connect_args, N_ROWS(connect_args) },
	{ BYTES("nothing"), NULL, 0 },
	{ BYTES(""), one_arg, 1 },
};

static bool
write_notify(struct spop_writer *w, uint32_t max, size_t n_messages)
{
	spop_notify_begin(w, max, 300, 2);
	for (size_t i = 0; i < n_messages; i++)
		spop_notify_put(w, messages[i].name, messages[i].args, messages[i].n_args);
	return spop_notify_end(w);
}

/* Walk all of it, but of each message only the first `take` arguments. */
static void
assert_messages(struct spop_notify *n, size_t n_messages, size_t take)
{
	struct spop_str name;
	struct spop_args args;

	for (size_t i = 0; i < n_messages; i++) {
		struct spop_value value;
		struct spop_str arg;

		ck_assert(spop_notify_message(n, &name, &args));
		assert_same(name, messages[i].name);
		for (size_t k = 0; k < messages[i].n_args && k < take; k++) {
			ck_assert(spop_notify_arg(&args, &arg, &value));
			assert_same(arg, messages[i].args[k].name);
			assert_value(&value, &messages[i].args[k].value);
		}
		if (take >= messages[i].n_args)
			ck_assert(!spop_notify_arg(&args, &arg, &value));
	}
	ck_assert(!spop_notify_message(n, &name, &args));
	ck_assert(!spop_notify_message(n, &name, &args));
}

START_TEST(round_trip)
{
	for (size_t take = 0; take <= N_ROWS(connect_args); take++) {
		uint8_t memory[512];
		struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
		struct spop_notify n;
		struct spop_frame f;

		ck_assert(write_notify(&w, MAX, (size_t)_i));
		f = only_frame(&w);
		ck_assert_uint_eq(f.type, SPOP_FRAME_NOTIFY);
		ck_assert(spop_notify_open(&n, &f));
		ck_assert_uint_eq(n.stream_id, 300);
		ck_assert_uint_eq(n.frame_id, 2);
		assert_messages(&n, (size_t)_i, take);
	}
}
END_TEST

START_TEST(whole_or_nothing_at_every_capacity)
{
	int n_whole = 0;

	for (size_t cap = 0; cap <= 256; cap++) {
		uint8_t memory[256];
		struct spop_writer w = { .p = memory, .cap = cap };
		struct spop_notify n;
		struct spop_frame f;

		if (!write_notify(&w, MAX, N_ROWS(messages))) {
			ck_assert(w.n == 0 && !w.overflow);
			continue;
		}
		n_whole++;
		f = only_frame(&w);
		ck_assert(spop_notify_open(&n, &f));
		assert_messages(&n, N_ROWS(messages), SIZE_MAX);
	}
	ck_assert_int_gt(n_whole, 0);
	ck_assert_int_lt(n_whole, 256);
}
END_TEST

START_TEST(above_max_frame_size_is_nothing)
{
	uint8_t memory[512];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };

	ck_assert(!write_notify(&w, 100, N_ROWS(messages)));
	ck_assert_uint_eq(w.n, 0);
}
END_TEST

START_TEST(arguments_are_at_most_255)
{
	static struct spop_arg args[SPOP_ARGS_MAX + 1]; /* all NULL, without names */
	uint8_t memory[1024];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
	struct spop_str name;
	struct spop_notify n;
	struct spop_args walk;
	struct spop_frame f;

	spop_notify_begin(&w, MAX, 1, 1);
	spop_notify_put(&w, SPOP_STR("m"), args, SPOP_ARGS_MAX + 1);
	ck_assert(!spop_notify_end(&w));
	spop_notify_begin(&w, MAX, 1, 1);
	spop_notify_put(&w, SPOP_STR("m"), args, SPOP_ARGS_MAX);
	ck_assert(spop_notify_end(&w));
	f = only_frame(&w);
	ck_assert(spop_notify_open(&n, &f));
	ck_assert(spop_notify_message(&n, &name, &walk));
	ck_assert_uint_eq(walk.left, SPOP_ARGS_MAX);
}
END_TEST

static const struct {
	const char *name;
	struct spop_str payload;
} bad_payloads[] = {
	{ "name runs past the end", BYTES("\x05mess") },
	{ "no argument count", BYTES("\x04mess") },
	{ "fewer arguments than said", BYTES("\x01m\x02\x01"
					     "a\x00") },
	{ "argument name runs past the end", BYTES("\x01m\x01\x09"
						   "a\x00") },
	{ "argument without value", BYTES("\x01m\x01\x01"
					  "a") },
	{ "value runs past the end", BYTES("\x01m\x01\x01"
					   "a\x08\x05"
					   "text") },
	{ "data type 10", BYTES("\x01m\x01\x01"
				"a\x0a") },
	{ "data type 15", BYTES("\x01m\x01\x01"
				"a\x0f") },
	{ "IPv4 of three bytes", BYTES("\x01m\x01\x01"
				       "a\x06\x01\x02\x03") },
	{ "IPv6 of four bytes", BYTES("\x01m\x01\x01"
				      "a\x07\x01\x02\x03\x04") },
	{ "integer of eleven bytes", BYTES("\x01m\x01\x01"
					   "a\x04\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x8e\x00") },
	{ "the second message is bad", BYTES("\x01m\x00\x01m\x01") },
};

START_TEST(malformed_is_seen_at_once)
{
	struct spop_frame f = { .type = SPOP_FRAME_NOTIFY,
				.payload = reader_of(bad_payloads[_i].payload) };
	struct spop_notify n;

	ck_assert_msg(!spop_notify_open(&n, &f), "%s", bad_payloads[_i].name);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/notify");
	TCase *tc = tcase_create("notify");

	tcase_add_loop_test(tc, round_trip, 0, N_ROWS(messages) + 1);
	tcase_add_test(tc, whole_or_nothing_at_every_capacity);
	tcase_add_test(tc, above_max_frame_size_is_nothing);
	tcase_add_test(tc, arguments_are_at_most_255);
	tcase_add_loop_test(tc, malformed_is_seen_at_once, 0, N_ROWS(bad_payloads));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
