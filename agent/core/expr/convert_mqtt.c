/*
 * mqtt_is_valid and mqtt_field_value (HAProxy configuration manual, 7.3.1).
 *
 * Validity is the specifications', by usher's own decoders, where the context is strict: bridges'
 * levels are valid, a CONNACK from a client is not. Else a CONNECT is what HAProxy takes for one
 * (mqtt_lax.h). Fields have HAProxy's shape in either case: they are bytes, although they are
 * declared as strings, so that the digits of a number become none without a converter between
 * ("…,mqtt_field_value(connect,keepalive) -m int gt 9" never matches); what is empty has no value,
 * and a number that a packet of MQTT 5 could carry but does not is "0".
 */
#include "agent/core/expr/keyword.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/core/expr/mqtt_lax.h"
#include "agent/core/mqtt/connack.h"
#include "agent/core/mqtt/connect.h"
#include "agent/core/mqtt/packet.h"

/* The protocol's own bound: who buffers less says that no more may come. */
enum { PACKET_MAX = 5 + 268435455 };

struct packet {
	enum mqtt_type type;
	struct mqtt_connect connect;
	struct str protocol_name; /* of a CONNECT */
	struct mqtt_connack connack;
};

/* Is it a part of those bytes? */
static bool
lies_in(struct str part, struct str bytes)
{
	return bytes.p && part.p >= bytes.p && part.p <= bytes.p + bytes.n;
}

/* A client says CONNECT, a server CONNACK; bytes of unknown origin may be either. */
static enum parse
decode(struct str in, const struct expr_context *x, struct packet *packet)
{
	const uint8_t *p = (const uint8_t *)in.p;
	enum mqtt_fault fault;

	packet->protocol_name = STR("");
	if (in.n == 0)
		return PARSE_MORE;
	packet->type = (enum mqtt_type)(p[0] >> 4);
	if (packet->type == MQTT_CONNECT && !x->mqtt_is_strict)
		return mqtt_lax_connect_decode(p, in.n, &packet->connect, &packet->protocol_name);
	if (packet->type == MQTT_CONNECT && !lies_in(in, x->response)) {
		enum parse parse =
			mqtt_connect_decode(p, in.n, PACKET_MAX, &packet->connect, &fault);

		packet->protocol_name =
			mqtt_connect_version(&packet->connect) == 3 ? STR("MQIsdp") : STR("MQTT");
		return parse;
	}
	if (packet->type == MQTT_CONNACK && !(x->mqtt_is_strict && lies_in(in, x->request)))
		return mqtt_connack_decode(p, in.n, PACKET_MAX, &packet->connack, &fault);
	return PARSE_BAD;
}

/* While more bytes may bring the rest of a packet, there is no answer; otherwise it is final. */
static bool
convert_is_valid(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct packet packet;
	enum parse parse = decode(s->bytes, x, &packet);

	if (parse == PARSE_MORE)
		return false;
	s->may_change = false;
	sample_set_bool(s, parse == PARSE_OK);
	return true;
}

/* Fields by name have numbers above those of properties. */
enum field {
	FIELD_FLAGS = 256,
	FIELD_PROTOCOL_NAME,
	FIELD_PROTOCOL_VERSION,
	FIELD_CLIENT_ID,
	FIELD_WILL_TOPIC,
	FIELD_WILL_PAYLOAD,
	FIELD_USERNAME,
	FIELD_PASSWORD,
	FIELD_KEEPALIVE,
	FIELD_REASON_CODE,
};

static const struct {
	const char *name;
	int field;
	bool in_connect, in_connack;
} fields[] = {
	{ "flags", FIELD_FLAGS, true, true },
	{ "protocol_name", FIELD_PROTOCOL_NAME, true, false },
	{ "protocol_version", FIELD_PROTOCOL_VERSION, true, true },
	{ "client_identifier", FIELD_CLIENT_ID, true, false },
	{ "will_topic", FIELD_WILL_TOPIC, true, false },
	{ "will_payload", FIELD_WILL_PAYLOAD, true, false },
	{ "username", FIELD_USERNAME, true, false },
	{ "password", FIELD_PASSWORD, true, false },
	{ "keepalive", FIELD_KEEPALIVE, true, false },
	{ "reason_code", FIELD_REASON_CODE, false, true },
	{ "17", MQTT_SESSION_EXPIRY, true, true },
	{ "33", MQTT_RECEIVE_MAX, true, true },
	{ "39", MQTT_PACKET_MAX, true, true },
	{ "34", MQTT_TOPIC_ALIAS_MAX, true, true },
	{ "25", MQTT_REQUEST_RESPONSE_INFO, true, false },
	{ "23", MQTT_REQUEST_PROBLEM_INFO, true, false },
	{ "21", MQTT_AUTH_METHOD, true, true },
	{ "22", MQTT_AUTH_DATA, true, true },
	{ "24", MQTT_WILL_DELAY, true, false },
	{ "1", MQTT_PAYLOAD_FORMAT, true, false },
	{ "2", MQTT_MESSAGE_EXPIRY, true, false },
	{ "3", MQTT_CONTENT_TYPE, true, false },
	{ "8", MQTT_RESPONSE_TOPIC, true, false },
	{ "9", MQTT_CORRELATION_DATA, true, false },
	{ "38", MQTT_USER_PROPERTY, true, true },
	{ "36", MQTT_QOS_MAX, false, true },
	{ "37", MQTT_RETAIN_AVAILABLE, false, true },
	{ "18", MQTT_ASSIGNED_CLIENT_ID, false, true },
	{ "31", MQTT_REASON_STRING, false, true },
	{ "40", MQTT_WILDCARD_SUB_AVAILABLE, false, true },
	{ "41", MQTT_SUBSCRIPTION_ID_AVAILABLE, false, true },
	{ "42", MQTT_SHARED_SUB_AVAILABLE, false, true },
	{ "19", MQTT_SERVER_KEEPALIVE, false, true },
	{ "26", MQTT_RESPONSE_INFO, false, true },
	{ "28", MQTT_SERVER_REFERENCE, false, true },
};

/* "connect" or its number → the packet's type; 0 when it is none. */
static int
packet_type(struct str word)
{
	static const char *const names[] = { "",	  "connect",  "connack",     "publish",
					     "puback",	  "pubrec",   "pubrel",	     "pubcomp",
					     "subscribe", "suback",   "unsubscribe", "unsuback",
					     "pingreq",	  "pingresp", "disconnect",  "auth" };
	uint64_t number;

	if (str_u64(word, &number))
		return number <= MQTT_AUTH ? (int)number : 0;
	for (int type = MQTT_CONNECT; type <= MQTT_AUTH; type++)
		if (str_ieq(word, str_of(names[type])))
			return type;
	return 0;
}

/* The arguments' numbers become the packet's type and the field. */
static bool
check_field(struct expr_call *call, char *what)
{
	struct str packet = call->args[0].text, name = call->args[1].text;
	int type = packet_type(packet);

	if (!type) {
		snprintf(what, EXPR_ERROR, "Unknown MQTT type '%s'", packet.p);
		return false;
	}
	call->args[0].number = type;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bool fits = (type == MQTT_CONNECT && fields[i].in_connect) ||
			    (type == MQTT_CONNACK && fields[i].in_connack);

		if (fits && str_ieq(name, str_of(fields[i].name))) {
			call->args[1].number = fields[i].field;
			return true;
		}
	}
	snprintf(what, EXPR_ERROR, "Unknown MQTT field name '%s' for packet type '%s'", name.p,
		 packet.p);
	return false;
}

static bool
set_number(struct sample *s, struct scratch *m, uint32_t number)
{
	enum { DIGITS = 11 };
	char *text = scratch_take(m, DIGITS);

	if (!text)
		return false;
	sample_set_bin(s, (struct str){ text, (size_t)snprintf(text, DIGITS, "%" PRIu32, number) });
	return true;
}

static bool
set_text(struct sample *s, struct str text)
{
	if (text.n == 0)
		return false;
	sample_set_bin(s, text);
	return true;
}

static bool
is_text(int id)
{
	switch (id) {
	case MQTT_CONTENT_TYPE:
	case MQTT_RESPONSE_TOPIC:
	case MQTT_CORRELATION_DATA:
	case MQTT_ASSIGNED_CLIENT_ID:
	case MQTT_AUTH_METHOD:
	case MQTT_AUTH_DATA:
	case MQTT_RESPONSE_INFO:
	case MQTT_SERVER_REFERENCE:
	case MQTT_REASON_STRING:
		return true;
	default:
		return false;
	}
}

/* A property of MQTT 5, looked for in one or two places. */
static bool
set_property(struct sample *s, struct scratch *m, int id, const struct str *properties,
	     const enum mqtt_place *places, size_t n)
{
	struct mqtt_property property;

	if (id == MQTT_USER_PROPERTY) /* HAProxy takes the argument and never has a value */
		return false;
	for (size_t i = 0; i < n; i++) {
		struct mqtt_property_reader r;

		mqtt_property_reader_init(&r, properties[i], places[i]);
		while (mqtt_lax_property_next(&r, &property))
			if ((int)property.id == id)
				return is_text(id) ? set_text(s, property.value)
						   : set_number(s, m, property.number);
	}
	return !is_text(id) && set_number(s, m, 0);
}

static unsigned
connect_flags(const struct mqtt_connect *c)
{
	return (unsigned)c->has_username << 7 | (unsigned)c->has_password << 6 |
	       (unsigned)c->will_retain << 5 | (unsigned)c->will_qos << 3 |
	       (unsigned)c->has_will << 2 | (unsigned)c->clean_start << 1;
}

static bool
set_connect_field(struct sample *s, struct scratch *m, const struct packet *packet, int field)
{
	const struct mqtt_connect *c = &packet->connect;
	static const enum mqtt_place places[] = { MQTT_IN_CONNECT, MQTT_IN_WILL };
	struct str properties[] = { c->properties, c->will_properties };

	switch (field) {
	case FIELD_FLAGS:
		return set_number(s, m, connect_flags(c));
	case FIELD_PROTOCOL_NAME:
		return set_text(s, packet->protocol_name);
	case FIELD_PROTOCOL_VERSION:
		return set_number(s, m, c->level);
	case FIELD_CLIENT_ID:
		return set_text(s, c->client_id);
	case FIELD_WILL_TOPIC:
		return set_text(s, c->will_topic);
	case FIELD_WILL_PAYLOAD:
		return set_text(s, c->will_payload);
	case FIELD_USERNAME:
		return set_text(s, c->username);
	case FIELD_PASSWORD:
		return set_text(s, c->password);
	case FIELD_KEEPALIVE:
		return set_number(s, m, c->keepalive);
	default:
		return mqtt_connect_version(c) == 5 &&
		       set_property(s, m, field, properties, places, 2);
	}
}

static bool
set_connack_field(struct sample *s, struct scratch *m, const struct mqtt_connack *c, int field)
{
	static const enum mqtt_place places[] = { MQTT_IN_CONNACK };

	switch (field) {
	case FIELD_FLAGS:
		return set_number(s, m, c->session_present);
	case FIELD_PROTOCOL_VERSION:
		return set_number(s, m, c->level);
	case FIELD_REASON_CODE:
		return set_number(s, m, c->code);
	default:
		return c->level == 5 && set_property(s, m, field, &c->properties, places, 1);
	}
}

/* mqtt_field_value(packet,field) */
static bool
convert_field_value(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int field = (int)call->args[1].number;
	struct packet packet;
	enum parse parse = decode(s->bytes, x, &packet);

	if (parse == PARSE_MORE)
		return false;
	s->may_change = false;
	if (parse == PARSE_BAD || (int)packet.type != call->args[0].number)
		return false;
	return packet.type == MQTT_CONNECT
		       ? set_connect_field(s, &x->scratch, &packet, field)
		       : set_connack_field(s, &x->scratch, &packet.connack, field);
}

const struct expr_keyword expr_convert_mqtt[] = {
	{ .name = "mqtt_field_value",
	  .args = { ARG_STR, ARG_STR },
	  .n_required = 2,
	  .in = SAMPLE_BIN,
	  .out = SAMPLE_STR,
	  .eval = convert_field_value,
	  .check = check_field },
	{ .name = "mqtt_is_valid", .in = SAMPLE_BIN, .out = SAMPLE_BOOL, .eval = convert_is_valid },
	{ 0 },
};
