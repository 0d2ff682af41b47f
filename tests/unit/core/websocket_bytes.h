/*
 * WebSocket frames for tests: any frame, sound or not, as a client or a server would write it.
 */
#ifndef USHER_TESTS_UNIT_CORE_WEBSOCKET_BYTES_H
#define USHER_TESTS_UNIT_CORE_WEBSOCKET_BYTES_H

#include <assert.h>

#include "agent/core/base/writer.h"
#include "agent/core/websocket/frame.h"

static const uint8_t test_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* `first` is the first byte: FIN, reserved bits, opcode. */
static inline void
put_frame(struct writer *w, unsigned first, enum websocket_side from, struct str payload)
{
	unsigned masked = from == WEBSOCKET_CLIENT ? 0x80 : 0;
	uint8_t *start;

	writer_u8(w, first);
	writer_u8(w, masked | (payload.n < 126 ? (unsigned)payload.n : 126));
	if (payload.n >= 126)
		writer_u16(w, payload.n);
	if (masked)
		writer_bytes(w, test_mask, 4);
	start = w->p + w->n;
	writer_str(w, payload);
	assert(!w->is_full);
	if (masked)
		websocket_unmask(start, payload.n, test_mask, 0, start);
}

#endif
