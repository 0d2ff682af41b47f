/* The files are read as the agent reads them; then advice is asked for. Nothing is started. */
#include "agent/cli/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/base/mem.h"

/* The backend of an engine is where HAProxy will look for usher. */
static void
check_engine_backend(const struct topology *t, const struct advice_engine *e, struct report *r)
{
	if (!topology_backend(t, str_of(e->engine.backend)))
		report_cfg(r, FINDING_ALERT,
			   "[%s:%d] : SPOE engine '%s' uses backend '%s', which is not defined.",
			   e->filter->at.file, e->filter->at.line, e->filter->engine,
			   e->engine.backend);
}

static void
read_engine(const struct topology *t, const struct spoe_filter *f, struct advice_engine **engines,
	    size_t *n, struct report *r)
{
	struct advice_engine e = { .filter = f };

	if (!world_read_engine(f, &e.engine, r)) {
		spoe_engine_fini(&e.engine);
		return;
	}
	check_engine_backend(t, &e, r);
	ARRAY_GROW(*engines, *n);
	(*engines)[(*n)++] = e;
}

struct advice_engine *
cli_engines(const struct topology *t, const struct policy *p, size_t *n, struct report *r)
{
	struct advice_engine *engines = NULL;

	*n = 0;
	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; j < t->proxies[i]->n_filters; j++) {
			const struct spoe_filter *f = &t->proxies[i]->filters[j];

			/* With agent.listen HAProxy may be elsewhere, and so its files. */
			if (spoe_filter_is_ours(f) &&
			    (!p->n_listen || access(f->config, R_OK) == 0))
				read_engine(t, f, &engines, n, r);
		}
	return engines;
}

void
cli_engines_free(struct advice_engine *engines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		spoe_engine_fini(&engines[i].engine);
	free(engines);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void
print_level(const struct report *r, enum finding_level level, const char *title)
{
	char line[4096];
	bool titled = false;

	for (size_t i = 0; i < r->n; i++) {
		if (r->findings[i].level != level)
			continue;
		if (!titled)
			printf("%s:\n", title);
		titled = true;
		puts(report_format(&r->findings[i], getpid(), line, sizeof(line)));
	}
	if (titled)
		putchar('\n');
}

static void
print_report(const struct report *r, bool quiet)
{
	print_level(r, FINDING_ALERT, "errors");
	if (quiet)
		return;
	print_level(r, FINDING_WARNING, "warnings");
	print_level(r, FINDING_NOTICE, "notes");
	if (r->n_alerts || r->n_warnings)
		printf("%zu error%s, %zu warning%s. docs/check.md explains what stands in [].\n",
		       r->n_alerts, r->n_alerts == 1 ? "" : "s", r->n_warnings,
		       r->n_warnings == 1 ? "" : "s");
	else
		puts("Configuration file is valid");
}

/* Whether usher's user may write there is not asked: another user checks. */
static void
check_sticky_directory(const struct policy *p, const char *file, struct report *r)
{
	const char *slash = p->sticky_file ? strrchr(p->sticky_file, '/') : NULL;
	char *directory;
	struct stat st;

	if (!slash)
		return;
	directory = str_dup((struct str){ p->sticky_file, (size_t)(slash - p->sticky_file) + 1 });
	if (stat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
		report_policy(r, FINDING_WARNING,
			      "%s:%d: stickiness.file: directory '%s' is not there, so nothing "
			      "would be kept; make it, for usher's user",
			      file, p->sticky_file_line, directory);
	free(directory);
}

int
cli_check(struct engine *e, const struct world_files *files, bool quiet)
{
	struct advice_engine *engines;
	struct topology topology;
	struct policy policy;
	struct report report;
	size_t n_engines;
	int status;

	report_init(&report);
	world_read(files, &topology, &policy, &report);
	engines = cli_engines(&topology, &policy, &n_engines, &report);
	advice_check(&(struct advice_input){ .topology = &topology,
					     .policy = &policy,
					     .policy_file = files->policy,
					     .engines = engines,
					     .n_engines = n_engines },
		     &report);
	check_sticky_directory(&policy, files->policy, &report);
	print_report(&report, quiet);
	status = report.n_alerts > 0;
	cli_engines_free(engines, n_engines);
	policy_fini(&policy);
	topology_fini(&topology);
	report_fini(&report);
	return status;
}
