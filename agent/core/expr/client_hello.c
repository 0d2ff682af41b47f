/*
 * Record header, handshake header and body are vectors within vectors, each with its length in
 * front. The header is judged byte by byte; what follows is read when all of the record is there.
 */
#include "agent/core/expr/client_hello.h"

#include "agent/core/base/cursor.h"

enum {
	RECORD_HEADER = 5,
	RECORD_MAX = 16384,
	CONTENT_HANDSHAKE = 22,
	HANDSHAKE_CLIENT_HELLO = 1,
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	NAME_HOST = 0,
};

/* A vector whose length takes one or two bytes. */
static struct str
read_vector(struct cursor *c, unsigned length_bytes)
{
	return cursor_bytes(c, length_bytes == 1 ? cursor_u8(c) : cursor_u16(c));
}

/* RFC 6066, section 3: a list of names, of which the first host name counts. */
static bool
read_server_name(struct str extension, struct str *sni)
{
	struct cursor c = cursor_of(extension);
	struct cursor list = cursor_of(read_vector(&c, 2));

	while (!c.short_read && list.p < list.end) {
		uint8_t type = cursor_u8(&list);
		struct str name = read_vector(&list, 2);

		if (list.short_read)
			return false;
		if (type == NAME_HOST && name.n && !sni->p)
			*sni = name;
	}
	return !c.short_read;
}

/* RFC 7301, section 3.1. */
static bool
read_alpn(struct str extension, struct str *alpn)
{
	struct cursor c = cursor_of(extension);
	struct cursor list = cursor_of(read_vector(&c, 2));
	struct str first = read_vector(&list, 1);

	if (c.short_read || list.short_read)
		return false;
	if (first.n && !alpn->p) /* as HAProxy, should the extension come twice */
		*alpn = first;
	return true;
}

static bool
read_extensions(struct str bytes, struct client_hello *hello)
{
	struct cursor c = cursor_of(bytes);

	while (c.p < c.end) {
		uint16_t type = cursor_u16(&c);
		struct str data = read_vector(&c, 2);

		if (c.short_read)
			return false;
		if (type == EXTENSION_SERVER_NAME && !read_server_name(data, &hello->sni))
			return false;
		if (type == EXTENSION_ALPN && !read_alpn(data, &hello->alpn))
			return false;
	}
	return true;
}

static bool
read_body(struct str body, struct client_hello *hello)
{
	struct cursor c = cursor_of(body);
	uint8_t type = cursor_u8(&c);
	uint32_t len = (uint32_t)cursor_u8(&c) << 16;

	len |= cursor_u16(&c);
	c = cursor_of(cursor_bytes(&c, len));
	cursor_bytes(&c, 2 + 32); /* version, random */
	read_vector(&c, 1);	  /* session id */
	read_vector(&c, 2);	  /* cipher suites */
	read_vector(&c, 1);	  /* compression methods */
	if (type != HANDSHAKE_CLIENT_HELLO || c.short_read)
		return false;
	if (c.p == c.end) /* before TLS 1.2 extensions may be missing altogether */
		return true;
	body = read_vector(&c, 2);
	return !c.short_read && read_extensions(body, hello);
}

enum parse
client_hello_decode(const uint8_t *p, size_t n, struct client_hello *hello)
{
	struct client_hello h = { .sni = { 0 } };
	size_t len;

	if ((n > 0 && p[0] != CONTENT_HANDSHAKE) || (n > 1 && p[1] != 3) ||
	    (n > RECORD_HEADER && p[RECORD_HEADER] != HANDSHAKE_CLIENT_HELLO))
		return PARSE_BAD;
	if (n < RECORD_HEADER)
		return PARSE_MORE;
	len = (size_t)p[3] << 8 | p[4];
	if (len == 0 || len > RECORD_MAX)
		return PARSE_BAD;
	if (n < RECORD_HEADER + len)
		return PARSE_MORE;
	if (!read_body((struct str){ (const char *)p + RECORD_HEADER, len }, &h))
		return PARSE_BAD;
	*hello = h;
	return PARSE_OK;
}
