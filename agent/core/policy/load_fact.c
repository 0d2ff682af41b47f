/* A fact of the table, or one of a family: that is listed, so that a door knows to look for it. */
#include "agent/core/policy/load_fact.h"

static void
refuse_fact(struct reader *rd, struct at at, bool only_text)
{
	const char *what = only_text ? "is no fact with text" : "unknown fact";
	const char *names[N_FACTS + N_FACT_FAMILIES], *nearest;
	char words[KNOWN];
	size_t n = 0;

	for (enum fact f = 0; f < N_FACTS; f++)
		if (!only_text || fact_type(f) == FACT_TYPE_STRING)
			names[n++] = fact_name(f);
	nearest = str_nearest(reader_key(at), names, n);
	names[n++] = "header.NAME";
	names[n++] = "user_property.NAME";
	if (nearest)
		reader_refuse(rd, at, "%s; did you mean '%s'?", what, nearest);
	else
		reader_refuse(rd, at, "%s; known: %s", what, reader_known(names, n, words));
}

/* RFC 9110, 5.6.2: what no header's name has. */
static bool
is_header_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", name.p[i]))
			return false;
	return true;
}

static enum fact
load_named(struct reader *rd, struct at at, enum fact_family family, struct str name)
{
	enum fact fact;

	if (family == FACT_FAMILY_HEADER && !is_header_name(name)) {
		reader_refuse(rd, at,
			      "no header has such a name; write one such as header.x-region");
		return FACT_NONE;
	}
	fact = fact_names_add(&rd->policy->named, family, name);
	if (fact == FACT_NONE)
		reader_refuse(rd, at,
			      "more than %d headers and user properties; leave some of them out",
			      FACTS_NAMED_MAX);
	return fact;
}

enum fact
load_fact(struct reader *rd, struct at at, bool only_text)
{
	enum fact fact = fact_by_name(reader_key(at));
	enum fact_family family;
	struct str name;

	if (fact_family_split(reader_key(at), &family, &name))
		return load_named(rd, at, family, name);
	if (fact < N_FACTS && (!only_text || fact_type(fact) == FACT_TYPE_STRING))
		return fact;
	refuse_fact(rd, at, only_text);
	return FACT_NONE;
}
