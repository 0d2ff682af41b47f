/*
 * CONNECT: what a client says first, in MQTT 3.1 ("MQIsdp", level 3), 3.1.1 (level 4) and 5
 * (level 5). A mosquitto bridge sets the high bit of level 3 or 4.
 */
#ifndef USHER_CORE_MQTT_CONNECT_H
#define USHER_CORE_MQTT_CONNECT_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/mqtt/fault.h"

/* The bit that makes a level a bridge's: the broker then knows its own messages again. */
enum { MQTT_LEVEL_BRIDGE = 0x80 };

/* Views point into the packet; a view of something that is not there is absent. */
struct mqtt_connect {
	size_t len;    /* the whole packet; what lies behind it is the client's next one */
	uint8_t level; /* as it came: 3, 4, 5, 0x83, 0x84 */
	bool clean_start;
	bool has_will, will_retain;
	bool has_username, has_password;
	uint8_t will_qos;
	uint16_t keepalive; /* s; 0: none */
	struct str client_id;
	struct str will_topic, will_payload;
	struct str username;
	struct str password; /* never to be logged, nor kept */
	/* MQTT 5: bytes for a property reader (property.h), and what was found in them */
	struct str properties, will_properties;
	struct str auth_method; /* if there, AUTH packets may come before the CONNACK */
	bool has_session_expiry;
	uint32_t session_expiry; /* s */
};

/* 3, 4 or 5, bridge or not. */
static inline unsigned
mqtt_connect_version(const struct mqtt_connect *c)
{
	return c->level & ~(unsigned)MQTT_LEVEL_BRIDGE;
}

/*
 * Decode the CONNECT at the front of [p, p+n), which may be at most `max` bytes long.
 *
 * PARSE_OK fills *c. PARSE_MORE is answered to every proper prefix of something valid. PARSE_BAD
 * sets *fault, and c->level once the client has said it, so that mqtt_fault_code() finds words
 * that it understands; the rest of *c is zero, as it is after PARSE_MORE.
 *
 * The header, protocol name, level and flags are judged byte by byte as they come. The rest is
 * judged when all of it is there: a long packet that trickles in is not read again for each byte.
 *
 * Refused is what the specifications forbid, with these readings of them:
 * - an empty client identifier of a session that is to last: refused in 3.x (3.1.1, 3.1.3.1). In
 *   MQTT 5 the server may choose one (MQTT 5, 3.1.3.1), so that is left to the broker.
 * - 3.1 wants identifiers of 1 to 23 characters. Nobody in the field does: any length is taken.
 * - 3.1 says nothing of the reserved flag or of UTF-8 that is none: refused as in 3.1.1.
 * - 3.1 disregards QoS and retain of a will that is not there, and takes a user name or password
 *   that is announced but missing for none (3.1, section 3.1): so do we.
 */
enum parse mqtt_connect_decode(const uint8_t *p, size_t n, size_t max, struct mqtt_connect *c,
			       enum mqtt_fault *fault) MUST_USE;

#endif
