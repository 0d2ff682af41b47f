/*
 * The table of commands: their words, who may give them, and what `help` says of them. The
 * longest row whose words a command begins with is the one. What begins with none is answered
 * with those that it may have been meant for, in HAProxy's words.
 */
#include <string.h>

#include "agent/runtime/cli.h"

static void help(struct cli *c);
static void prompt(struct cli *c);
static void quit(struct cli *c);
static void set_timeout(struct cli *c);
static void lower_to_operator(struct cli *c);
static void lower_to_user(struct cli *c);
static void refuse_maxconn(struct cli *c);

enum { WORDS = 4 };

static const struct row {
	const char *words[WORDS];
	enum runtime_level level;
	void (*run)(struct cli *c);
	const char *usage, *help;
} rows[] = {
	{ { "clear", "table" },
	  RUNTIME_OPERATOR,
	  clear_table,
	  "clear table <table> [<filter>]*",
	  "drop entries of a stick-table (filter: data/key)" },
	{ { "disable", "server" },
	  RUNTIME_ADMIN,
	  disable_server,
	  "disable server <bk>/<srv>",
	  "as set server <bk>/<srv> state maint" },
	{ { "enable", "server" },
	  RUNTIME_ADMIN,
	  enable_server,
	  "enable server <bk>/<srv>",
	  "as set server <bk>/<srv> state ready" },
	{ { "get", "weight" },
	  RUNTIME_USER,
	  get_weight,
	  "get weight <bk>/<srv>",
	  "a server's weight, and that of the file" },
	{ { "operator" },
	  RUNTIME_OPERATOR,
	  lower_to_operator,
	  "operator",
	  "from now on be no more than an operator" },
	{ { "set", "maxconn", "frontend" },
	  RUNTIME_ADMIN,
	  refuse_maxconn,
	  "set maxconn frontend <frontend> <value>",
	  "not in usher: change the file, reload" },
	{ { "set", "maxconn", "global" },
	  RUNTIME_ADMIN,
	  refuse_maxconn,
	  "set maxconn global <value>",
	  "not in usher: change the file, reload" },
	{ { "set", "maxconn", "server" },
	  RUNTIME_ADMIN,
	  set_maxconn_server,
	  "set maxconn server <bk>/<srv> <value>",
	  "how many sessions a server may have" },
	{ { "set", "server" },
	  RUNTIME_ADMIN,
	  set_server,
	  "set server <bk>/<srv> [opts]",
	  "a server's state, weight, address or health" },
	{ { "set", "table" },
	  RUNTIME_OPERATOR,
	  set_table,
	  "set table <table> key <k> [data.* <v>]*",
	  "make or change an entry of a stick-table" },
	{ { "set", "timeout" },
	  RUNTIME_USER,
	  set_timeout,
	  "set timeout [cli] <delay>",
	  "how long this connection may be idle, in seconds" },
	{ { "set", "weight" },
	  RUNTIME_ADMIN,
	  set_weight,
	  "set weight <bk>/<srv> <weight>",
	  "as set server <bk>/<srv> weight" },
	{ { "show", "backend" }, RUNTIME_USER, show_backend, "show backend", "names of backends" },
	{ { "show", "cli", "level" },
	  RUNTIME_USER,
	  show_cli_level,
	  "show cli level",
	  "what this connection may do" },
	{ { "show", "cli", "sockets" },
	  RUNTIME_USER,
	  show_cli_sockets,
	  "show cli sockets",
	  "sockets like this one" },
	{ { "show", "errors" },
	  RUNTIME_OPERATOR,
	  show_errors,
	  "show errors [<px>]",
	  "nothing: usher keeps no faulty requests" },
	{ { "show", "info" }, RUNTIME_USER, show_info, "show info [json|typed]", "the process" },
	{ { "show", "servers", "conn" },
	  RUNTIME_USER,
	  show_servers_conn,
	  "show servers conn [<backend>]",
	  "connections to servers" },
	{ { "show", "servers", "state" },
	  RUNTIME_USER,
	  show_servers_state,
	  "show servers state [<backend>]",
	  "states and weights of servers" },
	{ { "show", "sess" },
	  RUNTIME_OPERATOR,
	  show_sess,
	  "show sess [all|<id>]",
	  "sessions that are carried now" },
	{ { "show", "stat" },
	  RUNTIME_USER,
	  show_stat,
	  "show stat [json|no-maint|typed|up]*",
	  "counters of frontends, backends and servers" },
	{ { "show", "table" },
	  RUNTIME_USER,
	  show_table,
	  "show table [<table> [<filter>]*]",
	  "stick-tables, or the entries of one (filter: data/key)" },
	{ { "show", "version" },
	  RUNTIME_USER,
	  show_version,
	  "show version",
	  "the version of this process" },
	{ { "shutdown", "session" },
	  RUNTIME_ADMIN,
	  shutdown_session,
	  "shutdown session <id>",
	  "end one session" },
	{ { "shutdown", "sessions", "server" },
	  RUNTIME_ADMIN,
	  shutdown_sessions_server,
	  "shutdown sessions server <bk>/<srv>",
	  "end the sessions of a server" },
	{ { "user" }, RUNTIME_USER, lower_to_user, "user", "from now on be no more than a user" },
	{ { "help" }, RUNTIME_USER, help, "help [<command>]", "all commands, or those alike" },
	{ { "prompt" }, RUNTIME_USER, prompt, "prompt", "stay connected, or no longer" },
	{ { "quit" }, RUNTIME_USER, quit, "quit", "end this connection" },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), N_ALWAYS = 3 };

/* ---- finding --------------------------------------------------------------------------------- */

/* How many words the command begins with are the row's; all of them, or 0. */
static unsigned
fits(const struct row *row, const struct command *c)
{
	unsigned n = 0;

	for (; n < WORDS && row->words[n]; n++)
		if (strcmp(row->words[n], c->words[n]) != 0)
			return 0;
	return n;
}

static const struct row *
find_row(const struct command *c)
{
	const struct row *best = NULL;
	unsigned longest = 0;

	for (size_t i = 0; i < N_ROWS; i++) {
		unsigned n = fits(&rows[i], c);

		if (n > longest) {
			longest = n;
			best = &rows[i];
		}
	}
	return best;
}

/* Words it has in common with the row, each counted once. */
static unsigned
likeness(const struct row *row, const struct command *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORDS && row->words[i]; i++)
		for (unsigned k = 0; k < c->n; k++)
			if (strcmp(row->words[i], c->words[k]) == 0) {
				n++;
				break;
			}
	return n;
}

static void
say_rows(struct cli *c, const struct command *alike)
{
	unsigned most = 0;

	for (size_t i = 0; alike && i < N_ROWS; i++)
		if (likeness(&rows[i], alike) > most)
			most = likeness(&rows[i], alike);
	for (size_t i = 0; i < N_ROWS; i++) {
		bool is_always = i >= N_ROWS - N_ALWAYS;

		if (is_always || likeness(&rows[i], alike ? alike : &(struct command){ 0 }) == most)
			cli_say(c, "  %-40s: %s\n", rows[i].usage, rows[i].help);
	}
}

static void
say_unknown(struct cli *c)
{
	const struct command *given = &c->command;
	bool has_likeness = false;

	for (size_t i = 0; i < N_ROWS; i++)
		has_likeness |= likeness(&rows[i], given) > 0;
	if (has_likeness)
		cli_say(c, "Unknown command, but maybe one of the following ones is a better "
			   "match:\n");
	else
		cli_say(c, "Unknown command. Please enter one of the following commands only:\n");
	say_rows(c, has_likeness ? given : NULL);
}

void
commands_run(struct cli *c)
{
	const struct row *row = find_row(&c->command);

	if (!row)
		say_unknown(c);
	else if (cli_may(c, row->level))
		row->run(c);
}

bool
cli_may(struct cli *c, enum runtime_level level)
{
	if (c->level >= level)
		return true;
	cli_say(c, "Permission denied\n");
	return false;
}

bool
cli_find_server(struct cli *c, const char *text, struct target_server *t)
{
	const char *slash = strchr(text, '/');
	struct str backend = { text, slash ? (size_t)(slash - text) : 0 };

	if (!slash || !slash[1]) {
		cli_say(c, "Require 'backend/server'.\n");
		return false;
	}
	*t = operations_find(c->o, backend, str_of(slash + 1));
	if (!t->backend)
		cli_say(c, "No such backend.\n");
	else if (!t->server)
		cli_say(c, "No such server.\n");
	return t->server;
}

/* ---- about the connection itself ------------------------------------------------------------- */

static void
help(struct cli *c)
{
	struct command about = c->command;

	memmove(&about.words[0], &about.words[1], sizeof(about.words) - sizeof(about.words[0]));
	about.n--;
	cli_say(c, "The following commands are valid at this level:\n");
	say_rows(c, about.n ? &about : NULL);
}

static void
prompt(struct cli *c)
{
	c->prompts = !c->prompts;
}

static void
quit(struct cli *c)
{
	c->closes = true;
}

static void
set_timeout(struct cli *c)
{
	const char *what = c->command.words[2], *seconds = c->command.words[3];
	uint64_t n;

	if (strcmp(what, "cli") != 0) {
		cli_say(c, "'set timeout' only supports 'cli'.\n");
		return;
	}
	if (!str_u64((struct str){ seconds, strspn(seconds, "0123456789") }, &n) || n == 0 ||
	    n > 86400) {
		cli_say(c, *seconds ? "Invalid timeout value.\n" : "Expects an integer value.\n");
		return;
	}
	c->timeout_s = (double)n;
}

static void
lower_to_operator(struct cli *c)
{
	c->level = RUNTIME_OPERATOR;
}

static void
lower_to_user(struct cli *c)
{
	c->level = RUNTIME_USER;
}

static void
refuse_maxconn(struct cli *c)
{
	cli_say(c, "Not supported by usher: change maxconn in the file and reload.\n");
}
