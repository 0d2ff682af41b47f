/*
 * Session ends: what HAProxy logs when a session is over, as an RFC 5424 datagram whose
 * structured data (6.3) carries usher's element. haproxy/haproxy.cfg has the line:
 *
 *	log-format-sd %{+Q,+E}o\ [usher@32473\ key=%[var(txn.usher.key)]\ be=%b\ srv=%s]
 */
#ifndef USHER_CORE_WIRE_SYSLOG_H
#define USHER_CORE_WIRE_SYSLOG_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

/* The element's SD-ID; 32473 is the enterprise number that IANA keeps for examples (RFC 5612). */
#define SYSLOG_SD_ID "usher@32473"

struct session_end {
	bool has_key; /* no: the client was refused, or its choice is not remembered */
	uint64_t key; /* the entry's hash, as the verdict handed it out */
	struct str backend, server; /* views into the datagram, escapes left in; may be empty */
};

/* PARSE_OK, or PARSE_BAD for a datagram that is none of ours: never PARSE_MORE. */
enum parse session_end_decode(struct str datagram, struct session_end *end) MUST_USE;

/* The key's notation in HAProxy's variable and in the datagram: 16 hexadecimal digits. */
enum { SESSION_KEY_TEXT = 16 };
void session_key_format(uint64_t key, char out[SESSION_KEY_TEXT]);
bool session_key_parse(struct str text, uint64_t *key);

#endif
