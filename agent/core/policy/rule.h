/*
 * Conditions of rules, compiled once, and the patterns that name tenants.
 *
 * A condition is one fact and one matcher. A fact that is not known matches nothing.
 */
#ifndef USHER_CORE_POLICY_RULE_H
#define USHER_CORE_POLICY_RULE_H

#include "agent/core/base/map.h"
#include "agent/core/facts/facts.h"

enum matcher_kind {
	MATCH_EXACT,  /* strings; numbers and booleans use MATCH_RANGE */
	MATCH_PREFIX,
	MATCH_SUFFIX,
	MATCH_REGEX, /* PCRE2, unanchored */
	MATCH_SET,   /* exactly one of many */
	MATCH_CIDR,  /* inside one of some networks */
	MATCH_RANGE, /* min <= number <= max */
};

struct pattern; /* a compiled PCRE2 pattern; safe to match from many threads */

struct condition {
	enum fact fact;
	enum matcher_kind kind;
	char *text;              /* owned: EXACT, PREFIX, SUFFIX */
	size_t text_len;         /* bytes */
	struct pattern *pattern; /* owned: REGEX */
	char **members;          /* owned: SET */
	size_t n_members;
	struct map *set; /* owned: SET, member → itself */
	struct cidr *networks; /* owned: CIDR */
	size_t n_networks;
	uint64_t min, max; /* RANGE */
};

void condition_fini(struct condition *c);

bool condition_holds(const struct condition *c, const struct facts *f);

/*
 * What a match may cost is bounded, so that no pattern stalls a worker: a subject longer than
 * PATTERN_SUBJECT_MAX bytes, or one that takes too many steps, does not match. A pattern works on
 * bytes, not on characters of UTF-8, and its `$` means the very end.
 */
enum { PATTERN_SOURCE_MAX = 4096, PATTERN_SUBJECT_MAX = 4096 };

/*
 * Compile. On error NULL, with PCRE2's words and the offset of the fault in *what (at least
 * PATTERN_ERROR bytes).
 */
enum { PATTERN_ERROR = 160 };
struct pattern *pattern_new(struct str source, char *what);
void pattern_free(struct pattern *p);

bool pattern_matches(const struct pattern *p, struct str subject);

/* Has it a named group of that name? */
bool pattern_has_group(const struct pattern *p, const char *group);

/* The bytes that the named group matched, a view into subject; p == NULL when it did not match. */
struct str pattern_capture(const struct pattern *p, const char *group, struct str subject);

#endif
