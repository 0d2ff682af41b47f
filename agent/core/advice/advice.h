/*
 * Advice: what is wrong, or will hardly be meant, in files that can be read. Each finding has a
 * short name that stands in brackets behind its text and in docs/check.md.
 *
 * An alert is what cannot work or is unsafe beyond doubt, a warning what loses something. HAProxy
 * does not know most of it, and where it does, it says less.
 */
#ifndef USHER_CORE_ADVICE_ADVICE_H
#define USHER_CORE_ADVICE_ADVICE_H

#include "agent/core/base/report.h"
#include "agent/core/policy/model.h"
#include "agent/core/topology/model.h"
#include "agent/core/topology/spoe_engine.h"

/* One of our SPOE engines: the line that names it, and the file that the line names. */
struct advice_engine {
	const struct spoe_filter *filter;
	struct spoe_engine engine;
};

struct advice_input {
	const struct topology *topology;
	const struct policy *policy; /* the defaults, when there is no usher.json */
	const char *policy_file;     /* its name for messages; NULL: there is none */
	const struct advice_engine *engines;
	size_t n_engines;
};

/* Every finding at once. What either file lacks by its own alerts is not followed. */
void advice_check(const struct advice_input *in, struct report *r);

/* The short names, in no order that matters; NULL behind the last. */
const char *advice_name(size_t i);

#endif
