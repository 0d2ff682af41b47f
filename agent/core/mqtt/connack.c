/*
 * Like a CONNECT (connect.c), the little that comes first is judged as it comes, the properties
 * when the packet is whole. Sections are MQTT 3.1.1's and MQTT 5's alike unless said.
 */
#include "agent/core/mqtt/connack.h"

#include "agent/core/base/cursor.h"
#include "agent/core/mqtt/packet.h"
#include "agent/core/mqtt/property.h"

enum { FLAG_SESSION_PRESENT = 0x01 };
enum { BODY_LEN_3 = 2 }; /* flags and code; MQTT 5 has at least the property length behind them */

size_t
mqtt_connack_encode(unsigned level, uint8_t code, uint8_t *out, size_t size)
{
	bool is_5 = (level & 0x7f) >= 5; /* as refusal_code() */
	const uint8_t packet[MQTT_CONNACK_MAX] = { MQTT_CONNACK << 4, is_5 ? 3 : 2, 0, code, 0 };
	size_t n = is_5 ? 5 : 4;

	if (n > size)
		return 0;
	memcpy(out, packet, n);
	return n;
}

static enum parse
bad(enum mqtt_fault *fault, enum mqtt_fault which)
{
	*fault = which;
	return PARSE_BAD;
}

/* 3.2.2.1, 3.2.2.2 */
static enum parse
read_head(struct cursor *c, struct mqtt_connack *m, enum mqtt_fault *fault)
{
	uint8_t flags = cursor_u8(c);

	if (flags & ~FLAG_SESSION_PRESENT) /* 3.2.2.1; none are there after a short read */
		return bad(fault, MQTT_FAULT_ACK_FLAGS);
	m->session_present = flags & FLAG_SESSION_PRESENT;
	m->code = cursor_u8(c);
	if (c->short_read)
		return PARSE_MORE;
	if (m->session_present && m->code) /* 3.1.1, 3.2.2.2; MQTT 5, 3.2.2.1.1 */
		return bad(fault, MQTT_FAULT_SESSION_PRESENT);
	return PARSE_OK;
}

/* MQTT 5, 3.2.2.3 */
static enum mqtt_fault
read_properties(struct cursor *c, struct mqtt_connack *m)
{
	uint32_t n = cursor_varint(c);
	struct mqtt_property_reader r;
	struct mqtt_property property;

	m->properties = cursor_bytes(c, n);
	if (c->malformed)
		return MQTT_FAULT_VARINT;
	if (c->short_read)
		return MQTT_FAULT_CUT;
	if (cursor_left(c))
		return MQTT_FAULT_TRAILING;
	mqtt_property_reader_init(&r, m->properties, MQTT_IN_CONNACK);
	while (mqtt_property_next(&r, &property)) {
		if (property.id == MQTT_SERVER_KEEPALIVE) {
			m->has_server_keepalive = true;
			m->server_keepalive = (uint16_t)property.number;
		} else if (property.id == MQTT_ASSIGNED_CLIENT_ID) {
			m->assigned_id = property.value;
		} else if (property.id == MQTT_SERVER_REFERENCE) {
			m->server_reference = property.value;
		} else if (property.id == MQTT_REASON_STRING) {
			m->reason = property.value;
		}
	}
	return r.fault;
}

static enum parse
decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connack *m, enum mqtt_fault *fault)
{
	struct mqtt_header header;
	struct cursor c;
	enum parse parse;
	size_t used;

	if (n > 0 && p[0] >> 4 != MQTT_CONNACK)
		return bad(fault, MQTT_FAULT_PACKET_TYPE);
	parse = mqtt_header_decode(p, n, &header, &used, fault);
	if (parse != PARSE_OK)
		return parse;
	if (header.body_len < BODY_LEN_3)
		return bad(fault, MQTT_FAULT_CUT);
	m->len = used + header.body_len;
	if (m->len > max)
		return bad(fault, MQTT_FAULT_TOO_LONG);

	m->level = header.body_len == BODY_LEN_3 ? 4 : 5;
	c = (struct cursor){ .p = p + used, .end = p + (n < m->len ? n : m->len) };
	parse = read_head(&c, m, fault);
	if (parse != PARSE_OK || m->level == 4)
		return parse;
	if (n < m->len)
		return PARSE_MORE;
	*fault = read_properties(&c, m);
	return *fault ? PARSE_BAD : PARSE_OK;
}

enum parse
mqtt_connack_decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connack *c,
		    enum mqtt_fault *fault)
{
	enum parse parse;

	*c = (struct mqtt_connack){ 0 };
	*fault = MQTT_FAULT_NONE;
	parse = decode(p, n, max, c, fault);
	if (parse != PARSE_OK)
		*c = (struct mqtt_connack){ 0 };
	return parse;
}
