/*
 * The first thing a TLS client says, as far as it can be read in passing (RFC 8446, 4.1.2): for
 * frontends that route TLS without terminating it.
 */
#ifndef USHER_CORE_EXPR_CLIENT_HELLO_H
#define USHER_CORE_EXPR_CLIENT_HELLO_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

/* Views point into the bytes; a view of something that is not there is absent. */
struct client_hello {
	struct str sni;	 /* the host name asked for, as it was spelled */
	struct str alpn; /* the first protocol offered */
};

/*
 * Decode the ClientHello at the front of [p, p+n). It must lie in one TLS record; one that is
 * spread over several is PARSE_BAD, as HAProxy does not take it either. PARSE_OK fills *hello.
 */
enum parse client_hello_decode(const uint8_t *p, size_t n, struct client_hello *hello) MUST_USE;

#endif
