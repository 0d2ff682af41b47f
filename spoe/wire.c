/*
 * An integer below 240 is one byte. Above, the first byte has four bits of it, each further one
 * seven, least significant first, and each continuation mark is part of the sum: the encoder
 * takes it off before it shifts. So every value has exactly one encoding.
 */
#include "spoe/wire.h"

#include <assert.h>

uint64_t
spop_read_long_varint(struct spop_reader *r)
{
	uint64_t value = spop_read_u8(r);
	unsigned shift = 4;
	uint64_t byte;

	if (value < 240)
		return value;
	do {
		byte = spop_read_u8(r);
		/*
		 * The sum must fit into 64 bits. Of the tenth byte, shifted by 60, only four bits
		 * do, so it cannot carry a continuation mark: there is no eleventh.
		 */
		if (byte << shift >> shift != byte || value > UINT64_MAX - (byte << shift)) {
			spop_reader_fail(r);
			return 0;
		}
		value += byte << shift;
		shift += 7;
	} while (byte >= 128);
	return r->bad ? 0 : value;
}

static void
read_ip(struct spop_reader *r, struct spop_value *v, size_t n)
{
	if ((size_t)(r->end - r->p) < n) {
		spop_reader_fail(r);
		return;
	}
	memcpy(v->ip, r->p, n);
	r->p += n;
}

static void
read_u32(struct spop_reader *r, struct spop_value *v)
{
	v->u = spop_read_varint(r);
	if (v->u > UINT32_MAX)
		spop_reader_fail(r);
}

/* A negative one may come as the two's complement of 32 bits or of 64. */
static void
read_i32(struct spop_reader *r, struct spop_value *v)
{
	uint64_t u = spop_read_varint(r);

	v->i = (int32_t)(uint32_t)u;
	if (u > UINT32_MAX && (uint64_t)v->i != u)
		spop_reader_fail(r);
}

void
spop_read_value(struct spop_reader *r, struct spop_value *v)
{
	uint8_t head = spop_read_u8(r);

	v->type = head & 0x0f;
	switch (v->type) {
	case SPOP_TYPE_NULL:
		break;
	case SPOP_TYPE_BOOL:
		v->boolean = head & 0x10;
		break;
	case SPOP_TYPE_INT32:
		read_i32(r, v);
		break;
	case SPOP_TYPE_UINT32:
		read_u32(r, v);
		break;
	case SPOP_TYPE_INT64:
		v->i = (int64_t)spop_read_varint(r);
		break;
	case SPOP_TYPE_UINT64:
		v->u = spop_read_varint(r);
		break;
	case SPOP_TYPE_IPV4:
		read_ip(r, v, 4);
		break;
	case SPOP_TYPE_IPV6:
		read_ip(r, v, 16);
		break;
	case SPOP_TYPE_STRING:
	case SPOP_TYPE_BINARY:
		v->str = spop_read_str(r);
		break;
	default:
		spop_reader_fail(r);
	}
	if (r->bad)
		v->type = SPOP_TYPE_NULL;
}

void
spop_write_bytes(struct spop_writer *w, const void *p, size_t n)
{
	if (w->overflow || w->cap - w->n < n) {
		w->overflow = true;
		return;
	}
	if (n == 0)
		return; /* an empty view may be NULL */
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

void
spop_write_u8(struct spop_writer *w, uint8_t byte)
{
	spop_write_bytes(w, &byte, 1);
}

void
spop_write_varint(struct spop_writer *w, uint64_t value)
{
	uint8_t bytes[SPOP_VARINT_MAX] = { (uint8_t)value };
	size_t n = 1;

	if (value >= 240) {
		bytes[0] |= 0xf0;
		for (value = (value - 240) >> 4; value >= 128; value = (value - 128) >> 7)
			bytes[n++] = (uint8_t)(value | 0x80);
		bytes[n++] = (uint8_t)value;
	}
	spop_write_bytes(w, bytes, n);
}

void
spop_write_str(struct spop_writer *w, struct spop_str s)
{
	spop_write_varint(w, s.n);
	spop_write_bytes(w, s.p, s.n);
}

void
spop_write_value(struct spop_writer *w, const struct spop_value *v)
{
	bool is_true = v->type == SPOP_TYPE_BOOL && v->boolean;

	spop_write_u8(w, (uint8_t)(v->type | (is_true ? 0x10 : 0)));
	switch (v->type) {
	case SPOP_TYPE_NULL:
	case SPOP_TYPE_BOOL:
		return;
	case SPOP_TYPE_INT32:
		assert(v->i >= INT32_MIN && v->i <= INT32_MAX);
		spop_write_varint(w, (uint64_t)v->i);
		return;
	case SPOP_TYPE_INT64:
		spop_write_varint(w, (uint64_t)v->i);
		return;
	case SPOP_TYPE_UINT32:
		assert(v->u <= UINT32_MAX);
		spop_write_varint(w, v->u);
		return;
	case SPOP_TYPE_UINT64:
		spop_write_varint(w, v->u);
		return;
	case SPOP_TYPE_IPV4:
		spop_write_bytes(w, v->ip, 4);
		return;
	case SPOP_TYPE_IPV6:
		spop_write_bytes(w, v->ip, 16);
		return;
	case SPOP_TYPE_STRING:
	case SPOP_TYPE_BINARY:
		spop_write_str(w, v->str);
		return;
	}
	assert(!"a type that SPOP has");
}
