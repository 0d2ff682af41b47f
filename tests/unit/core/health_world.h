/* A backend's script, compiled from the lines of a haproxy.cfg. */
#ifndef USHER_TESTS_UNIT_CORE_HEALTH_WORLD_H
#define USHER_TESTS_UNIT_CORE_HEALTH_WORLD_H

#include <stdio.h>

#include "agent/core/health/script.h"
#include "agent/core/topology/parse.h"
#include "tests/unit/run.h"

static struct topology topology;
static struct report report;
static struct script script;

static inline void
compile_all(const char *text)
{
	static const struct topology_env env = { .strict = true };

	topology_init(&topology);
	report_init(&report);
	topology_parse(&topology, str_of(text), "h.cfg", &env, &report);
	topology_resolve(&topology, &report);
	ck_assert_msg(report.n_alerts == 0, "%s", report.n ? report.findings[0].text : "");
	script_compile(&script, topology_backend(&topology, STR("b")), &report);
}

static inline void
forget_all(void)
{
	script_fini(&script);
	report_fini(&report);
	topology_fini(&topology);
}

#endif
