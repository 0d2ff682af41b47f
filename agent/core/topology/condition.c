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

/* ---- the HAProxy that reads the file --------------------------------------------------------- */

/* The number at *s, and a dot behind it; 0 when there is none. */
static unsigned
read_component(struct str *s)
{
	unsigned n = 0;

	for (; s->n && *s->p >= '0' && *s->p <= '9'; s->p++, s->n--)
		n = n < 100000 ? n * 10 + (unsigned)(*s->p - '0') : n;
	if (s->n && *s->p == '.') {
		s->p++;
		s->n--;
	}
	return n;
}

/*
 * Is 2.6.12 older than this version? "-dev3" and "-rc1" come before the release, "-3" (commits)
 * behind it; what else is there does not count.
 */
static bool
is_before(struct str version)
{
	static const unsigned ours[] = { 2, 6, 12, 0 };

	while (version.n && (*version.p == ' ' || *version.p == '\t')) {
		version.p++;
		version.n--;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		unsigned theirs = read_component(&version);

		if (theirs != ours[i])
			return theirs > ours[i];
	}
	if (!version.n || *version.p != '-')
		return false;
	version.p++;
	version.n--;
	return read_component(&version) > 0 && (!version.n || *version.p == '-');
}

/* Those of Debian's 2.6.12 that `haproxy -vv` lists with a plus. */
static bool
has_feature(struct str name)
{
	static const char *const features[] = {
		"ACCEPT4",     "BACKTRACE",   "CPU_AFFINITY", "CRYPT_H",      "DL",
		"EPOLL",       "GETADDRINFO", "LIBCRYPT",     "LINUX_SPLICE", "LINUX_TPROXY",
		"LUA",	       "NETFILTER",   "NS",	      "OPENSSL",      "OT",
		"PCRE2",       "PCRE2_JIT",   "POLL",	      "PRCTL",	      "PROMEX",
		"RT",	       "SLZ",	      "SYSTEMD",      "TFO",	      "THREAD",
		"THREAD_DUMP", "TPROXY",
	};

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (str_is(name, features[i]))
			return true;
	return false;
}

/* feature(), version_atleast(), version_before(); *found: it is one of these. */
static bool
read_about_haproxy(struct scan *s, bool *value, bool *found)
{
	static const struct str names[] = { STR("feature"), STR("version_atleast"),
					    STR("version_before") };
	const char *name = s->p;
	struct str arg;
	size_t i = 0;

	while (i < 3 && !take(s, names[i]))
		i++;
	*found = i < 3;
	if (!*found)
		return true;
	if (!s->v->is_haproxy_2_6)
		return fail(s, name, "usher does not know the HAProxy that ", names[i],
			    " asks about (use defined() and an environment variable)");
	if (!take(s, STR("(")) || !read_arguments(s, &arg, 1)) {
		s->p = name;
		return fail_unparsable(s);
	}
	*value = i == 0 ? has_feature(arg) : (i == 2) == is_before(arg);
	return true;
}

/* ---- the grammar ----------------------------------------------------------------------------- */

static bool
read_predicate(struct scan *s, bool *value)
{
	const char *name = s->p;
	struct str args[2];
	bool found;

	if (!read_about_haproxy(s, value, &found))
		return false;
	if (found)
		return true;
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
