/* What is known of the checks of one server, for those who show it. */
#ifndef USHER_CORE_HEALTH_VIEW_H
#define USHER_CORE_HEALTH_VIEW_H

#include <stdint.h>

#include "agent/core/health/answer.h"

struct health_view {
	struct health_answer answer; /* the last one; HEALTH_INI: none yet */
	uint32_t health, rise, fall; /* up from `rise` on; at most rise + fall - 1 */
	uint32_t ms;		     /* how long the last check took */
	bool runs;		     /* one is being made */
	uint64_t n_failed, n_down;   /* failures that moved the score; times it went down */
	int64_t changed_at;	     /* monotonic ms; when it last went up, down or to drain */
};

#endif
