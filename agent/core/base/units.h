/*
 * Durations and sizes as HAProxy writes them (configuration manual, "Time format" and "Size
 * format"): a whole number and one unit. usher.json uses the same notation.
 */
#ifndef USHER_CORE_BASE_UNITS_H
#define USHER_CORE_BASE_UNITS_H

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"

/* The longest duration HAProxy takes: 2^31 - 1 ms, about 24.8 days. */
#define UNITS_MAX_MS INT64_C(2147483647)

enum units {
	UNITS_OK,
	UNITS_BAD,   /* not a number with a known unit */
	UNITS_RANGE, /* more than UNITS_MAX_MS, or than fits */
};

/*
 * "10s", "30m", "250": us ms s m h d; a number without unit counts in default_ms milliseconds.
 * *bad, if not NULL, is the offset of the first byte that did not fit.
 */
enum units units_duration(struct str s, int64_t default_ms, int64_t *ms, size_t *bad) MUST_USE;

/* "100k": k, m and g are powers of 1024. */
enum units units_size(struct str s, uint64_t *value, size_t *bad) MUST_USE;

#endif
