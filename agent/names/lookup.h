/*
 * One name that servers of a `resolvers` section want, looked up again and again. Inside names.c:
 * its owner fills the struct, starts it and frees it.
 *
 *	        ┌────────────── after `timeout resolve` ◀─────────────────┐
 *	        ▼                                                         │
 *	   (preferred family) ── no address ──▶ (the other) ──▶ error? ─┬─┤
 *	        │  ▲                                 │                  │ │
 *	        │  └─── after `timeout retry`, `resolve_retries` times ─┘ │
 *	        └───────── an address ───────────────┴──▶ servers ────────┘
 */
#ifndef USHER_NAMES_LOOKUP_H
#define USHER_NAMES_LOOKUP_H

#include <ev.h>

#include "agent/core/decide/pool.h"
#include "agent/io/resolver.h"
#include "agent/names/answer.h"

/* A `resolvers` section that servers refer to. */
struct section {
	const struct resolvers *from;
	struct informant {
		const char *name;
		struct resolver *resolver; /* owned */
	} * informants;			   /* owned; its name servers */
	size_t n_informants;
};

/* A server that wants the name. */
struct client_server {
	const struct server *server;
	struct pool *pool;
	uint16_t port;
	struct wish wish; /* present and taken are filled in when it chooses */
};

struct lookup {
	struct ev_loop *loop;
	struct section *section;
	char *host;		       /* owned */
	uint8_t only;		       /* 4 or 6: its prefix says so; 0: either */
	uint8_t prefer;		       /* 4 or 6 */
	struct client_server *servers; /* owned; the first of the file first */
	size_t n_servers;
	struct ip *taken; /* owned; room for one of each */

	ev_timer due;		  /* the next question */
	uint32_t serial;	  /* of the question at hand; answers to others are late */
	uint8_t family;		  /* asked for */
	size_t n_open;		  /* name servers that have not answered it */
	uint32_t tries;		  /* of this round */
	double asked_at;	  /* by the loop's clock */
	enum lookup_status error; /* the last one */
	struct answer answer;
};

/* The first question, at once; none if the section has no name server. */
void lookup_start(struct lookup *l);

/*
 * Ask no more. Questions under way still refer to it: free the section's resolvers before it.
 */
void lookup_stop(struct lookup *l);

#endif
