/* Sections are RFC 6455's. The first two bytes are judged as they come. */
#include "agent/core/websocket/frame.h"

#include <assert.h>

#include "agent/core/base/cursor.h"
#include "agent/core/base/writer.h"

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127 }; /* 5.2: the length follows in so many bits */

static const struct {
	const char *name;
	uint16_t code;
} table[N_WEBSOCKET_FAULTS] = {
	[WEBSOCKET_FAULT_NONE] = { "none", 1000 },
	[WEBSOCKET_FAULT_RESERVED] = { "reserved", 1002 },
	[WEBSOCKET_FAULT_OPCODE] = { "opcode", 1002 },
	[WEBSOCKET_FAULT_TEXT] = { "text", 1003 }, /* MQTT 5, 6.0.0-1 */
	[WEBSOCKET_FAULT_MASK] = { "mask", 1002 },
	[WEBSOCKET_FAULT_LENGTH] = { "length", 1002 },
	[WEBSOCKET_FAULT_CONTROL] = { "control", 1002 },
	[WEBSOCKET_FAULT_CONTINUATION] = { "continuation", 1002 },
	[WEBSOCKET_FAULT_CLOSE] = { "close", 1002 },
};

const char *
websocket_fault_name(enum websocket_fault fault)
{
	return table[fault].name;
}

uint16_t
websocket_fault_code(enum websocket_fault fault)
{
	return table[fault].code;
}

static enum websocket_fault
check_first(uint8_t byte)
{
	uint8_t opcode = byte & OPCODE;

	if (byte & RESERVED) /* 5.2: no extension was agreed on */
		return WEBSOCKET_FAULT_RESERVED;
	if (opcode == WEBSOCKET_TEXT)
		return WEBSOCKET_FAULT_TEXT;
	if (opcode > WEBSOCKET_PONG || (opcode > WEBSOCKET_BINARY && !websocket_is_control(opcode)))
		return WEBSOCKET_FAULT_OPCODE;
	if (websocket_is_control(opcode) && !(byte & FIN)) /* 5.5 */
		return WEBSOCKET_FAULT_CONTROL;
	return WEBSOCKET_FAULT_NONE;
}

static enum websocket_fault
check_second(uint8_t byte, uint8_t opcode, enum websocket_side from)
{
	if (!(byte & MASKED) != (from == WEBSOCKET_SERVER)) /* 5.1 */
		return WEBSOCKET_FAULT_MASK;
	if (websocket_is_control(opcode) && (byte & LENGTH) > WEBSOCKET_CONTROL_MAX)
		return WEBSOCKET_FAULT_CONTROL;
	return WEBSOCKET_FAULT_NONE;
}

/* 5.2: the shortest form, and no sign bit. Zero after a short read. */
static enum websocket_fault
read_length(struct cursor *c, uint8_t byte, uint64_t *len)
{
	uint8_t form = byte & LENGTH;
	uint64_t least = form == LENGTH_64 ? UINT16_MAX + 1 : form == LENGTH_16 ? LENGTH_16 : 0;

	if (form == LENGTH_64) {
		*len = (uint64_t)cursor_u32(c) << 32;
		*len |= cursor_u32(c);
	} else {
		*len = form == LENGTH_16 ? cursor_u16(c) : form;
	}
	if (c->short_read)
		return WEBSOCKET_FAULT_NONE;
	return *len < least || *len >> 63 ? WEBSOCKET_FAULT_LENGTH : WEBSOCKET_FAULT_NONE;
}

enum parse
websocket_header_decode(const uint8_t *p, size_t n, enum websocket_side from,
			struct websocket_frame *f, enum websocket_fault *fault)
{
	struct cursor c = cursor_of((struct str){ (const char *)p, n });
	uint8_t first = cursor_u8(&c), second = cursor_u8(&c);
	const char *mask = NULL;
	uint64_t len = 0;

	*fault = n > 0 ? check_first(first) : WEBSOCKET_FAULT_NONE;
	if (!*fault && n > 1)
		*fault = check_second(second, first & OPCODE, from);
	if (!*fault && n > 1)
		*fault = read_length(&c, second, &len);
	if (*fault)
		return PARSE_BAD;
	if (second & MASKED)
		mask = cursor_bytes(&c, 4).p;
	if (c.short_read)
		return PARSE_MORE;
	*f = (struct websocket_frame){
		.opcode = first & OPCODE,
		.is_last = first & FIN,
		.is_masked = mask != NULL,
		.len = len,
		.header_len = (size_t)(c.p - p),
	};
	if (mask)
		memcpy(f->mask, mask, sizeof(f->mask));
	return PARSE_OK;
}

/* 5.3 */
void
websocket_unmask(const uint8_t *p, size_t n, const uint8_t mask[4], uint64_t offset, uint8_t *to)
{
	for (size_t i = 0; i < n; i++)
		to[i] = p[i] ^ mask[(offset + i) & 3];
}

size_t
websocket_frame_encode(enum websocket_opcode opcode, struct str payload, uint8_t *out, size_t size)
{
	struct writer w = { .p = out, .size = size };

	assert(!websocket_is_control(opcode) || payload.n <= WEBSOCKET_CONTROL_MAX);
	writer_u8(&w, FIN | opcode);
	if (payload.n < LENGTH_16) {
		writer_u8(&w, (unsigned)payload.n);
	} else if (payload.n <= UINT16_MAX) {
		writer_u8(&w, LENGTH_16);
		writer_u16(&w, payload.n);
	} else {
		writer_u8(&w, LENGTH_64);
		writer_u32(&w, (uint32_t)((uint64_t)payload.n >> 32));
		writer_u32(&w, (uint32_t)payload.n);
	}
	writer_str(&w, payload);
	return writer_end(&w);
}

size_t
websocket_close_encode(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_LEN])
{
	const char payload[] = { (char)(code >> 8), (char)code };

	return websocket_frame_encode(WEBSOCKET_CLOSE, (struct str){ payload, sizeof(payload) },
				      out, WEBSOCKET_CLOSE_LEN);
}
