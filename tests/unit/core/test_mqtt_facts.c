/* The facts of a CONNECT, as HAProxy's converters would have told them. */
#include "agent/core/mqtt/facts.h"
#include "tests/unit/run.h"

#define ALWAYS (FACT_BIT(FACT_PROTOCOL) | FACT_BIT(FACT_CLEAN_START) | FACT_BIT(FACT_KEEPALIVE))
#define ID FACT_BIT(FACT_CLIENT_ID)
#define USER FACT_BIT(FACT_USERNAME)
#define EXPIRY FACT_BIT(FACT_SESSION_EXPIRY)

static const struct {
	const char *name;
	struct str packet;
	uint32_t known;
	const char *client_id, *username, *protocol;
	unsigned keepalive, session_expiry;
	bool clean_start;
} rows[] = {
	{ "3.1", STR("\x10\x11\0\6MQIsdp\3\x82\0\x3c\0\0\0\1u"), ALWAYS | USER, "", "u", "3.1", 60,
	  0, true },
	{ "3.1.1", STR("\x10\x0e\0\4MQTT\4\0\0\0\0\2id"), ALWAYS | ID, "id", "", "3.1.1", 0, 0,
	  false },
	{ "a bridge of 3.1", STR("\x10\x0f\0\6MQIsdp\x83\0\0\0\0\1i"), ALWAYS | ID, "i", "", "3.1",
	  0, 0, false },
	{ "a bridge of 3.1.1", STR("\x10\x0d\0\4MQTT\x84\0\0\0\0\1i"), ALWAYS | ID, "i", "",
	  "3.1.1", 0, 0, false },
	{ "an empty user name and none are one", STR("\x10\x0f\0\4MQTT\4\x82\0\0\0\1i\0\0"),
	  ALWAYS | ID, "i", "", "3.1.1", 0, 0, true },
	{ "the password is no fact", STR("\x10\x13\0\4MQTT\4\xc2\0\0\0\1i\0\1u\0\1p"),
	  ALWAYS | ID | USER, "i", "u", "3.1.1", 0, 0, true },
	{ "5, session expiry absent", STR("\x10\x0e\0\4MQTT\5\2\xff\xff\0\0\1i"),
	  ALWAYS | ID | EXPIRY, "i", "", "5.0", 65535, 0, true },
	{ "5, session expiry 0", STR("\x10\x13\0\4MQTT\5\2\xff\xff\5\x11\0\0\0\0\0\1i"),
	  ALWAYS | ID | EXPIRY, "i", "", "5.0", 65535, 0, true },
	{ "5, session expiry", STR("\x10\x12\0\4MQTT\5\0\0\1\5\x11\0\1\x51\x80\0\0"),
	  ALWAYS | EXPIRY, "", "", "5.0", 1, 86400, false },
};

START_TEST(test_row)
{
	struct facts f = { .known = FACT_BIT(FACT_FRONTEND), .frontend = STR("fe") };
	struct mqtt_connect c;
	enum mqtt_fault fault;

	ck_assert_msg(mqtt_connect_decode((const uint8_t *)rows[_i].packet.p, rows[_i].packet.n,
					  100, &c, &fault) == PARSE_OK,
		      "%s: %s", rows[_i].name, mqtt_fault_name(fault));
	mqtt_facts(&c, &f);
	ck_assert_msg(f.known == (rows[_i].known | FACT_BIT(FACT_FRONTEND)), "%s", rows[_i].name);
	ck_assert(str_is(f.client_id, rows[_i].client_id));
	ck_assert(str_is(f.username, rows[_i].username));
	ck_assert(str_is(f.protocol, rows[_i].protocol));
	ck_assert(str_is(f.frontend, "fe"));
	ck_assert_uint_eq(f.keepalive, rows[_i].keepalive);
	ck_assert_uint_eq(f.session_expiry, rows[_i].session_expiry);
	ck_assert_int_eq(f.clean_start, rows[_i].clean_start);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt facts");
	TCase *tcase = tcase_create("facts");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
