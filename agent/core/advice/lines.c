/* Words are compared as HAProxy does: whole, in order, capitals included. */
#include "agent/core/advice/lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/units.h"

bool
line_starts(const struct raw_line *l, const char *words)
{
	for (size_t i = 0; *words; i++) {
		size_t n = strcspn(words, " ");

		if (!str_eq(str_of(line_word(l, i)), (struct str){ words, n }))
			return false;
		words += n + (words[n] == ' ');
	}
	return true;
}

bool
line_mentions(const struct raw_line *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->words[i], text))
			return true;
	return false;
}

bool
line_is_own(const struct raw_line *l, const struct proxy *p)
{
	return l->at.file == p->at.file && l->at.line > p->at.line;
}

size_t
proxy_last_line(const struct proxy *p, const char *words)
{
	return proxy_last_mention(p, words, "");
}

size_t
proxy_last_mention(const struct proxy *p, const char *words, const char *text)
{
	for (size_t i = p->n_all; i > 0; i--)
		if (line_starts(&p->all[i - 1], words) && line_mentions(&p->all[i - 1], text))
			return i - 1;
	return SIZE_MAX;
}

size_t
proxy_first_mention(const struct proxy *p, const char *words, const char *text)
{
	for (size_t i = 0; i < p->n_all; i++)
		if (line_starts(&p->all[i], words) && line_mentions(&p->all[i], text))
			return i;
	return SIZE_MAX;
}

bool
proxy_has_option(const struct proxy *p, const char *name)
{
	bool has = false;

	for (size_t i = 0; i < p->n_all; i++) {
		const struct raw_line *l = &p->all[i];
		bool no = line_starts(l, "no option");

		if ((no || line_starts(l, "option")) && strcmp(line_word(l, no + 1), name) == 0)
			has = !no;
	}
	return has;
}

int64_t
proxy_timeout(const struct proxy *p, const char *name)
{
	int64_t ms = -1;

	for (size_t i = 0; i < p->n_all; i++)
		if (line_starts(&p->all[i], "timeout") &&
		    strcmp(line_word(&p->all[i], 1), name) == 0)
			(void)!units_duration(str_of(line_word(&p->all[i], 2)), 1, &ms, NULL);
	return ms;
}

bool
proxy_has_inspect_delay(const struct proxy *p, const char *keyword)
{
	size_t i = proxy_last_mention(p, keyword, "inspect-delay");
	int64_t ms;

	return i != SIZE_MAX && strcmp(line_word(&p->all[i], 1), "inspect-delay") == 0 &&
	       (units_duration(str_of(line_word(&p->all[i], 2)), 1, &ms, NULL) != UNITS_OK ||
		ms > 0);
}

bool
proxy_binds_with(const struct proxy *p, const char *word)
{
	for (size_t i = 0; i < p->n_all; i++)
		for (size_t w = 2; line_starts(&p->all[i], "bind") && w < p->all[i].n; w++)
			if (strcmp(p->all[i].words[w], word) == 0)
				return true;
	return false;
}

/* "*:1883", ":1883", "10.0.0.1:1883,:2883" */
static bool
address_has_port(const char *address, const char *port)
{
	size_t n = strlen(port);

	for (const char *at = address; (at = strchr(at, ':')); at++)
		if (strncmp(at + 1, port, n) == 0 && (at[n + 1] == '\0' || at[n + 1] == ','))
			return true;
	return false;
}

bool
proxy_binds_port(const struct proxy *p, const char *port)
{
	for (size_t i = 0; i < p->n_all; i++)
		if (line_starts(&p->all[i], "bind") &&
		    address_has_port(line_word(&p->all[i], 1), port))
			return true;
	return false;
}

bool
proxy_serves_port(const struct proxy *p, const char *port)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (address_has_port(p->servers[i]->address, port))
			return true;
	return false;
}

/* ---- expressions ----------------------------------------------------------------------------- */

const char *
stick_expression(const struct raw_line *l, char *out)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 2; i < l->n && len < EXPRESSION - 1; i++) {
		const char *word = l->words[i];

		if (strcmp(word, "table") == 0 || strcmp(word, "if") == 0 ||
		    strcmp(word, "unless") == 0)
			break;
		len += (size_t)snprintf(out + len, EXPRESSION - len, "%s", word);
	}
	return out;
}

bool
expression_is_hashed(const char *expression)
{
	static const char *const hashes[] = { ",sha1",	",sha2", ",md5",     ",digest", ",hmac",
					      ",crc32", ",djb2", ",sdbm",    ",wt6",	",xxh",
					      ",lua.",	",json", ",protobuf" };

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (strstr(expression, hashes[i]))
			return true;
	return false;
}

const char *
expression_variable(const char *expression, char *out)
{
	size_t n = strcspn(expression, "),");

	out[0] = '\0';
	if (strncmp(expression, "var(", 4) == 0 && n > 4 && n < VARIABLE)
		snprintf(out, VARIABLE, "%.*s", (int)(n - 4), expression + 4);
	return out;
}

bool
proxy_sets_variable(const struct proxy *p, const char *variable, size_t end)
{
	char set[VARIABLE + 16], set_fmt[VARIABLE + 16];

	snprintf(set, sizeof(set), "set-var(%s)", variable);
	snprintf(set_fmt, sizeof(set_fmt), "set-var-fmt(%s)", variable);
	for (size_t i = 0; i < p->n_all && i < end; i++)
		if (line_mentions(&p->all[i], set) || line_mentions(&p->all[i], set_fmt))
			return true;
	return false;
}

/* ---- slips of the pen ------------------------------------------------------------------------ */

static int
open_brackets(const char *word)
{
	int n = 0;

	for (; *word; word++)
		n += (*word == '(') - (*word == ')');
	return n;
}

bool
line_word_is_pattern(const struct raw_line *l, size_t i)
{
	for (; i > 0; i--) {
		const char *before = l->words[i - 1];

		if (strcmp(before, "{") == 0 || strcmp(before, "!{") == 0)
			return false;
		if (before[0] == '-')
			return true;
	}
	return false;
}

bool
line_blank_in_brackets(const struct raw_line *l, size_t i, size_t *last)
{
	const char *word = line_word(l, i);
	size_t n = strlen(word);
	int open = open_brackets(word);

	*last = i;
	if (strstr(word, "mqtt_field_value(") && strpbrk(word, " \t"))
		return true;
	/* A lone bracket may be a pattern's; a comma behind it is a list of arguments. */
	if (open <= 0 || word[0] == '(' || word[n - 1] != ',' || i + 1 >= l->n)
		return false;
	for (*last = i + 1; *last + 1 < l->n; ++*last) {
		open += open_brackets(line_word(l, *last));
		if (open <= 0)
			break;
	}
	return true;
}

const char *
full_width_in(const char *word, const char **ascii)
{
	static const struct {
		const char *wide, *ascii;
	} pairs[] = {
		{ "\uff0c", "," }, { "\uff08", "(" },  { "\uff09", ")" },  { "\uff1a", ":" },
		{ "\u3001", "," }, { "\uff5b", "{" },  { "\uff5d", "}" },  { "\uff0e", "." },
		{ "\u3000", " " }, { "\u201c", "\"" }, { "\u201d", "\"" }, { "\u00a0", " " },
	};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *at = strstr(word, pairs[i].wide);

		if (at && (!first || at < first)) {
			first = at;
			*ascii = pairs[i].ascii;
		}
	}
	return first;
}
