/*
 * SHA-1 (FIPS 180-4, 6.1), for two things: `stick on ...,sha1` keys, which must be the very ones
 * that HAProxy computes, and Sec-WebSocket-Accept (RFC 6455, 4.2.2). It guards nothing in either.
 */
#ifndef USHER_CORE_BASE_SHA1_H
#define USHER_CORE_BASE_SHA1_H

#include "agent/core/base/str.h"

enum { SHA1_LEN = 20 };

void sha1(struct str s, uint8_t digest[SHA1_LEN]);

#endif
