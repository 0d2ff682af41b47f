/*
 * SHA-1 (FIPS 180-4, 6.1), for one thing: `stick on ...,sha1` keys. It guards nothing here, it only
 * spreads; and it must be the very one that HAProxy computes.
 */
#ifndef USHER_CORE_EXPR_SHA1_H
#define USHER_CORE_EXPR_SHA1_H

#include "agent/core/base/str.h"

enum { SHA1_LEN = 20 };

void sha1(struct str s, uint8_t digest[SHA1_LEN]);

#endif
