/*
 * The expressions behind `.if` and `.elif` (configuration manual, 2.4): numbers, !, &&, ||,
 * parentheses, defined(), streq(), strneq(), feature(), version_atleast(), version_before().
 *
 * The last three ask about the HAProxy that reads the file. Where usher reads it in HAProxy's
 * stead it answers as 2.6.12, built as Debian does; where a HAProxy of whatever version reads it
 * as well, usher refuses them rather than guess.
 */
#ifndef USHER_CORE_TOPOLOGY_CONDITION_H
#define USHER_CORE_TOPOLOGY_CONDITION_H

#include "agent/core/topology/lexer.h"

enum { CONDITION_ERROR = 256 };

/*
 * Is the expression true? An empty one is not. False when it cannot be told: then what[] (at
 * least CONDITION_ERROR bytes) says why, in HAProxy's words, and *at is the offset of the fault.
 */
bool condition_eval(struct str expression, const struct lexer_variables *v, bool *value, char *what,
		    size_t *at) MUST_USE;

#endif
