/*
 * The door for clients: the file's frontends, listening on every worker.
 */
#ifndef USHER_PROXY_SERVICE_H
#define USHER_PROXY_SERVICE_H

#include "agent/engine/session_row.h"
#include "agent/engine/world.h"
#include "agent/io/worker.h"

struct proxy_service;

/* Beside HAProxy, whose sockets that user makes: bound as one of them, not listening. */
struct proxy_stand {
	uid_t uid;
};

/*
 * Open every `bind` of every frontend on every worker, before they start. NULL, with an alert
 * in HAProxy's words for each that could not be opened, when one is missing. `stand` NULL: they
 * listen at once, and always; else proxy_service_listen() and _rest() say when. Then paths of UNIX
 * sockets are left to HAProxy, with a warning.
 */
struct proxy_service *proxy_service_open(const struct world *world, struct worker **workers,
					 unsigned n_workers, const struct proxy_stand *stand,
					 struct report *r);

/*
 * Where usher stands by: accept clients from now on, and no longer. listen: new clients are
 * in our backlog when it returns; 0, or a negative errno of one that could not. rest: each worker
 * lets in who stands in its backlog, then its sockets are bound and no more; sessions go on. Main
 * thread.
 */
int proxy_service_listen(struct proxy_service *s);
void proxy_service_rest(struct proxy_service *s);

/* The addresses that are open, and whether a socket is one of ours. Main thread. */
size_t proxy_service_n_addresses(const struct proxy_service *s);
const struct addr *proxy_service_address(const struct proxy_service *s, size_t i);
bool proxy_service_owns(const struct proxy_service *s, uint64_t inode);

/* Does the file have anything to open? */
bool proxy_service_listens(const struct world *world);

/* Who hears how connecting to servers goes, from any worker. Before the workers start. */
void proxy_service_observe(struct proxy_service *s,
			   void (*note)(void *arg, const struct server *server, bool ok),
			   void *arg);

/*
 * A reload, on the main thread. plan: open what is new, and see what goes; NULL, with alerts, when
 * an address cannot be had, and then nothing has changed. commit: this world is the one; the
 * plan is the workers' then. Each of them calls leave before it takes the new world, while who
 * stands before a door that closes is let in, and enter after it.
 */
struct proxy_plan;
struct proxy_plan *proxy_service_plan(struct proxy_service *s, const struct world *world,
				      struct report *r);
void proxy_service_commit(struct proxy_service *s, struct proxy_plan *plan,
			  const struct world *world);
void proxy_plan_leave(struct proxy_plan *plan, struct worker *w);
void proxy_plan_enter(struct proxy_plan *plan, struct worker *w);

/*
 * A server's state changed, whoever noticed (on the main thread): what `on-marked-down` and
 * `on-marked-up` ask for, and who waits for it alone chooses again. `service` is the
 * struct proxy_service.
 */
void proxy_service_server_changed(void *service, const struct world *w, const struct proxy *backend,
				  unsigned index, enum server_status now);

/*
 * Show the sessions of one worker to `look`, on that worker's thread, in small batches, so that
 * clients hardly notice. Those that come meanwhile may be missed. Main thread.
 */
void proxy_service_each_session(struct proxy_service *s, unsigned worker,
				const struct session_look *look);

/* End the sessions of that server, on all workers. Main thread. */
void proxy_service_end_sessions(struct proxy_service *s, const struct server *server);

/* What a worker carries; for sessions_view.c. */
struct carrier;
struct carrier *proxy_service_carrier(struct proxy_service *s, unsigned worker);

/* How many clients are carried. */
uint32_t proxy_service_sessions(const struct proxy_service *s);

/* On a worker's thread: accept nobody any more. Those who are there stay. */
void proxy_service_close(struct proxy_service *s, struct worker *w);

/* On a worker's thread, before its loop ends: stop accepting, end what is carried. */
void proxy_service_stop(struct proxy_service *s, struct worker *w);

/* After the workers have ended. */
void proxy_service_free(struct proxy_service *s);

#endif
