/*
 * Everything usher counts, in one list: logs, metrics and status read the same one.
 *
 * Each worker has a set of its own, written by that worker alone and read by anybody.
 */
#ifndef USHER_ENGINE_COUNTERS_H
#define USHER_ENGINE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
	COUNTER_ACCEPTED,         /* verdicts that let the client in */
	COUNTER_REJECTED,         /* verdicts that did not */
	COUNTER_BY_RULE,          /* how the server of an accepted one was found */
	COUNTER_BY_STICKY,
	COUNTER_BY_ALGORITHM,
	COUNTER_BY_NOBODY,
	COUNTER_OVERLOADED,       /* answered empty, because it would have been too late */
	COUNTER_UNKNOWN_MESSAGES, /* NOTIFYs without a message of ours; answered empty */
	COUNTER_CONNACKS,         /* reports of the CONNACK group */
	COUNTER_CONNACKS_ELSEWHERE, /* those that dropped an entry */
	COUNTER_SESSION_ENDS,     /* datagrams about them */
	COUNTER_BAD_DATAGRAMS,
	COUNTER_CONNECTIONS,      /* SPOP connections accepted */
	COUNTER_HEALTHCHECKS,     /* those that only looked */
	COUNTER_PROTOCOL_ERRORS,  /* those we ended for a malformed frame */
	N_COUNTERS,
};

struct counters {
	_Atomic uint64_t value[N_COUNTERS];
};

/* "accepted", … */
const char *counter_name(enum counter c);

/* By the owner only: no other thread adds to the same set. */
static inline void
counters_add(struct counters *set, enum counter c)
{
	atomic_store_explicit(&set->value[c],
			      atomic_load_explicit(&set->value[c], memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static inline uint64_t
counters_get(const struct counters *set, enum counter c)
{
	return atomic_load_explicit(&set->value[c], memory_order_relaxed);
}

#endif
