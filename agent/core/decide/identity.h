/* Identity binding: is a client who it says it is? */
#ifndef USHER_CORE_DECIDE_IDENTITY_H
#define USHER_CORE_DECIDE_IDENTITY_H

#include "agent/core/facts/facts.h"
#include "agent/core/policy/model.h"

/*
 * Does the client id equal, or start with, what the binding asks for? A certificate's CN counts
 * only if it verified. What is not known proves nothing, so then the answer is no.
 */
bool identity_holds(const struct identity *identity, const struct facts *facts,
		    const struct tenant *tenant);

#endif
