/*
 * Servers whose address is a name (configuration manual, 5.3).
 *
 * At load every such server of the backends that are carried is given an address as its
 * `init-addr` says, and `bind` lines with names or ranges of ports become one address each. While
 * usher runs, servers with `resolvers` are looked up again and again on the main loop; their pools
 * are told what changed. Servers without keep the address of the load.
 */
#ifndef USHER_NAMES_NAMES_H
#define USHER_NAMES_NAMES_H

#include <ev.h>

#include "agent/core/base/report.h"
#include "agent/engine/world.h"

/*
 * Before a world is used. Waits for name servers, at most NAMES_START_MS. False, with alerts in
 * HAProxy's words: a name has no address. A server with `resolvers` that had one in the world
 * before keeps it.
 */
enum { NAMES_START_MS = 5000 };
bool names_start(struct world *w, struct report *r) MUST_USE;

struct names;

/* Begin to look names up. Holds a reference to the world; never NULL. Main thread, as the rest. */
struct names *names_new(struct ev_loop *loop, struct world *world);
void names_set_world(struct names *n, struct world *world);
void names_free(struct names *n);

#endif
