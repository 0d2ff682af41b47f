/*
 * From text to lines, from lines to directives, sections and keywords. What keywords mean stands
 * in the section_*.c and line_*.c files; a section is one row of `sections`.
 */
#include "agent/core/topology/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

static const struct section sections[] = {
	{ .name = "global", .begin = section_global_begin, .keywords = &section_global_keywords },
	{ .name = "defaults", .begin = section_proxy_begin, .keywords = &section_proxy_keywords },
	{ .name = "frontend", .begin = section_proxy_begin, .keywords = &section_proxy_keywords },
	{ .name = "backend", .begin = section_proxy_begin, .keywords = &section_proxy_keywords },
	{ .name = "listen", .begin = section_proxy_begin, .keywords = &section_proxy_keywords },
	{ .name = "cache" },
	{ .name = "crt-store", .later = true },
	{ .name = "fcgi-app" },
	{ .name = "http-errors" },
	{ .name = "log-forward" },
	{ .name = "log-profile", .later = true },
	{ .name = "mailers" },
	{ .name = "peers" },
	{ .name = "program" },
	{ .name = "resolvers",
	  .begin = section_resolvers_begin,
	  .keywords = &section_resolvers_keywords },
	{ .name = "ring" },
	{ .name = "traces", .later = true },
	{ .name = "userlist" },
	{ .name = "acme", .later = true },
};

static void
say(struct parser *p, enum finding_level level, const char *before, const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	report_cfg(p->in.r, level, "%s[%s:%d] : %s", before, p->in.file, p->in.at, text);
	free(text);
}

void
parser_alert(struct parser *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(p, FINDING_ALERT, "parsing ", fmt, args);
	va_end(args);
}

void
parser_warn(struct parser *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(p, FINDING_WARNING, "parsing ", fmt, args);
	va_end(args);
}

void
parser_alert_server(struct parser *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(p, FINDING_ALERT, "", fmt, args);
	va_end(args);
}

bool
parser_too_many_words(struct parser *p, size_t n)
{
	if (p->in.line.n_words <= n + 1)
		return false;
	parser_alert(p, "'%s' cannot handle unexpected argument '%s'.", word(p, 0), word(p, n + 1));
	return true;
}

void
parser_set_text(char **text, const char *value)
{
	free(*text);
	*text = value ? str_dup(str_of(value)) : NULL;
}

char
parser_bad_name_byte(const char *name)
{
	for (; *name; name++) {
		char c = *name, letter = (char)(c | 0x20);

		if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') && !strchr("_-.:", c))
			return c;
	}
	return '\0';
}

const char *
parser_hint(const char *name, const void *names, size_t n, size_t stride, char *out)
{
	const char **list = xmalloc(n * sizeof(*list));
	const char *nearest;

	for (size_t i = 0; i < n; i++)
		memcpy(&list[i], (const char *)names + i * stride, sizeof(*list));
	nearest = str_nearest(str_of(name), list, n);
	free(list);
	if (nearest)
		snprintf(out, PARSER_HINT, "; did you mean '%s' maybe ?", nearest);
	else
		out[0] = '\0';
	return out;
}

void
parser_copy_line(struct parser *p, struct raw_line **lines, size_t *n)
{
	struct raw_line line = { .n = p->in.line.n_words, .at = parser_place(p) };

	line.words = xcalloc(line.n, sizeof(*line.words));
	for (size_t i = 0; i < line.n; i++)
		line.words[i] = str_dup(str_of(p->in.line.words[i]));
	ARRAY_GROW(*lines, *n);
	(*lines)[(*n)++] = line;
}

void
parser_keep_line(struct parser *p)
{
	parser_copy_line(p, &p->proxy->lines, &p->proxy->n_lines);
}

/* ---- sections and keywords ------------------------------------------------------------------- */

/* May the keyword stand here? Where HAProxy only warns, the line counts all the same. */
static bool
check_place(struct parser *p, const struct keyword *k)
{
	const struct proxy *proxy = p->proxy;
	unsigned capability = k->place & (IN_FRONTEND | IN_BACKEND);

	if (!proxy)
		return true;
	if (proxy->kind == PROXY_DEFAULTS) {
		bool anonymous = (k->place & IN_NAMED_DEFAULTS) && !proxy->name[0];

		if (anonymous || (k->place & IN_PROXY)) {
			parser_alert(p, "'%s' not allowed in %s'defaults' section.", k->name,
				     anonymous ? "anonymous " : "");
			return false;
		}
	} else if (capability && !(proxy->kind & capability)) {
		parser_warn(p, "'%s' ignored because %s '%s' has no %s capability.", k->name,
			    proxy_kind_name(proxy->kind), proxy->name,
			    capability == IN_FRONTEND ? "frontend" : "backend");
	}
	return true;
}

static bool
is_later_section(const char *name)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(name, sections[i].name) == 0)
			return sections[i].later;
	return false;
}

/* A section of HAProxy's own business, or resolvers. */
static bool
is_other(const struct section *section)
{
	return section->keywords != &section_proxy_keywords &&
	       section->keywords != &section_global_keywords;
}

static void
take_keyword(struct parser *p)
{
	const struct keywords *keywords = p->section->keywords;
	const char *name = word(p, 0);
	char hint[PARSER_HINT];

	if (is_other(p->section))
		parser_copy_line(p, &p->t->others, &p->t->n_others);
	if (!keywords)
		return; /* the section is skipped whole */
	if (keywords == &section_proxy_keywords && !p->proxy) {
		parser_alert(p, "'listen' or 'defaults' expected.");
		return;
	}
	if (p->proxy)
		parser_copy_line(p, &p->proxy->all, &p->proxy->n_all);
	else if (keywords == &section_global_keywords)
		parser_copy_line(p, &p->t->global, &p->t->n_global);
	if (strcmp(name, "no") == 0 || strcmp(name, "default") == 0) {
		if (section_proxy_negate(p))
			return;
		lexer_shift(&p->in.line);
		name = word(p, 0);
	}
	for (size_t i = 0; i < keywords->n; i++) {
		const struct keyword *k = &keywords->table[i];

		if (strcmp(name, k->name) != 0)
			continue;
		if (k->status == KEYWORD_USED && check_place(p, k))
			k->set(p);
		return;
	}
	if (p->env->strict)
		parser_alert(p, "unknown keyword '%s' in '%s' section%s%s", name, p->section->name,
			     parser_hint(name, keywords->table, keywords->n,
					 sizeof(*keywords->table), hint),
			     is_later_section(name) ? PARSER_LATER : "");
}

static void
take_line(struct reader *in)
{
	struct parser *p = container_of(in, struct parser, in);

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcmp(word(p, 0), sections[i].name) != 0 ||
		    (sections[i].later && p->env->strict))
			continue;
		p->section = &sections[i];
		p->proxy = NULL;
		parser_set_text(&p->section_name,
				p->in.line.n_words > 1 ? word(p, 1) : sections[i].name);
		p->in.variables.section = p->section_name;
		if (is_other(p->section))
			parser_copy_line(p, &p->t->others, &p->t->n_others);
		if (sections[i].begin)
			sections[i].begin(p);
		return;
	}
	if (p->section)
		take_keyword(p);
	else
		reader_alert(in, "unknown keyword '%s' out of section.", word(p, 0));
}

void
topology_parse(struct topology *t, struct str text, const char *file,
	       const struct topology_env *env, struct report *r)
{
	struct parser p = { .t = t, .env = env };
	size_t alerts_before = r->n_alerts;

	ARRAY_GROW(t->files, t->n_files);
	t->files[t->n_files++] = str_dup(str_of(file));
	p.in = (struct reader){
		.file = t->files[t->n_files - 1],
		.r = r,
		.variables = { .getenv = variables_get,
			       .arg = &p,
			       .section = "",
			       .is_haproxy_2_6 = env->strict },
		.take = take_line,
	};
	reader_run(&p.in, text);
	free(p.section_name);
	t->faulty |= r->n_alerts != alerts_before;
}
