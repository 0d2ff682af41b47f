/*
 * What is wrong with the configuration files: findings collected while reading, printed once at
 * the end. Reading goes on after an error, so that a user sees them all at once.
 *
 * Each of the two files keeps its own dress. haproxy.cfg's follow HAProxy:
 *	[ALERT]    (4711) : config : parsing [haproxy.cfg:12] : unknown keyword …
 * usher.json's start with the place and end with the cure:
 *	usher.json:14: tenants.acme.backend: no backend 'acme' in haproxy.cfg; known: …
 */
#ifndef USHER_CORE_BASE_REPORT_H
#define USHER_CORE_BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/core/base/parse.h"

enum finding_level {
	FINDING_NOTICE,
	FINDING_WARNING,
	FINDING_ALERT, /* the configuration cannot be used */
};

enum finding_origin {
	FINDING_HAPROXY_CFG,
	FINDING_POLICY,
};

struct finding {
	enum finding_level level;
	enum finding_origin origin;
	char *text; /* owned; one line, without the level's prefix */
};

struct report {
	struct finding *findings; /* owned, in the order they were found */
	size_t n;
	size_t n_alerts, n_warnings;
};

void report_init(struct report *r);
void report_fini(struct report *r);

/* Add a finding about haproxy.cfg; the text starts behind "[ALERT]    (pid) : config : ". */
void report_cfg(struct report *r, enum finding_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Add a finding about usher.json; the text is "file:line: path: what; cure". */
void report_policy(struct report *r, enum finding_level level, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* One finding as it is printed, without the newline, into out (cut at size). Returns out. */
char *report_format(const struct finding *f, int pid, char *out, size_t size);

#endif
