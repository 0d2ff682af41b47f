/*
 * The counters and rates in an entry: which of them a table stores, and where.
 *
 * For agent/core/table alone; whoever calls holds the lock of the entry's shard.
 */
#ifndef USHER_CORE_TABLE_DATA_H
#define USHER_CORE_TABLE_DATA_H

#include "agent/core/table/shard.h"
#include "agent/core/table/table.h"

/* Immutable. */
struct table_layout {
	uint32_t stores;		  /* as the spec's */
	uint32_t period_ms[N_TABLE_DATA]; /* as the spec's */
	uint16_t offset[N_TABLE_DATA];	  /* of what is stored, into the data */
	uint32_t data_len;
};

void table_layout_init(struct table_layout *l, const struct table_spec *spec);

bool table_data_is_stored(const struct table_layout *l, enum table_data what);

/* Is there a number of that name in an entry? TABLE_SERVER_ID, for one, stands elsewhere. */
bool table_data_has(const struct table_layout *l, enum table_data what);

/* The number: bytes for KBYTES_*, of rates what they read as now. The entry has it. */
int64_t table_data_read(const struct table_layout *l, const struct table_entry *e,
			enum table_data what, int64_t now);

/* Add to a counter and to its rate. False: neither is stored. */
bool table_data_add(const struct table_layout *l, struct table_entry *e, enum table_data what,
		    int64_t n, int64_t now);

/* Set a counter of 32 bits, if it is stored. */
void table_data_set(const struct table_layout *l, struct table_entry *e, enum table_data what,
		    int64_t n);

/* Set whatever it is: a rate reads as n from now on, for its period. The entry has it. */
void table_data_put(const struct table_layout *l, struct table_entry *e, enum table_data what,
		    int64_t n, int64_t now);

#endif
