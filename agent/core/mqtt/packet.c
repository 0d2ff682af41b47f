/* Type and flags are judged with the first byte, before the length is there. */
#include "agent/core/mqtt/packet.h"

#include "agent/core/base/cursor.h"

/* MQTT 5, 2.1.3, table 2-2. Those of PUBLISH are DUP, QoS and RETAIN. */
static bool
flags_fit(enum mqtt_type type, uint8_t flags)
{
	switch (type) {
	case MQTT_PUBLISH:
		return (flags & 0x06) != 0x06; /* QoS 3; MQTT 5, 3.3.1.2 */
	case MQTT_PUBREL:
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return flags == 0x02;
	default:
		return flags == 0;
	}
}

enum parse
mqtt_header_decode(const uint8_t *p, size_t n, struct mqtt_header *h, size_t *used,
		   enum mqtt_fault *fault)
{
	struct cursor c = cursor_of((struct str){ (const char *)p, n });
	uint8_t first = cursor_u8(&c);
	struct mqtt_header header = { first >> 4, first & 0x0f, 0 };

	if (c.short_read)
		return PARSE_MORE;
	if (header.type < MQTT_CONNECT) {
		*fault = MQTT_FAULT_PACKET_TYPE;
		return PARSE_BAD;
	}
	if (!flags_fit(header.type, header.flags)) {
		*fault = MQTT_FAULT_HEADER_FLAGS;
		return PARSE_BAD;
	}
	header.body_len = cursor_varint(&c); /* MQTT 5, 2.1.4 */
	if (c.malformed) {
		*fault = MQTT_FAULT_VARINT;
		return PARSE_BAD;
	}
	if (c.short_read)
		return PARSE_MORE;
	*h = header;
	*used = (size_t)(c.p - p);
	return PARSE_OK;
}
