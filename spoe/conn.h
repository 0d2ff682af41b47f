/*
 * One connection from HAProxy, as the agent sees it: the protocol's state, no socket. Bytes that
 * came go in, events and bytes to send come out.
 *
 *	          HELLO             NOTIFY
 *	   HELLO -------> READY <----------+
 *	     |              |  |___________|
 *	     |  refused, DISCONNECT, bye
 *	     +------> CLOSED
 *
 * The caller owns both buffers. The one for reading must have room for a whole frame,
 * SPOP_LENGTH_SIZE + the max_frame_size given to spop_conn_init(). A NOTIFY must be answered on
 * its own connection; when, and in what order, is the caller's choice if `pipelining` is set.
 * Without it HAProxy sends the next only after the ACK of the last.
 *
 * Several conns share nothing; one conn belongs to one thread at a time.
 */
#ifndef SPOP_CONN_H
#define SPOP_CONN_H

#include "spoe/notify.h"

enum {
	SPOP_ENGINE_ID_MAX = 64, /* HAProxy's are 36 bytes, a UUID */
	SPOP_MESSAGE_MAX = 128,
};

enum spop_conn_state {
	SPOP_CONN_HELLO, /* nothing said yet */
	SPOP_CONN_READY,
	SPOP_CONN_CLOSED, /* send what is in the buffer, then close the socket */
};

struct spop_conn {
	enum spop_conn_state state;
	uint32_t max_frame_size; /* this agent's; from HELLO on the negotiated one */

	/* From HELLO: */
	bool healthcheck; /* HAProxy only looks whether we answer, and will close at once */
	bool pipelining;  /* several NOTIFYs may wait for their ACK */
	/* Names one HAProxy process (up to 3.0: one of its threads); cut, not NUL-terminated. */
	char engine_id[SPOP_ENGINE_ID_MAX];
	size_t engine_id_len;

	/* When CLOSED: */
	enum spop_status
		status; /* why; the peer's own word if it ended it, be it a known one or not */
	bool closed_by_peer;
	char message[SPOP_MESSAGE_MAX + 1]; /* the peer's, cut, other than printable ASCII as '?' */
};

/* max_frame_size: the most that this agent can take, at least SPOP_FRAME_SIZE_MIN. */
void spop_conn_init(struct spop_conn *c, uint32_t max_frame_size);

enum spop_event {
	SPOP_EVENT_NONE,   /* no whole frame there yet, or no room in out */
	SPOP_EVENT_HELLO,  /* it was answered */
	SPOP_EVENT_NOTIFY, /* *notify is to be answered by an ACK, always */
	SPOP_EVENT_CLOSE,  /* it is CLOSED: send out's bytes, then close */
};

/*
 * Take at most one frame from [p, p+n). *used bytes are done with, whatever the event: the frame's
 * with HELLO and NOTIFY, all with CLOSE, and with NONE 0, unless frames of a type unknown to us
 * were skipped ("unknown frames may be silently skipped", SPOE.txt, 3.2). *notify is filled by
 * NOTIFY alone; it views [p, p+n).
 *
 * Replies are appended to out, whole. It needs SPOP_CONTROL_MAX bytes of room; with less, nothing
 * is consumed and NONE returned.
 *
 * A frame against the protocol is answered with an AGENT-DISCONNECT that names the fault, and
 * CLOSE. A NOTIFY with unexpected messages, arguments or types is not against the protocol.
 */
enum spop_event spop_conn_next(struct spop_conn *c, const uint8_t *p, size_t n, size_t *used,
			       struct spop_notify *notify, struct spop_writer *out) SPOP_MUST_USE;

/*
 * The agent ends it: AGENT-DISCONNECT is appended to out. True: it is CLOSED now, or was before.
 * False: no room, nothing changed.
 */
bool spop_conn_bye(struct spop_conn *c, enum spop_status status,
		   struct spop_writer *out) SPOP_MUST_USE;

#endif
