/*
 * The `log` targets of a world's proxies, open: a line becomes what each of them wants, and goes
 * out. Made on the main thread; any thread may send afterwards, without waiting. Lines that are
 * lost are counted, and usher's own log says so, once a second at most.
 */
#ifndef USHER_ENGINE_LOG_TARGETS_H
#define USHER_ENGINE_LOG_TARGETS_H

#include "agent/core/base/report.h"
#include "agent/core/topology/model.h"

struct log_targets;

/*
 * Open those of every proxy that is carried. A name that nobody knows is an alert, and so is a
 * socket that is not to be had; a kind of target that usher has not is a warning, once.
 */
struct log_targets *log_targets_new(const struct topology *t, struct report *r);
void log_targets_free(struct log_targets *l);

/* Has this proxy any? */
bool log_targets_any(const struct log_targets *l, const struct proxy *p);

/* No target takes more than so many bytes of a line. */
size_t log_targets_longest(const struct log_targets *l);

/* This machine's name. */
struct str log_targets_hostname(const struct log_targets *l);

/* Send a line to those of the proxy. `data`: RFC 5424's structured data, n 0: none. */
void log_targets_send(struct log_targets *l, const struct proxy *p, enum log_severity severity,
		      struct str data, struct str text);

/* Lines that did not leave, so far. */
uint64_t log_targets_lost(const struct log_targets *l);

#endif
