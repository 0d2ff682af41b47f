/*
 * usher.json → struct policy, strictly: an unknown key, a wrong type or an odd value is refused,
 * never ignored. Every error of the file is reported at once, each with its line and its cure.
 * docs/policy.md is the manual, docs/usher.schema.json the same for editors.
 */
#ifndef USHER_CORE_POLICY_LOAD_H
#define USHER_CORE_POLICY_LOAD_H

#include "agent/core/base/report.h"
#include "agent/core/policy/model.h"

/*
 * Initialise p and fill it from text; `file` is the name for messages. After alerts p holds what
 * could be read, fit for policy_check() and policy_fini() alone. Nothing points into text.
 */
void policy_load(struct policy *p, struct str text, const char *file, struct report *r);

struct object;
/*
 * The kinds of objects the reader knows, in no order that matters; NULL behind the last. The
 * tests hold the schema against it.
 */
const struct object *policy_object(size_t i);

#endif
