/*
 * Recursive descent. Both sides of && and || are always read, so that a fault in either is found
 * whatever the other is worth.
 */
#include "agent/core/topology/condition.h"

#include <stdio.h>

enum { DEPTH_MAX = 32 }; /* of parentheses: the stack is not the file's to fill */

struct scan {
	const char *start, *p, *end;
	const struct lexer_variables *v;
	unsigned depth;
	char *what; /* why it failed */
	size_t *at;
};

static bool read_or(struct scan *s, bool *value);

/* Fail at a spot; the message is `before`, a quote of the text from `at` on, and `after`. */
static bool
fail(struct scan *s, const char *at, const char *before, struct str text, const char *after)
{
	/* One line of it is enough. */
	snprintf(s->what, CONDITION_ERROR, "%s'%.*s'%s", before, text.n > 128 ? 128 : (int)text.n,
		 text.p, after);
	*s->at = (size_t)(at - s->start);
	return false;
}

static bool
fail_unparsable(struct scan *s)
{
	return fail(s, s->p, "unparsable conditional expression ",
		    (struct str){ s->p, (size_t)(s->end - s->p) }, "");
}

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

static bool
take(struct scan *s, struct str token)
{
	if (!str_has_prefix((struct str){ s->p, (size_t)(s->end - s->p) }, token))
		return false;
	s->p += token.n;
	return true;
}

static bool
read_number(struct scan *s, bool *value)
{
	const char *p = s->p + (*s->p == '-');
	bool nonzero = false;

	if (p == s->end || *p < '0' || *p > '9')
		return false;
	for (; p < s->end && *p >= '0' && *p <= '9'; p++)
		nonzero |= *p != '0';
	*value = nonzero;
	s->p = p;
	return true;
}

/* The arguments behind "name(", up to and with the closing parenthesis. */
static bool
read_arguments(struct scan *s, struct str *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		args[i].p = s->p;
		while (s->p < s->end && *s->p != ',' && *s->p != ')')
			s->p++;
		args[i].n = (size_t)(s->p - args[i].p);
		if (s->p == s->end || *s->p++ != (i + 1 < n ? ',' : ')'))
			return false;
	}
	return true;
}

static bool
is_defined(struct scan *s, struct str name)
{
	return name.n && s->v->getenv && s->v->getenv(s->v->arg, name);
}

static bool
read_predicate(struct scan *s, bool *value)
{
	static const struct str unknowable[] = { STR("feature"), STR("version_atleast"),
						 STR("version_before") };
	const char *name = s->p;
	struct str args[2];

	for (size_t i = 0; i < sizeof(unknowable) / sizeof(unknowable[0]); i++)
		if (take(s, unknowable[i]))
			return fail(s, name, "usher does not know the HAProxy that ", unknowable[i],
				    " asks about (use defined() and an environment variable)");
	if (take(s, STR("defined("))) {
		if (!read_arguments(s, args, 1))
			goto bad;
		*value = is_defined(s, args[0]);
	} else if (take(s, STR("streq("))) {
		if (!read_arguments(s, args, 2))
			goto bad;
		*value = str_eq(args[0], args[1]);
	} else if (take(s, STR("strneq("))) {
		if (!read_arguments(s, args, 2))
			goto bad;
		*value = !str_eq(args[0], args[1]);
	} else {
		goto bad;
	}
	return true;
bad:
	s->p = name;
	return fail_unparsable(s);
}

static bool
read_term(struct scan *s, bool *value)
{
	const char *start = s->p;
	bool negate = false;

	for (skip_blanks(s); take(s, STR("!")); skip_blanks(s))
		negate = !negate;
	if (s->p == s->end) {
		s->p = start;
		skip_blanks(s);
		return fail_unparsable(s);
	}
	start = s->p;
	if (take(s, STR("("))) {
		if (s->depth++ == DEPTH_MAX)
			return fail_unparsable(s);
		if (!read_or(s, value))
			return false;
		if (!take(s, STR(")")))
			return fail(s, start, "expected ')' after conditional expression ",
				    (struct str){ start, (size_t)(s->end - start) }, "");
		s->depth--;
	} else if (!read_number(s, value) && !read_predicate(s, value)) {
		return false;
	}
	*value ^= negate;
	skip_blanks(s);
	return true;
}

static bool
read_and(struct scan *s, bool *value)
{
	bool next;

	if (!read_term(s, value))
		return false;
	while (take(s, STR("&&"))) {
		if (!read_term(s, &next))
			return false;
		*value &= next;
	}
	return true;
}

static bool
read_or(struct scan *s, bool *value)
{
	bool next;

	if (!read_and(s, value))
		return false;
	while (take(s, STR("||"))) {
		if (!read_and(s, &next))
			return false;
		*value |= next;
	}
	return true;
}

bool
condition_eval(struct str expression, const struct lexer_variables *v, bool *value, char *what,
	       size_t *at)
{
	struct scan s = { .start = expression.p,
			  .p = expression.p,
			  .end = expression.p + expression.n,
			  .v = v,
			  .what = what,
			  .at = at };

	*value = false;
	skip_blanks(&s);
	if (s.p == s.end)
		return true;
	if (!read_or(&s, value))
		return false;
	if (s.p == s.end)
		return true;
	snprintf(what, CONDITION_ERROR,
		 "unexpected character '%c' at the end of conditional expression '%.*s'", *s.p,
		 expression.n > 128 ? 128 : (int)expression.n, expression.p);
	*at = (size_t)(s.p - s.start);
	return false;
}
