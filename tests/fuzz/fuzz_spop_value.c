/* Typed values one behind the other: what was read, written again, reads as the same. */
#include <assert.h>

#include "spoe/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct spop_writer
write_once(const struct spop_value *v, uint8_t *memory, size_t cap)
{
	struct spop_writer w = { .p = memory, .cap = cap };

	spop_write_value(&w, v);
	assert(!w.overflow);
	return w;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t first[1 << 16], second[1 << 16];
	struct spop_reader r = { .p = p, .end = p + n };

	while (r.p < r.end && n < sizeof(first) - 16) {
		struct spop_value v;
		struct spop_writer a, b;
		struct spop_reader again;

		spop_read_value(&r, &v);
		a = write_once(&v, first, sizeof(first));
		again = (struct spop_reader){ .p = first, .end = first + a.n };
		spop_read_value(&again, &v);
		assert(!again.bad && again.p == again.end);
		b = write_once(&v, second, sizeof(second));
		assert(a.n == b.n && memcmp(first, second, a.n) == 0);
	}
	return 0;
}
