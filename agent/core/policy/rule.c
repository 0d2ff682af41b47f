/* Conditions are compared by kind. */
#include "agent/core/policy/rule.h"

#include <stdlib.h>

void
condition_fini(struct condition *c)
{
	free(c->text);
	pattern_free(c->pattern);
	for (size_t i = 0; i < c->n_members; i++)
		free(c->members[i]);
	free(c->members);
	if (c->set) {
		map_fini(c->set);
		free(c->set);
	}
	free(c->networks);
	*c = (struct condition){ 0 };
}

static bool
any_network_has(const struct condition *c, const struct ip *ip)
{
	for (size_t i = 0; i < c->n_networks; i++)
		if (cidr_has(&c->networks[i], ip))
			return true;
	return false;
}

bool
condition_holds(const struct condition *c, const struct facts *f)
{
	struct str text = { c->text, c->text_len };

	if (!facts_has(f, c->fact))
		return false;
	switch (c->kind) {
	case MATCH_EXACT:
		return str_eq(facts_str(f, c->fact), text);
	case MATCH_PREFIX:
		return str_has_prefix(facts_str(f, c->fact), text);
	case MATCH_SUFFIX:
		return str_has_suffix(facts_str(f, c->fact), text);
	case MATCH_REGEX:
		return pattern_matches(c->pattern, facts_str(f, c->fact));
	case MATCH_SET:
		return map_get(c->set, facts_str(f, c->fact)) != NULL;
	case MATCH_CIDR:
		return any_network_has(c, facts_ip(f, c->fact));
	case MATCH_RANGE:
		return facts_number(f, c->fact) >= c->min && facts_number(f, c->fact) <= c->max;
	}
	return false;
}
