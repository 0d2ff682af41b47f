/*
 * A block is checked as a whole before anything of it is given out: first its checksum, then each
 * of its items by the very function that gives them out afterwards. So what the caller gets needs
 * no second look, and a caller that reads a file twice can use none of a bad one.
 */
#include "agent/core/stick/snapshot.h"

#include "agent/core/base/hash.h"

static const char magic[16] = "usher-sticky\r\n\x1a\n";

enum {
	HEAD = 36,
	FRAME = 5, /* type and length */
	SEAL = 8,
	IS_LIVE = 1,
};

static void
put_u64(struct writer *w, uint64_t value)
{
	writer_u32(w, (uint32_t)(value >> 32));
	writer_u32(w, (uint32_t)value);
}

static uint64_t
get_u64(struct cursor *c)
{
	uint64_t high = cursor_u32(c);

	return high << 32 | cursor_u32(c);
}

static uint64_t
seal_of(const uint8_t *p, size_t n, uint64_t before)
{
	return hash_seeded((struct str){ (const char *)p, n }, before);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void
put_seal(struct snapshot_encoder *e)
{
	e->seal = seal_of(e->out.p, e->out.n, e->seal);
	put_u64(&e->out, e->seal);
}

void
snapshot_start(struct snapshot_encoder *e, uint8_t bytes[SNAPSHOT_BLOCK], int64_t written_ms)
{
	*e = (struct snapshot_encoder){ .out = { .p = bytes, .size = SNAPSHOT_BLOCK } };
	writer_bytes(&e->out, magic, sizeof(magic));
	writer_u32(&e->out, SNAPSHOT_VERSION);
	put_u64(&e->out, (uint64_t)written_ms);
	put_seal(e);
}

void
snapshot_begin(struct snapshot_encoder *e, enum snapshot_block_type type)
{
	e->type = type;
	e->out.n = 0;
	e->out.size = FRAME + SNAPSHOT_PAYLOAD;
	writer_u8(&e->out, type);
	writer_u32(&e->out, 0); /* the length, when it is known */
	if (type == SNAPSHOT_END)
		put_u64(&e->out, e->entries);
}

/* What did not fit is taken back. */
static bool
settle(struct snapshot_encoder *e, size_t before)
{
	bool fitted = !e->out.is_full;

	if (!fitted)
		e->out.n = before;
	e->out.is_full = false;
	return fitted;
}

bool
snapshot_add_name(struct snapshot_encoder *e, struct str name)
{
	size_t before = e->out.n;

	writer_u16(&e->out, name.n);
	writer_str(&e->out, name);
	return settle(e, before);
}

/* Its clock may have been anywhere. */
static uint32_t
clamp_u32(int64_t value)
{
	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

bool
snapshot_add_entry(struct snapshot_encoder *e, const struct stick_record *r, uint16_t name)
{
	size_t before = e->out.n;

	writer_u8(&e->out, r->is_live ? IS_LIVE : 0);
	writer_u16(&e->out, name);
	writer_u32(&e->out, clamp_u32(r->since_ms));
	writer_u32(&e->out, clamp_u32(r->age_ms / 1000));
	writer_u16(&e->out, r->scope.n);
	writer_str(&e->out, r->scope);
	writer_u16(&e->out, r->id.n);
	writer_str(&e->out, r->id);
	if (!settle(e, before))
		return false;
	e->entries++;
	return true;
}

void
snapshot_seal(struct snapshot_encoder *e)
{
	struct writer length = { .p = e->out.p + 1, .size = 4 };

	writer_u32(&length, (uint32_t)(e->out.n - FRAME));
	e->out.size = SNAPSHOT_BLOCK;
	put_seal(e);
}

/* ---- reading -------------------------------------------------------------------------------- */

const char *
snapshot_fault_text(enum snapshot_fault fault)
{
	static const char *const texts[N_SNAPSHOT_FAULTS] = {
		[SNAPSHOT_SOUND] = "sound",
		[SNAPSHOT_CUT] = "it ends too early",
		[SNAPSHOT_FOREIGN] = "usher did not write it",
		[SNAPSHOT_OTHER_VERSION] = "another version of usher wrote it",
		[SNAPSHOT_CHANGED] = "wrong checksum",
		[SNAPSHOT_MALFORMED] = "malformed",
		[SNAPSHOT_SURPLUS] = "bytes behind its end",
	};

	return texts[fault];
}

static enum parse
refuse(struct snapshot_decoder *d, enum snapshot_fault fault)
{
	d->fault = fault;
	return PARSE_BAD;
}

/* The version speaks before the checksum: another version's may be another one. */
static enum parse
decode_head(struct snapshot_decoder *d, const uint8_t *p, size_t n)
{
	struct cursor c = { .p = p, .end = p + n };
	size_t here = n < sizeof(magic) ? n : sizeof(magic);
	uint32_t version;
	uint64_t written;

	if (memcmp(p, magic, here) != 0)
		return refuse(d, SNAPSHOT_FOREIGN);
	cursor_bytes(&c, sizeof(magic));
	version = cursor_u32(&c);
	if (c.short_read)
		return PARSE_MORE;
	if (version != SNAPSHOT_VERSION)
		return refuse(d, SNAPSHOT_OTHER_VERSION);
	if (n < HEAD)
		return PARSE_MORE;
	written = get_u64(&c);
	d->seal = seal_of(p, HEAD - SEAL, 0);
	if (get_u64(&c) != d->seal)
		return refuse(d, SNAPSHOT_CHANGED);
	if (written > INT64_MAX)
		return refuse(d, SNAPSHOT_MALFORMED);
	d->written_ms = (int64_t)written;
	d->has_head = true;
	return PARSE_OK;
}

bool
snapshot_next_name(struct snapshot_block *block, struct str *name)
{
	if (cursor_left(&block->content) == 0)
		return false;
	*name = cursor_str(&block->content);
	return !block->content.short_read;
}

bool
snapshot_next_entry(struct snapshot_block *block, struct stick_record *r)
{
	struct cursor *c = &block->content;
	uint8_t flags;

	if (cursor_left(c) == 0)
		return false;
	flags = cursor_u8(c);
	r->is_live = flags & IS_LIVE;
	r->target = cursor_u16(c);
	r->since_ms = cursor_u32(c);
	r->age_ms = (int64_t)cursor_u32(c) * 1000;
	r->scope = cursor_str(c);
	r->id = cursor_str(c);
	c->malformed = c->malformed || flags & ~IS_LIVE;
	return !c->short_read && !c->malformed;
}

/* A key in the table is its scope, NUL, and an id that is not empty. */
static bool
is_entry(const struct snapshot_decoder *d, const struct stick_record *r)
{
	return r->target >= 1 && r->target <= d->n_names && r->id.n > 0 &&
	       (r->scope.n == 0 || !memchr(r->scope.p, '\0', r->scope.n));
}

/* On a copy of the block, so that the caller's stands at its beginning. */
static bool
is_sound(struct snapshot_decoder *d, struct snapshot_block block)
{
	struct stick_record r;
	struct str name;

	switch (block.type) {
	case SNAPSHOT_NAMES:
		while (snapshot_next_name(&block, &name))
			if (name.n == 0 || memchr(name.p, '\0', name.n) ||
			    ++d->n_names > STICK_TARGET_MAX)
				return false;
		break;
	case SNAPSHOT_ENTRIES:
		while (snapshot_next_entry(&block, &r))
			if (!is_entry(d, &r))
				return false;
			else
				d->entries++;
		break;
	case SNAPSHOT_END:
		if (get_u64(&block.content) != d->entries)
			return false;
		d->is_over = true;
		break;
	default:
		return false;
	}
	return !block.content.short_read && !block.content.malformed &&
	       cursor_left(&block.content) == 0;
}

static enum parse
decode_block(struct snapshot_decoder *d, const uint8_t *p, size_t n, struct snapshot_block *block,
	     size_t *used)
{
	struct cursor c = { .p = p, .end = p + n };
	struct str payload;
	uint64_t seal;
	uint32_t len;

	block->type = cursor_u8(&c);
	len = cursor_u32(&c);
	if (len > SNAPSHOT_PAYLOAD)
		return refuse(d, SNAPSHOT_MALFORMED);
	payload = cursor_bytes(&c, len);
	seal = get_u64(&c);
	if (c.short_read)
		return PARSE_MORE;
	d->seal = seal_of(p, FRAME + len, d->seal);
	if (seal != d->seal)
		return refuse(d, SNAPSHOT_CHANGED);
	block->content = cursor_of(payload);
	if (!is_sound(d, *block))
		return refuse(d, SNAPSHOT_MALFORMED);
	*used = FRAME + len + SEAL;
	return PARSE_OK;
}

enum parse
snapshot_decode(struct snapshot_decoder *d, const uint8_t *p, size_t n,
		struct snapshot_block *block, size_t *used)
{
	enum parse result;

	if (d->fault)
		return PARSE_BAD;
	if (n == 0)
		return PARSE_MORE;
	if (d->is_over)
		return refuse(d, SNAPSHOT_SURPLUS);
	if (d->has_head)
		return decode_block(d, p, n, block, used);
	result = decode_head(d, p, n);
	if (result == PARSE_OK) {
		*block = (struct snapshot_block){ .type = SNAPSHOT_HEAD };
		*used = HEAD;
	}
	return result;
}
