/*
 * One log line as HAProxy sends it (configuration manual, 4.2 `log`): a head, which depends on the
 * target's format, and a text. Pure functions; who sends it, and when, is not known here.
 */
#ifndef USHER_CORE_LOGLINE_LINE_H
#define USHER_CORE_LOGLINE_LINE_H

#include "agent/core/base/str.h"
#include "agent/core/topology/model.h"

/* `format`. The examples are of facility local0, severity info. */
enum line_form {
	LINE_LOCAL,    /* "<134>Nov 22 10:44:15 haproxy[13432]: " */
	LINE_RFC3164,  /* "<134>Nov 22 10:44:15 host haproxy[13432]: " */
	LINE_RFC5424,  /* "<134>1 2026-11-22T10:44:15.892467+00:00 host haproxy 13432 - [sd] " */
	LINE_PRIORITY, /* "<134>" */
	LINE_SHORT,    /* "<6>" */
	LINE_TIMED,    /* "<6>2026-11-22T10:44:15.892467+00:00 " */
	LINE_ISO,      /* "2026-11-22T10:44:15.892467+00:00 " */
	LINE_RAW,
};

/* A target's format. Without one it is local, or rfc3164 where lines carry the host's name. */
enum line_form line_form_of(const struct log_target *t, bool with_hostname);

/* The severity that the target shall see a line of this one as; -1: none, it wants less. */
int line_severity(const struct log_target *t, enum log_severity severity);

/* Is the nth line, from 0 on, one of the target's sample? */
bool line_is_sampled(const struct log_target *t, uint64_t nth);

struct line_head {
	enum line_form form;
	uint8_t facility;
	enum log_severity severity;
	struct str tag;
	struct str hostname; /* n 0: not to be told, "localhost" or "-" stands for it */
	struct str data;     /* RFC 5424's structured data; n 0: none */
	int64_t pid;
	int64_t now_us; /* since 1970 */
	int32_t utc_offset_s;
};

/*
 * Write head and text into out, at most `max` bytes, and a newline behind them, for which there
 * must be room as well; returns the number of all. A text that does not fit is cut; a part of the
 * head that does not is left out, and so is all that follows it.
 */
size_t line_write(const struct line_head *h, struct str text, char *out, size_t max);

#endif
