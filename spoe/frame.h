/*
 * Frames: the envelope that all of SPOP travels in.
 *
 *	length u32 | type u8 | flags u32 | stream-id varint | frame-id varint | payload
 *
 * Numbers of fixed size are big-endian; the length counts what follows it.
 */
#ifndef SPOP_FRAME_H
#define SPOP_FRAME_H

#include "spoe/wire.h"

enum spop_parse {
	SPOP_OK,
	SPOP_MORE, /* not all of it is there */
	SPOP_BAD,  /* no more bytes can mend it */
};

struct spop_frame {
	uint8_t type;	/* enum spop_frame_type, or one that we do not know */
	uint32_t flags; /* enum spop_frame_flag; other bits mean nothing yet */
	uint64_t stream_id, frame_id;
	struct spop_reader payload; /* views the decoded bytes */
	size_t size;		    /* of all of it, length included */
};

/*
 * The frame at the front of [p, p+n). max_frame_size bounds the length before the bytes have
 * come: a frame that will be too big is bad at once. SPOP_OK fills *f, SPOP_BAD sets *fault;
 * otherwise both stay untouched.
 */
enum spop_parse spop_frame_decode(const uint8_t *p, size_t n, uint32_t max_frame_size,
				  struct spop_frame *f, enum spop_status *fault) SPOP_MUST_USE;

/*
 * Begin a frame at the writer's end, then write its payload; nothing else may be written to w
 * before spop_frame_end().
 */
void spop_frame_begin(struct spop_writer *w, enum spop_frame_type type, uint32_t max_frame_size,
		      uint64_t stream_id, uint64_t frame_id);

/*
 * The frame is complete: its length is filled in. If it overflowed or exceeds max_frame_size, it
 * is taken back whole, w is again what begin found and usable, and the answer is false.
 */
bool spop_frame_end(struct spop_writer *w) SPOP_MUST_USE;

#endif
