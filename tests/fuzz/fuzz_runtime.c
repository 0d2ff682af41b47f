/* What HAProxy's runtime socket might say: every view lies inside, and only whole lines count. */
#include <assert.h>
#include <stdint.h>

#include "agent/core/wire/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
assert_inside(struct str s, const uint8_t *p, size_t n)
{
	const uint8_t *at = (const uint8_t *)s.p;

	assert(at >= p && at + s.n <= p + n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str answer = { (const char *)p, n }, pid = runtime_info(answer, "Pid");
	struct runtime_reader r;
	struct runtime_server s;

	runtime_reader_init(&r, answer);
	while (runtime_reader_next(&r, &s)) {
		assert_inside(s.backend, p, n);
		assert_inside(s.server, p, n);
		assert(memchr(s.server.p, '\n', n - (size_t)((const uint8_t *)s.server.p - p)));
		assert(s.has_state != s.has_sessions);
		assert(s.weight <= 256);
	}
	assert(!runtime_reader_next(&r, &s));
	if (pid.p)
		assert_inside(pid, p, n);
	return 0;
}
