/*
 * Everything usher counts, in one list: metrics and status read the same one.
 *
 * Each thread has a set of its own, written by that thread alone and read by anybody.
 */
#ifndef USHER_ENGINE_COUNTERS_H
#define USHER_ENGINE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "agent/core/mqtt/reason.h"
#include "agent/engine/close_reason.h"

enum counter {
	COUNTER_ACCEPTED, /* verdicts that let the client in */
	COUNTER_REJECTED, /* verdicts that did not */
	COUNTER_BY_RULE,  /* how the server of an accepted one was found */
	COUNTER_BY_STICKY,
	COUNTER_BY_ALGORITHM,
	COUNTER_BY_NOBODY,
	COUNTER_OVERLOADED,	    /* answered empty, because it would have been too late */
	COUNTER_UNKNOWN_MESSAGES,   /* NOTIFYs without a message of ours; answered empty */
	COUNTER_CONNACKS,	    /* reports of the CONNACK group */
	COUNTER_CONNACKS_ELSEWHERE, /* those that dropped an entry */
	COUNTER_SESSION_ENDS,	    /* datagrams about them */
	COUNTER_BAD_DATAGRAMS,
	COUNTER_CONNECTIONS,	 /* SPOP connections accepted */
	COUNTER_HEALTHCHECKS,	 /* those that only looked */
	COUNTER_PROTOCOL_ERRORS, /* those we ended for a malformed frame */
	COUNTER_STORE_QUESTIONS, /* put to the shared store */
	COUNTER_STORE_HITS,	 /* it named a server that we have */
	COUNTER_STORE_MISSES,	 /* it did not */
	COUNTER_STORE_LATE,	 /* the deadline was faster, or the connection ended */
	COUNTER_STORE_UNASKED,	 /* it was not up, or too much was asked of it */
	COUNTER_STORE_WRITES,	 /* done */
	COUNTER_STORE_DROPPED,	 /* writes that were not */
	COUNTER_STORE_DIALS,	 /* connections to it that were begun */
	COUNTER_HANDSHAKES,	 /* of clients in TLS, done */
	COUNTER_HANDSHAKES_FAILED,
	COUNTER_HANDSHAKES_WAITED, /* nobody was accepted, since too many were under way */
	N_COUNTERS,
};

/* Upper bounds of the decision latency's histogram, in µs; one more bucket has the rest. */
enum { N_LATENCIES = 13 };
extern const uint32_t counters_latency_us[N_LATENCIES];

struct counters {
	_Atomic uint64_t value[N_COUNTERS];
	_Atomic uint64_t refusals[N_REFUSALS];	     /* COUNTER_REJECTED by reason */
	_Atomic uint64_t closed[N_CLOSE_REASONS];    /* sessions that usher carried */
	_Atomic uint64_t latencies[N_LATENCIES + 1]; /* decisions, by how long they took */
	_Atomic uint64_t latency_ns;		     /* of all decisions together */
	_Atomic uint64_t store_up; /* connections to the shared store that answer */
};

/* What a counter counts, as the help line of its metric. */
const char *counter_name(enum counter c);
const char *counter_help(enum counter c);

/* By the owner only: no other thread adds to the same set. */
static inline void
counters_bump(_Atomic uint64_t *value, uint64_t by)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static inline void
counters_add(struct counters *set, enum counter c)
{
	counters_bump(&set->value[c], 1);
}

void counters_add_latency(struct counters *set, uint64_t ns);

/* The sum of n sets, read one value at a time. */
void counters_sum(const struct counters *sets, unsigned n, struct counters *sum);

#endif
