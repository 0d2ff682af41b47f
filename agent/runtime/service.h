/*
 * HAProxy's runtime socket, as HAProxy serves it (management guide, 9.3): each `stats socket` of
 * the file is listened on by the main loop, and answered there. docs/runtime.md has the commands.
 *
 * Who may do what is the socket's level; who may reach it is its mode and owner.
 */
#ifndef USHER_RUNTIME_SERVICE_H
#define USHER_RUNTIME_SERVICE_H

#include <ev.h>

#include "agent/engine/operations.h"

struct runtime_service;

/*
 * Open what the file of the present world asks for. An address that cannot be had is logged: usher
 * carries clients all the same. `o` is borrowed. Never NULL.
 */
struct runtime_service *runtime_service_new(struct ev_loop *loop, const struct operations *o);

/* When no worker can answer any more. */
void runtime_service_free(struct runtime_service *s);

#endif
