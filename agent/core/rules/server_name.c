/* `sni` of server lines: the name that a server is told in TLS, made anew for each connection. */
#include <stdarg.h>
#include <stdio.h>

#include "agent/core/base/mem.h"
#include "agent/core/rules/rule.h"

static void PRINTF_LIKE(3, 4)
	refuse(struct rule_compiler *c, const struct server *s, const char *fmt, ...)
{
	char why[EXPR_ERROR + 128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	c->is_faulty = true;
	report_cfg(c->r, FINDING_ALERT,
		   "[%s:%d] : 'server %s/%s' : error detected while parsing sni expression : %s",
		   s->at.file, s->at.line, s->backend->name, s->name, why);
}

/* One word, as that of `balance hash` is. */
static void
compile_name(struct rule_compiler *c, const struct server *s)
{
	char *word = s->tls.sni;
	struct raw_line line = { .words = &word, .n = 1, .at = s->at };
	struct expr *e = &c->rules->server_names[s->index];
	const char *missing;
	size_t i = 0;

	c->line = &line;
	if (!rule_compile_expr(c, &i, e, "sni expression")) {
		refuse(c, s, "%s", c->what);
		return;
	}
	missing = rule_missing(e, RULE_ABSENT_IN_BACKEND);
	if (missing)
		refuse(c, s,
		       " fetch method '%s' extracts information from '%s', none of which is "
		       "available here.",
		       word, missing);
}

void
rule_compile_server_names(struct rule_compiler *c)
{
	const struct proxy *p = c->p;

	if (!(p->kind & PROXY_BACKEND))
		return;
	for (size_t i = 0; i < p->n_servers; i++) {
		if (!p->servers[i]->tls.sni)
			continue;
		if (!c->rules->server_names)
			c->rules->server_names = xcalloc(p->n_servers, sizeof(struct expr));
		compile_name(c, p->servers[i]);
	}
}
