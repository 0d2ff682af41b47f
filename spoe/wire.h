/*
 * What SPOP's frames are made of: integers of variable length, strings, typed values.
 * A reader over bytes that are all there, and a writer into the caller's memory.
 *
 * Both have a sticky failure: read or write all fields in a row and ask once at the end.
 * A reader that failed stands at its end and gives zeros and empty strings; a writer that
 * overflowed takes nothing more.
 */
#ifndef SPOP_WIRE_H
#define SPOP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "spoe/spop.h"

/* A view of bytes that belong to somebody else; no NUL at the end. */
struct spop_str {
	const char *p;
	size_t n; /* bytes */
};

#define SPOP_STR(literal) ((struct spop_str){ (literal), sizeof(literal) - 1 })

static inline bool
spop_str_eq(struct spop_str a, struct spop_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
spop_str_is(struct spop_str s, const char *z)
{
	return spop_str_eq(s, (struct spop_str){ z, strlen(z) });
}

struct spop_value {
	enum spop_type type;
	union {
		bool boolean;	     /* BOOL */
		int64_t i;	     /* INT32, INT64 */
		uint64_t u;	     /* UINT32, UINT64 */
		uint8_t ip[16];	     /* IPV4 (the first 4 bytes), IPV6; network order */
		struct spop_str str; /* STRING, BINARY */
	};
};

/* ---- reading ------------------------------------------------------------------------------- */

struct spop_reader {
	const uint8_t *p, *end;
	bool bad; /* something did not fit or cannot be */
};

static inline void
spop_reader_fail(struct spop_reader *r)
{
	r->p = r->end;
	r->bad = true;
}

static inline uint8_t
spop_read_u8(struct spop_reader *r)
{
	if (r->p < r->end)
		return *r->p++;
	spop_reader_fail(r);
	return 0;
}

/* Integers of two bytes and more. */
uint64_t spop_read_long_varint(struct spop_reader *r);

static inline uint64_t
spop_read_varint(struct spop_reader *r)
{
	if (r->p < r->end && *r->p < 240)
		return *r->p++;
	return spop_read_long_varint(r);
}

/* The view points into the reader's bytes. */
static inline struct spop_str
spop_read_str(struct spop_reader *r)
{
	uint64_t n = spop_read_varint(r);
	struct spop_str s = { (const char *)r->p, (size_t)n };

	if (n > (uint64_t)(r->end - r->p)) {
		spop_reader_fail(r);
		return SPOP_STR("");
	}
	r->p += n;
	return s;
}

/*
 * A typed value; NULL if the reader failed. Flags that its type does not use are ignored. A type
 * not in use, or an integer wider than its type, fails.
 */
void spop_read_value(struct spop_reader *r, struct spop_value *v);

/* ---- writing ------------------------------------------------------------------------------- */

/* Start with { .p = memory, .cap = its size }; n bytes are written. */
struct spop_writer {
	uint8_t *p; /* the caller's */
	size_t n, cap;
	bool overflow;
	/* Between begin and end of a frame (frame.h): */
	size_t frame_at;    /* where it starts */
	uint32_t frame_max; /* what it may measure, without the length before it */
};

/* Each writes all of its bytes, or none and sets overflow. */
void spop_write_u8(struct spop_writer *w, uint8_t byte);
void spop_write_bytes(struct spop_writer *w, const void *p, size_t n);
void spop_write_varint(struct spop_writer *w, uint64_t value);

/* These two may have written a part when they overflow: the frame they stand in is taken back. */
void spop_write_str(struct spop_writer *w, struct spop_str s);
/* The value's type must be one of the ten, and a 32-bit integer must be one. */
void spop_write_value(struct spop_writer *w, const struct spop_value *v);

#endif
