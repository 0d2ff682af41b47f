/*
 * The inside of proxy/service.h: entrance.c opens and closes doors, plan.c changes them in a
 * reload, service.c has the rest.
 *
 * An entrance is one address, with a socket on each worker. Its sockets know their frontend by
 * name: each client is carried by the newest world, and an address that stays is never closed,
 * whichever frontend has it.
 */
#ifndef USHER_PROXY_ENTRANCE_H
#define USHER_PROXY_ENTRANCE_H

#include "agent/io/listener.h"
#include "agent/proxy/service.h"

/* An entrance's part on one worker; that worker's alone. */
struct door {
	struct entrance *entrance;
	struct listener listener; /* worker NULL: not open */
	char *frontend;		  /* owned; its name */
};

/* One address, on all workers. */
struct entrance {
	struct proxy_service *service;
	struct addr addr;
	char *text;	    /* owned; as written */
	char *frontend;	    /* owned; the main thread's copy */
	struct door *doors; /* owned; one a worker */
	struct own_socket { /* the main thread's copy */
		int fd;	    /* the door's */
		uint64_t inode;
	} * sockets; /* owned; one a worker */
};

struct proxy_service {
	struct carrier *carriers;    /* owned; one a worker */
	struct worker **workers;     /* the process's */
	struct entrance **entrances; /* owned, and so is each; the main thread's */
	size_t n_entrances;
	unsigned n_workers;
	const struct frontend_load *process; /* the engine's */
	_Atomic uint32_t max_sessions;
	const struct proxy_stand *stand; /* NULL: every socket listens, always */
	bool listens;			 /* the main thread's word */
	bool *accepts; /* owned; one a worker, which writes its own: what it was told last */
};

/* Is it a frontend of MQTT? */
bool entrance_serves(const struct proxy *p);
/* Its bind of that address; NULL: it has none. */
const struct bind *entrance_bind(const struct proxy *p, const struct addr *a);

/* With doors that are not open; without sockets. Main thread, and so are the next two. */
struct entrance *entrance_new(struct proxy_service *s, const struct proxy *frontend,
			      const struct bind *b);
void entrance_free(struct entrance *e);
struct entrance *entrance_find(const struct proxy_service *s, const struct addr *a);

/*
 * On the worker's thread, or before it runs: owns fd, and accepts if the worker was told to. close:
 * who stands before it is let in first; a door that is not open stays so.
 */
void door_open(struct door *d, struct worker *w, int fd);
void door_close(struct door *d);

/* One that nobody was given, and that opened nothing. */
void proxy_plan_free(struct proxy_plan *plan);

#endif
