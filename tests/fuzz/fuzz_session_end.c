/* Datagrams from anybody: views lie inside, and a key is one that stands there. */
#include <assert.h>
#include <stdint.h>

#include "agent/core/wire/syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
assert_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *at = (const uint8_t *)s.p;

	assert(!at || (at >= p && at + s.n <= p + n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char key[SESSION_KEY_TEXT];
	struct session_end end;
	enum parse result = session_end_decode((struct str){ (const char *)p, n }, &end);

	assert(result == PARSE_OK || result == PARSE_BAD);
	if (result == PARSE_BAD)
		return 0;
	assert_inside(end.backend, p, n);
	assert_inside(end.server, p, n);
	if (!end.has_key)
		return 0;
	session_key_format(end.key, key);
	assert(memmem(p, n, key, sizeof(key)));
	return 0;
}
