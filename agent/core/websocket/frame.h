/*
 * Frames of WebSocket (RFC 6455, 5): their headers, their masks, and those few that usher writes.
 * Extensions are never agreed on (http1/write.h), so no reserved bit has a meaning.
 */
#ifndef USHER_CORE_WEBSOCKET_FRAME_H
#define USHER_CORE_WEBSOCKET_FRAME_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

enum websocket_side {
	WEBSOCKET_CLIENT, /* its frames are masked, always */
	WEBSOCKET_SERVER, /* its frames never are */
};

enum websocket_fault {
	WEBSOCKET_FAULT_NONE,
	WEBSOCKET_FAULT_RESERVED,     /* a reserved bit */
	WEBSOCKET_FAULT_OPCODE,	      /* one that is none */
	WEBSOCKET_FAULT_TEXT,	      /* MQTT goes in binary frames */
	WEBSOCKET_FAULT_MASK,	      /* a client without, a server with */
	WEBSOCKET_FAULT_LENGTH,	      /* not the shortest form, or above 63 bits */
	WEBSOCKET_FAULT_CONTROL,      /* a control frame in parts, or above 125 bytes */
	WEBSOCKET_FAULT_CONTINUATION, /* of nothing, or missing */
	WEBSOCKET_FAULT_CLOSE,	      /* a close frame whose code is none */
	N_WEBSOCKET_FAULTS,
};

/* "mask", "text", …: in logs and metrics. */
const char *websocket_fault_name(enum websocket_fault fault);
/* The code of the close frame that answers it: 1002, or 1003 for text (RFC 6455, 7.4.1). */
uint16_t websocket_fault_code(enum websocket_fault fault);

enum {
	WEBSOCKET_CONTROL_MAX = 125, /* bytes of payload (RFC 6455, 5.5) */
	WEBSOCKET_HEADER_MAX = 14,
};

struct websocket_frame {
	enum websocket_opcode opcode;
	bool is_last; /* FIN: of its message */
	bool is_masked;
	uint8_t mask[4];
	uint64_t len;	   /* bytes of payload behind the header; below 2^63 */
	size_t header_len; /* 2..14 */
};

static inline bool
websocket_is_control(enum websocket_opcode opcode)
{
	return opcode & 8;
}

/*
 * Decode the header of the frame at the front of [p, p+n), sent by that side; the payload need not
 * be there. PARSE_OK fills *f; PARSE_BAD sets *fault. Flags are judged byte by byte, a length when
 * it is whole.
 * Whether the frame continues something that was begun is the reader's matter (reader.h).
 */
enum parse websocket_header_decode(const uint8_t *p, size_t n, enum websocket_side from,
				   struct websocket_frame *f, enum websocket_fault *fault) MUST_USE;

/*
 * Take the mask off [p, p+n), or put it on: bytes of a payload from its byte `offset` on. From and
 * to may be the same place.
 */
void websocket_unmask(const uint8_t *p, size_t n, const uint8_t mask[4], uint64_t offset,
		      uint8_t *to);

/*
 * Write a server's frame, in one part and without mask: the payload of a control frame must not be
 * longer than WEBSOCKET_CONTROL_MAX. Returns its length, or 0 if `size` is too small.
 */
size_t websocket_frame_encode(enum websocket_opcode opcode, struct str payload, uint8_t *out,
			      size_t size) MUST_USE;

enum { WEBSOCKET_CLOSE_LEN = 4 };
/* A server's close frame with a code, without a reason. Returns its length. */
size_t websocket_close_encode(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_LEN]);

#endif
