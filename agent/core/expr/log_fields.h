/*
 * What only a log line knows of a session; the rest (addresses, names, TLS) is in the context.
 * HAProxy configuration manual, 8.2.2 and 8.2.6.
 */
#ifndef USHER_CORE_EXPR_LOG_FIELDS_H
#define USHER_CORE_EXPR_LOG_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/str.h"

struct log_fields {
	int64_t accepted_us;  /* wall clock when the connection came, microseconds since 1970 */
	int32_t utc_offset_s; /* local time is that much ahead of UTC */
	/* Times in ms; -1: it did not come to that. */
	int64_t handshake_ms;	/* %Th */
	int64_t wait_ms;	/* %Tw, in queues */
	int64_t connect_ms;	/* %Tc */
	int64_t total_ms;	/* %Tt */
	uint64_t bytes_in;	/* %U, from the client */
	uint64_t bytes_out;	/* %B, to the client */
	bool is_early;		/* `option logasap`: the session goes on, its sums are marked "+" */
	struct str termination; /* %ts: "--", "PR" */
	unsigned n_process, n_frontend, n_backend, n_server; /* %ac %fc %bc %sc: connections */
	unsigned retries;				     /* %rc */
	bool redispatched;				     /* then "+" stands before it */
	unsigned server_queue, backend_queue;		     /* %sq %bq */
	unsigned log_counter;				     /* %lc */
	unsigned request_counter;			     /* %rt */
	int64_t pid;
	struct str hostname;
};

#endif
