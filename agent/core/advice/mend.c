/*
 * Faults are found in words, as HAProxy sees them, and mended in bytes, so that quotes, comments
 * and alignment stay as they are.
 */
#include "agent/core/advice/mend.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/advice/lines.h"
#include "agent/core/base/mem.h"

bool
mend_concerns(const struct raw_line *l)
{
	static const char *const keywords[] = { "acl",	      "bind",	      "server",
						"stick",      "stick-table",  "tcp-request",
						"tcp-check",  "tcp-response", "timeout",
						"use-server", "use_backend",  "default_backend",
						"mode",	      "balance",      "default-server" };

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (line_starts(l, keywords[i]))
			return true;
	return false;
}

bool
mend_is_needed(const struct raw_line *l)
{
	const char *ascii;
	size_t last;

	for (size_t i = 1; mend_concerns(l) && i < l->n; i++)
		if (!line_word_is_pattern(l, i) &&
		    (full_width_in(l->words[i], &ascii) || line_blank_in_brackets(l, i, &last)))
			return true;
	return false;
}

/* A copy in which punctuation is plain. */
static char *
make_plain(struct str line)
{
	char *text = str_dup(line), *at;
	const char *ascii;

	while ((at = (char *)(uintptr_t)full_width_in(text, &ascii))) {
		size_t wide = (unsigned char)*at < 0xe0 ? 2 : 3;

		*at = *ascii;
		memmove(at + 1, at + wide, strlen(at + wide) + 1);
	}
	return text;
}

/* Does an expression's bracket, one that a name stands before, open here? */
static bool
opens_bracket(const char *text, size_t i)
{
	return text[i] == '(' && i > 0 && strchr(" \t{!(\"'", text[i - 1]) == NULL;
}

char *
mend_line(struct str line)
{
	char *text = make_plain(line);
	size_t len = 0;
	int open = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '#' && !open) { /* a comment goes on as it is */
			memmove(text + len, text + i, strlen(text + i) + 1);
			return text;
		}
		if (open ? text[i] == '(' : opens_bracket(text, i))
			open++;
		else if (open && text[i] == ')')
			open--;
		if (!open || (text[i] != ' ' && text[i] != '\t'))
			text[len++] = text[i];
	}
	text[len] = '\0';
	return text;
}
