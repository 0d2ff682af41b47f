/* A table whose spec changed is replaced at once; the old one goes with the last world that has it.
 */
#include "agent/engine/tables.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"

void
shared_table_unref(struct shared_table *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	table_free(s->table);
	free(s->name);
	free(s);
}

/* Out of the list, if it is there. */
static void
forget(struct tables *t, struct str name)
{
	for (struct shared_table **at = &t->first; *at; at = &(*at)->next) {
		struct shared_table *s = *at;

		if (!str_is(name, s->name))
			continue;
		*at = s->next;
		shared_table_unref(s);
		return;
	}
}

static struct shared_table *
find(struct tables *t, struct str name)
{
	for (struct shared_table *s = t->first; s; s = s->next)
		if (str_is(name, s->name))
			return s;
	return NULL;
}

struct shared_table *
tables_ref(struct tables *t, struct str name, const struct table_spec *spec)
{
	struct shared_table *s = find(t, name);
	struct table *table;

	if (s && table_spec_is_alike(table_spec(s->table), spec)) {
		atomic_fetch_add(&s->refs, 1);
		return s;
	}
	table = table_new(spec, t->seed);
	if (!table)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	*s = (struct shared_table){ .refs = 1, .name = str_dup(name), .table = table };
	return s;
}

void
tables_adopt(struct tables *t, struct shared_table *s)
{
	if (find(t, str_of(s->name)) == s)
		return;
	forget(t, str_of(s->name));
	atomic_fetch_add(&s->refs, 1);
	s->next = t->first;
	t->first = s;
}

void
tables_fini(struct tables *t)
{
	while (t->first) {
		struct shared_table *s = t->first;

		t->first = s->next;
		shared_table_unref(s);
	}
}
