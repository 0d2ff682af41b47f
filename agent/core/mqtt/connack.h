/*
 * CONNACK: what a server says to a CONNECT. Written to refuse a client, read from brokers.
 */
#ifndef USHER_CORE_MQTT_CONNACK_H
#define USHER_CORE_MQTT_CONNACK_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/mqtt/fault.h"

enum { MQTT_CONNACK_MAX = 5 }; /* bytes that mqtt_connack_encode() writes at most */

/*
 * Write the CONNACK with this code for a client of protocol level `level`, whether it is spoken
 * here or not: 4 bytes below 5, 5 bytes from there on, bridges by their version; no session
 * present, no properties. Returns its length, or 0 if `size` is too small.
 */
size_t mqtt_connack_encode(unsigned level, uint8_t code, uint8_t *out, size_t size) MUST_USE;

/* Views point into the packet; a view of something that is not there is absent. */
struct mqtt_connack {
	size_t len;    /* the whole packet */
	uint8_t level; /* the version it is written in: 4 stands for all of 3.x, or 5 */
	uint8_t code;  /* as it came, known or not; 0: accepted */
	bool session_present;
	/* MQTT 5: bytes for a property reader (property.h), and what was found in them */
	struct str properties;
	bool has_server_keepalive;
	uint16_t server_keepalive; /* s; overrules the client's */
	struct str assigned_id;	   /* the client identifier that the server chose */
	struct str server_reference;
	struct str reason; /* for people */
};

/*
 * Decode the CONNACK at the front of [p, p+n), which may be at most `max` bytes long.
 *
 * The version is told by the length, not by what was asked: a server that knows no MQTT 5 refuses
 * it in the words of 3.1.1. PARSE_OK fills *c; PARSE_BAD sets *fault; PARSE_MORE is answered to
 * every proper prefix of something valid. Without PARSE_OK *c is zero.
 */
enum parse mqtt_connack_decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connack *c,
			       enum mqtt_fault *fault) MUST_USE;

#endif
