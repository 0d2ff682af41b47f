/*
 * The log line of a verdict: one for each CONNECT, at info, as long as there are not too many.
 */
#ifndef USHER_ENGINE_VERDICT_LOG_H
#define USHER_ENGINE_VERDICT_LOG_H

#include "agent/core/decide/verdict.h"

/* Lines a second, over all workers; a storm's remainder is counted in one line of its own. */
enum { VERDICT_LINES_PER_SECOND = 1000 };

void verdict_log(const struct verdict *v, const struct facts *f, int64_t now_ms);

#endif
