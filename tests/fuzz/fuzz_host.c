/* The name is a view into the text and never has the port or brackets around it. */
#include <assert.h>
#include <stddef.h>

#include "agent/core/base/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *text = (const char *)p;
	struct host h;

	if (!host_parse((struct str){ text, n }, &h))
		return 0;
	assert(h.name.p >= text && h.name.p + h.name.n <= text + n);
	assert(!h.name.n || !memchr(h.name.p, '@', h.name.n));
	assert(!h.name.n || !memchr(h.name.p, '\0', h.name.n));
	assert(h.family == 0 || h.family == 4 || h.family == 6);
	return 0;
}
