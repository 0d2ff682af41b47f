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
#include "agent/load.h"
#include "agent/options.h"
#include "agent/proxy/service.h"
#include "agent/serve.h"
#include "agent/standby/meet.h"

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

/* What keeps usher from standing by. False: the world is gone, and why is printed. */
static bool
may_stand_by(struct world *world, const struct options *o)
{
	struct report report;
	bool ok;

	report_init(&report);
	standby_check(world, &report);
	ok = report.n_alerts == 0;
	print_report(o, &report);
	report_fini(&report);
	if (!ok)
		world_unref(world);
	return ok;
}

/* HAProxy's answers: 0, 1 for errors, 2 for a file that asks for nothing. */
static int
run_proxy_check(struct engine *e, const struct options *o)
{
	const char *what = "Configuration file is valid";
	struct world *world;
	int status = 0;

	engine_carries(e, o->n_workers);
	world = load_world(e, o, NULL);
	if (!world || (strcmp(o->command, "run") == 0 && !may_stand_by(world, o)))
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
run_run(struct engine *e, const struct options *o)
{
	return o->check_only ? run_proxy_check(e, o) : serve(e, o, SERVE_RUN);
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
	struct explain_client asked = { &o->facts, o->named, o->n_named };
	struct world *world;
	int status;

	if (o->live)
		return cli_explain_live(&o->admin, &asked, o->json);
	world = load_world(e, o, NULL);
	status = world ? cli_explain(world, &asked, o->json) : 1;
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
	{ "agent", run_agent },	  { "proxy", run_proxy },   { "run", run_run },
	{ "check", run_check },	  { "setup", run_setup },   { "explain", run_explain },
	{ "status", run_status }, { "reload", run_reload },
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
