/*
 * Where the shared store is: redis://[[user]:password@]host[:port][/db] or
 * unix://[[user]:password@]/path. User and password may be percent-encoded (RFC 3986, 2.1).
 *
 * A password is a secret: no message quotes the text it was read from.
 */
#ifndef USHER_CORE_STORE_URL_H
#define USHER_CORE_STORE_URL_H

#include <stdint.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

enum { STORE_PORT = 6379, STORE_DB_MAX = 65535, STORE_PASSWORD = 513 };

/* Texts are NUL-terminated; "" where nothing was said. */
struct store_url {
	char path[108]; /* of a UNIX socket; "": TCP, and so are the next three */
	char host[256]; /* a name or an IP address, without brackets */
	uint16_t port;
	uint32_t db;
	char user[128];
	char password[STORE_PASSWORD];
};

/* NULL: *u is filled. Else what is wrong and how to mend it, and *u is undefined. */
const char *store_url_parse(struct str text, struct store_url *u) MUST_USE;

bool store_url_eq(const struct store_url *a, const struct store_url *b);

enum { STORE_URL_TEXT = 300 };
/* For logs: without user and password, into out[STORE_URL_TEXT]. Returns out. */
const char *store_url_format(const struct store_url *u, char *out);

#endif
