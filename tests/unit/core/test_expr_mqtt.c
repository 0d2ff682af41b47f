/* mqtt_field_value: HAProxy's shape for what usher's own decoders read. */
#include <stdio.h>

#include "tests/unit/core/expr_world.h"

/* MQTT 5 with will, properties of both kinds, user and password. */
static const char v5[] =
	"\x10\x5d\x00\x04MQTT\x05\xf6\x00\x3c\x20\x11\x00\x00\x00\x64\x21\x00\x05\x19\x01\x15\x00"
	"\x04"
	"meth\x16\x00\x05"
	"au\x01th\x26\x00\x01k\x00\x01v\x00\x03"
	"cid\x18\x18\x00\x00\x00\x07\x01\x01\x03\x00\x04text\x08\x00\x02rt\x09\x00\x02"
	"cd\x00\x02wt\x00\x02wp\x00\x04user\x00\x04pass";
/* 3.1.1, an empty client identifier and user, a password. */
static const char v4[] = "\x10\x11\x00\x04MQTT\x04\xc2\x00\x00\x00\x00\x00\x00\x00\x01p";
static const char bridge[] = "\x10\x0e\x00\x04MQTT\x84\x02\x00\x3c\x00\x02id";
/* CONNACK of MQTT 5: session present, code 0, assigned identifier "me", server keepalive 7. */
static const char ack5[] = "\x20\x0b\x01\x00\x08\x12\x00\x02me\x13\x00\x07";
static const char ack4[] = "\x20\x02\x00\x05";

#define PACKET(array)                                                                              \
	{                                                                                          \
		(array), sizeof(array) - 1                                                         \
	}

static const struct {
	struct str packet;
	const char *field;
	const char *text; /* NULL: no value */
} rows[] = {
	{ PACKET(v5), "connect,flags", "246" },
	{ PACKET(v5), "connect,protocol_name", "MQTT" },
	{ PACKET(v5), "1,PROTOCOL_VERSION", "5" },
	{ PACKET(v5), "CONNECT,client_identifier", "cid" },
	{ PACKET(v5), "connect,will_topic", "wt" },
	{ PACKET(v5), "connect,will_payload", "wp" },
	{ PACKET(v5), "connect,username", "user" },
	{ PACKET(v5), "connect,password", "pass" },
	{ PACKET(v5), "connect,keepalive", "60" },
	{ PACKET(v5), "connect,17", "100" },
	{ PACKET(v5), "connect,33", "5" },
	{ PACKET(v5), "connect,39", "0" },
	{ PACKET(v5), "connect,34", "0" },
	{ PACKET(v5), "connect,25", "1" },
	{ PACKET(v5), "connect,23", "0" },
	{ PACKET(v5), "connect,21", "meth" },
	{ PACKET(v5), "connect,22", "au\x01th" },
	{ PACKET(v5), "connect,24", "7" },
	{ PACKET(v5), "connect,1", "1" },
	{ PACKET(v5), "connect,2", "0" },
	{ PACKET(v5), "connect,3", "text" },
	{ PACKET(v5), "connect,8", "rt" },
	{ PACKET(v5), "connect,9", "cd" },
	{ PACKET(v5), "connect,38", NULL },
	{ PACKET(v5), "connack,flags", NULL },
	{ PACKET(v4), "connect,flags", "194" },
	{ PACKET(v4), "connect,protocol_version", "4" },
	{ PACKET(v4), "connect,client_identifier", NULL },
	{ PACKET(v4), "connect,username", NULL },
	{ PACKET(v4), "connect,password", "p" },
	{ PACKET(v4), "connect,will_topic", NULL },
	{ PACKET(v4), "connect,keepalive", "0" },
	{ PACKET(v4), "connect,17", NULL },
	{ PACKET(bridge), "connect,protocol_version", "132" },
	{ PACKET(ack5), "connack,flags", "1" },
	{ PACKET(ack5), "2,reason_code", "0" },
	{ PACKET(ack5), "connack,protocol_version", "5" },
	{ PACKET(ack5), "connack,18", "me" },
	{ PACKET(ack5), "connack,19", "7" },
	{ PACKET(ack5), "connack,28", NULL },
	{ PACKET(ack4), "connack,reason_code", "5" },
	{ PACKET(ack4), "connack,18", NULL },
};

/* A CONNECT is what a client says, a CONNACK what a server says; the other way round is nothing. */
START_TEST(field_has_a_value)
{
	bool is_connack = rows[_i].packet.p[0] == 0x20;
	struct expr_context x = world_context();
	char text[128], what[EXPR_ERROR];
	const char *word = text;
	struct sample s;
	struct expr e;
	size_t used;

	x.mqtt_is_strict = true;
	x.request = is_connack ? (struct str){ 0 } : rows[_i].packet;
	x.response = is_connack ? rows[_i].packet : (struct str){ 0 };
	snprintf(text, sizeof(text), "%s.payload(0,0),mqtt_field_value(%s)",
		 is_connack ? "res" : "req", rows[_i].field);
	ck_assert_msg(expr_compile(&e, &word, 1, &used, what) == EXPR_OK, "%s", what);
	ck_assert_msg(expr_eval(&e, &x, &s) == (rows[_i].text != NULL), "%s", rows[_i].field);
	if (rows[_i].text)
		ck_assert_msg(str_is(s.bytes, rows[_i].text), "%s: %.*s", rows[_i].field,
			      STR_ARG(s.bytes));
	x.response_may_grow = x.request_may_grow = true;
	x.request = is_connack ? rows[_i].packet : (struct str){ 0 };
	x.response = is_connack ? (struct str){ 0 } : rows[_i].packet;
	snprintf(text, sizeof(text), "%s.payload(0,0),mqtt_is_valid", is_connack ? "req" : "res");
	expr_fini(&e);
	ck_assert_int_eq(expr_compile(&e, &word, 1, &used, what), EXPR_OK);
	ck_assert(expr_eval(&e, &x, &s) && !s.number && !s.may_change);
	expr_fini(&e);
}
END_TEST

/* HAProxy's reading differs in what it takes: not in what it says of what both take. */
START_TEST(field_has_the_same_value_for_haproxy)
{
	bool is_bridge = rows[_i].packet.p == bridge;
	const char *text = is_bridge ? NULL : rows[_i].text;
	struct expr_context x = world_context();
	char word[128], what[EXPR_ERROR];
	const char *words = word;
	struct sample s;
	struct expr e;
	size_t used;

	x.request = rows[_i].packet;
	snprintf(word, sizeof(word), "req.payload(0,0),mqtt_field_value(%s)", rows[_i].field);
	ck_assert_int_eq(expr_compile(&e, &words, 1, &used, what), EXPR_OK);
	ck_assert_msg(expr_eval(&e, &x, &s) == (text != NULL), "%s", rows[_i].field);
	if (text)
		ck_assert_msg(str_is(s.bytes, text), "%s: %.*s", rows[_i].field, STR_ARG(s.bytes));
	expr_fini(&e);
	snprintf(word, sizeof(word), "req.payload(0,0),mqtt_is_valid");
	ck_assert_int_eq(expr_compile(&e, &words, 1, &used, what), EXPR_OK);
	ck_assert(expr_eval(&e, &x, &s) && s.number == !is_bridge);
	expr_fini(&e);
}
END_TEST

/* As HAProxy: a field is bytes, and bytes are no number; a string's digits are. */
START_TEST(digits_are_a_number_once_they_are_a_string)
{
	static const struct {
		const char *converters;
		bool has_value;
	} casts[] = { { "add(0)", false }, { "lower,add(0)", true }, { "length", true } };
	struct expr_context x = world_context();
	char text[128], what[EXPR_ERROR];
	const char *word = text;
	struct sample s;
	struct expr e;
	size_t used;

	x.request = (struct str)PACKET(v5);
	snprintf(text, sizeof(text), "req.payload(0,0),mqtt_field_value(connect,keepalive),%s",
		 casts[_i].converters);
	ck_assert_msg(expr_compile(&e, &word, 1, &used, what) == EXPR_OK, "%s", what);
	ck_assert(expr_eval_as(&e, &x, SAMPLE_INT, &s) == casts[_i].has_value);
	expr_fini(&e);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr mqtt");
	TCase *tcase = tcase_create("mqtt");

	tcase_add_loop_test(tcase, field_has_a_value, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, field_has_the_same_value_for_haproxy, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, digits_are_a_number_once_they_are_a_string, 0, 3);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
