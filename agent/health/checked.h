/* One checked server and what is known of it: for checker.c, announce.c and notes.c. */
#ifndef USHER_HEALTH_CHECKED_H
#define USHER_HEALTH_CHECKED_H

#include "agent/core/health/rise.h"
#include "agent/health/check.h"
#include "agent/health/checker.h"
#include "agent/health/notes.h"

struct checked {
	struct health_checker *owner;
	char *key; /* owned; "backend/server" */
	const struct server *server;
	struct pool *pool;
	const struct script *script; /* borrowed; NULL: it only follows the one it tracks */
	const struct checked *tracked;
	struct check check;
	ev_timer due;
	struct rise rise;
	bool drains;	   /* by what its check says */
	bool is_our_drain; /* the pool's DRAIN is ours, and no operator's */
	bool was_maint;	   /* when it was last looked at */
	struct health_view view;
	struct note *note;
};

/* The one whose servers are checked. */
const struct world *checked_world(const struct checked *c);

/* Servers of a backend that may take clients. */
struct usable {
	unsigned n_active, n_backup;
};
struct usable announce_count(const struct checked *c);

/* `option log-health-checks`: this answer counted, or is another than before. */
void announce_check(const struct checked *c);

/* The pool has another status of it. */
void announce_state(const struct checked *c, enum server_status now, struct usable before);

#endif
