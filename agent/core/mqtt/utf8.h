/*
 * MQTT's rules for strings.
 */
#ifndef USHER_CORE_MQTT_UTF8_H
#define USHER_CORE_MQTT_UTF8_H

#include "agent/core/base/str.h"

/*
 * Is s what MQTT calls a UTF-8 encoded string (MQTT 5, 1.5.4; MQTT 3.1.1, 1.5.3)? Well-formed, no
 * surrogates, no U+0000. Control characters and noncharacters are allowed, though frowned upon; a
 * byte order mark is a character like any other.
 */
bool mqtt_utf8_is_valid(struct str s);

/*
 * May a string that is valid name a topic (MQTT 5, 4.7.1 and 4.7.3)? It is not empty and holds no
 * wildcard.
 */
bool mqtt_topic_is_name(struct str s);

#endif
