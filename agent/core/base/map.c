/* Open addressing, linear probing, at most half full. */
#include "agent/core/base/map.h"

#include <stdlib.h>

#include "agent/core/base/hash.h"
#include "agent/core/base/mem.h"

struct map_slot {
	struct str key;
	void *value; /* NULL: free */
};

void
map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void
map_fini(struct map *m)
{
	free(m->slots);
	map_init(m);
}

/* The slot that holds key, or the free one where it belongs. */
static struct map_slot *
find_slot(const struct map *m, struct str key)
{
	size_t i = hash_seeded(key, 0);

	for (;; i++) {
		struct map_slot *slot = &m->slots[i & (m->n_slots - 1)];

		if (!slot->value || str_eq(slot->key, key))
			return slot;
	}
}

void *
map_get(const struct map *m, struct str key)
{
	return m->n ? find_slot(m, key)->value : NULL;
}

static void
grow(struct map *m)
{
	struct map bigger = { .n_slots = m->n_slots ? 2 * m->n_slots : 16, .n = m->n };

	bigger.slots = xcalloc(bigger.n_slots, sizeof(*bigger.slots));
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].value)
			*find_slot(&bigger, m->slots[i].key) = m->slots[i];
	free(m->slots);
	*m = bigger;
}

void *
map_add(struct map *m, struct str key, void *value)
{
	struct map_slot *slot;

	if (2 * (m->n + 1) > m->n_slots)
		grow(m);
	slot = find_slot(m, key);
	if (!slot->value) {
		*slot = (struct map_slot){ key, value };
		m->n++;
	}
	return slot->value;
}
