/* One allocation a variable: its name and, behind it, the bytes of its value. */
#include "agent/core/rules/vars.h"

#include <stdlib.h>

struct var {
	struct var *next;
	enum var_scope scope;
	size_t name_len, size; /* bytes of the name; of the whole allocation */
	struct sample value;
	char room[]; /* the name, then what value.bytes points at */
};

static bool
has_bytes(const struct sample *s)
{
	return s->type == SAMPLE_STR || s->type == SAMPLE_BIN;
}

/* The link that points at the variable, or at the list's end. */
static struct var **
find(struct var **link, enum var_scope scope, struct str name)
{
	for (; *link; link = &(*link)->next)
		if ((*link)->scope == scope &&
		    str_eq((struct str){ (*link)->room, (*link)->name_len }, name))
			break;
	return link;
}

static void
drop(struct vars *v, struct var **link)
{
	struct var *var = *link;

	*link = var->next;
	v->n_bytes -= var->size;
	free(var);
}

void
vars_fini(struct vars *v)
{
	while (v->first)
		drop(v, &v->first);
}

static struct var *
make(enum var_scope scope, struct str name, const struct sample *s, size_t size)
{
	struct var *var = malloc(size);

	if (!var)
		return NULL;
	*var = (struct var){ .scope = scope, .name_len = name.n, .size = size, .value = *s };
	var->value.may_change = false;
	memcpy(var->room, name.p, name.n);
	if (has_bytes(s)) {
		if (s->bytes.n)
			memcpy(var->room + name.n, s->bytes.p, s->bytes.n);
		var->value.bytes.p = var->room + name.n;
	}
	return var;
}

bool
vars_set(struct vars *v, enum var_scope scope, struct str name, const struct sample *s)
{
	struct var **old = find(&v->first, scope, name), *var;
	size_t size = sizeof(*var) + name.n + (has_bytes(s) ? s->bytes.n : 0);

	if (size > VARS_BYTES_MAX - (v->n_bytes - (*old ? (*old)->size : 0)))
		return false;
	var = make(scope, name, s, size);
	if (!var)
		return false;
	if (*old) /* only now: the sample may lie in it */
		drop(v, old);
	var->next = v->first;
	v->first = var;
	v->n_bytes += size;
	return true;
}

void
vars_unset(struct vars *v, enum var_scope scope, struct str name)
{
	struct var **link = find(&v->first, scope, name);

	if (*link)
		drop(v, link);
}

bool
vars_get(const struct vars *v, enum var_scope scope, struct str name, struct sample *s)
{
	struct var *first = v->first;
	const struct var *var = *find(&first, scope, name);
	bool may_change = s->may_change;

	if (!var)
		return false;
	*s = var->value;
	s->may_change = may_change;
	return true;
}
