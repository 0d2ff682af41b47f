/*
 * Names to things: a hash map whose keys are views owned by the things themselves.
 * For configuration: it grows, never shrinks, has no removal. Reading is safe from any thread
 * once nobody writes any more.
 */
#ifndef USHER_CORE_BASE_MAP_H
#define USHER_CORE_BASE_MAP_H

#include "agent/core/base/str.h"

struct map {
	struct map_slot *slots; /* owned; a power of two of them, NULL while empty */
	size_t n_slots;
	size_t n; /* entries */
};

void map_init(struct map *m);
void map_fini(struct map *m);

/* The value under key, or NULL. */
void *map_get(const struct map *m, struct str key);

/* Put value (not NULL) under key unless one is there; returns the one that is there afterwards. */
void *map_add(struct map *m, struct str key, void *value);

#endif
