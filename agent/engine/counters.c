/* The names, in the order of the enum, and the sum over threads. */
#include "agent/engine/counters.h"

static const struct {
	const char *name, *help;
} table[N_COUNTERS] = {
	[COUNTER_ACCEPTED] = { "accepted", "Clients let in." },
	[COUNTER_REJECTED] = { "rejected", "Clients refused." },
	[COUNTER_BY_RULE] = { "by_rule", "Servers pinned by a rule." },
	[COUNTER_BY_STICKY] = { "by_sticky", "Servers found by the sticky entry." },
	[COUNTER_BY_ALGORITHM] = { "by_algorithm", "Servers chosen by the backend's algorithm." },
	[COUNTER_BY_NOBODY] = { "by_nobody", "Clients let in without naming a server." },
	[COUNTER_OVERLOADED] = { "overloaded", "Questions answered empty, being too late." },
	[COUNTER_UNKNOWN_MESSAGES] = { "unknown_messages",
				       "Questions without a message known to usher." },
	[COUNTER_CONNACKS] = { "connacks", "CONNACKs reported." },
	[COUNTER_CONNACKS_ELSEWHERE] = { "connacks_elsewhere",
					 "CONNACKs that made a sticky entry go." },
	[COUNTER_SESSION_ENDS] = { "session_ends", "Session ends reported." },
	[COUNTER_BAD_DATAGRAMS] = { "bad_datagrams", "Datagrams that were no session end." },
	[COUNTER_CONNECTIONS] = { "connections", "SPOP connections accepted." },
	[COUNTER_HEALTHCHECKS] = { "healthchecks", "SPOP connections that only looked." },
	[COUNTER_PROTOCOL_ERRORS] = { "protocol_errors",
				      "SPOP connections ended for a malformed frame." },
	[COUNTER_STORE_QUESTIONS] = { "store_questions", "Questions put to the shared store." },
	[COUNTER_STORE_HITS] = { "store_hits", "Questions answered with a server's name." },
	[COUNTER_STORE_MISSES] = { "store_misses", "Questions answered without one." },
	[COUNTER_STORE_LATE] = { "store_late",
				 "Questions whose answer did not come within the deadline." },
	[COUNTER_STORE_UNASKED] = { "store_unasked",
				    "Decisions that did not ask the shared store, as it was "
				    "away or overloaded." },
	[COUNTER_STORE_WRITES] = { "store_writes", "Writes that the shared store confirmed." },
	[COUNTER_STORE_DROPPED] = { "store_dropped",
				    "Writes given up: the queue was full, or it refused them." },
	[COUNTER_STORE_DIALS] = { "store_dials", "Connections to the shared store begun." },
	[COUNTER_HANDSHAKES] = { "tls_handshakes", "Handshakes with clients that were done." },
	[COUNTER_HANDSHAKES_FAILED] = { "tls_handshakes_failed",
					"Handshakes with clients that failed." },
	[COUNTER_HANDSHAKES_WAITED] = { "tls_handshakes_waited",
					"Times that clients in TLS were left in the backlog, "
					"too many handshakes being under way." },
};

const uint32_t counters_latency_us[N_LATENCIES] = { 1,	 2,   5,    10,	  20,	50,   100,
						    200, 500, 1000, 2000, 5000, 10000 };

const char *
counter_name(enum counter c)
{
	return table[c].name;
}

const char *
counter_help(enum counter c)
{
	return table[c].help;
}

void
counters_add_latency(struct counters *set, uint64_t ns)
{
	int bucket = 0;

	while (bucket < N_LATENCIES && ns > (uint64_t)counters_latency_us[bucket] * 1000)
		bucket++;
	counters_bump(&set->latencies[bucket], 1);
	counters_bump(&set->latency_ns, ns);
}

static void
sum_values(_Atomic uint64_t *to, const _Atomic uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

void
counters_sum(const struct counters *sets, unsigned n, struct counters *sum)
{
	*sum = (struct counters){ 0 };
	for (unsigned i = 0; i < n; i++) {
		sum_values(sum->value, sets[i].value, N_COUNTERS);
		sum_values(sum->refusals, sets[i].refusals, N_REFUSALS);
		sum_values(sum->closed, sets[i].closed, N_CLOSE_REASONS);
		sum_values(sum->latencies, sets[i].latencies, N_LATENCIES + 1);
		sum_values(&sum->latency_ns, &sets[i].latency_ns, 1);
		sum_values(&sum->store_up, &sets[i].store_up, 1);
	}
}
