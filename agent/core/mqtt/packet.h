/*
 * What every MQTT packet begins with: type, flags, remaining length (MQTT 3.1.1, 2.2; MQTT 5, 2.1).
 */
#ifndef USHER_CORE_MQTT_PACKET_H
#define USHER_CORE_MQTT_PACKET_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/mqtt/fault.h"

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH, /* MQTT 5 */
};

struct mqtt_header {
	enum mqtt_type type;
	uint8_t flags;	   /* the low four bits of the first byte */
	uint32_t body_len; /* "remaining length": what follows the header */
};

/*
 * Decode the fixed header at the front of [p, p+n).
 * PARSE_OK fills *h and sets *used to the header's length (2..5); the body need not be there.
 * PARSE_BAD sets *fault. Reads only; nothing else is touched.
 */
enum parse mqtt_header_decode(const uint8_t *p, size_t n, struct mqtt_header *h, size_t *used,
			      enum mqtt_fault *fault) MUST_USE;

#endif
