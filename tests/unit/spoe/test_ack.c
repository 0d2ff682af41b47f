#include "spoe/ack.h"

#include "tests/unit/spoe/bytes.h"

enum { MAX = 16380 };

static const struct {
	enum spop_scope scope;
	struct spop_str want; /* set x to 7, then unset it */
} scopes[] = {
	{ SPOP_SCOPE_PROC, BYTES("\x01\x03\x00\x01x\x04\x07\x02\x02\x00\x01x") },
	{ SPOP_SCOPE_SESS, BYTES("\x01\x03\x01\x01x\x04\x07\x02\x02\x01\x01x") },
	{ SPOP_SCOPE_TXN, BYTES("\x01\x03\x02\x01x\x04\x07\x02\x02\x02\x01x") },
	{ SPOP_SCOPE_REQ, BYTES("\x01\x03\x03\x01x\x04\x07\x02\x02\x03\x01x") },
	{ SPOP_SCOPE_RES, BYTES("\x01\x03\x04\x01x\x04\x07\x02\x02\x04\x01x") },
};

START_TEST(scope_on_the_wire)
{
	struct spop_conn c;
	uint8_t memory[64];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
	struct spop_action action;
	struct spop_frame f;
	struct spop_ack ack;

	spop_conn_init(&c, MAX);
	spop_ack_begin(&w, &c, 1, 1);
	spop_ack_set_int(&w, scopes[_i].scope, "x", 7);
	spop_ack_unset(&w, scopes[_i].scope, "x");
	ck_assert(spop_ack_end(&w));
	assert_same((struct spop_str){ (const char *)memory + 11, w.n - 11 }, scopes[_i].want);

	f = only_frame(&w);
	ck_assert(spop_ack_open(&ack, &f));
	ck_assert(spop_ack_action(&ack, &action));
	ck_assert_int_eq(action.type, SPOP_ACTION_SET_VAR);
	ck_assert_int_eq(action.scope, scopes[_i].scope);
	ck_assert(spop_ack_action(&ack, &action));
	ck_assert_int_eq(action.type, SPOP_ACTION_UNSET_VAR);
	ck_assert_int_eq(action.scope, scopes[_i].scope);
	assert_str(action.name, "x");
	ck_assert_int_eq(action.value.type, SPOP_TYPE_NULL);
	ck_assert(!spop_ack_action(&ack, &action));
}
END_TEST

/* One action of every kind. */
static const struct {
	const char *name;
	struct spop_value value;
} vars[] = {
	{ "null", { .type = SPOP_TYPE_NULL } },
	{ "str", { .type = SPOP_TYPE_STRING, .str = BYTES("m1") } },
	{ "bin", { .type = SPOP_TYPE_BINARY, .str = BYTES("a\0b") } },
	{ "yes", { .type = SPOP_TYPE_BOOL, .boolean = true } },
	{ "no", { .type = SPOP_TYPE_BOOL, .boolean = false } },
	{ "int", { .type = SPOP_TYPE_INT64, .i = INT64_MIN } },
	{ "uint", { .type = SPOP_TYPE_UINT64, .u = UINT64_MAX } },
	{ "ipv4", { .type = SPOP_TYPE_IPV4, .ip = { 192, 0, 2, 1 } } },
	{ "ipv6", { .type = SPOP_TYPE_IPV6, .ip = { 0xfe, 0x80, [15] = 1 } } },
};

static void
write_vars(struct spop_writer *w)
{
	const enum spop_scope s = SPOP_SCOPE_TXN;

	spop_ack_set(w, s, "null", &vars[0].value);
	spop_ack_set_str(w, s, "str", vars[1].value.str);
	spop_ack_set_bin(w, s, "bin", vars[2].value.str);
	spop_ack_set_bool(w, s, "yes", true);
	spop_ack_set_bool(w, s, "no", false);
	spop_ack_set_int(w, s, "int", INT64_MIN);
	spop_ack_set_uint(w, s, "uint", UINT64_MAX);
	spop_ack_set_ipv4(w, s, "ipv4", vars[7].value.ip);
	spop_ack_set_ipv6(w, s, "ipv6", vars[8].value.ip);
}

static void
assert_vars(const struct spop_frame *f)
{
	struct spop_action action;
	struct spop_ack ack;

	ck_assert(spop_ack_open(&ack, f));
	ck_assert_uint_eq(ack.stream_id, 300);
	ck_assert_uint_eq(ack.frame_id, 2);
	for (int i = 0; i < N_ROWS(vars); i++) {
		ck_assert(spop_ack_action(&ack, &action));
		ck_assert(spop_str_is(action.name, vars[i].name));
		assert_value(&action.value, &vars[i].value);
	}
	ck_assert(!spop_ack_action(&ack, &action));
}

/*
 * Behind a frame that is to stay, at every capacity: the ACK is whole and decodes, or nothing of
 * it is there and an empty one can be written if that fits.
 */
START_TEST(whole_or_nothing_at_every_capacity)
{
	struct spop_conn c;
	int n_whole = 0;

	spop_conn_init(&c, MAX);
	for (size_t cap = 11; cap <= 200; cap++) {
		uint8_t memory[200];
		struct spop_writer w = { .p = memory, .cap = cap };
		struct spop_frame f;
		enum spop_status fault;

		spop_ack_begin(&w, &c, 1, 1);
		ck_assert(spop_ack_end(&w));
		spop_ack_begin(&w, &c, 300, 2);
		write_vars(&w);
		if (spop_ack_end(&w)) {
			n_whole++;
			ck_assert_int_eq(spop_frame_decode(memory + 11, w.n - 11, MAX, &f, &fault),
					 SPOP_OK);
			ck_assert_uint_eq(f.size, w.n - 11);
			assert_vars(&f);
			continue;
		}
		ck_assert_uint_eq(w.n, 11);
		spop_ack_begin(&w, &c, 5, 2);
		ck_assert_int_eq(spop_ack_end(&w), cap >= 22);
		ck_assert_uint_eq(w.n, cap >= 22 ? 22 : 11);
	}
	ck_assert_int_gt(n_whole, 0);
	ck_assert_int_lt(n_whole, 180);
}
END_TEST

START_TEST(above_the_negotiated_size_is_taken_back)
{
	static const char big[300];
	uint8_t memory[1024];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
	struct spop_conn c;
	int n_whole = 0;

	spop_conn_init(&c, 256);
	for (size_t n = 0; n <= sizeof(big); n++) {
		w.n = 0;
		spop_ack_begin(&w, &c, 1, 1);
		spop_ack_set_str(&w, SPOP_SCOPE_TXN, "x", (struct spop_str){ big, n });
		if (spop_ack_end(&w)) {
			n_whole++;
			ck_assert_uint_eq(only_frame(&w).size, w.n);
			ck_assert_uint_le(w.n, 4 + 256);
		} else {
			ck_assert_uint_eq(w.n, 0);
		}
	}
	/* 7 of frame, 5 of action, type; a length of one byte below 240, of two from there. */
	ck_assert_int_eq(n_whole, 256 - 7 - 5 - 1 - 2 + 1);
}
END_TEST

START_TEST(empty_answer)
{
	struct spop_conn c;
	uint8_t memory[16];
	struct spop_writer w = { .p = memory, .cap = sizeof(memory) };
	struct spop_action action;
	struct spop_frame f;
	struct spop_ack ack;

	spop_conn_init(&c, MAX);
	spop_ack_begin(&w, &c, 5, 1);
	ck_assert(spop_ack_end(&w));
	assert_str(written(&w), "\0\0\0\x07\x67\0\0\0\x01\x05\x01");
	f = only_frame(&w);
	ck_assert(spop_ack_open(&ack, &f));
	ck_assert(!spop_ack_action(&ack, &action));
}
END_TEST

static const struct {
	const char *name;
	struct spop_str payload;
} bad_payloads[] = {
	{ "action 0", BYTES("\x00\x03\x02\x01x\x00") },
	{ "action 3", BYTES("\x03\x03\x02\x01x\x00") },
	{ "set-var of two arguments", BYTES("\x01\x02\x02\x01x\x00") },
	{ "unset-var of three arguments", BYTES("\x02\x03\x02\x01x") },
	{ "scope 5", BYTES("\x01\x03\x05\x01x\x00") },
	{ "no name", BYTES("\x01\x03\x02\x00\x00") },
	{ "no value", BYTES("\x01\x03\x02\x01x") },
	{ "data type 10", BYTES("\x01\x03\x02\x01x\x0a") },
	{ "name runs past the end", BYTES("\x02\x02\x02\x02x") },
	{ "only an action's type", BYTES("\x02\x02\x02\x01x\x01") },
};

START_TEST(malformed_is_seen_at_once)
{
	struct spop_frame f = { .type = SPOP_FRAME_ACK,
				.payload = reader_of(bad_payloads[_i].payload) };
	struct spop_ack ack;

	ck_assert_msg(!spop_ack_open(&ack, &f), "%s", bad_payloads[_i].name);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spoe/ack");
	TCase *tc = tcase_create("ack");

	tcase_add_loop_test(tc, scope_on_the_wire, 0, N_ROWS(scopes));
	tcase_add_test(tc, whole_or_nothing_at_every_capacity);
	tcase_add_test(tc, above_the_negotiated_size_is_taken_back);
	tcase_add_test(tc, empty_answer);
	tcase_add_loop_test(tc, malformed_is_seen_at_once, 0, N_ROWS(bad_payloads));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
