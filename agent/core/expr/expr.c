/*
 * The compiler reads names and lets scan.c read their arguments; types are checked as HAProxy does,
 * from keyword to keyword, so that what compiles has a meaning. Evaluation then walks the calls.
 */
#include "agent/core/expr/expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/expr/scan.h"

void
expr_fini(struct expr *e)
{
	for (size_t i = 0; i < e->n_calls; i++)
		expr_call_fini(&e->calls[i]);
	free(e->calls);
	*e = (struct expr){ 0 };
}

/* The keyword's name at p. */
static struct str
name_at(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || (p[n] && strchr("._-", p[n])))
		n++;
	return (struct str){ p, n };
}

static const char *
kind_name(enum expr_kind kind)
{
	return kind == EXPR_FETCH ? "fetch method" : "converter";
}

static const struct expr_keyword *
find_keyword(struct expr_scan *s, enum expr_kind kind)
{
	struct str name = name_at(s->p);
	const struct expr_keyword *k = expr_keyword_find(kind, name);
	const char *nearest;

	if (k && !k->refused)
		return k;
	if (k) {
		snprintf(s->what, EXPR_ERROR, "%s '%s' is not supported by usher: %s",
			 kind_name(kind), k->name, k->refused);
		return NULL;
	}
	if (name.n == 0 && kind == EXPR_FETCH) {
		snprintf(s->what, EXPR_ERROR, "missing fetch method");
		return NULL;
	}
	nearest = expr_keyword_nearest(kind, name);
	snprintf(s->what, EXPR_ERROR, "unknown %s '%.*s'%s%s%s", kind_name(kind),
		 name.n > 64 ? 64 : (int)name.n, name.p, nearest ? " (did you mean '" : "",
		 nearest ? nearest : "", nearest ? "' maybe ?)" : "");
	return NULL;
}

/* A fetch or converter with its arguments becomes the last call. */
static bool
add_call(struct expr *e, struct expr_scan *s, enum expr_kind kind)
{
	struct expr_call call = { .keyword = find_keyword(s, kind) };

	if (!call.keyword)
		return false;
	s->p += strlen(call.keyword->name);
	if (kind == EXPR_CONVERTER && !sample_can_cast(expr_type(e), call.keyword->in)) {
		snprintf(s->what, EXPR_ERROR, "converter '%s' cannot be applied",
			 call.keyword->name);
		return false;
	}
	if (!expr_scan_args(s, kind, &call))
		return false;
	ARRAY_GROW(e->calls, e->n_calls);
	e->calls[e->n_calls++] = call;
	return true;
}

/* At a word's end: does a converter follow in the next one? */
static bool
take_next_word(struct expr_scan *s)
{
	const char *next = s->at + 1 < s->n ? s->words[s->at + 1] : NULL;

	if (!next || !expr_keyword_find(EXPR_CONVERTER, name_at(next)))
		return false;
	s->p = next;
	s->at++;
	return true;
}

static bool
compile(struct expr *e, struct expr_scan *s, bool in_text)
{
	if (!add_call(e, s, EXPR_FETCH))
		return false;
	for (;;) {
		bool comma = *s->p == ',';

		while (*s->p == ',')
			s->p++;
		if (in_text) {
			while (comma && *s->p == ' ') {
				s->blanks = true;
				s->p++;
			}
			if (!comma || *s->p == ']')
				return true;
		} else if (*s->p == '\0') {
			if (!take_next_word(s))
				return true;
		} else if (!comma) {
			const struct expr_keyword *last = e->calls[e->n_calls - 1].keyword;

			snprintf(s->what, EXPR_ERROR, "missing comma after %s '%s'",
				 e->n_calls == 1 ? "fetch keyword" : "converter", last->name);
			return false;
		}
		if (!add_call(e, s, EXPR_CONVERTER))
			return false;
	}
}

static enum expr_status
finish(struct expr *e, struct expr_scan *s, bool good)
{
	if (!good) {
		expr_fini(e);
		return EXPR_BAD;
	}
	if (!s->blanks)
		return EXPR_OK;
	snprintf(s->what, EXPR_ERROR,
		 "blanks inside the sample expression '%s...', which HAProxy refuses",
		 e->calls[0].keyword->name);
	return EXPR_BLANKS;
}

enum expr_status
expr_compile(struct expr *e, const char *const *words, size_t n, size_t *used, char *what)
{
	struct expr_scan s = { .p = n ? words[0] : "", .words = words, .n = n, .what = what };
	bool good;

	*e = (struct expr){ 0 };
	what[0] = '\0';
	good = compile(e, &s, false);
	*used = n ? s.at + 1 : 0;
	return finish(e, &s, good);
}

enum expr_status
expr_compile_text(struct expr *e, const char *text, const char **after, char *what)
{
	struct expr_scan s = { .p = text, .words = &text, .n = 1, .what = what };
	bool good;

	*e = (struct expr){ 0 };
	what[0] = '\0';
	good = compile(e, &s, true);
	*after = s.p;
	return finish(e, &s, good);
}

enum sample_type
expr_type(const struct expr *e)
{
	return e->n_calls ? e->calls[e->n_calls - 1].keyword->out : SAMPLE_NONE;
}

unsigned
expr_needs(const struct expr *e)
{
	unsigned needs = 0;

	for (size_t i = 0; i < e->n_calls; i++)
		needs |= e->calls[i].keyword->needs;
	return needs;
}

bool
expr_eval(const struct expr *e, struct expr_context *x, struct sample *s)
{
	*s = (struct sample){ 0 };
	x->scratch.used = 0;
	for (size_t i = 0; i < e->n_calls; i++) {
		const struct expr_call *call = &e->calls[i];

		if ((i && !sample_cast(s, call->keyword->in, &x->scratch)) ||
		    !call->keyword->eval(call, x, s)) {
			s->type = SAMPLE_NONE;
			return false;
		}
	}
	return s->type != SAMPLE_NONE;
}

bool
expr_eval_as(const struct expr *e, struct expr_context *x, enum sample_type type, struct sample *s)
{
	if (!expr_eval(e, x, s))
		return false;
	if (sample_cast(s, type, &x->scratch))
		return true;
	s->type = SAMPLE_NONE;
	return false;
}
