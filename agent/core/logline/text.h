/*
 * What a frontend's lines about sessions say, compiled: `log-format`, `option tcplog` or neither,
 * `log-format-sd`, `error-log-format` (configuration manual, 8.2); and when a session can be
 * logged, and at which severity.
 */
#ifndef USHER_CORE_LOGLINE_TEXT_H
#define USHER_CORE_LOGLINE_TEXT_H

#include "agent/core/base/report.h"
#include "agent/core/expr/log_format.h"
#include "agent/core/topology/model.h"

/*
 * The moments of a session's life. HAProxy writes its line as soon as all that the line says is
 * known; one session has one line.
 */
enum line_moment {
	LINE_ACCEPTED,	/* before any rule of `tcp-request content` */
	LINE_CONNECTED, /* to its server */
	LINE_ENDED,
};

struct line_text {
	struct log_format session;
	struct log_format data;	   /* no items: none */
	struct log_format refused; /* without error-log-format what stands before the listener */
	bool has_refused_format;
	bool uses_variables;  /* session or data */
	enum line_moment due; /* when the session's line is written */
};

/*
 * Compile what proxy p, which has a frontend's side, logs; `blanks`: they may stand inside
 * brackets. Faults of the formats are alerts, given for log-format where no target is as well.
 */
void line_text_compile(struct line_text *l, const struct topology *t, const struct proxy *p,
		       bool blanks, struct report *r);
void line_text_fini(struct line_text *l);

/*
 * The severity of a session's line at this moment; -1: none is to be written, now or ever.
 * `option dontlog-normal`, `dontlognull`, `log-separate-errors`.
 */
int line_text_severity(const struct proxy *p, const struct log_fields *fields,
		       enum line_moment moment);

/* The same for a client that never became a session. */
int line_text_refused_severity(const struct proxy *p, const struct log_fields *fields);

#endif
