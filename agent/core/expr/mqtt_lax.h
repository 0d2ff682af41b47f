/*
 * CONNECT as HAProxy 2.6 reads it. Laxer than the specifications (core/mqtt/connect.h): the case of
 * the protocol's name does not matter and any name goes with levels 3 to 5; a will's QoS and
 * retain, a password without user, an empty identifier, UTF-8 and the length's own length are not
 * looked at. Bridges' levels are refused.
 */
#ifndef USHER_CORE_EXPR_MQTT_LAX_H
#define USHER_CORE_EXPR_MQTT_LAX_H

#include "agent/core/base/parse.h"
#include "agent/core/mqtt/connect.h"
#include "agent/core/mqtt/property.h"

/*
 * Decode the CONNECT at the front of [p, p+n); *name is the protocol's, as it was written. Nothing
 * is judged before all of the packet is there, but its header. Views point into the bytes; without
 * PARSE_OK neither is of use.
 */
enum parse mqtt_lax_connect_decode(const uint8_t *p, size_t n, struct mqtt_connect *c,
				   struct str *name) MUST_USE;

/* mqtt_property_next() that minds no UTF-8 and no wildcards: HAProxy does not. */
bool mqtt_lax_property_next(struct mqtt_property_reader *r, struct mqtt_property *property);

#endif
