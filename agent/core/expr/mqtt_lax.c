/* What HAProxy 2.6 takes was seen by asking it; tests/config/rules-against-haproxy.py asks again.
 */
#include "agent/core/expr/mqtt_lax.h"

#include "agent/core/base/cursor.h"

enum {
	HEADER_CONNECT = 0x10,
	FLAG_RESERVED = 0x01,
	FLAG_CLEAN_START = 0x02,
	FLAG_WILL = 0x04,
	FLAG_PASSWORD = 0x40,
	FLAG_USERNAME = 0x80,
	BODY_MIN = 12, /* name, level, flags, keep alive, identifier */
};

/* A variable byte integer that may be longer than it need be; at most four bytes. */
static uint32_t
read_varint(struct cursor *c)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t byte = cursor_u8(c);

		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	c->malformed = true;
	c->p = c->end;
	return 0;
}

static struct str
read_properties(struct cursor *c)
{
	uint32_t n = read_varint(c);

	return cursor_bytes(c, n);
}

bool
mqtt_lax_property_next(struct mqtt_property_reader *r, struct mqtt_property *property)
{
	if (mqtt_property_next(r, property))
		return true;
	if (r->fault != MQTT_FAULT_UTF8 &&
	    (r->fault != MQTT_FAULT_PROPERTY_VALUE || property->id != MQTT_RESPONSE_TOPIC))
		return false;
	r->fault = MQTT_FAULT_NONE; /* the value was read; nobody but us minds it */
	return true;
}

static bool
properties_are_good(struct str properties, enum mqtt_place place)
{
	bool has_method = false, has_data = false;
	struct mqtt_property_reader r;
	struct mqtt_property property;

	mqtt_property_reader_init(&r, properties, place);
	while (mqtt_lax_property_next(&r, &property)) {
		has_method |= property.id == MQTT_AUTH_METHOD && property.value.n;
		has_data |= property.id == MQTT_AUTH_DATA && property.value.n;
	}
	return !r.fault && (has_method || !has_data);
}

/* The flags as they came, for mqtt_field_value(connect,flags), and what they announce. */
static void
take_flags(uint8_t flags, struct mqtt_connect *m)
{
	m->clean_start = flags & FLAG_CLEAN_START;
	m->has_will = flags & FLAG_WILL;
	m->will_qos = flags >> 3 & 3;
	m->will_retain = flags & 0x20;
	m->has_password = flags & FLAG_PASSWORD;
	m->has_username = flags & FLAG_USERNAME;
}

static bool
read_body(struct cursor *c, struct mqtt_connect *m, struct str *name)
{
	uint8_t flags;

	*name = cursor_str(c);
	m->level = cursor_u8(c);
	flags = cursor_u8(c);
	m->keepalive = cursor_u16(c);
	if ((!str_ieq(*name, STR("MQTT")) && !str_ieq(*name, STR("MQIsdp"))) || m->level < 3 ||
	    m->level > 5 || flags & FLAG_RESERVED)
		return false;
	take_flags(flags, m);
	if (m->level == 5)
		m->properties = read_properties(c);
	m->client_id = cursor_str(c);
	if (m->has_will) {
		if (m->level == 5)
			m->will_properties = read_properties(c);
		m->will_topic = cursor_str(c);
		m->will_payload = cursor_str(c);
	}
	if (m->has_username)
		m->username = cursor_str(c);
	if (m->has_password)
		m->password = cursor_str(c);
	return !c->short_read && !c->malformed && cursor_left(c) == 0 &&
	       properties_are_good(m->properties, MQTT_IN_CONNECT) &&
	       properties_are_good(m->will_properties, MQTT_IN_WILL);
}

enum parse
mqtt_lax_connect_decode(const uint8_t *p, size_t n, struct mqtt_connect *m, struct str *name)
{
	struct cursor c = { .p = p, .end = p + n };
	uint32_t body_len;

	*m = (struct mqtt_connect){ 0 };
	*name = STR("");
	if (n && p[0] != HEADER_CONNECT)
		return PARSE_BAD;
	cursor_u8(&c);
	body_len = read_varint(&c);
	if (c.malformed)
		return PARSE_BAD;
	if (c.short_read || cursor_left(&c) < body_len)
		return PARSE_MORE;
	if (body_len < BODY_MIN)
		return PARSE_BAD;
	c.end = c.p + body_len;
	m->len = (size_t)(c.end - p);
	return read_body(&c, m, name) ? PARSE_OK : PARSE_BAD;
}
