/*
 * What expressions and rules name: backends, frontends, servers, tables, SPOE engines. An argument
 * that was left away means the proxy itself, but for tracked counters, which know their table.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/rules/rule.h"

/* Where a reference stands: "arg 1 of ACL keyword 'nbsrv'", and so on. */
struct reference {
	const struct expr *e;
	size_t call;
	unsigned arg;
	const char *in; /* NULL: an ACL */
};

static const char *
describe(const struct reference *ref, char *out, size_t size)
{
	const char *fetch = ref->e->calls[0].keyword->name;
	char converter[96] = "";

	if (ref->call)
		snprintf(converter, sizeof(converter), "conversion keyword '%s' for ",
			 ref->e->calls[ref->call].keyword->name);
	snprintf(out, size, "referenced in arg %u of %s%s keyword '%s'%s%s", ref->arg + 1,
		 converter, ref->in ? "sample fetch" : "ACL", fetch, ref->in ? " in " : "",
		 ref->in ? ref->in : "");
	return out;
}

static void
complain(struct rule_compiler *c, const struct reference *ref, const char *kind, const char *name,
	 const char *of)
{
	char where[256];

	rule_alert_late(c, "parsing [%s:%d]: unable to find %s '%s'%s%s%s %s in proxy '%s'.",
			c->line->at.file, c->line->at.line, kind, name, of ? " in proxy '" : "",
			of ? of : "", of ? "'," : "", describe(ref, where, sizeof(where)),
			c->p->name);
}

static void
check_proxy(struct rule_compiler *c, const struct reference *ref, const char *name,
	    enum proxy_kind kind)
{
	const char *word = proxy_kind_name(kind);
	char where[256];

	if (*name) {
		if (!(kind == PROXY_BACKEND ? topology_backend(c->t, str_of(name))
					    : topology_frontend(c->t, str_of(name))))
			complain(c, ref, word, name, NULL);
	} else if (!(c->p->kind & kind)) {
		rule_alert_late(
			c, "parsing [%s:%d]: proxy '%s', %s in proxy '%s', has not %s capability.",
			c->line->at.file, c->line->at.line, c->p->name,
			describe(ref, where, sizeof(where)), c->p->name, word);
	}
}

static void
check_server(struct rule_compiler *c, const struct reference *ref, const char *name)
{
	const char *slash = strchr(name, '/');
	const struct proxy *of = c->p;
	char *proxy;

	if (slash) {
		proxy = str_dup((struct str){ name, (size_t)(slash - name) });
		of = topology_backend(c->t, str_of(proxy));
		if (!of)
			complain(c, ref, "proxy", proxy, NULL);
		free(proxy);
		name = slash + 1;
	}
	if (of && !proxy_server(of, str_of(name)))
		complain(c, ref, "server", name, of->name);
}

/* The `stick-table` line of that name's proxy, or NULL. */
static const struct raw_line *
find_table(const struct topology *t, struct str name, const struct proxy **owner)
{
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		for (size_t k = 0; str_is(name, p->name) && k < p->n_lines; k++)
			if (strcmp(p->lines[k].words[0], "stick-table") == 0) {
				*owner = p;
				return &p->lines[k];
			}
	}
	return NULL;
}

static void
check_arg(struct rule_compiler *c, const struct reference *ref)
{
	const struct expr_call *call = &ref->e->calls[ref->call];
	const struct expr_arg *arg = &call->args[ref->arg];
	const char *name = arg->text.p ? arg->text.p : "", *own = c->p->name;
	const struct proxy *owner;

	switch (call->keyword->args[ref->arg]) {
	case ARG_FRONTEND:
		check_proxy(c, ref, name, PROXY_FRONTEND);
		break;
	case ARG_BACKEND:
		check_proxy(c, ref, name, PROXY_BACKEND);
		break;
	case ARG_SERVER:
		check_server(c, ref, name);
		break;
	case ARG_TABLE:
		if (!*name && call->keyword->needs & EXPR_NEEDS_TRACKING)
			break;
		name = *name ? name : own;
		if (!find_table(c->t, str_of(name), &owner))
			complain(c, ref, "table", name, NULL);
		break;
	default:
		break;
	}
}

/*
 * In mode http rules see the request's head, in mode tcp its bytes. HAProxy would look for a head
 * in those, and in mode http for bytes that it has taken apart.
 */
static void
check_mode(struct rule_compiler *c, const struct expr *e)
{
	unsigned needs = expr_needs(e);
	const char *fetch = e->calls[0].keyword->name;

	if (needs & EXPR_NEEDS_HTTP && c->p->mode != PROXY_HTTP)
		rule_alert(c,
			   "fetch method '%s' is not supported by usher proxy in mode tcp: it "
			   "reads HTTP.",
			   fetch);
	if (needs & EXPR_NEEDS_REQUEST && c->p->mode == PROXY_HTTP)
		rule_alert(c,
			   "fetch method '%s' is not supported by usher proxy in mode http: rules "
			   "see the request's head there, and usher.json the CONNECT.",
			   fetch);
}

void
rule_check_expr(struct rule_compiler *c, const struct expr *e, const char *in)
{
	struct reference ref = { .e = e, .in = in };

	check_mode(c, e);

	for (ref.call = 0; ref.call < e->n_calls; ref.call++)
		for (ref.arg = 0; ref.arg < EXPR_ARGS_MAX; ref.arg++)
			check_arg(c, &ref);
}

/* `action` is NULL for stick rules. */
void
rule_check_table(struct rule_compiler *c, const char *table, const struct expr *e,
		 const char *action)
{
	const char *name = table ? table : c->p->name;
	const struct proxy *owner;
	const struct raw_line *line = find_table(c->t, str_of(name), &owner);
	struct report unheard;
	struct table_spec spec;
	bool is_sound;

	if (!line) {
		if (action)
			rule_alert_late(c,
					"Proxy '%s': unable to find table '%s' referenced by %s.",
					c->p->name, name, action);
		else
			rule_alert_late(c, "Proxy '%s': unable to find stick-table '%s'.",
					c->p->name, name);
		return;
	}
	report_init(&unheard); /* its own proxy speaks of its faults */
	is_sound = table_spec_parse(&spec, owner, line, &unheard);
	report_fini(&unheard);
	if (!is_sound || sample_can_cast(expr_type(e), spec.type))
		return;
	if (action)
		rule_alert_late(
			c,
			"Proxy '%s': stick-table '%s' uses a type incompatible with the '%s' rule.",
			c->p->name, name, action);
	else
		rule_alert_late(
			c, "Proxy '%s': type of fetch not usable with type of stick-table '%s'.",
			c->p->name, name);
}

void
rule_check_engine(struct rule_compiler *c, const char *engine, const char *group)
{
	for (size_t i = 0; i < c->p->n_filters; i++) {
		const struct spoe_filter *f = &c->p->filters[i];

		if (!f->engine || strcmp(f->engine, engine) != 0)
			continue;
		if (!spoe_filter_is_ours(f))
			rule_alert(c,
				   "'send-spoe-group %s %s' is not supported by usher proxy; it "
				   "decides by itself and asks no other agent: remove the line, or "
				   "run 'usher agent' beside HAProxy.",
				   engine, group);
		return;
	}
	rule_alert_late(c,
			"Proxy '%s': unable to find SPOE engine '%s' used by the send-spoe-group "
			"'%s'.",
			c->p->name, engine, group);
}
