/*
 * How a connection begins and ends: HELLO and DISCONNECT, of both sides. Their payloads are lists
 * of names with typed values; names that we do not know are skipped.
 *
 * The decoders take a frame's payload and say SPOP_STATUS_NORMAL or what to refuse it with.
 * Encoders append a whole frame or nothing (false: no room).
 */
#ifndef SPOP_HELLO_H
#define SPOP_HELLO_H

#include "spoe/frame.h"

/* What HAProxy says first. */
struct spop_haproxy_hello {
	struct spop_str versions; /* "2.0", or a list "1.0, 2.0" */
	uint32_t max_frame_size;
	struct spop_str capabilities; /* "pipelining,async"; empty in health checks */
	struct spop_str engine_id;    /* empty if it was not sent */
	bool healthcheck;
};

/* Also checks: one of the versions is a 2.x, the frame size is at least 256. */
enum spop_status spop_haproxy_hello_decode(struct spop_reader payload,
					   struct spop_haproxy_hello *hello) SPOP_MUST_USE;
bool spop_haproxy_hello_encode(struct spop_writer *w,
			       const struct spop_haproxy_hello *hello) SPOP_MUST_USE;

/* What the agent answers. */
struct spop_agent_hello {
	struct spop_str version; /* exactly "2.0": HAProxy refuses everything else */
	uint32_t max_frame_size; /* at most what HAProxy offered */
	struct spop_str capabilities;
};

/* Also checks what HAProxy checks: the version, the frame size against the offered one. */
enum spop_status spop_agent_hello_decode(struct spop_reader payload, uint32_t offered,
					 struct spop_agent_hello *hello) SPOP_MUST_USE;
bool spop_agent_hello_encode(struct spop_writer *w,
			     const struct spop_agent_hello *hello) SPOP_MUST_USE;

/* Is `name` one of the capabilities in a comma-separated list? */
bool spop_capability_in(struct spop_str list, const char *name);

/* The last word of either side. */
struct spop_disconnect {
	enum spop_status status; /* as sent; UNKNOWN if it was not */
	struct spop_str message; /* empty if it was not sent */
};

enum spop_status spop_disconnect_decode(struct spop_reader payload,
					struct spop_disconnect *bye) SPOP_MUST_USE;
bool spop_haproxy_disconnect_encode(struct spop_writer *w,
				    const struct spop_disconnect *bye) SPOP_MUST_USE;
bool spop_agent_disconnect_encode(struct spop_writer *w,
				  const struct spop_disconnect *bye) SPOP_MUST_USE;

#endif
