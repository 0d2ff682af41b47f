/*
 * The live world: what the two files say, ready for workers to decide with.
 *
 * A world is built whole beside the one in use and never changes afterwards, but for the live
 * state behind its pools. Each worker holds a reference and is handed a new one by message
 * between two events. What outlives worlds (sticky table, rates, names of servers) is in the
 * engine, one per process.
 */
#ifndef USHER_ENGINE_WORLD_H
#define USHER_ENGINE_WORLD_H

#include "agent/core/base/report.h"
#include "agent/core/decide/decide.h"
#include "agent/core/topology/spoe_engine.h"

enum { MAX_CONFIG_FILES = 64 };

/* What was given on the command line. */
struct world_files {
	const char *haproxy_cfg[MAX_CONFIG_FILES]; /* files or directories, in order */
	int n_haproxy_cfg;
	const char *policy; /* NULL: none */
};

/* A door for HAProxy: where the SPOE engines of the file expect an agent. */
struct world_agent {
	struct addr addr;
	char *text; /* owned; the address as it was written, for messages */
};

struct world {
	_Atomic unsigned refs;
	struct topology topology;
	struct policy policy;
	struct pool **pools;	     /* owned; by proxy index, NULL for what is no backend */
	struct quota **quotas;	     /* owned array; by tenant index, the engine's counts */
	struct data_path *data_path; /* owned; NULL: HAProxy carries the sessions */
	struct decide_env env;
	struct engine *engine; /* what outlives it */

	struct world_agent *listen; /* owned; where the agent listens */
	size_t n_listen;
	struct world_agent *session_ends; /* owned; where session ends are reported to */
	size_t n_session_ends;
	struct world_agent *stats_sockets; /* owned; HAProxy's runtime sockets */
	size_t n_stats_sockets;
};

struct data_path;
struct engine;
struct quota;

/* One per process. */
struct engine *engine_new(void);
void engine_free(struct engine *e);

/*
 * usher carries the sessions itself, so it knows each one's end. Before the first world. n_workers:
 * how many there are to be; 0: as many as the file of the first world says.
 */
void engine_carries(struct engine *e, unsigned n_workers);
/*
 * It stands by: HAProxy carries them, until engine_set_haproxys() says otherwise. After
 * engine_carries().
 */
void engine_stands_by(struct engine *e);
/* Whose new clients are from now on. Any time after the first world; main thread. */
void engine_set_haproxys(struct engine *e, bool is_haproxys);
/* So many there are: no file says anything else from now on. */
void engine_set_workers(struct engine *e, unsigned n_workers);

/*
 * Read the files, and nothing more: for those who look at them. Both models are initialised here
 * and ended by the caller, whatever the report says.
 */
void world_read(const struct world_files *files, struct topology *t, struct policy *p,
		struct report *r);

/* Read the file that a `filter spoe` line names. False with an alert; ended by the caller anyway.
 */
bool world_read_engine(const struct spoe_filter *f, struct spoe_engine *engine, struct report *r)
	MUST_USE;

/*
 * Read the files and build a world from them; NULL if the report has alerts. `old`, if not NULL,
 * lends what it knows of servers. Main thread only. The new world has one reference. What is in
 * use stays as it is, so that the caller may still drop the new one.
 */
struct world *world_load(struct engine *e, const struct world_files *files, struct world *old,
			 struct report *r);

/*
 * Where usher carries the sessions itself: read the certificates, once names have their addresses.
 * False, with alerts: the world is not to be used.
 */
bool world_load_tls(struct world *w, struct report *r) MUST_USE;

/*
 * This world is the one in use from now on: what outlives worlds goes by its limits. ends_heard:
 * HAProxy's reports of session ends reach us, so that entries may wait for them.
 */
void world_begin(const struct world *w, bool ends_heard);

struct world *world_ref(struct world *w);
void world_unref(struct world *w);

/* Does usher take a verdict there: our filter, or a word of usher.json about it? */
bool world_governs(const struct world *w, const struct proxy *frontend);

/* A pool by the name of its backend, NULL if there is none. */
struct pool *world_pool(const struct world *w, struct str backend);

/* The number by which sticky entries know a server of that name; STICK_NO_TARGET: none such. */
uint32_t world_target(const struct world *w, struct str server);

/*
 * The number that a server of this name has from now on; STICK_NO_TARGET: there are too many. And
 * back again; NULL: no such number. Any thread; names live as long as the engine.
 */
uint32_t engine_intern_target(struct engine *e, struct str name);
/* The number that it has already, or STICK_NO_TARGET. */
uint32_t engine_target(struct engine *e, struct str name);
const char *engine_target_name(struct engine *e, uint32_t target);

enum { ENGINE_OWNER = 17 };
/* Names this process among the ushers that share a store: hexadecimal digits. */
struct str engine_owner(const struct engine *e);

#endif
