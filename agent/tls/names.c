/* Two maps of lower-case names: an exact one is found before a wildcard, which is one label wide.
 */
#include "agent/tls/names.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"

enum { NAME_MAX_BYTES = 255 };

struct name_entry {
	char *name; /* owned; lower case; of a wildcard without its star */
	struct tls_choice choice;
};

struct name_exclusion {
	char *name; /* owned; as in entries: a wildcard's begins with a dot */
	int certificate;
};

void
tls_names_init(struct tls_names *names)
{
	*names = (struct tls_names){ 0 };
	map_init(&names->exact);
	map_init(&names->wild);
}

void
tls_names_fini(struct tls_names *names)
{
	map_fini(&names->exact);
	map_fini(&names->wild);
	for (size_t i = 0; i < names->n_entries; i++) {
		free(names->entries[i]->name);
		free(names->entries[i]);
	}
	free(names->entries);
	for (size_t i = 0; i < names->n_exclusions; i++)
		free(names->exclusions[i].name);
	free(names->exclusions);
}

/* In lower case, a wildcard without its star, into out[NAME_MAX_BYTES]; empty: too long. */
static struct str
fold(struct str name, char *out)
{
	bool is_wild = str_has_prefix(name, STR("*."));
	size_t skip = is_wild ? 1 : 0;

	if (name.n > NAME_MAX_BYTES)
		return (struct str){ out, 0 };
	for (size_t i = skip; i < name.n; i++) {
		char c = name.p[i];

		out[i - skip] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return (struct str){ out, name.n - skip };
}

struct tls_choice
tls_choice_of(int certificate, enum tls_key_type type)
{
	struct tls_choice choice;

	for (int i = 0; i < N_TLS_KEY_TYPES; i++)
		choice.certificates[i] = i == (int)type ? certificate : -1;
	return choice;
}

void
tls_names_add(struct tls_names *names, struct str name, int certificate, enum tls_key_type type)
{
	char text[NAME_MAX_BYTES];
	struct str folded = fold(name, text);
	struct map *map = folded.n < name.n ? &names->wild : &names->exact;
	struct name_entry *e;

	if (!folded.n)
		return;
	e = map_get(map, folded);
	if (!e) {
		e = xmalloc(sizeof(*e));
		*e = (struct name_entry){ str_dup(folded), tls_choice_of(certificate, type) };
		ARRAY_GROW(names->entries, names->n_entries);
		names->entries[names->n_entries++] = e;
		map_add(map, str_of(e->name), e);
	} else if (e->choice.certificates[type] < 0) {
		e->choice.certificates[type] = certificate;
	}
}

void
tls_names_exclude(struct tls_names *names, struct str name, int certificate)
{
	char text[NAME_MAX_BYTES];
	struct str folded = fold(name, text);

	ARRAY_GROW(names->exclusions, names->n_exclusions);
	names->exclusions[names->n_exclusions++] =
		(struct name_exclusion){ str_dup(folded), certificate };
}

static bool
is_excluded(const struct tls_names *names, struct str name, struct str parent, int certificate)
{
	for (size_t i = 0; i < names->n_exclusions; i++) {
		const struct name_exclusion *x = &names->exclusions[i];

		if (x->certificate == certificate &&
		    (str_is(name, x->name) || str_is(parent, x->name)))
			return true;
	}
	return false;
}

bool
tls_names_find(const struct tls_names *names, struct str name, struct tls_choice *choice)
{
	char text[NAME_MAX_BYTES];
	struct str folded = fold(name, text), parent;
	const struct name_entry *e;
	const char *dot;
	bool any = false;

	if (!folded.n || folded.n < name.n)
		return false; /* who asks for "*.example" gets nothing */
	dot = memchr(folded.p, '.', folded.n);
	parent = dot ? (struct str){ dot, folded.n - (size_t)(dot - folded.p) } : STR("");
	e = map_get(&names->exact, folded);
	if (!e && parent.n)
		e = map_get(&names->wild, parent);
	if (!e)
		return false;
	*choice = e->choice;
	for (int i = 0; i < N_TLS_KEY_TYPES; i++) {
		if (choice->certificates[i] >= 0 &&
		    is_excluded(names, folded, parent, choice->certificates[i]))
			choice->certificates[i] = -1;
		any |= choice->certificates[i] >= 0;
	}
	return any;
}
