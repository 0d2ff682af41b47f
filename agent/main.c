/*
 * usher: the command line names a command, and this file knows them all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/check.h"
#include "agent/cli/explain.h"
#include "agent/cli/control.h"
#include "agent/cli/setup.h"
#include "agent/io/log.h"
#include "agent/options.h"
#include "agent/proxy/limits.h"
#include "agent/names/names.h"
#include "agent/proxy/service.h"
#include "agent/serve.h"

static bool
is_proxy(const struct options *o)
{
	return strcmp(o->command, "proxy") == 0;
}

/* Where usher stands in HAProxy's place, -q means what it means there: not even alerts. */
static void
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
	if (world && is_proxy(o))
		limits_raise(world, &report);
	if (world && is_proxy(o) && (!names_start(world, &report) || report.n_alerts)) {
		world_unref(world);
		world = NULL;
	}
	print_report(o, &report);
	report_fini(&report);
	return world;
}

static int
run_check_only(struct engine *e, const struct options *o)
{
	struct world *world = load_world(e, o, NULL);

	if (!world)
		return 1;
	world_unref(world);
	if (!o->quiet)
		puts("Configuration file is valid");
	return 0;
}

static int
run_agent(struct engine *e, const struct options *o)
{
	return o->check_only ? run_check_only(e, o) : serve(e, o, SERVE_AGENT);
}

/* HAProxy's answers: 0, 1 for errors, 2 for a file that asks for nothing. */
static int
run_proxy_check(struct engine *e, const struct options *o)
{
	const char *what = "Configuration file is valid";
	struct world *world;
	int status = 0;

	engine_carries(e);
	world = load_world(e, o, NULL);
	if (!world)
		return 1;
	if (!proxy_service_listens(world)) {
		what = "Configuration file has no error but will not start (no listener) => "
		       "exit(2).";
		status = 2;
	}
	world_unref(world);
	if (!o->quiet)
		puts(what);
	return status;
}

static int
run_proxy(struct engine *e, const struct options *o)
{
	return o->check_only ? run_proxy_check(e, o) : serve(e, o, SERVE_PROXY);
}

static int
run_check(struct engine *e, const struct options *o)
{
	return cli_check(e, &o->files, o->quiet);
}

static int
run_setup(struct engine *e, const struct options *o)
{
	return cli_setup(e, &o->files);
}

static int
run_explain(struct engine *e, const struct options *o)
{
	struct world *world;
	int status;

	if (o->live)
		return cli_explain_live(&o->admin, &o->facts, o->json);
	world = load_world(e, o, NULL);
	status = world ? cli_explain(world, &o->facts, o->json) : 1;
	world_unref(world);
	return status;
}

static int
run_status(struct engine *e, const struct options *o)
{
	return cli_status(&o->admin, o->json, o->check_only);
}

static int
run_reload(struct engine *e, const struct options *o)
{
	return cli_reload(&o->admin);
}

static const struct {
	const char *name;
	int (*run)(struct engine *e, const struct options *o);
} commands[] = {
	{ "agent", run_agent },	  { "proxy", run_proxy },     { "check", run_check },
	{ "setup", run_setup },	  { "explain", run_explain }, { "status", run_status },
	{ "reload", run_reload },
};

static int
run_command(const struct options *o)
{
	struct engine *e = engine_new();
	int status = 1;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(o->command, commands[i].name) == 0)
			status = commands[i].run(e, o);
	engine_free(e);
	return status;
}

int
main(int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(&options, argc, argv, &status))
		return status;
	if (options.debug)
		log_set_level(LOG_DEBUG);
	else if (options.quiet)
		log_set_level(LOG_WARNING);
	if (options.directory && chdir(options.directory) < 0) {
		fprintf(stderr, "usher: -C %s: %s\n", options.directory, strerror(errno));
		return 1;
	}
	return run_command(&options);
}
