/*
 * The three heads that usher writes: the answer to a client that may upgrade, the refusal, and the
 * client's request as the broker gets it.
 *
 * Each returns the length of the head, or 0 if `size` is too small; then out's bytes mean nothing.
 */
#ifndef USHER_CORE_HTTP1_WRITE_H
#define USHER_CORE_HTTP1_WRITE_H

#include "agent/core/base/addr.h"
#include "agent/core/http1/upgrade.h"

enum {
	HTTP1_SWITCH_ROOM =
		256 + HTTP1_HEAD_MAX, /* a protocol's name is as long as the client likes */
	HTTP1_REFUSAL_ROOM = 256,
	HTTP1_WRITTEN_MAX = 4096, /* of fields that rules write into one request */
	HTTP1_FORWARD_ROOM = HTTP1_HEAD_MAX + HTTP1_WRITTEN_MAX + 512, /* for every request */
};

/* 101, with the answer to the client's key and the protocol that was chosen (RFC 6455, 4.2.2). */
size_t http1_switch_encode(const struct upgrade *u, char *out, size_t size) MUST_USE;

/*
 * An answer without body that ends the connection. The status is one of those in write.c: all that
 * HAProxy's rules may give, and what usher itself says. 405 says which method, 426 which version is
 * wanted.
 */
bool http1_refusal_is_known(unsigned status);
size_t http1_refusal_encode(unsigned status, char *out, size_t size) MUST_USE;

struct http1_forward {
	struct ip client; /* for X-Forwarded-For; family 0: there will be none */
	struct str key;	  /* a sound one of our own (http1_key_make()), or absent: the client's */
	size_t n_written; /* of the head's fields, the last: not the client's, but of http-request
			   */
};

/* Does usher write this field by itself, whatever client and rules say? */
bool http1_field_is_ours(struct str name);

/*
 * A request that upgrade_check() found sound, as it goes to the broker. Target, Host, cookies,
 * Authorization, Origin and whatever else the client sent stay as they are, in their order, but
 *
 * - what belongs to one connection alone goes (RFC 9110, 7.6.1): Connection and what it names,
 *   Keep-Alive, Proxy-*, TE, Trailer, Expect, Content-Length; Upgrade and Connection are written
 * anew;
 * - Sec-WebSocket-Extensions goes: usher reads the frames, so nobody may change their shape;
 * - of Sec-WebSocket-Protocol only the chosen one goes on, in lower case: the client may have been
 *   told already;
 * - Forwarded and X-Forwarded-For and -Port are replaced by one X-Forwarded-For: EMQX takes the
 *   leftmost address there for the client's, whoever wrote it. A rule may have written them: then
 *   they stand.
 */
size_t http1_forward_encode(const struct http1_head *h, const struct upgrade *u,
			    const struct http1_forward *f, char *out, size_t size) MUST_USE;

#endif
