/* usher.json: any text loads or is refused with words, and leaves nothing behind. */
#include <stdint.h>

#include "agent/core/policy/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct policy policy;
	struct report report;

	report_init(&report);
	policy_load(&policy, (struct str){ (const char *)p, n }, "usher.json", &report);
	for (size_t i = 0; i < policy.n_tenant_sources; i++) {
		const struct tenant_source *source = &policy.tenant_sources[i];

		pattern_capture(source->pattern, "tenant", (struct str){ (const char *)p, n });
	}
	policy_fini(&policy);
	report_fini(&report);
	return 0;
}
