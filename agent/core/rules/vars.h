/*
 * The variables of one session: "txn.mqtt_client_id" → a sample (configuration manual, 2.7 and
 * "set-var"). Few, so a list. Values are copies.
 */
#ifndef USHER_CORE_RULES_VARS_H
#define USHER_CORE_RULES_VARS_H

#include "agent/core/base/parse.h"
#include "agent/core/expr/context.h"

struct var;

/* Start with all zero. */
struct vars {
	struct var *first; /* owned */
	size_t n_bytes;	   /* taken by all of them */
};

enum { VARS_BYTES_MAX = 1 << 20 }; /* of one session; what does not fit is not set */

void vars_fini(struct vars *v); /* may be used again */

/*
 * False when memory is out or the limit is reached: the variable is then as it was. The sample's
 * bytes may be those of the variable itself.
 */
bool vars_set(struct vars *v, enum var_scope scope, struct str name, const struct sample *s)
	MUST_USE;
void vars_unset(struct vars *v, enum var_scope scope, struct str name);
/*
 * Sets *s but for may_change, as struct expr_context's get_var wants it. The sample's bytes are the
 * variable's, until it is set again.
 */
bool vars_get(const struct vars *v, enum var_scope scope, struct str name, struct sample *s);

#endif
