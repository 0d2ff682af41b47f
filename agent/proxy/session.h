/*
 * One client carried to its broker.
 *
 *	                         next server, while retries are left
 *	                              ┌─┐
 *	   governed                   │ ▼
 *	   (accept) ──▶ CONNECT ──▶ DIAL ──▶ RELAY ──▶ end
 *	      │            │  ▲       │        │        ▲
 *	      │ opaque     │  └ more  ├────────┴────────┤ late, gone
 *	      └──────────▶ DIAL       ▼                 │
 *	                   └──────▶ REFUSED ────────────┘ CONNACK sent, the client's last bytes read
 *
 * A governed frontend waits for the whole CONNECT and asks for a verdict; any other is opaque TCP,
 * dialled at once, so that the server may speak first.
 *
 * A session lives on its worker, in a slab slot of at most 256 bytes; the kernel has the bytes.
 */
#ifndef USHER_PROXY_SESSION_H
#define USHER_PROXY_SESSION_H

#include "agent/engine/world.h"
#include "agent/proxy/bounds.h"

/* What a worker needs to carry sessions; one each, made before the workers start. */
struct carrier {
	struct worker *worker;
	struct bounds bounds;
	struct list sessions;
	struct list idle; /* slots of ended sessions, to be used again */
	unsigned n_sessions;
};

void carrier_init(struct carrier *c, struct worker *w);
/* Ends the sessions that are left. On the worker's thread, or after it. */
void carrier_fini(struct carrier *c);

/* Why a session ended: the words of log and metrics. */
enum close_reason {
	CLOSE_DONE,	      /* both sides have sent their last byte */
	CLOSE_CLIENT_GONE,    /* the client reset */
	CLOSE_SERVER_GONE,    /* the server reset */
	CLOSE_CLIENT_TIMEOUT, /* nothing moved for `timeout client` or `timeout server` */
	CLOSE_NOT_MQTT,	      /* no CONNECT, or one against the protocol */
	CLOSE_CONNECT_LATE,   /* the CONNECT was not complete in time */
	CLOSE_REFUSED,	      /* by the verdict; the client was told */
	CLOSE_NO_SERVER,      /* none that may take it */
	CLOSE_CONNECT_FAILED, /* those tried refuse or do not answer */
	CLOSE_MEMORY,
	CLOSE_STOPPING, /* usher ends */
	N_CLOSE_REASONS,
};

const char *close_reason_name(enum close_reason reason);

/* A client was accepted on this frontend, which belongs to the worker's present world. Owns fd. */
void session_start(struct carrier *c, const struct proxy *frontend, int fd);

#endif
