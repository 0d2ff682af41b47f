/* One session as it is shown to operators; valid during the call it is handed to. */
#ifndef USHER_ENGINE_SESSION_ROW_H
#define USHER_ENGINE_SESSION_ROW_H

#include "agent/core/topology/model.h"

struct session_row {
	uint64_t id;			 /* of those that are there now, no other has it */
	const struct topology *topology; /* of the next three */
	const struct proxy *frontend;
	const struct proxy *backend; /* NULL: not chosen yet */
	const struct server *server; /* NULL: likewise */
	struct addr source, target;  /* len 0: not known */
	int client_fd, server_fd;    /* -1: none */
	int64_t age_ms;
	uint64_t in, out; /* bytes from the client, to the client */
	unsigned n_retries;
	const char *state;
};

/* What to do with the sessions of one worker. */
struct session_look {
	/* True: end it. */
	bool (*row)(void *arg, const struct session_row *row);
	void (*end)(void *arg);
	void *arg;
};

#endif
