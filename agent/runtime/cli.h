/*
 * One connection to a runtime socket, as commands see it. Inside of agent/runtime alone.
 *
 * A command says its answer with cli_say(); the line that ends it is added when it returns. One
 * that must ask the workers sets `waits`, and cli_resume() goes on when they have answered.
 */
#ifndef USHER_RUNTIME_CLI_H
#define USHER_RUNTIME_CLI_H

#include <ev.h>

#include "agent/core/base/buf.h"
#include "agent/core/base/list.h"
#include "agent/core/wire/command.h"
#include "agent/engine/operations.h"
#include "agent/io/inbox.h"
#include "agent/runtime/socket_line.h"

struct gather;

struct cli {
	struct runtime_service *service;
	const struct operations *o;
	struct list list; /* in the service's connections */
	int fd;
	ev_io io;
	ev_timer idle;
	double timeout_s;
	struct buf in, out;
	enum runtime_level level;
	bool prompts;	 /* it stays, and is asked for more */
	bool eof;	 /* nothing more comes */
	bool closes;	 /* when all is written */
	bool waits;	 /* for the workers */
	bool in_payload; /* lines are skipped until an empty one */
	struct str rest; /* of the line at hand; absent: none */
	struct command command;
	struct gather *gather; /* while it waits */
	char line[COMMAND_LINE_MAX + 1], words[COMMAND_LINE_MAX + 1];
};

/* The service's connection: owns fd, which does not block. Frees itself when it is over. */
void cli_open(struct runtime_service *s, int fd, enum runtime_level level);
void cli_close(struct cli *c);

void cli_say(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The answer is complete: what else was sent is looked at. */
void cli_resume(struct cli *c);

/* ---- service.c ------------------------------------------------------------------------------- */

struct runtime_service {
	struct ev_loop *loop;
	const struct operations *o;
	struct runtime_door *doors; /* owned */
	size_t n_doors;
	struct socket_limits limits;
	struct list connections; /* struct cli */
	unsigned n_connections;
	struct list gathers; /* struct gather: questions to the workers */
	struct inbox inbox;  /* of the main loop: what the workers answer */
};

/* One address that is listened on. */
struct runtime_door {
	struct runtime_service *service;
	struct socket_line line;
	char *address; /* owned */
	int fd;	       /* -1: it could not be had */
	ev_io io;
	ev_timer pause;
};

/* ---- commands.c ------------------------------------------------------------------------------ */

/* Run c->command. */
void commands_run(struct cli *c);

/* Say this unless the connection's level suffices. */
bool cli_may(struct cli *c, enum runtime_level level) MUST_USE;

/* "backend/server", with HAProxy's words for what is wrong with it. */
bool cli_find_server(struct cli *c, const char *text, struct target_server *t) MUST_USE;

/* ---- the commands ---------------------------------------------------------------------------- */

void show_stat(struct cli *c);
void show_info(struct cli *c);
void show_servers_state(struct cli *c);
void show_servers_conn(struct cli *c);
void show_backend(struct cli *c);
void show_errors(struct cli *c);
void show_version(struct cli *c);
void show_cli_level(struct cli *c);
void show_cli_sockets(struct cli *c);

void show_table(struct cli *c);
void clear_table(struct cli *c);
void set_table(struct cli *c);

void set_server(struct cli *c);
void set_weight(struct cli *c);
void get_weight(struct cli *c);
void set_maxconn_server(struct cli *c);
void enable_server(struct cli *c);
void disable_server(struct cli *c);

void show_sess(struct cli *c);
void shutdown_session(struct cli *c);
void shutdown_sessions_server(struct cli *c);

/* ---- sessions.c: a question to all workers ----------------------------------------------------
 */

struct gather {
	struct list list; /* in the service's gathers */
	struct runtime_service *service;
	struct cli *cli; /* NULL: it is gone */
	uint64_t id;	 /* of one session; 0: all */
	bool is_long;	 /* many lines for each */
	bool ends;	 /* the one with that id is to end */
	unsigned n_left; /* workers that have not answered */
	unsigned n_pieces;
	struct piece *pieces; /* owned; one a worker */
};

/* The connection is gone: the question stays until the workers have answered. */
void gather_forget(struct gather *g);
/* No worker will answer any more. */
void gather_free(struct gather *g);

#endif
