/*
 * The door for people and monitors: HTTP on a UNIX socket or a loopback address, run by
 * libmicrohttpd on the main loop. docs/openapi.yaml is the contract.
 *
 * Reading is free to whoever reaches the address. What changes something needs the token when the
 * address is TCP; on a UNIX socket the file's permissions are the guard.
 */
#ifndef USHER_ADMIN_SERVICE_H
#define USHER_ADMIN_SERVICE_H

#include <ev.h>

#include "agent/admin/view.h"

struct admin_service;

/*
 * Listen where the policy says, else at the default if its directory exists. NULL when there is
 * nothing to listen on, or it failed, which is logged: usher decides all the same.
 */
struct admin_service *admin_service_new(struct ev_loop *loop, const struct policy *policy,
					const struct admin_view *view);
void admin_service_free(struct admin_service *s);

#endif
