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

#define CONNECT5(length, properties_length, properties)                                            \
	STR("\x10" length "\0\4MQTT\5\2\0\0" properties_length properties "\0\1i")

static const struct {
	const char *name;
	struct str packet;
	const char *site; /* NULL: not known */
} user_properties[] = {
	{ "MQTT 3.1.1 has none", STR("\x10\x0e\0\4MQTT\4\0\0\0\0\2id"), NULL },
	{ "no properties", CONNECT5("\x0e", "\0", ""), NULL },
	{ "the one", CONNECT5("\x18", "\x0a", "\x26\0\4Site\0\1n"), "n" },
	{ "in other case it is another", CONNECT5("\x18", "\x0a", "\x26\0\4site\0\1n"), NULL },
	{ "the first of two", CONNECT5("\x22", "\x14", "\x26\0\4Site\0\1n\x26\0\4Site\0\1s"), "n" },
	{ "an empty first hides the second",
	  CONNECT5("\x21", "\x13", "\x26\0\4Site\0\0\x26\0\4Site\0\1s"), NULL },
	{ "behind another property", CONNECT5("\x1b", "\x0d", "\x21\0\5\x26\0\4Site\0\1n"), "n" },
};

START_TEST(test_user_property)
{
	struct fact_names names = { 0 };
	struct mqtt_connect c;
	struct facts f = { 0 };
	enum mqtt_fault fault;
	enum fact site;

	ck_assert_msg(mqtt_connect_decode((const uint8_t *)user_properties[_i].packet.p,
					  user_properties[_i].packet.n, 100, &c,
					  &fault) == PARSE_OK,
		      "%s: %s", user_properties[_i].name, mqtt_fault_name(fault));
	mqtt_user_properties(&c, &names, &f);
	ck_assert_uint_eq(f.known, 0); /* nobody asks */
	fact_names_add(&names, FACT_FAMILY_HEADER, STR("Site"));
	site = fact_names_add(&names, FACT_FAMILY_USER_PROPERTY, STR("Site"));
	mqtt_user_properties(&c, &names, &f);
	ck_assert_msg(f.known == (user_properties[_i].site ? FACT_BIT(site) : 0), "%s",
		      user_properties[_i].name);
	if (user_properties[_i].site)
		ck_assert(str_is(facts_str(&f, site), user_properties[_i].site));
	fact_names_fini(&names);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mqtt facts");
	TCase *tcase = tcase_create("facts");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_user_property, 0, N_ROWS(user_properties));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
