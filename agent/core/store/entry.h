/*
 * A sticky entry as the shared store has it, the same for every usher:
 *
 *	key    PREFIX scope ':' identity      "usher:acme:sensor-7", "usher::sensor-7"
 *	value  server ' ' owner               "emqx1 5f0c77a1b2d3e4f5"
 *
 * In the scope (a tenant's name) '%' and ':' are percent-encoded, so its end is the first ':', and
 * the identity is all that follows, byte by byte: no two pairs have one key. The server is a name,
 * since numbers are a process's own; HAProxy allows no blank in it. The owner is the process that
 * wrote last: only its end of a session may shorten the entry's life.
 */
#ifndef USHER_CORE_STORE_ENTRY_H
#define USHER_CORE_STORE_ENTRY_H

#include "agent/core/base/buf.h"
#include "agent/core/base/str.h"

/* Append the key to `out`, all of it or nothing: false when it does not fit. */
bool store_key_write(struct buf *out, struct str prefix, struct str scope, struct str identity)
	MUST_USE;

/* The server's name, a view; empty when there is none. */
struct str store_value_server(struct str value);

#endif
