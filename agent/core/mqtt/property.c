/*
 * One table says of every property how its value is written, between which bounds a number must
 * lie and in which packets it may stand (MQTT 5, table 2-4). Those that belong to other packets
 * alone have a row, too: met here, they are misplaced, not unknown.
 */
#include "agent/core/mqtt/property.h"

#include "agent/core/mqtt/utf8.h"

enum kind {
	UNKNOWN,
	U8,
	U16,
	U32,
	VARINT,
	STRING,
	BINARY,
	PAIR, /* of strings: the one property that may stand there more than once */
};

enum {
	CONNECT = 1 << MQTT_IN_CONNECT,
	WILL = 1 << MQTT_IN_WILL,
	CONNACK = 1 << MQTT_IN_CONNACK,
	ELSEWHERE = 0,
};

static const struct {
	uint8_t kind, places;
	uint32_t min, max; /* of numbers */
} table[N_MQTT_PROPERTIES] = {
	[MQTT_PAYLOAD_FORMAT] = { U8, WILL, 0, 1 },
	[MQTT_MESSAGE_EXPIRY] = { U32, WILL, 0, UINT32_MAX },
	[MQTT_CONTENT_TYPE] = { STRING, WILL, 0, 0 },
	[MQTT_RESPONSE_TOPIC] = { STRING, WILL, 0, 0 },
	[MQTT_CORRELATION_DATA] = { BINARY, WILL, 0, 0 },
	[MQTT_SUBSCRIPTION_ID] = { VARINT, ELSEWHERE, 1, UINT32_MAX },
	[MQTT_SESSION_EXPIRY] = { U32, CONNECT | CONNACK, 0, UINT32_MAX },
	[MQTT_ASSIGNED_CLIENT_ID] = { STRING, CONNACK, 0, 0 },
	[MQTT_SERVER_KEEPALIVE] = { U16, CONNACK, 0, UINT16_MAX },
	[MQTT_AUTH_METHOD] = { STRING, CONNECT | CONNACK, 0, 0 },
	[MQTT_AUTH_DATA] = { BINARY, CONNECT | CONNACK, 0, 0 },
	[MQTT_REQUEST_PROBLEM_INFO] = { U8, CONNECT, 0, 1 },
	[MQTT_WILL_DELAY] = { U32, WILL, 0, UINT32_MAX },
	[MQTT_REQUEST_RESPONSE_INFO] = { U8, CONNECT, 0, 1 },
	[MQTT_RESPONSE_INFO] = { STRING, CONNACK, 0, 0 },
	[MQTT_SERVER_REFERENCE] = { STRING, CONNACK, 0, 0 },
	[MQTT_REASON_STRING] = { STRING, CONNACK, 0, 0 },
	[MQTT_RECEIVE_MAX] = { U16, CONNECT | CONNACK, 1, UINT16_MAX },	    /* 3.1.2.11.3 */
	[MQTT_TOPIC_ALIAS_MAX] = { U16, CONNECT | CONNACK, 0, UINT16_MAX }, /* 3.1.2.11.5 */
	[MQTT_TOPIC_ALIAS] = { U16, ELSEWHERE, 1, UINT16_MAX },
	[MQTT_QOS_MAX] = { U8, CONNACK, 0, 1 }, /* 3.2.2.3.4: 2 is said by its absence */
	[MQTT_RETAIN_AVAILABLE] = { U8, CONNACK, 0, 1 },
	[MQTT_USER_PROPERTY] = { PAIR, CONNECT | WILL | CONNACK, 0, 0 },
	[MQTT_PACKET_MAX] = { U32, CONNECT | CONNACK, 1, UINT32_MAX }, /* 3.1.2.11.4 */
	[MQTT_WILDCARD_SUB_AVAILABLE] = { U8, CONNACK, 0, 1 },
	[MQTT_SUBSCRIPTION_ID_AVAILABLE] = { U8, CONNACK, 0, 1 },
	[MQTT_SHARED_SUB_AVAILABLE] = { U8, CONNACK, 0, 1 },
};

void
mqtt_property_reader_init(struct mqtt_property_reader *r, struct str properties,
			  enum mqtt_place place)
{
	*r = (struct mqtt_property_reader){ .rest = cursor_of(properties), .place = place };
}

/* May this identifier come now? */
static enum mqtt_fault
judge_id(struct mqtt_property_reader *r, uint32_t id)
{
	uint64_t bit;

	if (id >= N_MQTT_PROPERTIES || table[id].kind == UNKNOWN)
		return MQTT_FAULT_PROPERTY_UNKNOWN; /* 2.2.2.2 */
	if (!(table[id].places & 1 << r->place))
		return MQTT_FAULT_PROPERTY_MISPLACED; /* 2.2.2.2 */
	bit = UINT64_C(1) << id;
	if (r->seen & bit && table[id].kind != PAIR)
		return MQTT_FAULT_PROPERTY_TWICE; /* 3.1.2.11.2 and its siblings */
	r->seen |= bit;
	return MQTT_FAULT_NONE;
}

static void
read_value(struct cursor *c, struct mqtt_property *p)
{
	switch ((enum kind)table[p->id].kind) {
	case UNKNOWN:
		break;
	case U8:
		p->number = cursor_u8(c);
		break;
	case U16:
		p->number = cursor_u16(c);
		break;
	case U32:
		p->number = cursor_u32(c);
		break;
	case VARINT:
		p->number = cursor_varint(c);
		break;
	case PAIR:
		p->name = cursor_str(c);
		/* fall through */
	case STRING:
	case BINARY:
		p->value = cursor_str(c);
		break;
	}
}

static enum mqtt_fault
judge_value(const struct mqtt_property *p)
{
	switch ((enum kind)table[p->id].kind) {
	case BINARY:
		return MQTT_FAULT_NONE;
	case PAIR:
		if (!mqtt_utf8_is_valid(p->name))
			return MQTT_FAULT_UTF8;
		/* fall through */
	case STRING:
		if (!mqtt_utf8_is_valid(p->value))
			return MQTT_FAULT_UTF8;
		if (p->id == MQTT_RESPONSE_TOPIC && !mqtt_topic_is_name(p->value))
			return MQTT_FAULT_PROPERTY_VALUE; /* 3.3.2.3.5, 4.7.3 */
		return MQTT_FAULT_NONE;
	default:
		return p->number >= table[p->id].min && p->number <= table[p->id].max
			       ? MQTT_FAULT_NONE
			       : MQTT_FAULT_PROPERTY_VALUE;
	}
}

static enum mqtt_fault
read_property(struct mqtt_property_reader *r, struct mqtt_property *p)
{
	struct cursor *c = &r->rest;
	uint32_t id = cursor_varint(c);
	enum mqtt_fault fault = MQTT_FAULT_NONE;

	*p = (struct mqtt_property){ 0 };
	if (!c->short_read && !c->malformed)
		fault = judge_id(r, id);
	if (fault)
		return fault;
	p->id = id;
	read_value(c, p);
	if (c->malformed)
		return MQTT_FAULT_VARINT;
	return c->short_read ? MQTT_FAULT_CUT : judge_value(p);
}

bool
mqtt_property_next(struct mqtt_property_reader *r, struct mqtt_property *property)
{
	if (r->fault || cursor_left(&r->rest) == 0)
		return false;
	r->fault = read_property(r, property);
	return r->fault == MQTT_FAULT_NONE;
}
