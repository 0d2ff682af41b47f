/*
 * The sticky table as bytes that outlive the process.
 *
 *	head    "usher-sticky\r\n\x1a\n" (16)   version (4)   written at, UNIX ms (8)   checksum (8)
 *	block   type (1)   length (4)   payload   checksum (8)
 *	…       blocks of names and of entries, in any order, and one END
 *
 *	NAMES     { length (2)  server }…  counted from 1, over all such blocks
 *	ENTRIES   { flags (1)  name's number (2)  ms since the last event (4)
 *	            s since it was placed (4)  length (2)  scope  length (2)  id }…
 *	END       how many entries there were (8)
 *
 * Integers are in network order. A checksum is XXH3 of all before it in its block, seeded with the
 * one before: a block that is missing, moved or changed is noticed there. Servers are names, since
 * their numbers are the process's own; times are spans, since clocks do not outlive it.
 *
 * Pure functions over the caller's bytes, without allocation. Results are views.
 */
#ifndef USHER_CORE_STICK_SNAPSHOT_H
#define USHER_CORE_STICK_SNAPSHOT_H

#include "agent/core/base/cursor.h"
#include "agent/core/base/writer.h"
#include "agent/core/stick/table.h"

enum {
	SNAPSHOT_VERSION = 1,
	SNAPSHOT_PAYLOAD = 256 << 10, /* at most; the largest entry takes 131,085 */
	SNAPSHOT_BLOCK = 5 + SNAPSHOT_PAYLOAD + 8,
};

enum snapshot_block_type {
	SNAPSHOT_HEAD, /* the decoder's word for it; no block has this type */
	SNAPSHOT_NAMES,
	SNAPSHOT_ENTRIES,
	SNAPSHOT_END,
};

/* ---- writing -------------------------------------------------------------------------------- */

/*
 * Head, then blocks. Each of them stands in `out` when it is sealed, for the caller to take away
 * (`out.n = 0`) before the next one begins.
 */
struct snapshot_encoder {
	struct writer out; /* over the caller's bytes: SNAPSHOT_BLOCK of them */
	uint64_t seal;	   /* the last checksum */
	uint64_t entries;  /* so far */
	enum snapshot_block_type type;
};

void snapshot_start(struct snapshot_encoder *e, uint8_t bytes[SNAPSHOT_BLOCK], int64_t written_ms);
void snapshot_begin(struct snapshot_encoder *e, enum snapshot_block_type type);
/* False: it does not fit into this block, and nothing was written; nor into an empty one, ever. */
bool snapshot_add_name(struct snapshot_encoder *e, struct str name) MUST_USE;
bool snapshot_add_entry(struct snapshot_encoder *e, const struct stick_record *r, uint16_t name)
	MUST_USE;
void snapshot_seal(struct snapshot_encoder *e);

/* ---- reading -------------------------------------------------------------------------------- */

enum snapshot_fault {
	SNAPSHOT_SOUND,
	SNAPSHOT_CUT, /* for the caller: the bytes ended at PARSE_MORE */
	SNAPSHOT_FOREIGN,
	SNAPSHOT_OTHER_VERSION,
	SNAPSHOT_CHANGED,   /* a checksum is wrong */
	SNAPSHOT_MALFORMED, /* right checksum, wrong content */
	SNAPSHOT_SURPLUS,   /* bytes behind the end */
	N_SNAPSHOT_FAULTS,
};

const char *snapshot_fault_text(enum snapshot_fault fault);

/* Zero-initialised; one for each reading. */
struct snapshot_decoder {
	bool has_head, is_over;
	enum snapshot_fault fault; /* why PARSE_BAD */
	uint64_t seal;
	uint64_t entries;
	uint32_t n_names; /* so far: what entries may refer to */
	int64_t written_ms;
};

struct snapshot_block {
	enum snapshot_block_type type;
	struct cursor content; /* for the two functions below */
};

/*
 * The head or block at the front of [p, p+n), checked to its last byte. PARSE_OK: *used bytes are
 * done with. When is_over is set, whatever follows is PARSE_BAD, but for nothing.
 */
enum parse snapshot_decode(struct snapshot_decoder *d, const uint8_t *p, size_t n,
			   struct snapshot_block *block, size_t *used) MUST_USE;

/* The next one of a block that was decoded; false when there is none. */
bool snapshot_next_name(struct snapshot_block *block, struct str *name);
/* The record's target is the number of the name. */
bool snapshot_next_entry(struct snapshot_block *block, struct stick_record *r);

/* How long ago that was, by a wall clock that may have been set back since. */
static inline int64_t
snapshot_age_ms(int64_t written_ms, int64_t wall_ms)
{
	return wall_ms > written_ms ? wall_ms - written_ms : 0;
}

#endif
