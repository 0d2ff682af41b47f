/*
 * ACK: what the agent answers. Between begin and end stand actions, in the order HAProxy is to
 * do them; none at all is a legal answer.
 *
 *	spop_ack_begin(out, conn, notify.stream_id, notify.frame_id);
 *	spop_ack_set_str(out, SPOP_SCOPE_TXN, "backend", name);
 *	if (!spop_ack_end(out))
 *		... too big: begin again, set less
 *
 * HAProxy puts the engine's var-prefix before each name, and drops names that neither its
 * configuration mentions nor `register-var-names` lists. A name is NUL-terminated and not empty.
 */
#ifndef SPOP_ACK_H
#define SPOP_ACK_H

#include "spoe/conn.h"

void spop_ack_begin(struct spop_writer *w, const struct spop_conn *c, uint64_t stream_id,
		    uint64_t frame_id);

void spop_ack_set(struct spop_writer *w, enum spop_scope scope, const char *name,
		  const struct spop_value *value);
void spop_ack_set_str(struct spop_writer *w, enum spop_scope scope, const char *name,
		      struct spop_str value);
void spop_ack_set_bin(struct spop_writer *w, enum spop_scope scope, const char *name,
		      struct spop_str value);
void spop_ack_set_bool(struct spop_writer *w, enum spop_scope scope, const char *name, bool value);
/* HAProxy's integers are signed, of 64 bits: above INT64_MAX it sees a negative one. */
void spop_ack_set_int(struct spop_writer *w, enum spop_scope scope, const char *name,
		      int64_t value);
void spop_ack_set_uint(struct spop_writer *w, enum spop_scope scope, const char *name,
		       uint64_t value);
void spop_ack_set_ipv4(struct spop_writer *w, enum spop_scope scope, const char *name,
		       const uint8_t ip[4]);
void spop_ack_set_ipv6(struct spop_writer *w, enum spop_scope scope, const char *name,
		       const uint8_t ip[16]);
void spop_ack_unset(struct spop_writer *w, enum spop_scope scope, const char *name);

/*
 * True: the whole frame stands in w. False: it did not fit into w or exceeds the negotiated
 * max-frame-size; nothing of it is left, and w takes another.
 */
bool spop_ack_end(struct spop_writer *w) SPOP_MUST_USE;

/* ---- HAProxy's side: reading one ----------------------------------------------------------- */

struct spop_ack {
	uint64_t stream_id, frame_id;
	struct spop_reader rest; /* actions not yet taken */
};

struct spop_action {
	enum spop_action_type type;
	enum spop_scope scope;
	struct spop_str name;	 /* views the frame, as does the value */
	struct spop_value value; /* NULL for UNSET_VAR */
};

/* Looks through the whole payload; if the answer is true, no later step can fail. */
bool spop_ack_open(struct spop_ack *a, const struct spop_frame *f) SPOP_MUST_USE;
/* The next action; false: no more. */
bool spop_ack_action(struct spop_ack *a, struct spop_action *action);

#endif
