/* Connect rates of a CONNECT: which of them it would break, or which it must be counted in. */
#ifndef USHER_CORE_DECIDE_ADMISSION_H
#define USHER_CORE_DECIDE_ADMISSION_H

#include "agent/core/decide/decide.h"

/*
 * True: admitted, with the subjects to count in v->effects. False: v says which limit refused,
 * as its rule, and why.
 */
bool admission_allows(const struct decide_env *env, const struct decide_input *in,
		      struct verdict *v);

#endif
