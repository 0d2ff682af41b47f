/* getopt() does not know options of several letters behind one dash, and haproxy has those. */
#include "agent/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/str.h"
#include "agent/engine/fact_text.h"
#include "agent/io/worker.h"

static const char usage[] =
	"usage: usher agent   -f haproxy.cfg [-P usher.json] [options]\n"
	"       usher proxy   -f haproxy.cfg [-P usher.json] [options]\n"
	"       usher run     -f haproxy.cfg [-P usher.json] [options]\n"
	"       usher check   -f haproxy.cfg [-P usher.json] [-q]\n"
	"       usher setup   -f haproxy.cfg [-P usher.json]\n"
	"       usher explain -f haproxy.cfg [-P usher.json] --client-id ID [--FACT VALUE]...\n"
	"       usher explain --live [--admin ADDRESS] --client-id ID [--FACT VALUE]...\n"
	"       usher status  [--admin ADDRESS] [--json | --check]\n"
	"       usher reload  [--admin ADDRESS] [--token TOKEN]\n"
	"\n"
	"  -f FILE|DIR   HAProxy's configuration; may be given several times\n"
	"  -P FILE       the policy\n"
	"  -j N          worker threads (default: one for each processor)\n"
	"  -c            check the files and exit: 0 sound, 1 not, 2 a proxy without listeners\n"
	"  -C DIR        change to DIR before reading anything\n"
	"  -D, -p FILE   go to the background; write the process id to FILE\n"
	"  -d            log every connection, and every verdict even in a storm\n"
	"  -q, -V        print no messages; print them in spite of -q\n"
	"  -v, -h        print the version; print this\n"
	"  --admin ADDR  where a running usher answers (default unix@/run/usher/admin.sock)\n"
	"  --token TOKEN shown to it over TCP; better in the environment, as USHER_TOKEN\n"
	"  --json        print JSON\n"
	"  -W -Ws -db -dM -L NAME -x SOCKET -sf PID... -st PID...\n"
	"                accepted for the sake of haproxy's unit files, without effect\n"
	"\n"
	"Facts: --client-id --username --protocol --clean-start --keepalive --session-expiry\n"
	"  --src --source-port --destination --destination-port --frontend --transport --sni "
	"--alpn\n"
	"  --tls-version --cn --verified --path --query --host\n"
	"  --header NAME=VALUE --user-property NAME=VALUE\n"
	"\n"
	"Signals: SIGTERM and SIGINT stop, SIGUSR1 stops softly, SIGHUP and SIGUSR2 reload.\n";

static bool
mistake(int *status, const char *what, const char *arg)
{
	fprintf(stderr, "usher: %s%s%s\nTry 'usher -h'.\n", what, arg ? " " : "", arg ? arg : "");
	*status = 1;
	return false;
}

/* haproxy's options that have no meaning here: how many arguments follow, -1 for a list of pids. */
static const struct {
	const char *name;
	int n_args;
} accepted[] = {
	{ "-W", 0 },   { "-Ws", 0 },  { "-db", 0 }, { "-dM", 0 }, { "-L", 1 }, { "-x", 1 },
	{ "-sf", -1 }, { "-st", -1 }, { "-S", 1 },  { "-n", 1 },  { "-m", 1 },
};

/* Is it one of those? Steps over its arguments. */
static bool
skip_accepted(char **argv, int argc, int *at)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		uint64_t pid;

		if (strcmp(argv[*at], accepted[i].name) != 0)
			continue;
		if (accepted[i].n_args > 0)
			*at += accepted[i].n_args;
		while (accepted[i].n_args < 0 && *at + 1 < argc &&
		       str_u64(str_of(argv[*at + 1]), &pid))
			++*at;
		return true;
	}
	return false;
}

static bool
take_value(struct options *o, char option, const char *value, int *status)
{
	uint64_t n;

	switch (option) {
	case 'f':
		if (o->files.n_haproxy_cfg == MAX_CONFIG_FILES)
			return mistake(status, "too many -f", NULL);
		o->files.haproxy_cfg[o->files.n_haproxy_cfg++] = value;
		return true;
	case 'P':
		o->files.policy = value;
		return true;
	case 'C':
		o->directory = value;
		return true;
	case 'p':
		o->pid_file = value;
		return true;
	default: /* 'j' */
		if (!str_u64(str_of(value), &n) || n < 1 || n > WORKERS_MAX)
			return mistake(status, "-j takes a number from 1 to 256, not", value);
		o->n_workers = (unsigned)n;
		return true;
	}
}

static bool *
flag(struct options *o, char option)
{
	switch (option) {
	case 'c':
		return &o->check_only;
	case 'q':
		return &o->quiet;
	case 'd':
		return &o->debug;
	case 'V':
		return &o->verbose;
	case 'D':
		return &o->daemon;
	default:
		return NULL;
	}
}

/* "--client-id" → FACT_CLIENT_ID; N_FACTS if it names none. */
static enum fact
fact_of_option(const char *option)
{
	char name[64];
	size_t n = strlen(option);

	if (n < 3 || n >= sizeof(name) || strncmp(option, "--", 2) != 0)
		return N_FACTS;
	if (strcmp(option, "--src") == 0)
		return FACT_SOURCE;
	for (size_t i = 2; i <= n; i++)
		name[i - 2] = option[i] == '-' ? '_' : option[i];
	return fact_by_name(str_of(name));
}

static bool
is_named(const char *option)
{
	return strcmp(option, "--header") == 0 || strcmp(option, "--user-property") == 0;
}

static bool
take_named(struct options *o, const char *option, const char *value, int *status)
{
	enum fact_family family =
		strcmp(option, "--header") == 0 ? FACT_FAMILY_HEADER : FACT_FAMILY_USER_PROPERTY;

	if (o->n_named == FACTS_NAMED_MAX)
		return mistake(status, "too many of", option);
	if (!named_text_parse(&o->named[o->n_named], family, str_of(value)))
		return mistake(status, "takes NAME=VALUE:", option);
	o->n_named++;
	return true;
}

static bool
take_long(struct options *o, int argc, char **argv, int *at, int *status)
{
	const char *arg = argv[*at], *value = *at + 1 < argc ? argv[*at + 1] : NULL;
	enum fact fact = fact_of_option(arg);

	if (strcmp(arg, "--json") == 0)
		return o->json = true;
	if (strcmp(arg, "--live") == 0)
		return o->live = true;
	if (strcmp(arg, "--check") == 0)
		return o->check_only = true;
	if (fact == N_FACTS && !is_named(arg) && strcmp(arg, "--admin") != 0 &&
	    strcmp(arg, "--token") != 0)
		return mistake(status, "unknown option", arg);
	if (!value)
		return mistake(status, "missing value for", arg);
	++*at;
	if (strcmp(arg, "--admin") == 0)
		o->admin.text = value;
	else if (strcmp(arg, "--token") == 0)
		o->admin.token = value;
	else if (is_named(arg))
		return take_named(o, arg, value, status);
	else if (!fact_from_text(&o->facts, fact, str_of(value)))
		return mistake(status, "no sensible value for", arg);
	return true;
}

static bool
take_option(struct options *o, int argc, char **argv, int *at, int *status)
{
	const char *arg = argv[*at];
	bool *set;

	if (skip_accepted(argv, argc, at))
		return true;
	if (strncmp(arg, "--", 2) == 0)
		return take_long(o, argc, argv, at, status);
	if (arg[0] != '-' || arg[1] == '\0' || arg[2] != '\0')
		return mistake(status, "unknown argument", arg);
	if (strchr("fPCpj", arg[1])) {
		if (*at + 1 >= argc)
			return mistake(status, "missing value for", arg);
		return take_value(o, arg[1], argv[++*at], status);
	}
	set = flag(o, arg[1]);
	if (!set)
		return mistake(status, "unknown option", arg);
	return *set = true;
}

static bool
needs_files(const char *command)
{
	return strcmp(command, "agent") == 0 || strcmp(command, "proxy") == 0 ||
	       strcmp(command, "run") == 0 || strcmp(command, "explain") == 0 ||
	       strcmp(command, "check") == 0 || strcmp(command, "setup") == 0;
}

static bool
asks_usher(const char *command)
{
	return strcmp(command, "status") == 0 || strcmp(command, "reload") == 0;
}

bool
options_parse(struct options *o, int argc, char **argv, int *status)
{
	*o = (struct options){ .admin.token = getenv("USHER_TOKEN") };
	*status = 0;
	if (argc < 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		fputs(usage, argc < 2 ? stderr : stdout);
		*status = argc < 2;
		return false;
	}
	if (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0) {
		puts("usher " USHER_VERSION);
		return false;
	}
	o->command = argv[1];
	if (!needs_files(o->command) && !asks_usher(o->command))
		return mistake(status, "unknown command", o->command);
	for (int i = 2; i < argc; i++)
		if (!take_option(o, argc, argv, &i, status))
			return false;
	o->quiet = o->quiet && !o->verbose;
	if (needs_files(o->command) && !o->live && o->files.n_haproxy_cfg == 0)
		return mistake(status, "no configuration: -f haproxy.cfg is missing", NULL);
	return true;
}
