/* The fixed header of all packets, and the names of faults. */
#include "agent/core/mqtt/packet.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	struct str bytes;
	enum mqtt_type type;
	uint8_t flags;
	uint32_t body_len;
	size_t used;
} rows[] = {
	{ "CONNECT", STR("\x10\x0c"), MQTT_CONNECT, 0, 12, 2 },
	{ "PINGREQ, no body", STR("\xc0\0"), MQTT_PINGREQ, 0, 0, 2 },
	{ "AUTH", STR("\xf0\0"), MQTT_AUTH, 0, 0, 2 },
	{ "PUBLISH with DUP, QoS 2, RETAIN", STR("\x3d\x05"), MQTT_PUBLISH, 0x0d, 5, 2 },
	{ "PUBREL", STR("\x62\x02"), MQTT_PUBREL, 2, 2, 2 },
	{ "SUBSCRIBE", STR("\x82\x02"), MQTT_SUBSCRIBE, 2, 2, 2 },
	{ "UNSUBSCRIBE", STR("\xa2\x02"), MQTT_UNSUBSCRIBE, 2, 2, 2 },
	{ "127 bytes", STR("\x10\x7f"), MQTT_CONNECT, 0, 127, 2 },
	{ "128 bytes", STR("\x10\x80\x01"), MQTT_CONNECT, 0, 128, 3 },
	{ "a multiple of 128 in three bytes", STR("\x10\x80\x80\x01"), MQTT_CONNECT, 0, 16384, 4 },
	{ "the longest", STR("\x10\xff\xff\xff\x7f"), MQTT_CONNECT, 0, 268435455, 5 },
};

START_TEST(test_row)
{
	struct str whole = rows[_i].bytes;
	enum mqtt_fault fault = MQTT_FAULT_NONE;
	struct mqtt_header h = { .body_len = 99 };
	size_t used = 99;

	for (size_t n = 0; n < whole.n; n++) {
		ck_assert_int_eq(mqtt_header_decode((const uint8_t *)whole.p, n, &h, &used, &fault),
				 PARSE_MORE);
		ck_assert(h.body_len == 99 && used == 99);
	}
	ck_assert_int_eq(mqtt_header_decode((const uint8_t *)whole.p, whole.n, &h, &used, &fault),
			 PARSE_OK);
	ck_assert_int_eq(h.type, rows[_i].type);
	ck_assert_uint_eq(h.flags, rows[_i].flags);
	ck_assert_uint_eq(h.body_len, rows[_i].body_len);
	ck_assert_uint_eq(used, rows[_i].used);
	ck_assert_int_eq(fault, MQTT_FAULT_NONE);
}
END_TEST

static const struct {
	const char *name;
	struct str bytes;
	size_t at; /* bytes after which it is known */
	enum mqtt_fault fault;
} bad_rows[] = {
	{ "type 0", STR("\0\0"), 1, MQTT_FAULT_PACKET_TYPE },
	{ "flags of a CONNECT", STR("\x11\0"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "TLS", STR("\x16\x03\x01"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "SUBSCRIBE without its flag", STR("\x80\x02"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "PUBREL with another flag", STR("\x63\x02"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "PUBLISH with QoS 3", STR("\x36\x02"), 1, MQTT_FAULT_HEADER_FLAGS },
	{ "0 in two bytes", STR("\x10\x80\0"), 3, MQTT_FAULT_VARINT },
	{ "12 in four bytes", STR("\x10\x8c\x80\x80\0"), 5, MQTT_FAULT_VARINT },
	{ "a length of five bytes", STR("\x10\x80\x80\x80\x80\x01"), 5, MQTT_FAULT_VARINT },
};

START_TEST(test_bad_row)
{
	for (size_t n = 0; n <= bad_rows[_i].bytes.n; n++) {
		enum mqtt_fault fault = MQTT_FAULT_NONE;
		struct mqtt_header h = { .body_len = 99 };
		size_t used = 99;
		enum parse parse = mqtt_header_decode((const uint8_t *)bad_rows[_i].bytes.p, n, &h,
						      &used, &fault);
		bool known = n >= bad_rows[_i].at;

		ck_assert_msg(parse == (known ? PARSE_BAD : PARSE_MORE), "%s, %zu bytes",
			      bad_rows[_i].name, n);
		ck_assert_int_eq(fault, known ? bad_rows[_i].fault : MQTT_FAULT_NONE);
		ck_assert(h.body_len == 99 && used == 99);
	}
}
END_TEST

START_TEST(test_fault_has_a_name)
{
	ck_assert(mqtt_fault_name(_i)[0]);
	for (int other = 0; other < _i; other++)
		ck_assert_str_ne(mqtt_fault_name(_i), mqtt_fault_name(other));
}
END_TEST

static const struct {
	enum mqtt_fault fault;
	unsigned code3, code5;
} codes[] = {
	{ MQTT_FAULT_PACKET_TYPE, 0, 0 },	{ MQTT_FAULT_PROTOCOL_NAME, 0, 0 },
	{ MQTT_FAULT_LEVEL, 1, 0x84 },		{ MQTT_FAULT_CLIENT_ID, 2, 0x85 },
	{ MQTT_FAULT_UTF8, 0, 0x81 },		{ MQTT_FAULT_PROPERTY_UNKNOWN, 0, 0x81 },
	{ MQTT_FAULT_WILL_TOPIC, 0, 0x90 },	{ MQTT_FAULT_PROPERTY_TWICE, 0, 0x82 },
	{ MQTT_FAULT_PASSWORD_ALONE, 0, 0x81 },
};

START_TEST(test_fault_code)
{
	ck_assert_uint_eq(mqtt_fault_code(codes[_i].fault, 3), codes[_i].code3);
	ck_assert_uint_eq(mqtt_fault_code(codes[_i].fault, 4), codes[_i].code3);
	ck_assert_uint_eq(mqtt_fault_code(codes[_i].fault, 0x84), codes[_i].code3);
	ck_assert_uint_eq(mqtt_fault_code(codes[_i].fault, 5), codes[_i].code5);
	ck_assert_uint_eq(mqtt_fault_code(codes[_i].fault, 6), codes[_i].code5);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt packet");
	TCase *tcase = tcase_create("packet");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_bad_row, 0, N_ROWS(bad_rows));
	tcase_add_loop_test(tcase, test_fault_has_a_name, 0, N_MQTT_FAULTS);
	tcase_add_loop_test(tcase, test_fault_code, 0, N_ROWS(codes));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
