/* The words of `tcp-check expect` and `http-check expect`. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/script_make.h"

enum { NO_MATCH = -1 };

/* What a line has said so far. */
struct words {
	const char *match, *pattern; /* NULL: not yet */
	bool is_negated, is_format;
	int kind; /* enum expect_kind */
};

static const struct match {
	const char *word;
	enum expect_kind kind;
	bool in_tcp, in_http, is_format;
} matches[] = {
	{ "string", EXPECT_STRING, true, true, false },
	{ "rstring", EXPECT_RSTRING, true, true, false },
	{ "string-lf", EXPECT_STRING, true, true, true },
	{ "binary", EXPECT_BINARY, true, false, false },
	{ "rbinary", EXPECT_RBINARY, true, false, false },
	{ "binary-lf", EXPECT_BINARY, true, false, true },
	{ "status", EXPECT_STATUS, false, true, false },
	{ "rstatus", EXPECT_RSTATUS, false, true, false },
};

static const struct match *
find_match(const struct compile *c, const char *word)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		if (strcmp(word, matches[i].word) == 0)
			return (c->script->kind == SCRIPT_HTTP ? matches[i].in_http
							       : matches[i].in_tcp)
				       ? &matches[i]
				       : NULL;
	return NULL;
}

static void
refuse_word(const struct compile *c, const char *word)
{
	if (c->script->kind == SCRIPT_HTTP)
		compile_refuse(c,
			       "'only supports min-recv, [!]string', '[!]rstring', "
			       "'[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or "
			       "comment but got '%s' as argument..",
			       word);
	else
		compile_refuse(c,
			       "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', "
			       "'[!]string-lf''[!]rbinary', '[!]binary-lf' or comment but got "
			       "'%s' as argument..",
			       word);
}

/* ---- options -------------------------------------------------------------------------------- */

struct status_word {
	const char *word;
	enum health_status status;
};

static bool
read_status(struct compile *c, size_t i, const struct status_word *known, size_t n,
	    const char *names, enum health_status *status)
{
	const char *text = compile_word(c, i + 1);

	for (size_t k = 0; k < n; k++)
		if (strcmp(text, known[k].word) == 0) {
			*status = known[k].status;
			return true;
		}
	if (*text)
		compile_refuse(c, "'%s' only supports %s status (got '%s')..", compile_word(c, i),
			       names, text);
	else
		compile_refuse(c, "'%s' expects a string as argument.", compile_word(c, i));
	return false;
}

static bool
read_any_status(struct compile *c, size_t i, struct expect *e)
{
	static const struct status_word ok[] = { { "L4OK", HEALTH_L4OK },
						 { "L6OK", HEALTH_L6OK },
						 { "L7OK", HEALTH_L7OK },
						 { "L7OKC", HEALTH_L7OKC } };
	static const struct status_word error[] = { { "L4CON", HEALTH_L4CON },
						    { "L6RSP", HEALTH_L6RSP },
						    { "L7RSP", HEALTH_L7RSP },
						    { "L7STS", HEALTH_L7STS },
						    { "L7OKC", HEALTH_L7OKC } };
	static const struct status_word timeout[] = { { "L4TOUT", HEALTH_L4TOUT },
						      { "L6TOUT", HEALTH_L6TOUT },
						      { "L7TOUT", HEALTH_L7TOUT } };

	switch (*compile_word(c, i)) {
	case 'o':
		return read_status(c, i, ok, 4, "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'", &e->ok);
	case 'e':
		return read_status(c, i, error, 5, "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'",
				   &e->error);
	default:
		return read_status(c, i, timeout, 3, "'L4TOUT', 'L6TOUT' or 'L7TOUT'", &e->timeout);
	}
}

static bool
read_text(struct compile *c, size_t i, char **text, bool is_format)
{
	const char *from = compile_word(c, i + 1);

	if (!*from) {
		compile_refuse(c, "'%s' expects a string as argument.", compile_word(c, i));
		return false;
	}
	free(*text);
	*text = is_format ? compile_plain(c, from) : str_dup(str_of(from));
	return *text;
}

static bool
read_min_recv(struct compile *c, size_t i, struct expect *e)
{
	const char *text = compile_word(c, i + 1);

	if (!*text) {
		compile_refuse(c, "'min-recv' expects a integer as argument.");
		return false;
	}
	e->min_recv = strtol(text, NULL, 10);
	if (e->min_recv >= -1 && e->min_recv <= INT32_MAX)
		return true;
	compile_refuse(c, "'min-recv' expects -1 or an integer from 0 to INT_MAX.");
	return false;
}

/* How many words an option took, 0: it is none; the line is given up when *ok gets false. */
static size_t
read_option(struct compile *c, size_t i, struct script_step *step, bool *ok)
{
	static const char *const statuses[] = { "ok-status", "error-status", "tout-status" };
	const char *word = compile_word(c, i);
	struct expect *e = &step->expect;

	if (strcmp(word, "min-recv") == 0)
		*ok = read_min_recv(c, i, e);
	else if (strcmp(word, "comment") == 0)
		*ok = read_text(c, i, &step->comment, false);
	else if (strcmp(word, "on-success") == 0)
		*ok = read_text(c, i, &e->on_success, true);
	else if (strcmp(word, "on-error") == 0)
		*ok = read_text(c, i, &e->on_error, true);
	else if (str_is_one_of(word, statuses, 3))
		*ok = read_any_status(c, i, e);
	else
		return 0;
	return 2;
}

/* ---- patterns ------------------------------------------------------------------------------- */

/* "200,300-399"; HAProxy's words for what is none. */
static void
read_ranges(struct compile *c, const char *text, struct expect *e)
{
	for (const char *at = text;; at++) {
		const char *begin = at;
		char *end;
		struct status_range range;

		if (*at < '0' || *at > '9') {
			compile_refuse(c, "invalid character '%c' in the list of status codes.",
				       *at);
			return;
		}
		range.from = range.to = (int)strtol(at, &end, 10);
		if (*end == '-') {
			const char *to = end + 1;

			range.to = (int)strtol(to, &end, 10);
			if (end == to || range.to < range.from) {
				compile_refuse(c, "invalid range of status codes '%s'.", begin);
				return;
			}
		}
		ARRAY_GROW(e->ranges, e->n_ranges);
		e->ranges[e->n_ranges++] = range;
		at = end;
		if (*at == '\0')
			return;
		if (*at != ',') {
			compile_refuse(c, "invalid character '%c' in the list of status codes.",
				       *at);
			return;
		}
	}
}

static void
read_regex(struct compile *c, const char *text, struct expect *e)
{
	static const char mark[] = " at offset ";
	char what[PATTERN_ERROR], *at;

	e->pattern = pattern_new(str_of(text), what);
	if (e->pattern)
		return;
	at = strstr(what, mark);
	if (at)
		*at = '\0';
	compile_refuse(c, "regex '%s' is invalid (error=%s, erroffset=%s).", text, what,
		       at ? at + sizeof(mark) - 1 : "0");
}

static void
read_hex(struct compile *c, const char *text, struct expect *e)
{
	const char *why;
	char found;

	if (compile_hex(text, &e->bytes, &e->n_bytes, &why, &found))
		return;
	if (why)
		compile_refuse(c, "invalid binary string (%s).", why);
	else
		compile_refuse(c, "invalid binary string (an hex digit is expected (found '%c')).",
			       found);
}

static void
read_pattern(struct compile *c, const char *text, struct expect *e)
{
	switch (e->kind) {
	case EXPECT_STATUS:
		e->error = e->error == HEALTH_L7RSP ? HEALTH_L7STS : e->error;
		read_ranges(c, text, e);
		return;
	case EXPECT_RSTATUS:
		e->error = e->error == HEALTH_L7RSP ? HEALTH_L7STS : e->error;
		read_regex(c, text, e);
		return;
	case EXPECT_RSTRING:
	case EXPECT_RBINARY:
		read_regex(c, text, e);
		return;
	case EXPECT_BINARY:
		read_hex(c, text, e);
		return;
	default:
		e->n_bytes = strlen(text);
		e->bytes = script_copy(text, e->n_bytes);
	}
}

/* ---- the line ------------------------------------------------------------------------------- */

/* "!string" or "! string": steps over the marks. */
static const char *
skip_negation(const struct compile *c, size_t *i, bool *is_negated)
{
	const char *word = compile_word(c, *i);

	while (*word == '!') {
		*is_negated = true;
		word = word[1] ? word + 1 : compile_word(c, ++*i);
	}
	return word;
}

static bool
is_refused(struct compile *c, const char *word)
{
	static const char *const words[] = { "hdr", "fhdr", "status-code" };

	if (!str_is_one_of(word, words, c->script->kind == SCRIPT_HTTP ? 3 : 0) &&
	    strcmp(word, "status-code") != 0)
		return false;
	compile_refuse(c, "'%s' is not supported by usher proxy yet.", word);
	return true;
}

static bool
take_match(struct compile *c, size_t *i, struct words *w)
{
	const char *word = skip_negation(c, i, &w->is_negated);
	const struct match *m;

	if (is_refused(c, word))
		return false;
	m = find_match(c, word);
	if (!m) {
		refuse_word(c, word);
		return false;
	}
	if (w->match) {
		compile_refuse(c, "only on pattern expected.");
		return false;
	}
	w->match = word;
	w->kind = (int)m->kind;
	w->is_format = m->is_format;
	w->pattern = compile_word(c, *i + 1);
	if (!*w->pattern)
		compile_refuse(c, "'%s' expects a <pattern> as argument.", word);
	*i += 2;
	return *w->pattern;
}

static bool
read_words(struct compile *c, struct script_step *step, struct words *w)
{
	bool ok = true;

	for (size_t i = 2; ok && i < c->line->n;) {
		size_t took = read_option(c, i, step, &ok);

		i += took;
		if (took == 0)
			ok = take_match(c, &i, w);
	}
	return ok;
}

/* All words are understood: they make the step. */
static void
fill_step(struct compile *c, struct script_step *step, const struct words *w)
{
	char *plain = w->is_format ? compile_plain(c, w->pattern) : str_dup(str_of(w->pattern));

	if (!plain)
		return;
	free(step->expect.bytes);
	step->expect.bytes = NULL;
	step->expect.kind = (enum expect_kind)w->kind;
	step->expect.is_negated = w->is_negated;
	read_pattern(c, plain, &step->expect);
	free(plain);
}

void
compile_expect(struct compile *c)
{
	const struct script *s = c->script;
	bool is_ordered = s->kind != SCRIPT_HTTP || s->n_steps == 0 ||
			  s->steps[s->n_steps - 1].op != SCRIPT_CONNECT;
	size_t alerts = c->report->n_alerts;
	struct words w = { .kind = NO_MATCH };
	struct script_step *step = compile_step(c, SCRIPT_EXPECT);

	/* Until it is read whole it expects nothing that could be taken for a pattern. */
	step->expect.bytes = script_copy("", 0);
	if (!read_words(c, step, &w))
		return;
	if (w.match)
		fill_step(c, step, &w);
	else
		compile_refuse(c, "expects at least a matching pattern as arguments.");
	if (!is_ordered && c->report->n_alerts == alerts)
		compile_out_of_order(c, "send");
}
