/*
 * The verdict as the variables that rules of haproxy.cfg read: txn.usher.action and its kin
 * (docs/haproxy.md). The same for both doors.
 */
#ifndef USHER_ENGINE_VERDICT_VARS_H
#define USHER_ENGINE_VERDICT_VARS_H

#include "agent/core/decide/verdict.h"
#include "agent/core/wire/syslog.h"

enum { VERDICT_VARS_MAX = 12 };

struct verdict_vars {
	size_t n;
	struct verdict_var {
		const char *name; /* without prefix */
		bool is_number;
		int64_t number;
		struct str text; /* views into the verdict's world, or `key` */
	} vars[VERDICT_VARS_MAX];
	char key[SESSION_KEY_TEXT];
};

/* `level`: the client's protocol level, for the code of a refusal. */
void verdict_vars(const struct verdict *v, unsigned level, struct verdict_vars *out);

#endif
