/*
 * Why bytes are no MQTT: one name a rule, shared by the decoders, the log and the metrics.
 */
#ifndef USHER_CORE_MQTT_FAULT_H
#define USHER_CORE_MQTT_FAULT_H

#include <stdint.h>

enum mqtt_fault {
	MQTT_FAULT_NONE,
	/* the fixed header */
	MQTT_FAULT_PACKET_TYPE,	 /* not the packet that belongs here */
	MQTT_FAULT_HEADER_FLAGS, /* not those of its type; 0x16 is TLS at a port without it */
	MQTT_FAULT_VARINT,	 /* a variable byte integer of five bytes, or not the shortest */
	MQTT_FAULT_TOO_LONG,	 /* longer than the reader allows */
	/* the fields of a packet against its length */
	MQTT_FAULT_CUT,	     /* a field runs past the end of what it stands in */
	MQTT_FAULT_TRAILING, /* bytes behind the last field */
	/* CONNECT */
	MQTT_FAULT_PROTOCOL_NAME,
	MQTT_FAULT_LEVEL, /* a version that is not spoken here */
	MQTT_FAULT_RESERVED_FLAG,
	MQTT_FAULT_WILL_QOS,   /* 3 */
	MQTT_FAULT_WILL_FLAGS, /* QoS or retain of a will that is not there */
	MQTT_FAULT_WILL_TOPIC, /* empty, or with wildcards */
	MQTT_FAULT_PASSWORD_ALONE,
	MQTT_FAULT_CLIENT_ID, /* empty, of a session that is to last */
	MQTT_FAULT_UTF8,
	/* CONNACK */
	MQTT_FAULT_ACK_FLAGS,
	MQTT_FAULT_SESSION_PRESENT, /* with a refusal */
	/* properties of MQTT 5 */
	MQTT_FAULT_PROPERTY_UNKNOWN,
	MQTT_FAULT_PROPERTY_MISPLACED, /* does not belong to this packet */
	MQTT_FAULT_PROPERTY_TWICE,
	MQTT_FAULT_PROPERTY_VALUE, /* out of its range */
	MQTT_FAULT_AUTH_DATA_ALONE,
	N_MQTT_FAULTS,
};

/* "will_qos", …: in logs and metrics. */
const char *mqtt_fault_name(enum mqtt_fault fault);

/*
 * The CONNACK code that tells a client of this protocol level what was wrong with its CONNECT;
 * 0: there is none, close without a word.
 */
uint8_t mqtt_fault_code(enum mqtt_fault fault, unsigned level);

#endif
