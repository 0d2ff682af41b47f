/*
 * How many sessions the process may carry at once: what the file's global `maxconn` says, and what
 * its descriptors allow. Each session has two.
 */
#ifndef USHER_PROXY_LIMITS_H
#define USHER_PROXY_LIMITS_H

#include "agent/core/base/report.h"
#include "agent/engine/world.h"

/*
 * Raise the limit of descriptors as far as the file needs (`ulimit-n`, `maxconn`) and the process
 * may. A maxconn that they do not suffice for is a warning, or, where usher is to do as HAProxy,
 * an alert.
 */
void limits_raise(const struct world *w, struct report *r);

/* The most sessions now. */
uint32_t limits_sessions(const struct world *w);

#endif
