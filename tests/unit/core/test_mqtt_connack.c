/* CONNACK: refusals as clients of every version read them, and answers of brokers. */
#include "agent/core/mqtt/connack.h"
#include "agent/core/mqtt/reason.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	unsigned level;
	uint8_t code;
	struct str packet;
	uint8_t read_as; /* level */
} written[] = {
	{ "3.1", 3, 3, STR("\x20\2\0\3"), 4 },
	{ "3.1.1", 4, 5, STR("\x20\2\0\5"), 4 },
	{ "a bridge of 3.1", 0x83, 2, STR("\x20\2\0\2"), 4 },
	{ "a bridge of 3.1.1", 0x84, 2, STR("\x20\2\0\2"), 4 },
	{ "5", 5, 0x97, STR("\x20\3\0\x97\0"), 5 },
	{ "5, accepted", 5, 0, STR("\x20\3\0\0\0"), 5 },
	{ "a version below ours", 2, 1, STR("\x20\2\0\1"), 4 },
	{ "a version above ours", 6, 0x84, STR("\x20\3\0\x84\0"), 5 },
	{ "a bridge of 5", 0x85, 0x84, STR("\x20\3\0\x84\0"), 5 },
	{ "no version known", 0, 3, STR("\x20\2\0\3"), 4 },
};

START_TEST(test_written)
{
	uint8_t out[MQTT_CONNACK_MAX + 1] = { 0 };
	size_t len = written[_i].packet.n;
	struct mqtt_connack c;
	enum mqtt_fault fault;

	for (size_t size = 0; size < len; size++)
		ck_assert_uint_eq(
			mqtt_connack_encode(written[_i].level, written[_i].code, out, size), 0);
	ck_assert_uint_eq(out[0], 0);
	ck_assert_uint_eq(
		mqtt_connack_encode(written[_i].level, written[_i].code, out, MQTT_CONNACK_MAX),
		len);
	ck_assert_mem_eq(out, written[_i].packet.p, len);

	ck_assert_int_eq(mqtt_connack_decode(out, len, 100, &c, &fault), PARSE_OK);
	ck_assert_uint_eq(c.code, written[_i].code);
	ck_assert_uint_eq(c.level, written[_i].read_as);
}
END_TEST

/* The code and the shape of a refusal go together, whatever level a client claims. */
START_TEST(test_refusal_of_every_level)
{
	uint8_t code = refusal_code(REFUSAL_UNSUPPORTED_VERSION, (unsigned)_i);
	uint8_t out[MQTT_CONNACK_MAX];
	size_t n = mqtt_connack_encode((unsigned)_i, code, out, sizeof(out));

	ck_assert_uint_eq(n, code == 1 ? 4 : 5);
	ck_assert_uint_eq(code, mqtt_fault_code(MQTT_FAULT_LEVEL, (unsigned)_i));
}
END_TEST

static const struct {
	const char *name;
	struct str packet;
	struct mqtt_connack want;
} rows[] = {
	{ "3.1.1, accepted", STR("\x20\2\0\0"), { .level = 4 } },
	{ "3.1.1, session present", STR("\x20\2\1\0"), { .level = 4, .session_present = true } },
	{ "3.1.1, identifier rejected", STR("\x20\2\0\2"), { .level = 4, .code = 2 } },
	{ "3.1.1, a code nobody knows", STR("\x20\2\0\x63"), { .level = 4, .code = 0x63 } },
	{ "5, accepted", STR("\x20\3\0\0\0"), { .level = 5, .properties = { "", 0 } } },
	{ "5, session present",
	  STR("\x20\3\1\0\0"),
	  { .level = 5, .session_present = true, .properties = { "", 0 } } },
	{ "5, use another server, and which",
	  STR("\x20\x0b\0\x9c\x08\x1c\0\5h:188"),
	  { .level = 5,
	    .code = 0x9c,
	    .properties = { "\x1c\0\5h:188", 8 },
	    .server_reference = { "h:188", 5 } } },
	{ "5, server keep alive",
	  STR("\x20\6\0\0\3\x13\0\x1e"),
	  { .level = 5,
	    .properties = { "\x13\0\x1e", 3 },
	    .has_server_keepalive = true,
	    .server_keepalive = 30 } },
	{ "5, server keep alive 0",
	  STR("\x20\6\0\0\3\x13\0\0"),
	  { .level = 5, .properties = { "\x13\0\0", 3 }, .has_server_keepalive = true } },
	{ "5, assigned identifier and reason, among others",
	  STR("\x20\x1a\0\0\x17\x22\0\x0a\x12\0\4auto\x25\1\x1f\0\2ok\x26\0\1k\0\0"),
	  { .level = 5,
	    .properties = { "\x22\0\x0a\x12\0\4auto\x25\1\x1f\0\2ok\x26\0\1k\0\0", 23 },
	    .assigned_id = { "auto", 4 },
	    .reason = { "ok", 2 } } },
};

static bool
same(struct str a, struct str b)
{
	return str_eq(a, b) && !a.p == !b.p;
}

static void
assert_same(const struct mqtt_connack *got, const struct mqtt_connack *want)
{
	ck_assert_uint_eq(got->level, want->level);
	ck_assert_uint_eq(got->code, want->code);
	ck_assert_int_eq(got->session_present, want->session_present);
	ck_assert_int_eq(got->has_server_keepalive, want->has_server_keepalive);
	ck_assert_uint_eq(got->server_keepalive, want->server_keepalive);
	ck_assert(same(got->properties, want->properties));
	ck_assert(same(got->assigned_id, want->assigned_id));
	ck_assert(same(got->server_reference, want->server_reference));
	ck_assert(same(got->reason, want->reason));
}

static enum parse
decode(struct str s, size_t max, struct mqtt_connack *c, enum mqtt_fault *fault)
{
	uint8_t *copy = malloc(s.n + !s.n); /* exactly as long: a sanitizer sees each overrun */
	enum parse parse;

	if (s.n)
		memcpy(copy, s.p, s.n);
	parse = mqtt_connack_decode(copy, s.n, max, c, fault);
	free(copy); /* views in *c are not good any more; where they are, decode in place */
	return parse;
}

START_TEST(test_row)
{
	static const struct mqtt_connack nothing;
	size_t len = rows[_i].packet.n;
	struct mqtt_connack c;
	enum mqtt_fault fault;
	char bytes[64];

	memcpy(bytes, rows[_i].packet.p, len);
	memset(bytes + len, 0x30, sizeof(bytes) - len); /* a PUBLISH may ride behind */
	for (size_t n = 0; n < len; n++) {
		ck_assert_msg(decode((struct str){ bytes, n }, len, &c, &fault) == PARSE_MORE,
			      "%s, cut to %zu: %s", rows[_i].name, n, mqtt_fault_name(fault));
		assert_same(&c, &nothing);
	}
	ck_assert_int_eq(decode((struct str){ bytes, len }, len, &c, &fault), PARSE_OK);
	ck_assert_int_eq(decode((struct str){ bytes, len }, len - 1, &c, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, MQTT_FAULT_TOO_LONG);

	ck_assert_msg(mqtt_connack_decode((const uint8_t *)bytes, sizeof(bytes), len, &c, &fault) ==
			      PARSE_OK,
		      "%s: %s", rows[_i].name, mqtt_fault_name(fault));
	ck_assert_uint_eq(c.len, len);
	assert_same(&c, &rows[_i].want);
}
END_TEST

static const struct {
	const char *name;
	struct str packet;
	size_t at; /* bytes after which it is known */
	enum mqtt_fault fault;
} bad_rows[] = {
	{ "another packet", STR("\x10\x0c\0\4"), 1, MQTT_FAULT_PACKET_TYPE },
	{ "AUTH", STR("\xf0\2\x18\0"), 1, MQTT_FAULT_PACKET_TYPE },
	{ "HTTP", STR("HTTP/1.1 400"), 1, MQTT_FAULT_PACKET_TYPE },
	{ "flags in the first byte", STR("\x22\2\0\0"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "remaining length 1", STR("\x20\1\0"), 2, MQTT_FAULT_CUT },
	{ "remaining length 0", STR("\x20\0"), 2, MQTT_FAULT_CUT },
	{ "remaining length not the shortest", STR("\x20\x82\0\0\0"), 3, MQTT_FAULT_VARINT },
	{ "longer than allowed", STR("\x20\xff\x7f\0\0"), 3, MQTT_FAULT_TOO_LONG },
	{ "acknowledge flags 2", STR("\x20\2\2\0"), 3, MQTT_FAULT_ACK_FLAGS },
	{ "acknowledge flags 0x80, 5", STR("\x20\3\x80\0\0"), 3, MQTT_FAULT_ACK_FLAGS },
	{ "session present with a refusal", STR("\x20\2\1\3"), 4, MQTT_FAULT_SESSION_PRESENT },
	{ "session present with a refusal, 5", STR("\x20\3\1\x87\0"), 4,
	  MQTT_FAULT_SESSION_PRESENT },
	{ "properties longer than the packet", STR("\x20\3\0\0\1"), 5, MQTT_FAULT_CUT },
	{ "bytes behind the properties", STR("\x20\4\0\0\0\0"), 6, MQTT_FAULT_TRAILING },
	{ "property length not the shortest", STR("\x20\4\0\0\x80\0"), 6, MQTT_FAULT_VARINT },
	{ "unknown property", STR("\x20\5\0\0\2\x7f\0"), 7, MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "CONNECT's property", STR("\x20\5\0\0\2\x19\1"), 7, MQTT_FAULT_PROPERTY_MISPLACED },
	{ "server keep alive twice", STR("\x20\x09\0\0\6\x13\0\1\x13\0\1"), 11,
	  MQTT_FAULT_PROPERTY_TWICE },
	{ "server keep alive cut", STR("\x20\5\0\0\2\x13\0"), 7, MQTT_FAULT_CUT },
	{ "reason string not UTF-8", STR("\x20\7\0\x87\4\x1f\0\1\xff"), 9, MQTT_FAULT_UTF8 },
};

START_TEST(test_bad_row)
{
	static const struct mqtt_connack nothing;
	char bytes[64] = { 0 };

	memcpy(bytes, bad_rows[_i].packet.p, bad_rows[_i].packet.n);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		bool known = n >= bad_rows[_i].at;
		struct mqtt_connack c;
		enum mqtt_fault fault;
		enum parse parse = decode((struct str){ bytes, n }, 100, &c, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes: %s",
			      bad_rows[_i].name, n, mqtt_fault_name(fault));
		ck_assert_msg(fault == (known ? bad_rows[_i].fault : MQTT_FAULT_NONE), "%s: %s",
			      bad_rows[_i].name, mqtt_fault_name(fault));
		assert_same(&c, &nothing);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt connack");
	TCase *tcase = tcase_create("connack");

	tcase_add_loop_test(tcase, test_written, 0, N_ROWS(written));
	tcase_add_loop_test(tcase, test_refusal_of_every_level, 0, 256);
	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_bad_row, 0, N_ROWS(bad_rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
