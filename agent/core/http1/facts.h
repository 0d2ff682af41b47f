/*
 * From a WebSocket upgrade to the facts that decide (agent/core/facts/facts.h).
 */
#ifndef USHER_CORE_HTTP1_FACTS_H
#define USHER_CORE_HTTP1_FACTS_H

#include "agent/core/facts/facts.h"
#include "agent/core/http1/upgrade.h"

/*
 * Set in *f what a sound request says (upgrade_check()), as HAProxy's path, query,
 * req.hdr(host),host_only and req.fhdr() would have reported the same bytes; of headers those that
 * are listed. All other facts are left as they are. Strings are views into the head.
 */
void http1_facts(const struct http1_head *h, const struct upgrade *u,
		 const struct fact_names *names, struct facts *f);

#endif
