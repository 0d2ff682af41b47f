/* The part of policy_load() that reads `rules`: conditions and actions. */
#ifndef USHER_CORE_POLICY_LOAD_RULES_H
#define USHER_CORE_POLICY_LOAD_RULES_H

#include "agent/core/policy/reader.h"

/* A read_fn: append the array's rules to rd->policy. */
void load_rules(struct reader *rd, struct at at, void *into);

/* For policy_object(). */
extern const struct object rule_object, text_matcher_object, number_matcher_object,
	address_matcher_object;

#endif
