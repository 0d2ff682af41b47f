/*
 * A bounded reader of bytes that belong to somebody else. Integers are in network order.
 *
 * Failure sticks: read all fields in a row and ask once at the end. A cursor that failed stands at
 * its end and gives zeros and absent views from then on.
 */
#ifndef USHER_CORE_BASE_CURSOR_H
#define USHER_CORE_BASE_CURSOR_H

#include "agent/core/base/str.h"

struct cursor {
	const uint8_t *p, *end;
	bool short_read; /* a read went past the end; with more bytes it might not have */
	bool malformed;	 /* a varint was none; no further bytes can mend it */
};

static inline struct cursor
cursor_of(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return (struct cursor){ .p = p, .end = s.n ? p + s.n : p };
}

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes as a view, empty when n is 0. */
static inline struct str
cursor_bytes(struct cursor *c, size_t n)
{
	struct str s = { (const char *)c->p, n };

	if (c->short_read || c->malformed || n > cursor_left(c)) {
		c->short_read = c->short_read || !c->malformed;
		c->p = c->end;
		return (struct str){ 0 };
	}
	if (n)
		c->p += n;
	return s;
}

static inline uint8_t
cursor_u8(struct cursor *c)
{
	if (c->p < c->end)
		return *c->p++;
	c->short_read = c->short_read || !c->malformed;
	return 0;
}

static inline uint16_t
cursor_u16(struct cursor *c)
{
	const uint8_t *b = (const uint8_t *)cursor_bytes(c, 2).p;

	return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}

static inline uint32_t
cursor_u32(struct cursor *c)
{
	const uint8_t *b = (const uint8_t *)cursor_bytes(c, 4).p;

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/*
 * MQTT's variable byte integer (MQTT 5, 1.5.5): seven bits a byte, lowest first, at most four
 * bytes and no more than the value needs; anything else is malformed.
 */
static inline uint32_t
cursor_varint(struct cursor *c)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t byte = cursor_u8(c);

		if (c->short_read || c->malformed)
			return 0;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			break;
		return value;
	}
	c->malformed = true;
	c->p = c->end;
	return 0;
}

/* Bytes behind their length in two bytes: MQTT's strings and binary data. */
static inline struct str
cursor_str(struct cursor *c)
{
	uint16_t n = cursor_u16(c);

	return cursor_bytes(c, n);
}

#endif
