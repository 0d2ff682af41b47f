/*
 * The stick-tables of haproxy.cfg while they live: one per proxy that declares one, kept over a
 * reload that leaves type, length and data as they were. Made and dropped on the main thread;
 * core/table/table.h for who uses them.
 */
#ifndef USHER_ENGINE_TABLES_H
#define USHER_ENGINE_TABLES_H

#include <stdatomic.h>

#include "agent/core/base/str.h"
#include "agent/core/table/table.h"

/* A table as the worlds that use it share it. */
struct shared_table {
	_Atomic unsigned refs;
	char *name; /* owned; of its proxy */
	struct table *table;
	struct shared_table *next; /* in the list of those of the newest world */
};

struct tables {
	uint64_t seed;
	struct shared_table *first; /* refs */
};

/*
 * The table of that name: the one in use, if it is alike, else a new one; NULL: no memory. A world
 * that is dropped again has changed nothing.
 */
struct shared_table *tables_ref(struct tables *t, struct str name, const struct table_spec *spec);
/* Its world is the one in use: it is the table of that name from now on. */
void tables_adopt(struct tables *t, struct shared_table *s);
void shared_table_unref(struct shared_table *s);

/* When no world is left. */
void tables_fini(struct tables *t);

#endif
