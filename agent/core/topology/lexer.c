/*
 * One pass over the line. Words are collected in one text, divided by NULs; since that text may
 * move while it grows, they are kept as offsets until the line is done.
 */
#include "agent/core/topology/lexer.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

/* The state of the pass. */
struct scan {
	struct lexer *l;
	const char *start, *p, *end;
	const struct lexer_variables *v;
	size_t offsets[LEXER_WORDS_MAX]; /* of the words in l->text, which may still move */
	const char *quote;		 /* where the open quote stands; NULL: outside */
	bool in_word;
	enum lexer_fault fault;
};

void
lexer_init(struct lexer *l)
{
	*l = (struct lexer){ 0 };
}

void
lexer_fini(struct lexer *l)
{
	free(l->text);
	lexer_init(l);
}

static void
fail(struct scan *s, enum lexer_fault fault, const char *at)
{
	s->fault = fault;
	s->l->fault_at = (size_t)(at - s->start);
}

static void
put(struct scan *s, char c)
{
	struct lexer *l = s->l;

	if (l->len == LEXER_TEXT_MAX) {
		if (!s->fault)
			fail(s, LEXER_TEXT, s->p);
		return;
	}
	if (l->len == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->text = xrealloc(l->text, l->cap);
	}
	l->text[l->len++] = c;
}

static void
begin_word(struct scan *s)
{
	struct lexer *l = s->l;

	if (s->in_word)
		return;
	if (l->n_words == LEXER_WORDS_MAX) {
		s->fault = LEXER_WORDS;
		l->fault_at = s->offsets[LEXER_WORDS_MAX - 1];
		return;
	}
	s->offsets[l->n_words++] = l->len;
	s->in_word = true;
}

static void
end_word(struct scan *s)
{
	if (s->in_word)
		put(s, '\0');
	s->in_word = false;
}

/* A carriage return is one too, but behind a word it ends the line: "a \r" is "a". */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\r' || c == '\t' || c == '\v' || c == '\f';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
read_hex(struct scan *s)
{
	int high = s->end - s->p > 2 ? hex_digit(s->p[2]) : -1;
	int low = s->end - s->p > 3 ? hex_digit(s->p[3]) : -1;

	if (high < 0 || low < 0) {
		fail(s, LEXER_HEX, s->p);
		return;
	}
	put(s, (char)(high << 4 | low));
	s->p += 4;
}

/* At a backslash outside strong quotes. One that escapes nothing stands for itself. */
static void
read_escape(struct scan *s)
{
	char c = s->end - s->p > 1 ? s->p[1] : '\0';
	bool plain = c == ' ' || c == '#' || c == '\\' || c == '"' || c == '\'';

	switch (c) {
	case 'n':
		put(s, '\n');
		break;
	case 'r':
		put(s, '\r');
		break;
	case 't':
		put(s, '\t');
		break;
	case 'x':
		read_hex(s);
		return;
	default:
		if (plain || (c == '$' && s->quote)) {
			put(s, c);
			break;
		}
		put(s, '\\');
		s->p++;
		return;
	}
	s->p += 2;
}

static bool
is_name_byte(char c, bool first)
{
	return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

/* The value of a variable; numbers are written into scratch. False: there is no such name. */
static bool
find_variable(struct scan *s, struct str name, char *scratch, size_t size, const char **value)
{
	*value = NULL;
	if (name.p[0] != '.') {
		if (s->v->getenv)
			*value = s->v->getenv(s->v->arg, name);
	} else if (str_is(name, ".FILE")) {
		*value = s->v->file;
	} else if (str_is(name, ".SECTION")) {
		*value = s->v->section;
	} else if (str_is(name, ".LINE")) {
		snprintf(scratch, size, "%d", s->v->line);
		*value = scratch;
	} else {
		return false;
	}
	return true;
}

static void
put_value(struct scan *s, struct str value, bool as_words)
{
	for (size_t i = 0; i < value.n && !s->fault; i++) {
		if (!as_words || !is_blank(value.p[i])) {
			put(s, value.p[i]);
			continue;
		}
		while (i + 1 < value.n && is_blank(value.p[i + 1]))
			i++;
		end_word(s);
		begin_word(s);
	}
}

/* At a dollar inside weak quotes: $NAME, ${NAME}, ${NAME-default}, ${NAME[*]}. */
static void
read_variable(struct scan *s)
{
	const char *p = s->p + 1, *brace = NULL, *value;
	struct str name, otherwise = { 0 };
	bool as_words = false;
	char scratch[16];

	if (p < s->end && *p == '{')
		brace = p++;
	name.p = p;
	if (p < s->end && *p == '.')
		p++;
	if (p == s->end || !is_name_byte(*p, true)) {
		fail(s, LEXER_NAME, name.p);
		return;
	}
	while (p < s->end && is_name_byte(*p, false))
		p++;
	name.n = (size_t)(p - name.p);

	if (brace && p < s->end && *p == '[') {
		if (s->end - p < 3 || p[1] != '*' || p[2] != ']') {
			fail(s, LEXER_EXPANSION, p);
			return;
		}
		as_words = true;
		p += 3;
	}
	if (brace && p < s->end && *p == '-') {
		otherwise.p = ++p;
		while (p < s->end && *p != '}')
			p++;
		otherwise.n = (size_t)(p - otherwise.p);
	}
	if (brace && (p == s->end || *p++ != '}')) {
		fail(s, LEXER_BRACE, brace);
		return;
	}
	if (!find_variable(s, name, scratch, sizeof(scratch), &value)) {
		fail(s, LEXER_NAME, name.p);
		return;
	}
	put_value(s, value ? str_of(value) : otherwise, as_words);
	s->p = p;
}

/* One step of the pass: a quote, an escape, a variable, a blank or a byte of a word. */
static void
step(struct scan *s)
{
	char c = *s->p;

	if (!s->quote && is_blank(c)) {
		end_word(s);
		s->p++;
		return;
	}
	begin_word(s);
	if (s->fault)
		return;
	if (s->quote ? c == *s->quote : c == '"' || c == '\'') {
		s->quote = s->quote ? NULL : s->p;
		s->p++;
	} else if (c == '\\' && !(s->quote && *s->quote == '\'')) {
		read_escape(s);
	} else if (c == '$' && s->quote && *s->quote == '"') {
		read_variable(s);
	} else {
		put(s, c);
		s->p++;
	}
}

enum lexer_fault
lexer_read(struct lexer *l, struct str line, const struct lexer_variables *v)
{
	struct scan s = { .l = l, .start = line.p, .p = line.p, .end = line.p + line.n, .v = v };

	l->len = l->n_words = l->fault_at = 0;
	while (s.p < s.end && !s.fault) {
		if (!s.quote && (*s.p == '#' || (*s.p == '\r' && s.in_word)))
			break;
		step(&s);
	}
	if (!s.fault && s.quote)
		fail(&s, LEXER_QUOTE, s.quote);
	end_word(&s);
	if (s.fault == LEXER_TEXT) /* the last word may lack its NUL */
		l->text[l->len - 1] = '\0';
	for (size_t i = 0; i < l->n_words; i++)
		l->words[i] = l->text + s.offsets[i];
	return s.fault;
}

void
lexer_shift(struct lexer *l)
{
	if (l->n_words)
		memmove(l->words, l->words + 1, --l->n_words * sizeof(l->words[0]));
}

const char *
lexer_excerpt(struct str text, size_t at, char *out)
{
	enum { WIDTH = 80 };
	size_t from = 0, w;

	while (from < text.n && from < at && is_blank(text.p[from]))
		from++;
	at -= from;
	text.p += from;
	text.n -= from;
	from = at < WIDTH ? 0 : at - WIDTH / 2;

	w = (size_t)sprintf(out, "\n  ");
	for (size_t i = from; i < text.n && i < from + WIDTH; i++) {
		bool dots = from && i < from + 3;
		bool shown = text.p[i] >= ' ' && text.p[i] <= '~';

		out[w++] = dots ? '.' : is_blank(text.p[i]) ? ' ' : shown ? text.p[i] : '?';
	}
	w += (size_t)sprintf(out + w, "\n  %*s", (int)(at - from) + 1, "^");
	return out;
}

void
lexer_report(const struct lexer *l, enum lexer_fault fault, struct str line, const char *file,
	     int at, struct report *r)
{
	static const char *const words[] = {
		[LEXER_QUOTE] = "unmatched quote",
		[LEXER_HEX] = "truncated or invalid hexadecimal sequence",
		[LEXER_BRACE] = "unmatched brace in environment variable name",
		[LEXER_NAME] = "forbidden first char in environment variable name",
		[LEXER_EXPANSION] = "truncated or invalid word expansion sequence",
		[LEXER_TEXT] = "line too long",
	};
	char excerpt[LEXER_EXCERPT];

	if (fault == LEXER_WORDS)
		report_cfg(r, FINDING_ALERT,
			   "parsing [%s:%d]: too many words, truncating after word %d, "
			   "position %zu: <%s>.",
			   file, at, LEXER_WORDS_MAX, l->fault_at + 1,
			   l->words[LEXER_WORDS_MAX - 1]);
	else
		report_cfg(r, FINDING_ALERT, "parsing [%s:%d]: %s at position %zu:%s", file, at,
			   words[fault], l->fault_at + 1,
			   lexer_excerpt(line, l->fault_at, excerpt));
}
