/*
 * The answer to an HTTP check, as strict as HAProxy reads it: status line, header lines, and a body
 * that ends at its length, at its last chunk or with the connection.
 */
#ifndef USHER_CORE_HEALTH_RESPONSE_H
#define USHER_CORE_HEALTH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

struct response {
	int status;	   /* 100..999 */
	struct str reason; /* may be empty */
	size_t head_len;   /* the body begins there */
	bool is_chunked;
	bool has_length;
	uint64_t length;
};

/* Read the head at the front of [p, p+n). Views into p. */
enum parse response_head(const uint8_t *p, size_t n, struct response *r) MUST_USE;

/*
 * The body as far as it has come, without its chunks' frames, into out. Returns its length, at most
 * `size`; *is_whole: nothing more belongs to it. p and n are those of the head.
 */
size_t response_body(const struct response *r, const uint8_t *p, size_t n, uint8_t *out,
		     size_t size, bool *is_whole);

#endif
