/*
 * MQTT packets for tests: an encoder of CONNECT, for unit tests and fuzz targets.
 */
#ifndef USHER_TESTS_UNIT_CORE_MQTT_BYTES_H
#define USHER_TESTS_UNIT_CORE_MQTT_BYTES_H

#include <assert.h>

#include "agent/core/base/buf.h"
#include "agent/core/mqtt/connect.h"

enum { TEST_PACKET_MAX = 1 << 20 };

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ (const char *)b->data + b->r, buf_len(b) };
}

static inline void
put_bytes(struct buf *b, struct str s)
{
	bool fits = buf_put(b, s.p, s.n);

	assert(fits);
}

static inline void
put_u8(struct buf *b, unsigned byte)
{
	put_bytes(b, (struct str){ (char[]){ (char)byte }, 1 });
}

static inline void
put_u16(struct buf *b, size_t value)
{
	put_u8(b, (value >> 8) & 0xff);
	put_u8(b, value & 0xff);
}

static inline void
put_varint(struct buf *b, size_t value)
{
	for (; value > 0x7f; value >>= 7)
		put_u8(b, (value & 0x7f) | 0x80);
	put_u8(b, (unsigned)value);
}

static inline void
put_str(struct buf *b, struct str s)
{
	put_u16(b, s.n);
	put_bytes(b, s);
}

/* First byte, remaining length, body. */
static inline void
put_packet(struct buf *b, unsigned first, struct str body)
{
	put_u8(b, first);
	put_varint(b, body.n);
	put_bytes(b, body);
}

static inline unsigned
connect_flags(const struct mqtt_connect *c)
{
	return (unsigned)c->clean_start << 1 | (unsigned)c->has_will << 2 |
	       (unsigned)c->will_qos << 3 | (unsigned)c->will_retain << 5 |
	       (unsigned)c->has_password << 6 | (unsigned)c->has_username << 7;
}

/* The packet whose decoding is *c; c->len and what was found in properties are not asked. */
static inline void
put_connect(struct buf *out, const struct mqtt_connect *c)
{
	bool is_5 = mqtt_connect_version(c) == 5;
	struct buf body;

	buf_init(&body, TEST_PACKET_MAX);
	put_str(&body, mqtt_connect_version(c) == 3 ? STR("MQIsdp") : STR("MQTT"));
	put_u8(&body, c->level);
	put_u8(&body, connect_flags(c));
	put_u16(&body, c->keepalive);
	if (is_5) {
		put_varint(&body, c->properties.n);
		put_bytes(&body, c->properties);
	}
	put_str(&body, c->client_id);
	if (c->has_will && is_5) {
		put_varint(&body, c->will_properties.n);
		put_bytes(&body, c->will_properties);
	}
	if (c->has_will) {
		put_str(&body, c->will_topic);
		put_str(&body, c->will_payload);
	}
	if (c->has_username)
		put_str(&body, c->username);
	if (c->has_password)
		put_str(&body, c->password);
	put_packet(out, 0x10, buf_str(&body));
	buf_fini(&body);
}

#endif
