/*
 * From a decoded CONNECT to the facts that decide (agent/core/facts/facts.h).
 */
#ifndef USHER_CORE_MQTT_FACTS_H
#define USHER_CORE_MQTT_FACTS_H

#include "agent/core/facts/facts.h"
#include "agent/core/mqtt/connect.h"

/*
 * Set in *f what the CONNECT says, as HAProxy would have reported the same bytes: an empty string
 * is not known, and the session expiry is known of MQTT 5 alone, where absent is 0. All other
 * facts are left as they are. Strings are views into the packet.
 */
void mqtt_facts(const struct mqtt_connect *c, struct facts *f);

/*
 * Set those user properties that are listed, the first of each name: what HAProxy never shows.
 * Costs nothing where none is.
 */
void mqtt_user_properties(const struct mqtt_connect *c, const struct fact_names *names,
			  struct facts *f);

#endif
