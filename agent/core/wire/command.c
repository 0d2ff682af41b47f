/* One pass: bytes are copied without their backslashes, blanks become the ends of words. */
#include "agent/core/wire/command.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
add_word(struct command *c, const char *word)
{
	if (c->n < COMMAND_WORDS_MAX)
		c->words[c->n++] = word;
}

/* Copy one word; returns how much of s it took. A NUL ends it, as it would end any C text. */
static size_t
copy_word(struct str s, char **at)
{
	size_t i = 0;

	for (; i < s.n && s.p[i] != ';' && !is_blank(s.p[i]); i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		*(*at)++ = s.p[i];
	}
	*(*at)++ = '\0';
	return i;
}

bool
command_next(struct str *line, char *memory, struct command *c)
{
	size_t i = 0;

	*c = (struct command){ 0 };
	if (!line->p)
		return false;
	while (i < line->n && line->p[i] != ';') {
		if (is_blank(line->p[i])) {
			i++;
			continue;
		}
		add_word(c, memory);
		i += copy_word((struct str){ line->p + i, line->n - i }, &memory);
	}
	c->has_payload = c->n && strcmp(c->words[c->n - 1], "<<") == 0;
	if (c->has_payload)
		c->n--;
	for (unsigned w = c->n; w <= COMMAND_WORDS_MAX; w++)
		c->words[w] = "";
	*line = i < line->n ? (struct str){ line->p + i + 1, line->n - i - 1 } : (struct str){ 0 };
	return true;
}
