/*
 * What the statistics page's form sends: an action, a backend, and the servers that are checked.
 * HAProxy's names of fields, actions and outcomes, so that scripts go on.
 */
#ifndef USHER_ADMIN_STATS_FORM_H
#define USHER_ADMIN_STATS_FORM_H

#include "agent/engine/operations.h"

enum { STATS_FORM_SERVERS = 8 << 10 }; /* bytes of names in one change */

struct stats_form {
	char action[32], backend[256];
	char servers[STATS_FORM_SERVERS]; /* each with its NUL */
	size_t n_servers;		  /* bytes of them */
	char server[256];		  /* that is coming in */
	bool has_too_much;
};

/* n bytes of a field's value, from `off` on; pieces come in order. */
void stats_form_add(struct stats_form *f, const char *key, const char *data, uint64_t off,
		    size_t n);

/* The action, if there is one of that name, else "-". */
const char *stats_form_action(const struct stats_form *f);

/* Do it: "DONE", "PART", "NONE", "ERRP". */
const char *stats_form_apply(struct stats_form *f, const struct operations *o);

#endif
