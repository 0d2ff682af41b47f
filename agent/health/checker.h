/*
 * Health checks of the servers that usher carries clients to (configuration manual, 5.2 `check`),
 * where no HAProxy stands by to make them. What they find goes into the pools and to the log.
 *
 * Everything runs on the main loop, but for health_note_connect(). A server that an operator put
 * into maintenance or drain stays as it is; one without an address is not asked. The backends of
 * usher's own SPOE engines are left alone: their only server is usher.
 *
 * A server is checked in the way that clients are carried there, in TLS and with a PROXY header,
 * unless its line says otherwise or sends checks to another place.
 */
#ifndef USHER_HEALTH_CHECKER_H
#define USHER_HEALTH_CHECKER_H

#include <ev.h>

#include "agent/core/health/view.h"
#include "agent/engine/world.h"

struct health_checker;

/* A server's status is another now; the pool knows already. */
typedef void health_change_fn(void *arg, const struct world *w, const struct proxy *backend,
			      unsigned server, enum server_status now);

/* Begin to check. Holds a reference to the world; on_change may be NULL. Never NULL. */
struct health_checker *health_checker_new(struct ev_loop *loop, struct world *world,
					  health_change_fn *on_change, void *arg);

/* A reload: servers of the same backend and name keep their score and what is known of them. */
void health_checker_set_world(struct health_checker *h, struct world *world);

/*
 * Leave the servers alone, whoever else looks after them; and look after them again, beginning with
 * what the pools say of them now. It begins awake. Main thread.
 */
void health_checker_pause(struct health_checker *h);
void health_checker_resume(struct health_checker *h);

/* While it is paused: the servers are up again, where nobody else says how they are. Main thread.
 */
void health_checker_release(const struct health_checker *h);

/* When no worker can note anything any more. */
void health_checker_free(struct health_checker *h);

/*
 * A client's connection to this server was made, or was not. From any thread. A failed one counts
 * as a failed check, at most once a second; with `observe layer4` only error-limit of them in a
 * row do, as `on-error` says. Nobody had trouble: it costs one look at a number. `h` may be NULL.
 */
void health_note_connect(struct health_checker *h, const struct server *s, bool ok);

/* Main thread. False: the server is not checked. */
bool health_checker_view(const struct health_checker *h, const struct proxy *backend,
			 unsigned server, struct health_view *v);

/*
 * An operator's word, as if checks had said so: up, drained by its check, or down. Main thread.
 * False: the server is not checked itself.
 */
bool health_checker_force(struct health_checker *h, const struct proxy *backend, unsigned server,
			  enum server_status to);

#endif
