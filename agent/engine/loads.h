/*
 * The counts of sessions that usher carries, by name: they outlive worlds. Filled on the main
 * thread while worlds are made; what it hands out is used by any thread (core/decide/load.h).
 */
#ifndef USHER_ENGINE_LOADS_H
#define USHER_ENGINE_LOADS_H

#include "agent/core/base/str.h"
#include "agent/core/decide/load.h"

struct loads;

struct loads *loads_new(void);
/* When no session is left. */
void loads_free(struct loads *l);

/* Whose new clients are: HAProxy's, while usher stands by, or usher's own, as from the start. */
void loads_set_haproxys(struct loads *l, bool is_haproxys);

/* That of a server in a backend, made when it is asked for the first time. */
struct server_load *loads_server(struct loads *l, struct str backend, struct str server);

struct frontend_load *loads_frontend(struct loads *l, struct str frontend);
/* That of all frontends together. */
struct frontend_load *loads_process(struct loads *l);

#endif
