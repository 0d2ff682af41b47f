/*
 * What one health check found, in HAProxy's words: the status word of its statistics (`L4OK`), the
 * text of its log (`Layer4 check passed`), a code and a few words more.
 */
#ifndef USHER_CORE_HEALTH_ANSWER_H
#define USHER_CORE_HEALTH_ANSWER_H

#include <stdbool.h>

#include "agent/core/base/parse.h"

enum health_status {
	HEALTH_INI,	 /* not checked yet */
	HEALTH_OBSERVED, /* clients' connections failed */
	HEALTH_SOCKERR,
	HEALTH_L4OK,
	HEALTH_L4TOUT,
	HEALTH_L4CON,
	HEALTH_L6OK,
	HEALTH_L6TOUT,
	HEALTH_L6RSP,
	HEALTH_L7OK,
	HEALTH_L7OKC, /* it answers, and wants nobody new: it drains */
	HEALTH_L7TOUT,
	HEALTH_L7RSP,
	HEALTH_L7STS,
	N_HEALTH_STATUSES,
};

enum { HEALTH_INFO = 128 }; /* HAProxy cuts there, too */

struct health_answer {
	enum health_status status;
	int code;		/* of HTTP, or 0; shown with some statuses alone */
	char info[HEALTH_INFO]; /* as it came from the server, may be empty */
};

/* "L4OK"; "Layer4 check passed". */
const char *health_word(enum health_status status);
const char *health_text(enum health_status status);

bool health_passed(enum health_status status);

/* Set it all at once. */
void health_answer_set(struct health_answer *a, enum health_status status, int code,
		       const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
