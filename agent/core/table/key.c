/*
 * Keys as HAProxy 2.6 makes them (seen in `show table`): numbers keep their low 32 bits; texts end
 * at their first NUL and at the table's length, and the empty text is a key like any other; bytes
 * are cut, or filled up with 0.
 */
#include "agent/core/table/table.h"

/* There an IPv4 address written out is none for a table of IPv6, nor the other way round. */
static bool
is_of_other_family(const struct sample *s, enum sample_type type)
{
	struct ip ip;

	return s->type == SAMPLE_STR && (type == SAMPLE_IPV4 || type == SAMPLE_IPV6) &&
	       (!ip_parse(s->bytes, &ip) || (ip.family == 4) != (type == SAMPLE_IPV4));
}

static void
put_bytes(struct table_key *key, const void *bytes, size_t n, size_t max)
{
	key->len = (uint16_t)(n < max ? n : max);
	if (key->len)
		memcpy(key->bytes, bytes, key->len);
}

bool
table_key_from(const struct table *t, const struct sample *s, struct scratch *m,
	       struct table_key *key)
{
	const struct table_spec *spec = table_spec(t);
	struct sample as = *s;

	if (is_of_other_family(s, spec->type) || !sample_cast(&as, spec->type, m))
		return false;
	switch (spec->type) {
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
		put_bytes(key, as.ip.bytes, spec->key_len, spec->key_len);
		return true;
	case SAMPLE_INT:
		put_bytes(key, &(uint32_t){ (uint32_t)as.number }, 4, 4);
		return true;
	case SAMPLE_STR:
		put_bytes(key, as.bytes.p, as.bytes.n ? strnlen(as.bytes.p, as.bytes.n) : 0,
			  spec->key_len);
		return true;
	default:
		put_bytes(key, as.bytes.p, as.bytes.n, spec->key_len);
		memset(key->bytes + key->len, 0, (size_t)(spec->key_len - key->len));
		key->len = spec->key_len;
		return true;
	}
}
