/*
 * A part of world_load(): the files as it reads them. world_read() and world_read_engine(), which
 * others call as well, are in world.h.
 */
#ifndef USHER_ENGINE_WORLD_READ_H
#define USHER_ENGINE_WORLD_READ_H

#include "agent/engine/world.h"

/* As world_read(), where usher carries the clients: each word is held against usher's language. */
void world_read_carried(const struct world_files *files, struct topology *t, struct policy *p,
			struct report *r);

/* The password that usher.json, at `path`, keeps in a file of its own; an alert if there is none.
 */
void world_read_store_password(struct policy *p, const char *path, struct report *r);

#endif
