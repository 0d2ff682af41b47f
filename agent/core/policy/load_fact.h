/* A part of policy_load(): the key that names a fact. */
#ifndef USHER_CORE_POLICY_LOAD_FACT_H
#define USHER_CORE_POLICY_LOAD_FACT_H

#include "agent/core/policy/reader.h"

/*
 * The fact that the value's key names; one of a family is listed in the policy. `only_text`: others
 * are refused. FACT_NONE: reported.
 */
enum fact load_fact(struct reader *rd, struct at at, bool only_text);

#endif
