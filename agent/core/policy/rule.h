/*
 * Conditions of rules, compiled once.
 *
 * A condition is one fact and one matcher. A fact that is not known matches nothing.
 */
#ifndef USHER_CORE_POLICY_RULE_H
#define USHER_CORE_POLICY_RULE_H

#include "agent/core/base/map.h"
#include "agent/core/base/pattern.h"
#include "agent/core/facts/facts.h"

enum matcher_kind {
	MATCH_EXACT, /* strings; numbers and booleans use MATCH_RANGE */
	MATCH_PREFIX,
	MATCH_SUFFIX,
	MATCH_REGEX, /* PCRE2, unanchored */
	MATCH_SET,   /* exactly one of many */
	MATCH_CIDR,  /* inside one of some networks */
	MATCH_RANGE, /* min <= number <= max */
};

struct condition {
	enum fact fact;
	enum matcher_kind kind;
	char *text;		 /* owned: EXACT, PREFIX, SUFFIX */
	size_t text_len;	 /* bytes */
	struct pattern *pattern; /* owned: REGEX */
	char **members;		 /* owned: SET */
	size_t n_members;
	struct map *set;       /* owned: SET, member → itself */
	struct cidr *networks; /* owned: CIDR */
	size_t n_networks;
	uint64_t min, max; /* RANGE */
};

void condition_fini(struct condition *c);

bool condition_holds(const struct condition *c, const struct facts *f);

#endif
