/* One table; HAProxy's users grep both columns. */
#include "agent/core/health/answer.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *word, *text;
	bool passed;
} statuses[N_HEALTH_STATUSES] = {
	[HEALTH_INI] = { "INI", "Initializing", false },
	[HEALTH_OBSERVED] = { "HANA", "Health analyze", false },
	[HEALTH_SOCKERR] = { "SOCKERR", "Socket error", false },
	[HEALTH_L4OK] = { "L4OK", "Layer4 check passed", true },
	[HEALTH_L4TOUT] = { "L4TOUT", "Layer4 timeout", false },
	[HEALTH_L4CON] = { "L4CON", "Layer4 connection problem", false },
	[HEALTH_L6OK] = { "L6OK", "Layer6 check passed", true },
	[HEALTH_L6TOUT] = { "L6TOUT", "Layer6 timeout", false },
	[HEALTH_L6RSP] = { "L6RSP", "Layer6 invalid response", false },
	[HEALTH_L7OK] = { "L7OK", "Layer7 check passed", true },
	[HEALTH_L7OKC] = { "L7OKC", "Layer7 check conditionally passed", true },
	[HEALTH_L7TOUT] = { "L7TOUT", "Layer7 timeout", false },
	[HEALTH_L7RSP] = { "L7RSP", "Layer7 invalid response", false },
	[HEALTH_L7STS] = { "L7STS", "Layer7 wrong status", false },
};

const char *
health_word(enum health_status status)
{
	return statuses[status].word;
}

const char *
health_text(enum health_status status)
{
	return statuses[status].text;
}

bool
health_passed(enum health_status status)
{
	return statuses[status].passed;
}

void
health_answer_set(struct health_answer *a, enum health_status status, int code, const char *fmt,
		  ...)
{
	va_list args;

	a->status = status;
	a->code = code;
	va_start(args, fmt);
	vsnprintf(a->info, sizeof(a->info), fmt, args);
	va_end(args);
}
