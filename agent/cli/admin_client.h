/*
 * Asking a running usher: one HTTP request to its admin service.
 */
#ifndef USHER_CLI_ADMIN_CLIENT_H
#define USHER_CLI_ADMIN_CLIENT_H

#include <jansson.h>

#include "agent/core/base/addr.h"

/* Where it listens and how to be let in. */
struct admin_address {
	const char *text;  /* as given, NULL: the default */
	const char *token; /* NULL: none */
};

/*
 * Send a request and wait, at most some seconds, for the answer, which must be JSON. NULL after
 * printing why not. *status is the HTTP status. The caller owns the reference.
 */
json_t *admin_ask(const struct admin_address *a, const char *method, const char *path, int *status);

#endif
