/*
 * A file that is not what usher wrote. Bytes as they are hardly pass the checksum, so they are
 *tried as contents of sound blocks as well: what the decoder gives out lies inside and goes into a
 *table.
 *
 *	input: { type (1)  length (2)  payload }…
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "agent/core/stick/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
assert_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *at = (const uint8_t *)s.p;

	assert(s.n == 0 || (at >= p && at + s.n <= p + n));
}

static void
use(struct snapshot_block *block, const struct snapshot_decoder *d, struct stick_table *t,
    const uint8_t *p, size_t n)
{
	struct stick_record r;
	struct str name;

	if (block->type == SNAPSHOT_NAMES)
		while (snapshot_next_name(block, &name))
			assert_inside(name, p, n);
	if (block->type == SNAPSHOT_ENTRIES)
		while (snapshot_next_entry(block, &r)) {
			assert_inside(r.scope, p, n);
			assert_inside(r.id, p, n);
			assert(r.id.n && r.target >= 1 && r.target <= d->n_names);
			(void)stick_table_restore(t, &r, 1000);
		}
}

static bool
decode(const uint8_t *p, size_t n, struct stick_table *t)
{
	struct snapshot_decoder d = { 0 };
	struct snapshot_block block;
	enum parse result;
	size_t used;

	while ((result = snapshot_decode(&d, p, n, &block, &used)) == PARSE_OK) {
		assert(used > 0 && used <= n);
		use(&block, &d, t, p, used);
		p += used;
		n -= used;
	}
	assert((result == PARSE_BAD) == (d.fault != SNAPSHOT_SOUND));
	return result == PARSE_MORE && n == 0 && d.is_over;
}

/* The input's payloads as blocks of a file; its length. */
static size_t
wrap(const uint8_t *p, size_t n, uint8_t *file)
{
	struct cursor c = { .p = p, .end = p + n };
	struct snapshot_encoder e;
	size_t len;

	snapshot_start(&e, file, 0);
	file += len = e.out.n;
	while (cursor_left(&c)) {
		uint8_t type = cursor_u8(&c);
		struct str payload = cursor_str(&c);

		e.out.p = file;
		snapshot_begin(&e, SNAPSHOT_NAMES);
		e.out.p[0] = type;
		writer_str(&e.out, payload);
		snapshot_seal(&e);
		file += e.out.n;
		len += e.out.n;
	}
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct stick_limits limits = { 64, 60000, 600000, true };
	struct stick_table *t = stick_table_new(&limits, 4711);
	uint8_t *file = malloc(64 + 16 * n); /* three bytes of input make sixteen at most */
	struct stick_walk at = { 0 };
	static struct stick_slice slice;
	size_t walked = 0;

	assert(t && file);
	(void)decode(p, n, t);
	(void)decode(file, wrap(p, n, file), t);
	stick_table_settle(t);
	while (stick_table_walk(t, &at, 1000, &slice))
		walked += slice.n;
	assert(walked == stick_table_stats(t).entries);
	free(file);
	stick_table_free(t);
	return 0;
}
