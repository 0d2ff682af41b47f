/* Lines of the clock: timeout, retries, tcp-request inspect-delay. */
#include <stdio.h>

#include "agent/core/base/units.h"
#include "agent/core/topology/parser.h"

/* What stands in front of the time, for messages: "timeout client". */
static bool
read_time(struct parser *p, const char *what, size_t at, int64_t *ms)
{
	struct str text = str_of(word(p, at));
	size_t bad;

	switch (units_duration(text, 1, ms, &bad)) {
	case UNITS_OK:
		return true;
	case UNITS_BAD:
		parser_alert(p, "unexpected character '%c' in '%s'",
			     bad < text.n ? text.p[bad] : ' ', what);
		return false;
	case UNITS_RANGE:
		parser_alert(p,
			     "timer overflow in argument '%s' to '%s' (maximum value is 2147483647 "
			     "ms or ~24.8 days)",
			     text.p, what);
		return false;
	}
	return false;
}

void
line_timeout(struct parser *p)
{
	static const struct {
		const char *name;
		int timeout; /* N_TIMEOUTS: known, and of no use to a proxy of TCP */
	} timeouts[] = {
		{ "client", TIMEOUT_CLIENT },
		{ "server", TIMEOUT_SERVER },
		{ "connect", TIMEOUT_CONNECT },
		{ "check", TIMEOUT_CHECK },
		{ "queue", TIMEOUT_QUEUE },
		{ "tunnel", TIMEOUT_TUNNEL },
		{ "client-fin", TIMEOUT_CLIENT_FIN },
		{ "server-fin", TIMEOUT_SERVER_FIN },
		{ "http-keep-alive", N_TIMEOUTS },
		{ "http-request", TIMEOUT_HTTP_REQUEST },
		{ "tarpit", N_TIMEOUTS },
	};
	const char *name = word(p, 1);
	char what[64];
	int64_t ms;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		if (strcmp(name, timeouts[i].name) != 0)
			continue;
		snprintf(what, sizeof(what), "timeout %s", name);
		if (!word(p, 2)[0])
			parser_alert(p, "'%s' expects an integer value (in milliseconds)", what);
		else if (word(p, 3)[0])
			parser_alert(p, "'%s' : unexpected extra argument '%s' after value '%s'.",
				     what, word(p, 3), word(p, 2));
		else if (read_time(p, what, 2, &ms) && timeouts[i].timeout < N_TIMEOUTS)
			p->proxy->timeout_ms[timeouts[i].timeout] = ms;
		return;
	}
	if (p->env->strict)
		parser_alert(p,
			     "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', "
			     "'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' "
			     "and 'server-fin' (got '%s')",
			     name);
}

/* HAProxy reads it with atol(): what is no number counts as 0. */
void
line_retries(struct parser *p)
{
	uint64_t n = 0;

	if (!word(p, 1)[0]) {
		parser_alert(p, "'retries' expects an integer argument (dispatch counts for one).");
		return;
	}
	(void)str_u64(str_of(word(p, 1)), &n);
	p->proxy->retries = n > 1000 ? 1000 : (uint32_t)n;
}

void
line_inspect_delay(struct parser *p)
{
	int64_t ms;

	if (!word(p, 2)[0])
		parser_alert(p,
			     "'tcp-request inspect-delay' expects a positive delay in "
			     "milliseconds, in %s '%s' (timer overflow)",
			     proxy_kind_name(p->proxy->kind), p->proxy->name);
	else if (read_time(p, "tcp-request inspect-delay", 2, &ms))
		p->proxy->inspect_delay_ms = ms;
}
