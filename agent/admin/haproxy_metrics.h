/*
 * Metrics under the names, types and labels of HAProxy 2.6's own exporter, for dashboards that were
 * made for it. The process's are lines of `show info`, the others columns of `show stat`.
 */
#ifndef USHER_ADMIN_HAPROXY_METRICS_H
#define USHER_ADMIN_HAPROXY_METRICS_H

#include "agent/core/base/buf.h"
#include "agent/engine/operations.h"

/* False when memory is out. */
bool haproxy_metrics(const struct operations *o, struct buf *out) MUST_USE;

#endif
