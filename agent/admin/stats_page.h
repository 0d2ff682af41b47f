/*
 * HAProxy's statistics page: `stats enable` and its kin in a proxy of `mode http`, on each of its
 * addresses, by libmicrohttpd on the main loop. docs/runtime.md says what is alike.
 */
#ifndef USHER_ADMIN_STATS_PAGE_H
#define USHER_ADMIN_STATS_PAGE_H

#include <ev.h>

#include "agent/core/base/report.h"
#include "agent/engine/operations.h"

struct stats_pages;

/*
 * Open what the file of the present world asks for; each address that cannot be had is an alert in
 * HAProxy's words. `o` is borrowed. Never NULL.
 */
struct stats_pages *stats_pages_new(struct ev_loop *loop, const struct operations *o,
				    struct report *r);

/* The present world is another: pages that are gone close, those that are new open. */
void stats_pages_follow(struct stats_pages *s, struct report *r);

void stats_pages_free(struct stats_pages *s);

#endif
