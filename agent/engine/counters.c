/* The names, in the order of the enum. */
#include "agent/engine/counters.h"

const char *
counter_name(enum counter c)
{
	static const char *const names[N_COUNTERS] = {
		[COUNTER_ACCEPTED] = "accepted",
		[COUNTER_REJECTED] = "rejected",
		[COUNTER_BY_RULE] = "by_rule",
		[COUNTER_BY_STICKY] = "by_sticky",
		[COUNTER_BY_ALGORITHM] = "by_algorithm",
		[COUNTER_BY_NOBODY] = "by_nobody",
		[COUNTER_OVERLOADED] = "overloaded",
		[COUNTER_UNKNOWN_MESSAGES] = "unknown_messages",
		[COUNTER_CONNACKS] = "connacks",
		[COUNTER_CONNACKS_ELSEWHERE] = "connacks_elsewhere",
		[COUNTER_SESSION_ENDS] = "session_ends",
		[COUNTER_BAD_DATAGRAMS] = "bad_datagrams",
		[COUNTER_CONNECTIONS] = "connections",
		[COUNTER_HEALTHCHECKS] = "healthchecks",
		[COUNTER_PROTOCOL_ERRORS] = "protocol_errors",
	};

	return names[c];
}
