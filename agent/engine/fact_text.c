/* By type; the names are fact_name()'s. */
#include "agent/engine/fact_text.h"

bool
fact_from_text(struct facts *f, enum fact fact, struct str text)
{
	struct ip ip;
	uint64_t number;

	switch (fact_type(fact)) {
	case FACT_TYPE_STRING:
		facts_set_str(f, fact, text);
		return true;
	case FACT_TYPE_NUMBER:
		if (!str_u64(text, &number))
			return false;
		facts_set_number(f, fact, number);
		return true;
	case FACT_TYPE_BOOL:
		if (!str_is(text, "true") && !str_is(text, "false"))
			return false;
		facts_set_number(f, fact, str_is(text, "true"));
		return true;
	case FACT_TYPE_IP:
		if (!ip_parse(text, &ip))
			return false;
		facts_set_ip(f, fact, &ip);
		return true;
	}
	return false;
}
