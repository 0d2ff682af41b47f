#include "agent/core/mqtt/facts.h"

#include "agent/core/mqtt/property.h"

void
mqtt_facts(const struct mqtt_connect *c, struct facts *f)
{
	facts_set_str(f, FACT_CLIENT_ID, c->client_id);
	facts_set_str(f, FACT_USERNAME, c->username);
	facts_set_str(f, FACT_PROTOCOL, fact_protocol(c->level));
	facts_set_number(f, FACT_CLEAN_START, c->clean_start);
	facts_set_number(f, FACT_KEEPALIVE, c->keepalive);
	if (mqtt_connect_version(c) == 5)
		facts_set_number(f, FACT_SESSION_EXPIRY, c->session_expiry);
}

static bool
some_are_listed(const struct fact_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->items[i].family == FACT_FAMILY_USER_PROPERTY)
			return true;
	return false;
}

void
mqtt_user_properties(const struct mqtt_connect *c, const struct fact_names *names, struct facts *f)
{
	struct mqtt_property_reader r;
	struct mqtt_property property;
	uint64_t seen = 0;
	enum fact fact;

	if (!some_are_listed(names))
		return;
	mqtt_property_reader_init(&r, c->properties, MQTT_IN_CONNECT);
	while (mqtt_property_next(&r, &property)) {
		if (property.id != MQTT_USER_PROPERTY)
			continue;
		fact = fact_names_find(names, FACT_FAMILY_USER_PROPERTY, property.name);
		if (fact == FACT_NONE || (seen & FACT_BIT(fact)))
			continue;
		seen |= FACT_BIT(fact); /* an empty one is the first, too */
		facts_set_str(f, fact, property.value);
	}
}
