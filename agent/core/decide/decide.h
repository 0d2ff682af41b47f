/*
 * The one decision: facts of a CONNECT, policy and state in, a verdict and its effects out.
 *
 * Rules, tenant, identity, admission, backend, server, in this order (docs/policy.md). It waits
 * for nothing, allocates nothing and changes nothing; the same arguments give the same verdict.
 * Both doors and `usher explain` call it.
 */
#ifndef USHER_CORE_DECIDE_DECIDE_H
#define USHER_CORE_DECIDE_DECIDE_H

#include "agent/core/decide/verdict.h"

/* What decides: immutable but for the shared state behind the pointers. */
struct decide_env {
	const struct topology *topology;
	const struct policy *policy;
	struct pool *const *pools; /* by proxy index; NULL for what is no backend */
	struct stick_table *table;
	struct rates *rates;
};

struct decide_input {
	const struct facts *facts;
	int64_t now;	 /* monotonic ms */
	uint64_t random; /* fresh for each decision */
	bool rates_done; /* an earlier attempt of this decision was admitted and counted */
};

/* Do all conditions of a rule hold, and not all of its exceptions? */
bool rule_applies(const struct rule *rule, const struct facts *facts);

void decide(const struct decide_env *env, const struct decide_input *in, struct verdict *v);

#endif
