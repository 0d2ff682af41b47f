#include "agent/core/mqtt/facts.h"

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
