#include "spoe/frame.h"

static uint32_t
load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
store_be32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

enum spop_parse
spop_frame_decode(const uint8_t *p, size_t n, uint32_t max_frame_size, struct spop_frame *f,
		  enum spop_status *fault)
{
	struct spop_frame frame;
	uint32_t len;

	if (n < SPOP_LENGTH_SIZE)
		return SPOP_MORE;
	len = load_be32(p);
	if (len < SPOP_FRAME_MIN || len > max_frame_size) {
		*fault = len < SPOP_FRAME_MIN ? SPOP_STATUS_INVALID : SPOP_STATUS_TOO_BIG;
		return SPOP_BAD;
	}
	if (n - SPOP_LENGTH_SIZE < len)
		return SPOP_MORE;

	p += SPOP_LENGTH_SIZE;
	frame = (struct spop_frame){
		.type = p[0],
		.flags = load_be32(p + 1),
		.payload = { .p = p + 5, .end = p + len },
		.size = SPOP_LENGTH_SIZE + (size_t)len,
	};
	frame.stream_id = spop_read_varint(&frame.payload);
	frame.frame_id = spop_read_varint(&frame.payload);
	if (frame.payload.bad) {
		*fault = SPOP_STATUS_INVALID;
		return SPOP_BAD;
	}
	*f = frame;
	return SPOP_OK;
}

void
spop_frame_begin(struct spop_writer *w, enum spop_frame_type type, uint32_t max_frame_size,
		 uint64_t stream_id, uint64_t frame_id)
{
	uint8_t head[SPOP_LENGTH_SIZE + 5] = { [SPOP_LENGTH_SIZE] = (uint8_t)type };

	store_be32(head + SPOP_LENGTH_SIZE + 1, SPOP_FLAG_FIN);
	w->frame_at = w->n;
	w->frame_max = max_frame_size;
	spop_write_bytes(w, head, sizeof(head));
	spop_write_varint(w, stream_id);
	spop_write_varint(w, frame_id);
}

bool
spop_frame_end(struct spop_writer *w)
{
	size_t size = w->n - w->frame_at;

	if (w->overflow || size - SPOP_LENGTH_SIZE > w->frame_max) {
		w->n = w->frame_at;
		w->overflow = false;
		return false;
	}
	store_be32(w->p + w->frame_at, (uint32_t)(size - SPOP_LENGTH_SIZE));
	return true;
}
