/* Texts grow by whole lines; places are found in the models, and blanks in the bytes. */
#include "agent/core/advice/planner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

void
planner_line(struct new_lines *o, const char *fmt, ...)
{
	char *line, *all;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		abort();
	va_end(args);
	if (asprintf(&all, "%s%s%s\n", o->text ? o->text : "", *line ? o->indent : "", line) < 0)
		abort();
	free(line);
	free(o->text);
	o->text = all;
}

struct str
planner_text(const struct planner *p, const char *file)
{
	for (size_t i = 0; i < p->t->n_files; i++)
		if (p->t->files[i] == file)
			return p->in->texts[i];
	return (struct str){ 0 };
}

struct str
planner_nth_line(struct str text, int n)
{
	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t len = lf ? (size_t)(lf - text.p) : text.n;

		if (--n == 0)
			return (struct str){ text.p, len };
		text.p += len + (lf != NULL);
		text.n -= len + (lf != NULL);
	}
	return (struct str){ "", 0 };
}

int
planner_count_lines(struct str text)
{
	int n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

const char *
planner_indent(const struct planner *p, struct place at, char *out)
{
	struct str line = planner_nth_line(planner_text(p, at.file), at.line);
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	snprintf(out, INDENT, "%.*s", (int)n, line.p);
	return n ? out : "    ";
}

const char *
planner_section_indent(const struct planner *p, const struct proxy *proxy, char *out)
{
	for (size_t i = 0; i < proxy->n_all; i++)
		if (line_is_own(&proxy->all[i], proxy))
			return planner_indent(p, proxy->all[i].at, out);
	return "    ";
}

struct place
planner_behind(const struct proxy *proxy, const char *words)
{
	struct place at = proxy->at;

	for (size_t i = 0; i < proxy->n_all; i++)
		if (line_is_own(&proxy->all[i], proxy) && line_starts(&proxy->all[i], words))
			at = proxy->all[i].at;
	return at;
}

void
planner_edit(struct planner *p, struct place at, bool replaces, const struct new_lines *o,
	     const char *section, const char *why)
{
	struct setup *s = p->out;

	if (!o->text)
		return;
	ARRAY_GROW(s->edits, s->n_edits);
	s->edits[s->n_edits++] = (struct setup_edit){
		.file = at.file,
		.line = at.line,
		.replaces = replaces,
		.text = o->text,
		.section = str_dup(str_of(section)),
		.why = str_dup(str_of(why)),
	};
}

void
planner_note(struct planner *p, const char *fmt, ...)
{
	struct setup *s = p->out;
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	ARRAY_GROW(s->notes, s->n_notes);
	s->notes[s->n_notes++] = text;
}

const char *
planner_title(const struct proxy *proxy, char *out)
{
	snprintf(out, TITLE, "%s %s", proxy_kind_name(proxy->kind), proxy->name);
	return out;
}
