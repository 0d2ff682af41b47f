/*
 * One row a fault. MQTT 3.1.1 wants a connection closed without CONNACK for all that breaks the
 * protocol (3.1.4, 4.8); MQTT 5 lets the server say 0x81 malformed or 0x82 protocol error first
 * (4.13.1). As long as no CONNECT of a known shape was seen, nobody is there who would understand.
 */
#include "agent/core/mqtt/fault.h"

enum { MALFORMED = 0x81, PROTOCOL_ERROR = 0x82 };

static const struct {
	const char *name;
	uint8_t code3, code5;
} table[N_MQTT_FAULTS] = {
	[MQTT_FAULT_NONE] = { "none", 0, 0 },
	[MQTT_FAULT_PACKET_TYPE] = { "packet_type", 0, 0 },
	[MQTT_FAULT_HEADER_FLAGS] = { "header_flags", 0, 0 },
	[MQTT_FAULT_VARINT] = { "varint", 0, MALFORMED },
	[MQTT_FAULT_TOO_LONG] = { "too_long", 0, 0 },
	[MQTT_FAULT_CUT] = { "cut", 0, MALFORMED },
	[MQTT_FAULT_TRAILING] = { "trailing", 0, MALFORMED },
	[MQTT_FAULT_PROTOCOL_NAME] = { "protocol_name", 0, 0 },
	[MQTT_FAULT_LEVEL] = { "level", 1, 0x84 },
	[MQTT_FAULT_RESERVED_FLAG] = { "reserved_flag", 0, MALFORMED },
	[MQTT_FAULT_WILL_QOS] = { "will_qos", 0, MALFORMED },
	[MQTT_FAULT_WILL_FLAGS] = { "will_flags", 0, MALFORMED },
	[MQTT_FAULT_WILL_TOPIC] = { "will_topic", 0, 0x90 },
	[MQTT_FAULT_PASSWORD_ALONE] = { "password_alone", 0, MALFORMED },
	[MQTT_FAULT_CLIENT_ID] = { "client_id", 2, 0x85 },
	[MQTT_FAULT_UTF8] = { "utf8", 0, MALFORMED },
	[MQTT_FAULT_ACK_FLAGS] = { "ack_flags", 0, MALFORMED },
	[MQTT_FAULT_SESSION_PRESENT] = { "session_present", 0, PROTOCOL_ERROR },
	[MQTT_FAULT_PROPERTY_UNKNOWN] = { "property_unknown", 0, MALFORMED },
	[MQTT_FAULT_PROPERTY_MISPLACED] = { "property_misplaced", 0, MALFORMED },
	[MQTT_FAULT_PROPERTY_TWICE] = { "property_twice", 0, PROTOCOL_ERROR },
	[MQTT_FAULT_PROPERTY_VALUE] = { "property_value", 0, PROTOCOL_ERROR },
	[MQTT_FAULT_AUTH_DATA_ALONE] = { "auth_data_alone", 0, PROTOCOL_ERROR },
};

const char *
mqtt_fault_name(enum mqtt_fault fault)
{
	return table[fault].name;
}

uint8_t
mqtt_fault_code(enum mqtt_fault fault, unsigned level)
{
	return (level & 0x7f) >= 5 ? table[fault].code5 : table[fault].code3;
}
