/* Allocation that cannot fail: the caller has nothing sensible to do without it. */
#include "agent/core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void *
or_die(void *p, size_t n)
{
	if (!p && n) {
		fputs("usher: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
xmalloc(size_t n)
{
	return or_die(malloc(n), n);
}

void *
xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n, size), n);
}

void *
xrealloc(void *p, size_t n)
{
	return or_die(realloc(p, n), n);
}
