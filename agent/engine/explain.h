/*
 * A verdict in words: the very decide() of the doors, without applying it, and each step that led
 * to its answer.
 */
#ifndef USHER_ENGINE_EXPLAIN_H
#define USHER_ENGINE_EXPLAIN_H

#include <jansson.h>

#include "agent/core/decide/decide.h"

/*
 * Decide, and say why, as the object `Explanation` of docs/openapi.yaml: the verdict, the sticky
 * entry it met, and the steps, each with a text for people. Changes nothing. What strangers chose
 * is escaped. The caller owns the reference.
 */
json_t *explain(const struct decide_env *env, const struct decide_input *in);

#endif
