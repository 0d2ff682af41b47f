/* What a broker might answer to a probe: decided once is decided, and bodies stay in their bounds.
 */
#include <assert.h>
#include <stdint.h>

#include "agent/core/health/probe.h"
#include "agent/core/health/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

typedef enum probe_result probe_fn(const uint8_t *p, size_t n, bool eof, struct health_answer *a);

static void
ask(probe_fn *probe, const uint8_t *p, size_t n)
{
	struct health_answer early, a;

	for (size_t cut = 0; cut < n && cut < 256; cut++) {
		enum probe_result result = probe(p, cut, false, &early);

		if (result == PROBE_MORE)
			continue;
		assert(probe(p, n, true, &a) == result);
		assert(a.status == early.status && a.code == early.code);
		return;
	}
	assert(probe(p, n, true, &a) != PROBE_MORE);
	assert(a.status < N_HEALTH_STATUSES);
}

static void
read_body(const uint8_t *p, size_t n)
{
	uint8_t out[64];
	struct response r;
	bool is_whole;

	if (response_head(p, n, &r) != PARSE_OK)
		return;
	assert(r.head_len <= n && r.status >= 100 && r.status <= 999);
	assert(response_body(&r, p, n, out, sizeof(out), &is_whole) <= sizeof(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ask(probe_mqtt, p, n);
	ask(probe_emqx, p, n);
	read_body(p, n);
	return 0;
}
