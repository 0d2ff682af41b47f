/*
 * From the files to a world, for whoever serves and for `-c`; every finding is printed.
 */
#ifndef USHER_LOAD_H
#define USHER_LOAD_H

#include "agent/engine/world.h"
#include "agent/options.h"

/* A world out of the files, or NULL. `old`, if not NULL, lends what it knows of servers. */
struct world *load_world(struct engine *e, const struct options *o, struct world *old);

/* In HAProxy's format, on stderr, as far as the options let it be heard. */
void print_report(const struct options *o, const struct report *r);

#endif
