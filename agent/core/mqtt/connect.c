/*
 * Three parts, each entered when the one before was fine:
 *
 *	fixed header   type, flags, remaining length           as far as it is there
 *	head           protocol name, level, connect flags     as far as it is there
 *	rest           keep alive … password                   when the whole packet is there
 *
 * Sections are MQTT 3.1.1's and MQTT 5's alike unless said.
 */
#include "agent/core/mqtt/connect.h"

#include "agent/core/base/cursor.h"
#include "agent/core/mqtt/packet.h"
#include "agent/core/mqtt/property.h"
#include "agent/core/mqtt/utf8.h"

enum {
	BODY_MIN = 12, /* name, level, flags, keep alive and an empty identifier of 3.1.1 */
};

/* 3.1.2.3 */
enum {
	FLAG_RESERVED = 0x01,
	FLAG_CLEAN_START = 0x02,
	FLAG_WILL = 0x04,
	FLAG_WILL_QOS = 0x18,
	FLAG_WILL_RETAIN = 0x20,
	FLAG_PASSWORD = 0x40,
	FLAG_USERNAME = 0x80,
};

static const struct protocol {
	struct str name; /* as on the wire, length first */
	struct str levels;
} protocols[] = {
	{ { "\0\4MQTT", 6 }, { "\x04\x05\x84", 3 } },
	{ { "\0\6MQIsdp", 8 }, { "\x03\x83", 2 } },
};

static enum parse
bad(enum mqtt_fault *fault, enum mqtt_fault which)
{
	*fault = which;
	return PARSE_BAD;
}

/* 3.1.2.1. The case of letters counts. */
static enum parse
read_protocol(struct cursor *c, const struct protocol **protocol, enum mqtt_fault *fault)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		struct str name = protocols[i].name;
		size_t left = cursor_left(c);

		if (memcmp(c->p, name.p, left < name.n ? left : name.n) != 0)
			continue;
		if (left < name.n)
			return PARSE_MORE;
		c->p += name.n;
		*protocol = &protocols[i];
		return PARSE_OK;
	}
	return bad(fault, MQTT_FAULT_PROTOCOL_NAME);
}

static enum mqtt_fault
judge_flags(uint8_t flags, unsigned version)
{
	if (flags & FLAG_RESERVED) /* 3.1.2.3 */
		return MQTT_FAULT_RESERVED_FLAG;
	if (flags & FLAG_WILL) {
		if ((flags & FLAG_WILL_QOS) == FLAG_WILL_QOS) /* 3.1.2.6 */
			return MQTT_FAULT_WILL_QOS;
	} else if (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN) && version > 3) {
		return MQTT_FAULT_WILL_FLAGS; /* 3.1.2.6, 3.1.2.7 */
	}
	if (flags & FLAG_PASSWORD && !(flags & FLAG_USERNAME) && version < 5)
		return MQTT_FAULT_PASSWORD_ALONE; /* 3.1.1, 3.1.2.9 */
	return MQTT_FAULT_NONE;
}

static enum parse
read_head(struct cursor *c, struct mqtt_connect *m, uint8_t *flags, enum mqtt_fault *fault)
{
	const struct protocol *protocol;
	enum parse parse = read_protocol(c, &protocol, fault);

	if (parse != PARSE_OK)
		return parse;
	m->level = cursor_u8(c);
	if (c->short_read)
		return PARSE_MORE;
	if (!memchr(protocol->levels.p, m->level, protocol->levels.n)) /* 3.1.2.2 */
		return bad(fault, MQTT_FAULT_LEVEL);
	*flags = cursor_u8(c);
	if (c->short_read)
		return PARSE_MORE;
	*fault = judge_flags(*flags, mqtt_connect_version(m));
	return *fault ? PARSE_BAD : PARSE_OK;
}

static struct str
read_properties(struct cursor *c)
{
	uint32_t n = cursor_varint(c); /* MQTT 5, 2.2.2.1 */

	return cursor_bytes(c, n);
}

/* 3.1.3.2, 3.1.3.3 */
static void
read_will(struct cursor *c, uint8_t flags, struct mqtt_connect *m)
{
	m->has_will = true;
	m->will_qos = (flags & FLAG_WILL_QOS) >> 3;
	m->will_retain = flags & FLAG_WILL_RETAIN;
	if (m->level == 5)
		m->will_properties = read_properties(c);
	m->will_topic = cursor_str(c);
	m->will_payload = cursor_str(c);
}

/*
 * A user name or password, if its flag is set. "For compatibility with the original MQTT V3
 * specification" the length takes precedence over the flag in MQTT 3.1.
 */
static bool
read_credential(struct cursor *c, bool announced, unsigned version, struct str *value)
{
	if (!announced || (version == 3 && cursor_left(c) == 0))
		return false;
	*value = cursor_str(c);
	return true;
}

/* 3.1.2.10, 3.1.3 */
static enum mqtt_fault
read_rest(struct cursor *c, uint8_t flags, struct mqtt_connect *m)
{
	unsigned version = mqtt_connect_version(m);

	m->clean_start = flags & FLAG_CLEAN_START;
	m->keepalive = cursor_u16(c);
	if (version == 5)
		m->properties = read_properties(c);
	m->client_id = cursor_str(c);
	if (flags & FLAG_WILL)
		read_will(c, flags, m);
	m->has_username = read_credential(c, flags & FLAG_USERNAME, version, &m->username);
	m->has_password = read_credential(c, flags & FLAG_PASSWORD, version, &m->password);

	if (c->malformed)
		return MQTT_FAULT_VARINT;
	if (c->short_read)
		return MQTT_FAULT_CUT;
	return cursor_left(c) ? MQTT_FAULT_TRAILING : MQTT_FAULT_NONE;
}

static enum mqtt_fault
judge_strings(const struct mqtt_connect *m)
{
	if (!mqtt_utf8_is_valid(m->client_id) || !mqtt_utf8_is_valid(m->username) ||
	    !mqtt_utf8_is_valid(m->will_topic)) /* 3.1.1, 1.5.3; MQTT 5, 1.5.4 */
		return MQTT_FAULT_UTF8;
	if (m->has_will && !mqtt_topic_is_name(m->will_topic)) /* 4.7.1, 4.7.3 */
		return MQTT_FAULT_WILL_TOPIC;
	if (m->client_id.n == 0 && !m->clean_start && m->level != 5) /* 3.1.1, 3.1.3.1 */
		return MQTT_FAULT_CLIENT_ID;
	return MQTT_FAULT_NONE;
}

/* MQTT 5, 3.1.2.11 */
static enum mqtt_fault
read_connect_properties(struct mqtt_connect *m)
{
	struct mqtt_property_reader r;
	struct mqtt_property property;
	bool has_auth_data = false;

	mqtt_property_reader_init(&r, m->properties, MQTT_IN_CONNECT);
	while (mqtt_property_next(&r, &property)) {
		if (property.id == MQTT_SESSION_EXPIRY) {
			m->has_session_expiry = true;
			m->session_expiry = property.number;
		} else if (property.id == MQTT_AUTH_METHOD) {
			m->auth_method = property.value;
		} else if (property.id == MQTT_AUTH_DATA) {
			has_auth_data = true;
		}
	}
	if (!r.fault && has_auth_data && !m->auth_method.p) /* MQTT 5, 3.1.2.11.10 */
		return MQTT_FAULT_AUTH_DATA_ALONE;
	return r.fault;
}

/* MQTT 5, 3.1.3.2 */
static enum mqtt_fault
judge_will_properties(const struct mqtt_connect *m)
{
	struct mqtt_property_reader r;
	struct mqtt_property property;

	mqtt_property_reader_init(&r, m->will_properties, MQTT_IN_WILL);
	while (mqtt_property_next(&r, &property))
		;
	return r.fault;
}

/* The packet in [p, p+n) from its first byte; *m is filled as far as it goes. */
static enum parse
decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connect *m, enum mqtt_fault *fault)
{
	struct mqtt_header header;
	struct cursor c;
	enum parse parse;
	uint8_t flags;
	size_t used;

	if (n > 0 && p[0] >> 4 != MQTT_CONNECT) /* 3.1.0-1 */
		return bad(fault, MQTT_FAULT_PACKET_TYPE);
	parse = mqtt_header_decode(p, n, &header, &used, fault);
	if (parse != PARSE_OK)
		return parse;
	if (header.body_len < BODY_MIN)
		return bad(fault, MQTT_FAULT_CUT);
	m->len = used + header.body_len;
	if (m->len > max)
		return bad(fault, MQTT_FAULT_TOO_LONG);

	c = (struct cursor){ .p = p + used, .end = p + (n < m->len ? n : m->len) };
	parse = read_head(&c, m, &flags, fault);
	if (parse != PARSE_OK)
		return parse;
	if (n < m->len)
		return PARSE_MORE;
	*fault = read_rest(&c, flags, m);
	if (!*fault)
		*fault = judge_strings(m);
	if (!*fault)
		*fault = read_connect_properties(m);
	if (!*fault)
		*fault = judge_will_properties(m);
	return *fault ? PARSE_BAD : PARSE_OK;
}

enum parse
mqtt_connect_decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connect *c,
		    enum mqtt_fault *fault)
{
	enum parse parse;

	*c = (struct mqtt_connect){ 0 };
	*fault = MQTT_FAULT_NONE;
	parse = decode(p, n, max, c, fault);
	if (parse != PARSE_OK)
		*c = (struct mqtt_connect){ .level = parse == PARSE_BAD ? c->level : 0 };
	return parse;
}
