/* Room is reserved for the longest encoding at once, so nothing has to be taken back. */
#include "agent/core/store/entry.h"

static uint8_t *
put(uint8_t *to, struct str s)
{
	if (s.n)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static uint8_t *
put_encoded(uint8_t *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ':')
			to = put(to, STR("%3A"));
		else if (s.p[i] == '%')
			to = put(to, STR("%25"));
		else
			*to++ = (uint8_t)s.p[i];
	}
	return to;
}

bool
store_key_write(struct buf *out, struct str prefix, struct str scope, struct str identity)
{
	uint8_t *begin = buf_reserve(out, prefix.n + 3 * scope.n + 1 + identity.n), *to = begin;

	if (!begin)
		return false;
	to = put_encoded(put(to, prefix), scope);
	*to++ = ':';
	to = put(to, identity);
	buf_commit(out, (size_t)(to - begin));
	return true;
}

struct str
store_value_server(struct str value)
{
	const char *blank = value.n ? memchr(value.p, ' ', value.n) : NULL;

	return blank ? (struct str){ value.p, (size_t)(blank - value.p) } : value;
}
