/*
 * One client carried to its broker.
 *
 *	            ┌───────────────── the next server, while retries are left ─────────────┐
 *	            ▼                                                                       │
 *	FRONT ▶ BACK ─▶ DIAL ─────────────────────────────────▶ ANSWER ──▶ RELAY ──▶ end    │
 *	  │      │  ▲    │ ▲  the same one again  no CONNECT ─────│──────────▲              │
 *	  │      ▼  │    ▼ │                                      └─ "not here, not now" ───┤
 *	  │    QUEUE┘  PAUSE┘                     refused, or no answer to the dialling ────┘
 *	  ▼
 *	REFUSED ──▶ end          CONNACK sent, the client's last bytes read
 *
 * Before FRONT stand HEADER, HANDSHAKE and UPGRADE, where the client brings a PROXY header, TLS,
 *and a WebSocket that usher looks into; between DIAL and ANSWER stand GREET, where the server wants
 *the first two, and SWITCH, where it gets the third.
 *
 * FRONT runs the frontend's rules and, where usher governs, waits for the whole CONNECT and asks
 * for a verdict; BACK runs the backend's rules and chooses the server. Both are over at once where
 * no rule reads the request: the server may then speak first. Every state may end by time-out, and
 * by either side going away.
 *
 * A session lives on its worker, in a slab slot of at most 256 bytes; the kernel has the bytes.
 */
#ifndef USHER_PROXY_SESSION_H
#define USHER_PROXY_SESSION_H

#include "agent/engine/close_reason.h"
#include "agent/engine/world.h"
#include "agent/proxy/bounds.h"

/* What a worker needs to carry sessions; one each, made before the workers start. */
struct carrier {
	struct worker *worker;
	struct bounds bounds;
	struct list sessions;
	struct list idle; /* slots of ended sessions, to be used again */
	unsigned n_sessions;
	/* Hears how each attempt to connect to a server went; NULL: nobody does. */
	void (*note_connect)(void *arg, const struct server *server, bool ok);
	void *note_arg;
	char scratch[16 << 10];	   /* of one evaluation of rules at a time */
	char key_scratch[2 << 10]; /* of the keys of stick-tables in it */
};

void carrier_init(struct carrier *c, struct worker *w);
/* Ends the sessions that are left. On the worker's thread, or after it. */
void carrier_fini(struct carrier *c);

/*
 * A client was accepted on this line of this frontend, which belongs to the worker's present
 * world. Owns fd.
 */
void session_start(struct carrier *c, const struct proxy *frontend, const struct bind *bind,
		   int fd);

/*
 * A server was marked down: who waits for it alone chooses again; who is carried there is ended,
 * if the file says so. Of all backends, whose names may be older than the session's world.
 */
void carrier_server_down(struct carrier *c, struct str backend, struct str server, bool shutdown);

#endif
