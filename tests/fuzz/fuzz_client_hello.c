/* A ClientHello: views lie inside its record, and its prefixes ask for more. */
#include <assert.h>

#include "agent/core/expr/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check(struct str view, const uint8_t *p, size_t n)
{
	const uint8_t *at = (const uint8_t *)view.p;

	assert(!at || (view.n > 0 && at >= p && at + view.n <= p + n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct client_hello hello, cut;
	size_t len;

	if (client_hello_decode(p, n, &hello) != PARSE_OK)
		return 0;
	len = 5 + (size_t)(p[3] << 8 | p[4]);
	assert(len <= n);
	check(hello.sni, p, len);
	check(hello.alpn, p, len);
	while (len-- > 0)
		assert(client_hello_decode(p, len, &cut) == PARSE_MORE);
	return 0;
}
