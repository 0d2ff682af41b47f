/* Edits whose contexts touch are one hunk; the hunk's heading is the section of its first edit. */
#include "agent/core/advice/diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

enum { CONTEXT = 3 };

struct diff {
	struct str *lines; /* owned; of the old text, without LF */
	int n_lines;
	struct buf *out;
	bool full;
	int shift; /* how much longer the new text is so far */
};

static void PRINTF_LIKE(2, 3) print(struct diff *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	d->full |= !buf_vprintf(d->out, fmt, args);
	va_end(args);
}

static void
split_lines(struct diff *d, struct str text)
{
	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t n = lf ? (size_t)(lf - text.p) : text.n;

		ARRAY_GROW(d->lines, (size_t)d->n_lines);
		d->lines[d->n_lines++] = (struct str){ text.p, n };
		text.p += n + (lf != NULL);
		text.n -= n + (lf != NULL);
	}
}

static int
count_lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The first old line that the edit needs to be seen, and the last. */
static int
first_line(const struct setup_edit *e)
{
	int first = e->line - CONTEXT + !e->replaces;

	return first > 1 ? first : 1;
}

static int
last_line(const struct diff *d, const struct setup_edit *e)
{
	return e->line + CONTEXT < d->n_lines ? e->line + CONTEXT : d->n_lines;
}

static void
print_old(struct diff *d, char mark, int from, int to)
{
	for (int i = from; i <= to; i++)
		print(d, "%c%.*s\n", mark, STR_ARG(d->lines[i - 1]));
}

static void
print_new(struct diff *d, const char *text)
{
	while (*text) {
		int n = (int)strcspn(text, "\n");

		print(d, "+%.*s\n", n, text);
		text += n + (text[n] == '\n');
	}
}

/* The hunk of edits [0, n). */
static void
print_hunk(struct diff *d, const struct setup_edit *edits, size_t n)
{
	int first = first_line(&edits[0]), last = last_line(d, &edits[n - 1]);
	int old = last - first + 1, grown = 0, at = first;

	for (size_t i = 0; i < n; i++)
		grown += count_lines(edits[i].text) - edits[i].replaces;
	print(d, "@@ -%d,%d +%d,%d @@ %s\n", old ? first : 0, old, first + d->shift, old + grown,
	      edits[0].section);
	for (size_t i = 0; i < n; i++) {
		print_old(d, ' ', at, edits[i].line - edits[i].replaces);
		if (edits[i].replaces)
			print_old(d, '-', edits[i].line, edits[i].line);
		print_new(d, edits[i].text);
		at = edits[i].line + 1;
	}
	print_old(d, ' ', at, last);
	d->shift += grown;
}

bool
diff_write(const char *file, struct str text, const struct setup_edit *edits, size_t n,
	   struct buf *out)
{
	struct diff d = { .out = out };

	split_lines(&d, text);
	print(&d, "--- %s\n+++ %s\n", file, file);
	for (size_t i = 0, end; i < n; i = end) {
		end = i + 1;
		while (end < n && first_line(&edits[end]) <= last_line(&d, &edits[end - 1]) + 1)
			end++;
		print_hunk(&d, &edits[i], end - i);
	}
	free(d.lines);
	return !d.full;
}
