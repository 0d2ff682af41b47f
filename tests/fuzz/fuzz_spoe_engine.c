/* A SPOE engine's file, read as a whole and for the scope [e]. */
#include <assert.h>

#include "agent/core/topology/spoe_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
read_engine(struct str text, struct str engine, bool strict)
{
	struct topology_env env = { .strict = strict };
	struct spoe_engine e;
	struct report r;

	report_init(&r);
	if (spoe_engine_parse(text, "fuzz.conf", engine, &env, &e, &r))
		assert(e.agent && e.backend && e.var_prefix && !r.n_alerts);
	else
		assert(r.n_alerts);
	spoe_engine_fini(&e);
	report_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };

	read_engine(text, STR("e"), true);
	read_engine(text, STR(""), false);
	return 0;
}
