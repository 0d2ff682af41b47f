/*
 * CONNECT: valid packets whole, cut at every byte and written back; broken ones by the rule they
 * break, and how early that is known.
 */
#include "agent/core/mqtt/connect.h"
#include "tests/unit/core/mqtt_bytes.h"
#include "tests/unit/run.h"

/* Initialises a struct str from a literal. */
#define BYTES(literal)                                                                             \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

#define V31 "\0\6MQIsdp\3"
#define V311 "\0\4MQTT\4"
#define V5 "\0\4MQTT\5"

/* ---- valid ones ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct str body; /* what follows the fixed header */
	struct mqtt_connect want;
} rows[] = {
	{ "3.1.1, the least",
	  BYTES(V311 "\2\0\0\0\0"),
	  { .level = 4, .clean_start = true, .client_id = BYTES("") } },
	{ "3.1.1, a session that lasts",
	  BYTES(V311 "\0\0\x3c\0\2id"),
	  { .level = 4, .keepalive = 60, .client_id = BYTES("id") } },
	{ "3.1.1, everything",
	  BYTES(V311 "\xf6\xff\xff\0\2id\0\3w/t\0\2\0\xff\0\2us\0\3\0\xff\0"),
	  { .level = 4,
	    .clean_start = true,
	    .keepalive = 65535,
	    .client_id = BYTES("id"),
	    .has_will = true,
	    .will_qos = 2,
	    .will_retain = true,
	    .will_topic = BYTES("w/t"),
	    .will_payload = BYTES("\0\xff"),
	    .has_username = true,
	    .username = BYTES("us"),
	    .has_password = true,
	    .password = BYTES("\0\xff\0") } },
	{ "3.1.1, user name alone",
	  BYTES(V311 "\x82\0\0\0\1i\0\1u"),
	  { .level = 4,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .has_username = true,
	    .username = BYTES("u") } },
	{ "3.1.1, empty user name and password",
	  BYTES(V311 "\xc2\0\0\0\1i\0\0\0\0"),
	  { .level = 4,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .has_username = true,
	    .username = BYTES(""),
	    .has_password = true,
	    .password = BYTES("") } },
	{ "3.1.1, will with QoS 0 and no payload",
	  BYTES(V311 "\6\0\0\0\1i\0\1t\0\0"),
	  { .level = 4,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .has_will = true,
	    .will_topic = BYTES("t"),
	    .will_payload = BYTES("") } },
	{ "3.1.1, a remaining length of 128",
	  BYTES(V311 "\2\0\0\0\x74"
		     "0123456789012345678901234567890123456789012345678901234567"
		     "0123456789012345678901234567890123456789012345678901234567"),
	  { .level = 4,
	    .clean_start = true,
	    .client_id = BYTES("0123456789012345678901234567890123456789012345678901234567"
			       "0123456789012345678901234567890123456789012345678901234567") } },
	{ "3.1.1, an identifier beyond ASCII",
	  BYTES(V311 "\2\0\0\0\5\xc3\xbc\xe2\x82\xac"),
	  { .level = 4, .clean_start = true, .client_id = BYTES("\xc3\xbc\xe2\x82\xac") } },
	{ "3.1.1, a bridge",
	  BYTES("\0\4MQTT\x84\0\0\x3c\0\6bridge"),
	  { .level = 0x84, .keepalive = 60, .client_id = BYTES("bridge") } },

	{ "3.1, user name and password",
	  BYTES(V31 "\xc2\0\x0a\0\2id\0\1u\0\1p"),
	  { .level = 3,
	    .clean_start = true,
	    .keepalive = 10,
	    .client_id = BYTES("id"),
	    .has_username = true,
	    .username = BYTES("u"),
	    .has_password = true,
	    .password = BYTES("p") } },
	{ "3.1, an identifier of 24 characters",
	  BYTES(V31 "\2\0\0\0\x18"
		    "012345678901234567890123"),
	  { .level = 3, .clean_start = true, .client_id = BYTES("012345678901234567890123") } },
	{ "3.1, an empty identifier of a session that ends",
	  BYTES(V31 "\2\0\0\0\0"),
	  { .level = 3, .clean_start = true, .client_id = BYTES("") } },
	{ "3.1, a bridge",
	  BYTES("\0\6MQIsdp\x83\2\0\0\0\1b"),
	  { .level = 0x83, .clean_start = true, .client_id = BYTES("b") } },

	{ "5, the least",
	  BYTES(V5 "\2\0\0\0\0\0"),
	  { .level = 5, .clean_start = true, .client_id = BYTES(""), .properties = BYTES("") } },
	{ "5, an empty identifier and no clean start: the server may choose one",
	  BYTES(V5 "\0\0\0\0\0\0"),
	  { .level = 5, .client_id = BYTES(""), .properties = BYTES("") } },
	{ "5, password without user name",
	  BYTES(V5 "\x42\0\0\0\0\1i\0\1p"),
	  { .level = 5,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .properties = BYTES(""),
	    .has_password = true,
	    .password = BYTES("p") } },
	{ "5, session expiry 0",
	  BYTES(V5 "\0\0\0\5\x11\0\0\0\0\0\1i"),
	  { .level = 5,
	    .client_id = BYTES("i"),
	    .properties = BYTES("\x11\0\0\0\0"),
	    .has_session_expiry = true } },
	{ "5, session expiry never",
	  BYTES(V5 "\0\0\0\5\x11\xff\xff\xff\xff\0\1i"),
	  { .level = 5,
	    .client_id = BYTES("i"),
	    .properties = BYTES("\x11\xff\xff\xff\xff"),
	    .has_session_expiry = true,
	    .session_expiry = UINT32_MAX } },
	{ "5, authentication",
	  BYTES(V5 "\2\0\0\x0b\x16\0\2\0\xff\x15\0\3"
		   "abc\0\1i"),
	  { .level = 5,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .properties = BYTES("\x16\0\2\0\xff\x15\0\3"
				"abc"),
	    .auth_method = BYTES("abc") } },
	{ "5, everything",
	  BYTES(V5 "\xee\0\x3c"
		   "\x1b\x11\0\0\x0e\x10\x21\0\x14\x27\0\1\0\0\x22\0\x0a\x19\1\x17\0"
		   "\x26\0\1k\0\1v"
		   "\0\2id"
		   "\x0a\x18\0\0\0\5\1\1\3\0\0"
		   "\0\1t\0\2pl"
		   "\0\1u\0\1p"),
	  { .level = 5,
	    .clean_start = true,
	    .keepalive = 60,
	    .client_id = BYTES("id"),
	    .properties = BYTES("\x11\0\0\x0e\x10\x21\0\x14\x27\0\1\0\0\x22\0\x0a\x19\1\x17\0"
				"\x26\0\1k\0\1v"),
	    .has_session_expiry = true,
	    .session_expiry = 3600,
	    .has_will = true,
	    .will_qos = 1,
	    .will_retain = true,
	    .will_properties = BYTES("\x18\0\0\0\5\1\1\3\0\0"),
	    .will_topic = BYTES("t"),
	    .will_payload = BYTES("pl"),
	    .has_username = true,
	    .username = BYTES("u"),
	    .has_password = true,
	    .password = BYTES("p") } },
};

static enum parse
decode(struct str s, size_t max, struct mqtt_connect *c, enum mqtt_fault *fault)
{
	uint8_t *copy = malloc(s.n + !s.n); /* exactly as long: a sanitizer sees each overrun */
	enum parse parse;

	if (s.n)
		memcpy(copy, s.p, s.n);
	parse = mqtt_connect_decode(copy, s.n, max, c, fault);
	free(copy); /* views in *c are not good any more; where they are, decode in place */
	return parse;
}

static bool
same(struct str a, struct str b)
{
	return str_eq(a, b) && !a.p == !b.p;
}

static void
assert_same(const struct mqtt_connect *got, const struct mqtt_connect *want)
{
	ck_assert_uint_eq(got->level, want->level);
	ck_assert_uint_eq(connect_flags(got), connect_flags(want));
	ck_assert_uint_eq(got->keepalive, want->keepalive);
	ck_assert(same(got->client_id, want->client_id));
	ck_assert(same(got->will_topic, want->will_topic));
	ck_assert(same(got->will_payload, want->will_payload));
	ck_assert(same(got->username, want->username));
	ck_assert(same(got->password, want->password));
	ck_assert(same(got->properties, want->properties));
	ck_assert(same(got->will_properties, want->will_properties));
	ck_assert(same(got->auth_method, want->auth_method));
	ck_assert_int_eq(got->has_session_expiry, want->has_session_expiry);
	ck_assert_uint_eq(got->session_expiry, want->session_expiry);
}

static void
assert_nothing(const struct mqtt_connect *c)
{
	static const struct mqtt_connect nothing;

	assert_same(c, &nothing);
	ck_assert_uint_eq(c->len, 0);
}

START_TEST(test_valid)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;
	struct buf b;
	size_t len;

	buf_init(&b, TEST_PACKET_MAX);
	put_packet(&b, 0x10, rows[_i].body);
	len = buf_len(&b);
	for (size_t n = 0; n < len; n++) {
		ck_assert_msg(
			decode((struct str){ buf_str(&b).p, n }, len, &c, &fault) == PARSE_MORE,
			"%s, cut to %zu of %zu: %s", rows[_i].name, n, len, mqtt_fault_name(fault));
		assert_nothing(&c);
	}
	ck_assert_int_eq(decode(buf_str(&b), len, &c, &fault), PARSE_OK);

	put_bytes(&b, STR("\x82\x06\0\1\0\1t\0")); /* a SUBSCRIBE rides behind */
	ck_assert_msg(mqtt_connect_decode(b.data, buf_len(&b), len, &c, &fault) == PARSE_OK,
		      "%s: %s", rows[_i].name, mqtt_fault_name(fault));
	ck_assert_uint_eq(c.len, len);
	ck_assert_int_eq(fault, MQTT_FAULT_NONE);
	assert_same(&c, &rows[_i].want);
	buf_fini(&b);
}
END_TEST

START_TEST(test_round_trip)
{
	struct buf b, again;

	buf_init(&b, TEST_PACKET_MAX);
	buf_init(&again, TEST_PACKET_MAX);
	put_packet(&b, 0x10, rows[_i].body);
	put_connect(&again, &rows[_i].want);
	ck_assert_msg(str_eq(buf_str(&b), buf_str(&again)), "%s", rows[_i].name);
	buf_fini(&again);
	buf_fini(&b);
}
END_TEST

/* One byte more than is allowed: known with the last byte of the length. */
START_TEST(test_too_long)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;
	struct buf b;
	size_t len;

	buf_init(&b, TEST_PACKET_MAX);
	put_packet(&b, 0x10, rows[_i].body);
	len = buf_len(&b);
	for (size_t n = 0; n <= len; n++) {
		bool known = n >= len - rows[_i].body.n;

		ck_assert_int_eq(decode((struct str){ buf_str(&b).p, n }, len - 1, &c, &fault),
				 known ? PARSE_BAD : PARSE_MORE);
		ck_assert_int_eq(fault, known ? MQTT_FAULT_TOO_LONG : MQTT_FAULT_NONE);
		assert_nothing(&c);
	}
	buf_fini(&b);
}
END_TEST

/* MQTT 3.1 lets clients announce what they do not send, and set bits of a will they do not have. */
static const struct {
	const char *name;
	struct str body;
	struct mqtt_connect want;
} tolerated[] = {
	{ "user name and password announced, neither there",
	  BYTES(V31 "\xc2\0\0\0\1i"),
	  { .level = 3, .clean_start = true, .client_id = BYTES("i") } },
	{ "user name and password announced, user name there",
	  BYTES(V31 "\xc2\0\0\0\1i\0\1u"),
	  { .level = 3,
	    .clean_start = true,
	    .client_id = BYTES("i"),
	    .has_username = true,
	    .username = BYTES("u") } },
	{ "a bridge's user name announced",
	  BYTES("\0\6MQIsdp\x83\x82\0\0\0\1i"),
	  { .level = 0x83, .clean_start = true, .client_id = BYTES("i") } },
	{ "QoS 3 and retain of no will",
	  BYTES(V31 "\x3a\0\0\0\1i"),
	  { .level = 3, .clean_start = true, .client_id = BYTES("i") } },
};

START_TEST(test_tolerated)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;
	struct buf b;

	buf_init(&b, TEST_PACKET_MAX);
	put_packet(&b, 0x10, tolerated[_i].body);
	for (size_t n = 0; n < buf_len(&b); n++)
		ck_assert_int_eq(decode((struct str){ buf_str(&b).p, n }, 100, &c, &fault),
				 PARSE_MORE);
	ck_assert_msg(mqtt_connect_decode(b.data, buf_len(&b), 100, &c, &fault) == PARSE_OK,
		      "%s: %s", tolerated[_i].name, mqtt_fault_name(fault));
	assert_same(&c, &tolerated[_i].want);
	buf_fini(&b);
}
END_TEST

/* ---- broken from the front ----------------------------------------------------------------- */

static const struct {
	const char *name;
	struct str bytes;
	size_t at; /* bytes after which it is known */
	enum mqtt_fault fault;
	unsigned level; /* that is known then */
} early[] = {
	{ "HTTP", STR("GET / HTTP/1.1\r\n"), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "TLS", STR("\x16\3\1\2\0"), 1, MQTT_FAULT_HEADER_FLAGS, 0 },
	{ "PROXY", STR("PROXY TCP4 "), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "type 0", STR("\0\0"), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "a CONNACK from the client", STR("\x20\2\0\0"), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "PINGREQ first", STR("\xc0\0"), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "PUBLISH first", STR("\x30\3\0\1t"), 1, MQTT_FAULT_PACKET_TYPE, 0 },
	{ "flags in the first byte", STR("\x11\x0c"), 1, MQTT_FAULT_HEADER_FLAGS, 0 },
	{ "remaining length not the shortest", STR("\x10\x8c\0\0\4MQTT"), 3, MQTT_FAULT_VARINT, 0 },
	{ "remaining length of five bytes", STR("\x10\x80\x80\x80\x80\1"), 5, MQTT_FAULT_VARINT,
	  0 },
	{ "an empty body", STR("\x10\0"), 2, MQTT_FAULT_CUT, 0 },
	{ "a body too short for any CONNECT", STR("\x10\x0b" V311 "\2\0\0\0"), 2, MQTT_FAULT_CUT,
	  0 },
	{ "longer than allowed", STR("\x10\xff\xff\xff\x7f\0\4"), 5, MQTT_FAULT_TOO_LONG, 0 },
	{ "protocol name of 5 bytes", STR("\x10\x0d\0\5MQTT"), 4, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "protocol name of 4 KiB", STR("\x10\x0d\x10\0MQTT"), 3, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "protocol name empty", STR("\x10\x0d\0\0\4"), 4, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "protocol name in lower case", STR("\x10\x0d\0\4mqtt\4"), 5, MQTT_FAULT_PROTOCOL_NAME,
	  0 },
	{ "protocol name MqTT", STR("\x10\x0d\0\4MqTT\4"), 6, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "protocol name MQTX", STR("\x10\x0d\0\4MQTX\4"), 8, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "protocol name MQISDP", STR("\x10\x0e\0\6MQISDP\3"), 8, MQTT_FAULT_PROTOCOL_NAME, 0 },
	{ "level 0", STR("\x10\x0c\0\4MQTT\0\2\0\0\0\0"), 9, MQTT_FAULT_LEVEL, 0 },
	{ "level 6", STR("\x10\x0c\0\4MQTT\6\2\0\0\0\0"), 9, MQTT_FAULT_LEVEL, 6 },
	{ "MQTT with level 3", STR("\x10\x0c\0\4MQTT\3\2\0\0\0\0"), 9, MQTT_FAULT_LEVEL, 3 },
	{ "MQIsdp with level 4", STR("\x10\x0e\0\6MQIsdp\4\2\0\0\0\0"), 11, MQTT_FAULT_LEVEL, 4 },
	{ "a bridge of MQTT 5", STR("\x10\x0d\0\4MQTT\x85\2\0\0\0\0\0"), 9, MQTT_FAULT_LEVEL,
	  0x85 },
	{ "a bridge's level 3 with MQTT", STR("\x10\x0c\0\4MQTT\x83\2\0\0\0\0"), 9,
	  MQTT_FAULT_LEVEL, 0x83 },
	{ "reserved flag set", STR("\x10\x0c" V311 "\3\0\0\0\0"), 10, MQTT_FAULT_RESERVED_FLAG, 4 },
	{ "reserved flag set, 3.1", STR("\x10\x0e" V31 "\3\0\0\0\0"), 12, MQTT_FAULT_RESERVED_FLAG,
	  3 },
	{ "reserved flag set, 5", STR("\x10\x0d" V5 "\3\0\0\0\0\0"), 10, MQTT_FAULT_RESERVED_FLAG,
	  5 },
	{ "will QoS 3", STR("\x10\x12" V311 "\x1e\0\0\0\0\0\1t\0\1p"), 10, MQTT_FAULT_WILL_QOS, 4 },
	{ "will QoS 3, 3.1", STR("\x10\x14" V31 "\x1e\0\0\0\0\0\1t\0\1p"), 12, MQTT_FAULT_WILL_QOS,
	  3 },
	{ "will QoS 3, 5", STR("\x10\x14" V5 "\x1e\0\0\0\0\0\0\0\1t\0\1p"), 10, MQTT_FAULT_WILL_QOS,
	  5 },
	{ "will retain without will", STR("\x10\x0c" V311 "\x22\0\0\0\0"), 10,
	  MQTT_FAULT_WILL_FLAGS, 4 },
	{ "will retain without will, 5", STR("\x10\x0d" V5 "\x22\0\0\0\0\0"), 10,
	  MQTT_FAULT_WILL_FLAGS, 5 },
	{ "will QoS without will", STR("\x10\x0c" V311 "\x0a\0\0\0\0"), 10, MQTT_FAULT_WILL_FLAGS,
	  4 },
	{ "password without user name", STR("\x10\x0f" V311 "\x42\0\0\0\0\0\1p"), 10,
	  MQTT_FAULT_PASSWORD_ALONE, 4 },
	{ "password without user name, a bridge",
	  STR("\x10\x0f"
	      "\0\4MQTT\x84"
	      "\x42\0\0\0\0\0\1p"),
	  10, MQTT_FAULT_PASSWORD_ALONE, 0x84 },
	{ "password without user name, 3.1", STR("\x10\x11" V31 "\x42\0\0\0\0\0\1p"), 12,
	  MQTT_FAULT_PASSWORD_ALONE, 3 },
};

START_TEST(test_early)
{
	char bytes[64 + 64];
	size_t len = early[_i].bytes.n;

	memcpy(bytes, early[_i].bytes.p, len);
	memset(bytes + len, _i & 1 ? 0xff : 0, 64);
	for (size_t n = 0; n <= len + 64; n++) {
		bool known = n >= early[_i].at;
		struct mqtt_connect c, blank = { 0 };
		enum mqtt_fault fault;
		enum parse parse = decode((struct str){ bytes, n }, 1000, &c, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes: %s",
			      early[_i].name, n, mqtt_fault_name(fault));
		ck_assert_int_eq(fault, known ? early[_i].fault : MQTT_FAULT_NONE);
		blank.level = known ? (uint8_t)early[_i].level : 0;
		assert_same(&c, &blank);
	}
}
END_TEST

/* The levels that are spoken, of all, with the names that go with them. */
START_TEST(test_levels)
{
	static const struct {
		struct str name;
		const char *levels;
	} names[] = { { STR("MQTT"), "\4\5\x84" }, { STR("MQIsdp"), "\3\x83" } };

	for (int level = 0; level < 256; level++) {
		bool spoken = level && strchr(names[_i].levels, level);
		struct mqtt_connect c;
		enum mqtt_fault fault;
		struct buf b;

		buf_init(&b, TEST_PACKET_MAX);
		put_u8(&b, 0x10);
		put_u8(&b, 100);
		put_str(&b, names[_i].name);
		put_u8(&b, (unsigned)level);
		ck_assert_msg(decode(buf_str(&b), 1000, &c, &fault) ==
				      (spoken ? PARSE_MORE : PARSE_BAD),
			      "%d", level);
		ck_assert_int_eq(fault, spoken ? MQTT_FAULT_NONE : MQTT_FAULT_LEVEL);
		buf_fini(&b);
	}
}
END_TEST

/*
 * How many of the 256 flag bytes are sound. With a will 3 QoS and retain or not, without one
 * neither; clean start or not; user name and password: 4 ways, without password alone 3.
 */
static const struct {
	struct str head;
	int n;
} flag_counts[] = {
	{ STR("\x10\x40" V31), (3 * 2 + 4 * 2) * 2 * 3 },
	{ STR("\x10\x40" V311), (3 * 2 + 1) * 2 * 3 },
	{ STR("\x10\x40" V5), (3 * 2 + 1) * 2 * 4 },
};

START_TEST(test_flags)
{
	char bytes[16];
	size_t len = flag_counts[_i].head.n;
	int n = 0;

	memcpy(bytes, flag_counts[_i].head.p, len);
	for (int flags = 0; flags < 256; flags++) {
		struct mqtt_connect c;
		enum mqtt_fault fault;

		bytes[len] = (char)flags;
		n += decode((struct str){ bytes, len + 1 }, 1000, &c, &fault) == PARSE_MORE;
	}
	ck_assert_int_eq(n, flag_counts[_i].n);
}
END_TEST

/* ---- broken behind the head: known when the packet is whole -------------------------------- */

static const struct {
	const char *name;
	struct str body;
	enum mqtt_fault fault;
} late[] = {
	{ "3.1, no identifier", STR(V31 "\2\0\0\0"), MQTT_FAULT_CUT },
	{ "identifier longer than the packet", STR(V311 "\2\0\0\0\2i"), MQTT_FAULT_CUT },
	{ "identifier of 65535 bytes", STR(V311 "\2\0\0\xff\xff"), MQTT_FAULT_CUT },
	{ "will topic missing", STR(V311 "\6\0\0\0\1i"), MQTT_FAULT_CUT },
	{ "will payload missing", STR(V311 "\6\0\0\0\1i\0\1t"), MQTT_FAULT_CUT },
	{ "user name missing", STR(V311 "\x82\0\0\0\1i"), MQTT_FAULT_CUT },
	{ "password missing", STR(V311 "\xc2\0\0\0\1i\0\1u"), MQTT_FAULT_CUT },
	{ "half a password's length", STR(V311 "\xc2\0\0\0\1i\0\1u\0"), MQTT_FAULT_CUT },
	{ "3.1, half a user name's length", STR(V31 "\x82\0\0\0\1i\0"), MQTT_FAULT_CUT },
	{ "3.1, user name longer than the packet", STR(V31 "\x82\0\0\0\1i\0\2u"), MQTT_FAULT_CUT },
	{ "a byte behind the identifier", STR(V311 "\2\0\0\0\1i\0"), MQTT_FAULT_TRAILING },
	{ "a user name without its flag", STR(V311 "\2\0\0\0\1i\0\1u"), MQTT_FAULT_TRAILING },
	{ "a byte behind the password", STR(V311 "\xc2\0\0\0\1i\0\1u\0\1pq"), MQTT_FAULT_TRAILING },
	{ "5, a byte behind the identifier", STR(V5 "\2\0\0\0\0\1i\0"), MQTT_FAULT_TRAILING },

	{ "empty identifier of a session that lasts", STR(V311 "\0\0\0\0\0"),
	  MQTT_FAULT_CLIENT_ID },
	{ "empty identifier of a session that lasts, 3.1", STR(V31 "\0\0\0\0\0"),
	  MQTT_FAULT_CLIENT_ID },
	{ "empty identifier of a session that lasts, a bridge", STR("\0\4MQTT\x84\0\0\0\0\0"),
	  MQTT_FAULT_CLIENT_ID },
	{ "identifier not UTF-8", STR(V311 "\2\0\0\0\2i\xff"), MQTT_FAULT_UTF8 },
	{ "identifier not UTF-8, 3.1", STR(V31 "\2\0\0\0\1\xe9"), MQTT_FAULT_UTF8 },
	{ "identifier with U+0000", STR(V311 "\2\0\0\0\3i\0d"), MQTT_FAULT_UTF8 },
	{ "identifier with a surrogate", STR(V311 "\2\0\0\0\3\xed\xa0\x80"), MQTT_FAULT_UTF8 },
	{ "user name not UTF-8", STR(V311 "\x82\0\0\0\1i\0\2\xc3("), MQTT_FAULT_UTF8 },
	{ "user name with U+0000", STR(V5 "\x82\0\0\0\0\1i\0\1\0"), MQTT_FAULT_UTF8 },
	{ "will topic not UTF-8", STR(V311 "\6\0\0\0\1i\0\1\x80\0\0"), MQTT_FAULT_UTF8 },
	{ "will topic empty", STR(V311 "\6\0\0\0\1i\0\0\0\0"), MQTT_FAULT_WILL_TOPIC },
	{ "will topic with +", STR(V311 "\6\0\0\0\1i\0\3a/+\0\0"), MQTT_FAULT_WILL_TOPIC },
	{ "will topic with #", STR(V5 "\6\0\0\0\0\1i\0\0\1#\0\0"), MQTT_FAULT_WILL_TOPIC },

	{ "properties longer than the packet", STR(V5 "\2\0\0\x0a\0\1i"), MQTT_FAULT_CUT },
	{ "property length not the shortest", STR(V5 "\2\0\0\x80\0\0\1i"), MQTT_FAULT_VARINT },
	{ "property length of five bytes", STR(V5 "\2\0\0\x80\x80\x80\x80\1\0\1i"),
	  MQTT_FAULT_VARINT },
	{ "property length goes on behind the packet", STR(V5 "\2\0\0\xff\xff\xff"),
	  MQTT_FAULT_CUT },
	{ "a property runs past the property length", STR(V5 "\2\0\0\4\x11\0\0\0\0\0\1i"),
	  MQTT_FAULT_TRAILING },
	{ "property cut by the property length", STR(V5 "\2\0\0\4\x11\0\0\0\0\0"), MQTT_FAULT_CUT },
	{ "unknown property", STR(V5 "\2\0\0\2\x7f\1\0\1i"), MQTT_FAULT_PROPERTY_UNKNOWN },
	{ "will's property in CONNECT", STR(V5 "\2\0\0\5\x18\0\0\0\1\0\1i"),
	  MQTT_FAULT_PROPERTY_MISPLACED },
	{ "CONNACK's property in CONNECT", STR(V5 "\2\0\0\3\x13\0\1\0\1i"),
	  MQTT_FAULT_PROPERTY_MISPLACED },
	{ "session expiry twice", STR(V5 "\2\0\0\x0a\x11\0\0\0\1\x11\0\0\0\1\0\1i"),
	  MQTT_FAULT_PROPERTY_TWICE },
	{ "receive maximum 0", STR(V5 "\2\0\0\3\x21\0\0\0\1i"), MQTT_FAULT_PROPERTY_VALUE },
	{ "user property not UTF-8", STR(V5 "\2\0\0\6\x26\0\1\xff\0\0\0\1i"), MQTT_FAULT_UTF8 },
	{ "authentication data without method", STR(V5 "\2\0\0\4\x16\0\1d\0\1i"),
	  MQTT_FAULT_AUTH_DATA_ALONE },
	{ "will properties missing", STR(V5 "\6\0\0\0\0\1i"), MQTT_FAULT_CUT },
	{ "will property length not the shortest", STR(V5 "\6\0\0\0\0\1i\x80\0\0\1t\0\0"),
	  MQTT_FAULT_VARINT },
	{ "CONNECT's property in the will", STR(V5 "\6\0\0\0\0\1i\5\x11\0\0\0\1\0\1t\0\0"),
	  MQTT_FAULT_PROPERTY_MISPLACED },
	{ "will delay twice", STR(V5 "\6\0\0\0\0\1i\x0a\x18\0\0\0\1\x18\0\0\0\1\0\1t\0\0"),
	  MQTT_FAULT_PROPERTY_TWICE },
	{ "payload format 2", STR(V5 "\6\0\0\0\0\1i\2\1\2\0\1t\0\0"), MQTT_FAULT_PROPERTY_VALUE },
};

START_TEST(test_late)
{
	struct buf b;
	size_t len;

	buf_init(&b, TEST_PACKET_MAX);
	put_packet(&b, 0x10, late[_i].body);
	len = buf_len(&b);
	put_bytes(&b, STR("\0\1x\xff\xff\0\1y\x10\x0c")); /* whatever follows mends nothing */
	for (size_t n = 0; n <= buf_len(&b); n++) {
		bool known = n >= len;
		struct mqtt_connect c, blank = { 0 };
		enum mqtt_fault fault;
		enum parse parse = decode((struct str){ buf_str(&b).p, n }, 1000, &c, &fault);

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu of %zu bytes",
			      late[_i].name, n, len);
		ck_assert_msg(fault == (known ? late[_i].fault : MQTT_FAULT_NONE), "%s: %s",
			      late[_i].name, mqtt_fault_name(fault));
		blank.level = known ? (uint8_t)late[_i].body.p[late[_i].body.p[1] + 2] : 0;
		assert_same(&c, &blank);
	}
	buf_fini(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt connect");
	TCase *tcase = tcase_create("connect");

	tcase_add_loop_test(tcase, test_valid, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_round_trip, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_too_long, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_tolerated, 0, N_ROWS(tolerated));
	tcase_add_loop_test(tcase, test_early, 0, N_ROWS(early));
	tcase_add_loop_test(tcase, test_levels, 0, 2);
	tcase_add_loop_test(tcase, test_flags, 0, N_ROWS(flag_counts));
	tcase_add_loop_test(tcase, test_late, 0, N_ROWS(late));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
