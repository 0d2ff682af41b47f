/* Base64 (RFC 4648, 4) of lengths that are known, and one SHA-1. */
#include "agent/core/http1/accept.h"

#include <assert.h>

#include "agent/core/base/sha1.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes make four letters; the last group is filled up with '='. */
static void
encode(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i += 3, out += 4) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		out[0] = alphabet[v >> 18];
		out[1] = alphabet[v >> 12 & 63];
		out[2] = left > 1 ? alphabet[v >> 6 & 63] : '=';
		out[3] = left > 2 ? alphabet[v & 63] : '=';
	}
}

void
http1_key_make(const uint8_t random[16], char key[HTTP1_KEY_LEN])
{
	encode(random, 16, key);
}

bool
http1_key_is_sound(struct str key)
{
	if (key.n != HTTP1_KEY_LEN || !str_has_suffix(key, STR("==")))
		return false;
	for (size_t i = 0; i < HTTP1_KEY_LEN - 2; i++)
		if (!key.p[i] || !strchr(alphabet, key.p[i]))
			return false;
	return true;
}

void
http1_accept_make(struct str key, char accept[HTTP1_ACCEPT_LEN])
{
	static const struct str guid = { "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36 };
	char text[HTTP1_KEY_LEN + 36];
	uint8_t digest[SHA1_LEN];

	assert(key.n == HTTP1_KEY_LEN);
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, guid.p, guid.n);
	sha1((struct str){ text, sizeof(text) }, digest);
	encode(digest, sizeof(digest), accept);
}
