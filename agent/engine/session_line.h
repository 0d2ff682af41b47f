/*
 * What HAProxy would log: a line for each session, to the targets of its frontend, and sentences
 * of what happens to servers, to those of their backend. Any thread; nobody waits.
 *
 * A session has one line (core/logline/text.h: `enum line_moment`). Its carrier comes by at each
 * moment and asks whether the line is due; if so it fills the facts, has it written, and does not
 * come again:
 *
 *	if (!s->is_logged && session_line_is_due(d, s->frontend, LINE_CONNECTED)) {
 *		... fill x and fields ...
 *		session_line_write(d, s->frontend, &x, &fields, LINE_CONNECTED);
 *		s->is_logged = true;
 *	}
 *
 * At LINE_ENDED each session that has no line yet gets it.
 *
 * The context is that of rules: `backend` is the frontend's own name as long as none was chosen.
 *And besides: `server` and its number, absent unless one was assigned, whether it was reached or
 *not; server_src, server_dst and their ports as of the last connection that was attempted; src and
 *dst as they were at accept, for a socket that was reset knows them no more. What the session
 *tracks is still tracked, and its variables are still there where session_line_uses_variables()
 *says so.
 *
 * Of the fields everything is the carrier's but pid, hostname, utc_offset_s, log_counter and
 * is_early, which are filled in here. The counts are those at that moment: at the end the session
 * itself still counts for process and frontend (n_process, n_frontend), no longer for backend and
 * server; nor does one that its place was handed on to. bytes_in are all that came from the client,
 * also those that no server got.
 */
#ifndef USHER_ENGINE_SESSION_LINE_H
#define USHER_ENGINE_SESSION_LINE_H

#include "agent/core/logline/text.h"
#include "agent/engine/data_path.h"
#include "agent/engine/log_targets.h"
#include "agent/engine/world.h"

/* Is a line to be written at this moment, if the session has had none? */
bool session_line_is_due(const struct data_path *d, const struct proxy *frontend,
			 enum line_moment moment);

/* Does it look at variables? Then those of a session must last until its line is written. */
bool session_line_uses_variables(const struct data_path *d, const struct proxy *frontend);

/* Write it, if the frontend's options want it. */
void session_line_write(const struct data_path *d, const struct proxy *frontend,
			struct expr_context *x, const struct log_fields *fields,
			enum line_moment moment);

/*
 * A client that never became a session: its PROXY header or its TLS handshake failed (8.2.5).
 * `what` is HAProxy's sentence, as "Received an invalid PROXY protocol header". It has no other
 * line. Clients that `tcp-request connection` and `session` turn away have none at all.
 */
void session_line_write_refused(const struct data_path *d, const struct proxy *frontend,
				struct expr_context *x, const struct log_fields *fields,
				const char *what);

/* A sentence about the proxy, or about a server of it. */
void session_line_say(const struct data_path *d, const struct proxy *p, enum log_severity severity,
		      const char *sentence);

/* "Proxy p stopped (cumulated conns: FE: 1, BE: 1).", of each that is carried, frontends first. */
void session_line_say_stopped(const struct world *w);

#endif
