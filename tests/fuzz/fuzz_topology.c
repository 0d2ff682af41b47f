/*
 * A whole haproxy.cfg: read, follow its references, look at each word, print it, forget it. The
 * first byte says how strict to be.
 */
#include "agent/core/topology/dump.h"
#include "agent/core/topology/language.h"
#include "agent/core/topology/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *
get_variable(void *arg, struct str name)
{
	return name.n % 2 ? "a  b c" : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct topology_env env = { .getenv = get_variable, .strict = n && *p == '#' };
	struct topology t;
	struct report r;
	struct buf out;

	topology_init(&t);
	report_init(&r);
	buf_init(&out, 1 << 20);
	topology_parse(&t, (struct str){ (const char *)p, n }, "fuzz.cfg", &env, &r);
	topology_resolve(&t, &r);
	language_check(&t, &r);
	(void)!topology_dump(&t, &out);
	buf_fini(&out);
	report_fini(&r);
	topology_fini(&t);
	return 0;
}
