/*
 * Regular expressions that an operator wrote, for bytes that a stranger chose: PCRE2, held short.
 * A compiled pattern is safe to match from many threads.
 */
#ifndef USHER_CORE_BASE_PATTERN_H
#define USHER_CORE_BASE_PATTERN_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

struct pattern;

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
struct pattern *pattern_new(struct str source, char *what) MUST_USE;
/* The same, ignoring the case of ASCII letters. */
struct pattern *pattern_new_caseless(struct str source, char *what) MUST_USE;
void pattern_free(struct pattern *p);

bool pattern_matches(const struct pattern *p, struct str subject);

/* Has it a named group of that name? */
bool pattern_has_group(const struct pattern *p, const char *group);

/* The bytes that the named group matched, a view into subject; p == NULL when it did not match. */
struct str pattern_capture(const struct pattern *p, const char *group, struct str subject);

#endif
