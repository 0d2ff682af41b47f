/*
 * Bytes for the tests of libspop: literals as views, frames with any header.
 */
#ifndef USHER_TESTS_UNIT_SPOE_BYTES_H
#define USHER_TESTS_UNIT_SPOE_BYTES_H

#include "spoe/frame.h"
#include "tests/unit/run.h"

/* Initialises a struct spop_str from a literal, NULs and all. */
#define BYTES(literal)                                                                             \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static inline const uint8_t *
bytes(struct spop_str s)
{
	return (const uint8_t *)s.p;
}

static inline struct spop_reader
reader_of(struct spop_str s)
{
	return (struct spop_reader){ .p = bytes(s), .end = bytes(s) + s.n };
}

static inline struct spop_str
written(const struct spop_writer *w)
{
	return (struct spop_str){ (const char *)w->p, w->n };
}

static inline void
assert_same(struct spop_str got, struct spop_str want)
{
	ck_assert_uint_eq(got.n, want.n);
	if (want.n)
		ck_assert_mem_eq(got.p, want.p, want.n);
}

static inline void
assert_value(const struct spop_value *got, const struct spop_value *want)
{
	ck_assert_int_eq(got->type, want->type);
	switch (want->type) {
	case SPOP_TYPE_NULL:
		break;
	case SPOP_TYPE_BOOL:
		ck_assert_int_eq(got->boolean, want->boolean);
		break;
	case SPOP_TYPE_INT32:
	case SPOP_TYPE_INT64:
		ck_assert_int_eq(got->i, want->i);
		break;
	case SPOP_TYPE_UINT32:
	case SPOP_TYPE_UINT64:
		ck_assert_uint_eq(got->u, want->u);
		break;
	case SPOP_TYPE_IPV4:
		ck_assert_mem_eq(got->ip, want->ip, 4);
		break;
	case SPOP_TYPE_IPV6:
		ck_assert_mem_eq(got->ip, want->ip, 16);
		break;
	case SPOP_TYPE_STRING:
	case SPOP_TYPE_BINARY:
		assert_same(got->str, want->str);
		break;
	}
}

/* Append a frame as it comes, sound or not. Ids below 240. */
static inline void
put_frame(struct spop_writer *w, uint8_t type, uint8_t flags, uint8_t stream_id, uint8_t frame_id,
	  struct spop_str payload)
{
	size_t len = SPOP_FRAME_MIN + payload.n;
	uint8_t head[] = { (uint8_t)(len >> 24),
			   (uint8_t)(len >> 16),
			   (uint8_t)(len >> 8),
			   (uint8_t)len,
			   type,
			   0,
			   0,
			   0,
			   flags,
			   stream_id,
			   frame_id };

	spop_write_bytes(w, head, sizeof(head));
	spop_write_bytes(w, payload.p, payload.n);
	ck_assert(!w->overflow);
}

/* The one whole frame that w holds. */
static inline struct spop_frame
only_frame(const struct spop_writer *w)
{
	enum spop_status fault;
	struct spop_frame f;

	ck_assert_int_eq(spop_frame_decode(w->p, w->n, UINT32_MAX, &f, &fault), SPOP_OK);
	ck_assert_uint_eq(f.size, w->n);
	ck_assert_uint_eq(f.flags, SPOP_FLAG_FIN);
	return f;
}

#endif
