/* usher.json against haproxy.cfg: the names must exist, and what both say must make sense. */
#ifndef USHER_CORE_POLICY_CHECK_H
#define USHER_CORE_POLICY_CHECK_H

#include "agent/core/base/report.h"
#include "agent/core/policy/model.h"

/*
 * Resolve p's names in t and report those that do not exist, with the known ones; then say what
 * cannot work (alerts) or will hardly be meant (warnings). `file` is the policy's name for
 * messages. Without alerts no name dangles.
 */
void policy_check(struct policy *p, const struct topology *t, const char *file, struct report *r);

/* The short names of what makes no sense, in no order that matters; NULL behind the last. */
const char *policy_check_name(size_t i);

#endif
