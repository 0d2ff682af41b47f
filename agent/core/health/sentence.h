/*
 * HAProxy's sentences about servers, word for word: people and their tools look for them in logs.
 */
#ifndef USHER_CORE_HEALTH_SENTENCE_H
#define USHER_CORE_HEALTH_SENTENCE_H

#include <stddef.h>

#include "agent/core/health/answer.h"
#include "agent/core/health/rise.h"

enum { SENTENCE_MAX = 1024 };

/* What happened to a server. */
enum sentence_state {
	SENTENCE_UP,
	SENTENCE_DOWN,
	SENTENCE_STOPPING, /* it drains */
};

struct sentence {
	const struct server *server;
	const struct server *via;	    /* the one it tracks; NULL: it was checked itself */
	const struct health_answer *answer; /* NULL: said already, in sentence_check() */
	uint32_t ms;			    /* how long the check took */
	unsigned n_active, n_backup;	    /* servers of the backend that are left */
	unsigned n_sessions, n_waiting;	    /* of this one */
};

/* "Server b/s is DOWN, reason: …, check duration: 0ms. 1 active and 0 backup servers left. …" */
const char *sentence_state(const struct sentence *s, enum sentence_state state, char *out);

/* "Health check for server b/s failed, reason: …, check duration: 0ms, status: 2/3 UP." */
const char *sentence_check(const struct sentence *s, const struct rise *rise, bool is_drained,
			   char *out);

/* "backend b has no server available!" */
const char *sentence_nobody(const struct proxy *backend, char *out);

#endif
