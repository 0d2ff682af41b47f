/*
 * Events within the last period, as HAProxy estimates them: those of the running period, and of
 * the one before as large a share as the running one still has to go.
 *
 *	   previous    running
 *	├───────────┼──────┬────┤
 *	       ├───────────┤         running + previous × rest / period
 *
 * The first event starts a period; an event after a gap of two starts anew. One event alone reads
 * as 1 until its share is gone, so that a slow rate does not flicker between 0 and 1.
 */
#ifndef USHER_CORE_TABLE_RATE_H
#define USHER_CORE_TABLE_RATE_H

#include <stdint.h>

struct table_rate {
	uint32_t running, previous; /* events; at the top they stay there */
	int64_t since;		    /* ms: when the running period began */
};

void table_rate_add(struct table_rate *r, uint32_t period_ms, uint32_t n, int64_t now);

/* A period of 0 has seen nothing. */
uint32_t table_rate_read(const struct table_rate *r, uint32_t period_ms, int64_t now);

#endif
