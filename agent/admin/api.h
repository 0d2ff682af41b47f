/*
 * What the admin service answers, as bodies; the HTTP around them is service.c's.
 */
#ifndef USHER_ADMIN_API_H
#define USHER_ADMIN_API_H

#include <jansson.h>

#include "agent/admin/view.h"
#include "agent/core/base/buf.h"

/* The object `Status` of docs/openapi.yaml. decisions_per_s: over the last ten seconds. */
json_t *api_status(const struct admin_view *view, double decisions_per_s);

/*
 * The object `Explanation` for the facts of a query: `get` gives a parameter's value or NULL. On a
 * parameter that makes no sense NULL, and *what names it.
 */
json_t *api_explain(const struct admin_view *view, const char *(*get)(void *arg, const char *name),
		    void *get_arg, const char **what);

/* Metrics in Prometheus' text format (version 0.0.4). False when memory is out. */
bool api_metrics(const struct admin_view *view, struct buf *out);

#endif
