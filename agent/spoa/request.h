/*
 * One NOTIFY: HAProxy's arguments become facts, the verdict becomes variables.
 * The names of messages, arguments and variables are those of haproxy/spoe-usher.conf.
 */
#ifndef USHER_SPOA_REQUEST_H
#define USHER_SPOA_REQUEST_H

#include "agent/core/base/parse.h"
#include "agent/io/worker.h"
#include "spoe/conn.h"

/*
 * Answer a NOTIFY, always. False when out has no room for the ACK: nothing was written, nothing
 * decided counts for less; send what out holds and call again with the same copy of notify.
 */
bool request_answer(struct worker *w, const struct spop_conn *c, struct spop_notify notify,
		    struct spop_writer *out) MUST_USE;

#endif
