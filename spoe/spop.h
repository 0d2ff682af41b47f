/*
 * The names and numbers of SPOP 2.0, the protocol of HAProxy's Stream Processing Offload Engine
 * (HAProxy, doc/SPOE.txt, 3.1 and 3.2).
 *
 *	HAProxy                          agent
 *	   | ---- HAPROXY-HELLO ---------> |     once, first
 *	   | <--- AGENT-HELLO ------------ |
 *	   | ---- NOTIFY ----------------> |     as often as streams ask; several may be under way
 *	   | <--- ACK -------------------- |     one each, in any order, on the same connection
 *	   | ---- HAPROXY-DISCONNECT ----> |     either side may begin this
 *	   | <--- AGENT-DISCONNECT ------- |
 */
#ifndef SPOP_SPOP_H
#define SPOP_SPOP_H

#include <stdint.h>

#define SPOP_MUST_USE __attribute__((warn_unused_result))

enum spop_frame_type {
	SPOP_FRAME_UNSET = 0, /* the continuation of a fragmented payload */
	SPOP_FRAME_HAPROXY_HELLO = 1,
	SPOP_FRAME_HAPROXY_DISCONNECT = 2,
	SPOP_FRAME_NOTIFY = 3,
	SPOP_FRAME_AGENT_HELLO = 101,
	SPOP_FRAME_AGENT_DISCONNECT = 102,
	SPOP_FRAME_ACK = 103,
};

enum spop_frame_flag {
	SPOP_FLAG_FIN = 1,   /* last (here: only) fragment of its payload */
	SPOP_FLAG_ABORT = 2, /* the fragments so far are void */
};

enum spop_status {
	SPOP_STATUS_NORMAL = 0,
	SPOP_STATUS_IO = 1,
	SPOP_STATUS_TIMEOUT = 2,
	SPOP_STATUS_TOO_BIG = 3,
	SPOP_STATUS_INVALID = 4,
	SPOP_STATUS_NO_VERSION = 5,
	SPOP_STATUS_NO_FRAME_SIZE = 6,
	SPOP_STATUS_NO_CAPABILITIES = 7,
	SPOP_STATUS_BAD_VERSION = 8,
	SPOP_STATUS_BAD_FRAME_SIZE = 9,
	SPOP_STATUS_FRAGMENTED = 10,
	SPOP_STATUS_INTERLACED = 11,
	SPOP_STATUS_UNKNOWN_FRAME_ID = 12,
	SPOP_STATUS_RESOURCES = 13,
	SPOP_STATUS_UNKNOWN = 99,
};

/* The status in words, for a log and for the DISCONNECT's message; never NULL. */
const char *spop_status_text(enum spop_status status);

/* The low nibble of a typed value's first byte; 10 to 15 are not in use and have no length. */
enum spop_type {
	SPOP_TYPE_NULL = 0,
	SPOP_TYPE_BOOL = 1,
	SPOP_TYPE_INT32 = 2,
	SPOP_TYPE_UINT32 = 3,
	SPOP_TYPE_INT64 = 4,
	SPOP_TYPE_UINT64 = 5,
	SPOP_TYPE_IPV4 = 6,
	SPOP_TYPE_IPV6 = 7,
	SPOP_TYPE_STRING = 8,
	SPOP_TYPE_BINARY = 9,
};

/* How long a variable lives in HAProxy. */
enum spop_scope {
	SPOP_SCOPE_PROC = 0,
	SPOP_SCOPE_SESS = 1,
	SPOP_SCOPE_TXN = 2,
	SPOP_SCOPE_REQ = 3,
	SPOP_SCOPE_RES = 4,
};

enum spop_action_type {
	SPOP_ACTION_SET_VAR = 1,
	SPOP_ACTION_UNSET_VAR = 2,
};

enum {
	SPOP_LENGTH_SIZE = 4,	   /* the length before each frame, which does not count itself */
	SPOP_FRAME_MIN = 7,	   /* type, flags, two ids of one byte */
	SPOP_FRAME_SIZE_MIN = 256, /* no max-frame-size may be smaller */
	SPOP_CONTROL_MAX = 128,	   /* AGENT-HELLO and AGENT-DISCONNECT fit, with their length */
	SPOP_VARINT_MAX = 10,	   /* bytes of the longest integer */
	SPOP_ARGS_MAX = 255,	   /* arguments of one message: their count is a byte */
};

#endif
