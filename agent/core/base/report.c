/* Findings are formatted when they are added; only the prefix waits for the printer. */
#include "agent/core/base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

void
report_init(struct report *r)
{
	*r = (struct report){ 0 };
}

void
report_fini(struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->findings[i].text);
	free(r->findings);
	report_init(r);
}

static void
add(struct report *r, enum finding_origin origin, enum finding_level level, const char *fmt,
    va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	ARRAY_GROW(r->findings, r->n);
	r->findings[r->n++] = (struct finding){ level, origin, text };
	r->n_alerts += level == FINDING_ALERT;
	r->n_warnings += level == FINDING_WARNING;
}

void
report_cfg(struct report *r, enum finding_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(r, FINDING_HAPROXY_CFG, level, fmt, args);
	va_end(args);
}

void
report_policy(struct report *r, enum finding_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(r, FINDING_POLICY, level, fmt, args);
	va_end(args);
}

char *
report_format(const struct finding *f, int pid, char *out, size_t size)
{
	static const char *const haproxy[] = {
		[FINDING_NOTICE] = "[NOTICE]  ",
		[FINDING_WARNING] = "[WARNING] ",
		[FINDING_ALERT] = "[ALERT]   ",
	};
	static const char *const own[] = {
		[FINDING_NOTICE] = "note: ",
		[FINDING_WARNING] = "warning: ",
		[FINDING_ALERT] = "",
	};

	if (f->origin == FINDING_HAPROXY_CFG)
		snprintf(out, size, "%s (%d) : config : %s", haproxy[f->level], pid, f->text);
	else
		snprintf(out, size, "%s%s", own[f->level], f->text);
	return out;
}
