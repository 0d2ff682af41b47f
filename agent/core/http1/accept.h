/*
 * Sec-WebSocket-Key and its answer (RFC 6455, 4.1 and 4.2.2): the proof that an HTTP server meant
 * to speak WebSocket. It is no secret.
 */
#ifndef USHER_CORE_HTTP1_ACCEPT_H
#define USHER_CORE_HTTP1_ACCEPT_H

#include "agent/core/base/str.h"

enum { HTTP1_KEY_LEN = 24, HTTP1_ACCEPT_LEN = 28 };

/* 16 random bytes as a key. */
void http1_key_make(const uint8_t random[16], char key[HTTP1_KEY_LEN]);

/* 16 bytes in base64? */
bool http1_key_is_sound(struct str key);

/* The answer to a sound key. */
void http1_accept_make(struct str key, char accept[HTTP1_ACCEPT_LEN]);

#endif
