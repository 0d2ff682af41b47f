/*
 * One NOTIFY: HAProxy's arguments become facts, the verdict becomes variables.
 * The names of messages, arguments and variables are those of haproxy/spoe-usher.conf.
 */
#ifndef USHER_SPOA_REQUEST_H
#define USHER_SPOA_REQUEST_H

#include "agent/core/base/parse.h"
#include "agent/engine/route.h"
#include "agent/io/worker.h"
#include "spoe/conn.h"

/*
 * Does the answer wait for the shared store? True: ready(arg) is called as route_fetch() says, and
 * then it is to be answered with that fetch. False: now, without.
 */
bool request_fetch(struct worker *w, struct spop_notify notify, struct route_fetch *fetch,
		   void (*ready)(void *arg), void *arg) MUST_USE;

/*
 * Answer a NOTIFY, always; since: monotonic ms when the loop woke for it; fetch: NULL, or what the
 * store said. False when out has no room for the ACK: nothing was written, nothing decided counts
 * for less; send what out holds and call again with the same copy of notify.
 */
bool request_answer(struct worker *w, const struct spop_conn *c, struct spop_notify notify,
		    int64_t since, const struct route_fetch *fetch, struct spop_writer *out)
	MUST_USE;

#endif
