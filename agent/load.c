/* Reading, checking, building, and saying what was found on the way. */
#include "agent/load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/names/names.h"
#include "agent/proxy/limits.h"

static bool
is_proxy(const struct options *o)
{
	return strcmp(o->command, "proxy") == 0;
}

/* Does usher carry clients itself, always or at times? */
static bool
carries(const struct options *o)
{
	return is_proxy(o) || strcmp(o->command, "run") == 0;
}

/* Where usher stands in HAProxy's place, -q means what it means there: not even alerts. */
void
print_report(const struct options *o, const struct report *r)
{
	char line[4096];

	if (o->quiet && is_proxy(o))
		return;
	for (size_t i = 0; i < r->n; i++)
		if (!o->quiet || r->findings[i].level == FINDING_ALERT)
			fprintf(stderr, "%s\n",
				report_format(&r->findings[i], getpid(), line, sizeof(line)));
	if (r->n_alerts)
		fprintf(stderr, "[ALERT]    (%d) : config : Fatal errors found in configuration.\n",
			getpid());
	else if (r->n_warnings && o->check_only && !o->quiet && is_proxy(o))
		puts("Warnings were found.");
}

struct world *
load_world(struct engine *e, const struct options *o, struct world *old)
{
	struct report report;
	struct world *world;

	report_init(&report);
	world = world_load(e, &o->files, old, &report);
	if (world && carries(o))
		limits_raise(world, &report);
	if (world && carries(o) &&
	    (!names_start(world, &report) || report.n_alerts || !world_load_tls(world, &report))) {
		world_unref(world);
		world = NULL;
	}
	print_report(o, &report);
	report_fini(&report);
	return world;
}
