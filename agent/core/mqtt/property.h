/*
 * The properties of an MQTT 5 packet (MQTT 5, 2.2.2), one after the other:
 *
 *	struct mqtt_property_reader r;
 *	struct mqtt_property property;
 *
 *	mqtt_property_reader_init(&r, connect.properties, MQTT_IN_CONNECT);
 *	while (mqtt_property_next(&r, &property))
 *		…
 *	if (r.fault)
 *		… not all of them could be read
 */
#ifndef USHER_CORE_MQTT_PROPERTY_H
#define USHER_CORE_MQTT_PROPERTY_H

#include "agent/core/base/cursor.h"
#include "agent/core/mqtt/fault.h"

enum mqtt_property_id {
	MQTT_PAYLOAD_FORMAT = 1,
	MQTT_MESSAGE_EXPIRY = 2, /* s */
	MQTT_CONTENT_TYPE = 3,
	MQTT_RESPONSE_TOPIC = 8,
	MQTT_CORRELATION_DATA = 9,
	MQTT_SUBSCRIPTION_ID = 11,
	MQTT_SESSION_EXPIRY = 17, /* s */
	MQTT_ASSIGNED_CLIENT_ID = 18,
	MQTT_SERVER_KEEPALIVE = 19, /* s */
	MQTT_AUTH_METHOD = 21,
	MQTT_AUTH_DATA = 22,
	MQTT_REQUEST_PROBLEM_INFO = 23,
	MQTT_WILL_DELAY = 24, /* s */
	MQTT_REQUEST_RESPONSE_INFO = 25,
	MQTT_RESPONSE_INFO = 26,
	MQTT_SERVER_REFERENCE = 28,
	MQTT_REASON_STRING = 31,
	MQTT_RECEIVE_MAX = 33,
	MQTT_TOPIC_ALIAS_MAX = 34,
	MQTT_TOPIC_ALIAS = 35,
	MQTT_QOS_MAX = 36,
	MQTT_RETAIN_AVAILABLE = 37,
	MQTT_USER_PROPERTY = 38,
	MQTT_PACKET_MAX = 39, /* bytes */
	MQTT_WILDCARD_SUB_AVAILABLE = 40,
	MQTT_SUBSCRIPTION_ID_AVAILABLE = 41,
	MQTT_SHARED_SUB_AVAILABLE = 42,
	N_MQTT_PROPERTIES,
};

/* Whose properties they are; which may stand there differs. */
enum mqtt_place {
	MQTT_IN_CONNECT,
	MQTT_IN_WILL,
	MQTT_IN_CONNACK,
};

struct mqtt_property {
	enum mqtt_property_id id;
	uint32_t number;  /* of those that are numbers */
	struct str name;  /* of a user property */
	struct str value; /* of strings, binary data and user properties */
};

struct mqtt_property_reader {
	struct cursor rest;
	enum mqtt_place place;
	enum mqtt_fault fault; /* MQTT_FAULT_NONE as long as all is well */
	uint64_t seen;	       /* a bit an id */
};

/* `properties` are the bytes behind the property length; views point into them. */
void mqtt_property_reader_init(struct mqtt_property_reader *r, struct str properties,
			       enum mqtt_place place);

/* The next property in the order of the packet; false at the end and, for good, at a fault. */
bool mqtt_property_next(struct mqtt_property_reader *r, struct mqtt_property *property);

#endif
