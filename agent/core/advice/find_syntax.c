/* What HAProxy refuses, too, but in words that do not tell how to mend it. */
#include <stdio.h>

#include "agent/core/advice/adviser.h"
#include "agent/core/advice/mend.h"

static void
advise_blank(const struct adviser *a, const struct proxy *p, const struct raw_line *l, size_t i,
	     size_t last)
{
	char joined[EXPRESSION];
	size_t len = 0;

	for (size_t w = i; w <= last; w++)
		for (const char *c = l->words[w]; *c && len + 1 < sizeof(joined); c++)
			if (*c != ' ' && *c != '\t')
				joined[len++] = *c;
	joined[len] = '\0';
	advise(a, FINDING_ALERT, l->at,
	       "%s '%s': HAProxy takes no blank between brackets and refuses '%s%s%s'; write '%s'",
	       proxy_kind_name(p->kind), p->name, l->words[i], last > i ? " " : "",
	       last > i ? line_word(l, i + 1) : "", joined);
}

void
find_blank_in_brackets(const struct adviser *a)
{
	const struct topology *t = a->in->topology;
	size_t last;

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		for (size_t j = 0; j < p->n_all; j++)
			for (size_t w = 1; mend_concerns(&p->all[j]) && w < p->all[j].n; w++)
				if (!line_word_is_pattern(&p->all[j], w) &&
				    line_blank_in_brackets(&p->all[j], w, &last)) {
					advise_blank(a, p, &p->all[j], w, last);
					w = last;
				}
	}
}

static void
look_for_full_width(const struct adviser *a, const struct proxy *p, const struct raw_line *l)
{
	const char *ascii, *at = NULL;

	for (size_t w = 0; w < l->n && !at; w++)
		if (!line_word_is_pattern(l, w))
			at = full_width_in(l->words[w], &ascii);
	if (at)
		advise(a, FINDING_ALERT, l->at,
		       "%s '%s': '%.*s' is a full-width character, which HAProxy takes for a "
		       "letter; write '%s'",
		       proxy_kind_name(p->kind), p->name, (unsigned char)at[0] < 0xe0 ? 2 : 3, at,
		       ascii);
}

void
find_full_width(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; j < t->proxies[i]->n_all; j++)
			if (mend_concerns(&t->proxies[i]->all[j]))
				look_for_full_width(a, t->proxies[i], &t->proxies[i]->all[j]);
}

static bool
loads_lua(const struct topology *t)
{
	for (size_t i = 0; i < t->n_global; i++)
		if (strncmp(t->global[i].words[0], "lua-load", 8) == 0)
			return true;
	return false;
}

void
find_no_lua(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies && !loads_lua(t); i++) {
		const struct proxy *p = t->proxies[i];
		size_t at = proxy_first_mention(p, "tcp-request content", "lua.usher_");

		if (at != SIZE_MAX)
			advise(a, FINDING_ALERT, p->all[at].at,
			       "%s '%s': calls usher.lua, which is not loaded; add "
			       "'lua-load-per-thread /etc/haproxy/usher.lua' to the global section",
			       proxy_kind_name(p->kind), p->name);
	}
}
