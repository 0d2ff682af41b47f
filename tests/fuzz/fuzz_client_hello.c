/* A ClientHello: views must lie inside the bytes. */
#include <assert.h>

#include "agent/core/expr/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check(struct str view, const uint8_t *p, size_t n)
{
	const uint8_t *at = (const uint8_t *)view.p;

	assert(!at || (at >= p && at + view.n <= p + n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct client_hello hello;

	if (client_hello_decode(p, n, &hello) != PARSE_OK)
		return 0;
	check(hello.sni, p, n);
	check(hello.alpn, p, n);
	return 0;
}
