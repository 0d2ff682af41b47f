/*
 * A bounded writer into bytes that belong to somebody else: the cursor's counterpart. Integers are
 * in network order.
 *
 * Failure sticks: write all fields in a row and ask once at the end. What did not fit as a whole is
 * not written at all, nor anything after it.
 */
#ifndef USHER_CORE_BASE_WRITER_H
#define USHER_CORE_BASE_WRITER_H

#include "agent/core/base/str.h"

struct writer {
	uint8_t *p;
	size_t n, size; /* bytes written, and room for them */
	bool is_full;	/* something did not fit, or a number was too large for its field */
};

static inline void
writer_bytes(struct writer *w, const void *p, size_t n)
{
	w->is_full = w->is_full || n > w->size - w->n;
	if (w->is_full || n == 0)
		return;
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static inline void
writer_str(struct writer *w, struct str s)
{
	writer_bytes(w, s.p, s.n);
}

static inline void
writer_u8(struct writer *w, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	writer_bytes(w, &byte, 1);
}

static inline void
writer_u16(struct writer *w, size_t value)
{
	w->is_full = w->is_full || value > UINT16_MAX;
	writer_u8(w, value >> 8 & 0xff);
	writer_u8(w, value & 0xff);
}

static inline void
writer_u32(struct writer *w, uint32_t value)
{
	writer_u16(w, value >> 16);
	writer_u16(w, value & 0xffff);
}

/* The number of bytes written, or 0 if not all of them fitted. */
static inline size_t
writer_end(const struct writer *w)
{
	return w->is_full ? 0 : w->n;
}

#endif
