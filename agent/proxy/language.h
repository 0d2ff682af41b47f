/*
 * What `usher proxy` cannot do with a haproxy.cfg, said line by line before it starts.
 *
 * HAProxy's language is not all here yet. A line that is not carried out gets a warning that names
 * it; one without which clients would meet something else than they expect (TLS, the PROXY
 * protocol) is refused. Nothing is silently different.
 */
#ifndef USHER_PROXY_LANGUAGE_H
#define USHER_PROXY_LANGUAGE_H

#include "agent/core/base/report.h"
#include "agent/engine/world.h"

void language_check(const struct world *w, struct report *r);

#endif
