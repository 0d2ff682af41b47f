/*
 * First names, one pass for each kind of reference; then sense, which is asked only of a policy
 * whose every field was understood: an error before would make half of these findings false.
 */
#include "agent/core/policy/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/policy/reader.h"

/* Names for a message. */
struct names {
	const char **items; /* owned; the names are not */
	size_t n;
};

struct check {
	struct policy *policy;
	const struct topology *topology;
	const char *file;
	struct report *report;
	struct map servers; /* of all backends, each name once */
	struct names all_servers;
};

/* A place in usher.json. */
struct spot {
	int line;
	char path[LINES_PATH];
};

static struct spot PRINTF_LIKE(2, 3) spot(int line, const char *fmt, ...)
{
	struct spot s = { .line = line };
	va_list args;

	va_start(args, fmt);
	vsnprintf(s.path, sizeof(s.path), fmt, args);
	va_end(args);
	return s;
}

static void PRINTF_LIKE(4, 5)
	say(const struct check *c, enum finding_level level, struct spot at, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	report_policy(c->report, level, "%s:%d: %s: %s", c->file, at.line, at.path, text);
	free(text);
}

/* What makes no sense has a short name, printed behind it and explained in docs/check.md. */
enum sense {
	RULE_UNREACHED,
	RULE_FRONTEND,
	TENANTS_UNUSED,
	TENANTS_IMPOSSIBLE,
	TENANT_SUBSET,
	OPEN_FRONTEND,
	PROBE_UNMADE,
	N_SENSES,
};

static const char *const sense_names[] = {
	[RULE_UNREACHED] = "rule-unreached", [RULE_FRONTEND] = "rule-frontend",
	[TENANTS_UNUSED] = "tenants-unused", [TENANTS_IMPOSSIBLE] = "tenants-impossible",
	[TENANT_SUBSET] = "tenant-subset",   [OPEN_FRONTEND] = "open-frontend",
	[PROBE_UNMADE] = "probe-unmade",
};

const char *
policy_check_name(size_t i)
{
	return i < N_SENSES ? sense_names[i] : NULL;
}

static void PRINTF_LIKE(5, 6) doubt(const struct check *c, enum sense sense,
				    enum finding_level level, struct spot at, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	say(c, level, at, "%s [%s]", text, sense_names[sense]);
	free(text);
}

static void
add_name(struct names *names, const char *name)
{
	ARRAY_GROW(names->items, names->n);
	names->items[names->n++] = name;
}

/* "no backend 'acme' in haproxy.cfg; known: …" */
static void
refuse_name(const struct check *c, struct spot at, const char *noun, const char *name,
	    const char *where, const struct names *names)
{
	char shown[QUOTED], words[KNOWN];

	say(c, FINDING_ALERT, at, "no %s '%s' in %s; known: %s", noun,
	    reader_quoted(str_of(name), shown), where, reader_known(names->items, names->n, words));
}

static void
refuse_proxy(const struct check *c, struct spot at, enum proxy_kind kind, const char *name)
{
	const struct topology *t = c->topology;
	struct names names = { 0 };

	for (size_t i = 0; i < t->n_proxies; i++)
		if (t->proxies[i]->kind & kind)
			add_name(&names, t->proxies[i]->name);
	refuse_name(c, at, kind == PROXY_FRONTEND ? "frontend" : "backend", name, "haproxy.cfg",
		    &names);
	free(names.items);
}

static void
gather_servers(struct check *c)
{
	const struct topology *t = c->topology;

	map_init(&c->servers);
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		for (size_t j = 0; j < p->n_servers; j++) {
			struct server *s = p->servers[j];

			if (map_add(&c->servers, str_of(s->name), s) == s)
				add_name(&c->all_servers, s->name);
		}
	}
}

/* ---- names ---- */

static void
check_proxies(const struct check *c)
{
	const struct policy *p = c->policy;
	char key[LINES_KEY];

	for (size_t i = 0; i < p->n_frontends; i++) {
		struct str name = str_of(p->frontends[i].name);

		if (!topology_frontend(c->topology, name))
			refuse_proxy(
				c, spot(p->frontends[i].line, "frontends.%s", lines_key(name, key)),
				PROXY_FRONTEND, name.p);
	}
	for (size_t i = 0; i < p->n_backends; i++) {
		struct str name = str_of(p->backends[i].name);

		if (!topology_backend(c->topology, name))
			refuse_proxy(c,
				     spot(p->backends[i].line, "backends.%s", lines_key(name, key)),
				     PROXY_BACKEND, name.p);
	}
}

static void
refuse_tenant_server(const struct check *c, const struct tenant *t, size_t i)
{
	char key[LINES_KEY], shown[QUOTED];
	struct spot at = spot(t->server_lines[i], "tenants.%s.servers[%zu]",
			      lines_key(str_of(t->name), key), i);
	struct names names = { 0 };

	if (!t->backend) {
		refuse_name(c, at, "server", t->server_names[i], "haproxy.cfg", &c->all_servers);
		return;
	}
	for (size_t j = 0; j < t->backend->n_servers; j++)
		add_name(&names, t->backend->servers[j]->name);
	refuse_name(c, at, "server", t->server_names[i],
		    reader_quoted(str_of(t->backend->name), shown), &names);
	free(names.items);
}

static void
check_tenant(const struct check *c, struct tenant *t)
{
	char key[LINES_KEY];

	if (t->backend_name) {
		t->backend = topology_backend(c->topology, str_of(t->backend_name));
		if (!t->backend)
			refuse_proxy(c,
				     spot(t->backend_line, "tenants.%s.backend",
					  lines_key(str_of(t->name), key)),
				     PROXY_BACKEND, t->backend_name);
	}
	for (size_t i = 0; i < t->n_server_names; i++) {
		struct str name = str_of(t->server_names[i]);

		if (!(t->backend ? (void *)proxy_server(t->backend, name)
				 : map_get(&c->servers, name)))
			refuse_tenant_server(c, t, i);
	}
}

static void
refuse_tenant(const struct check *c, struct spot at, const char *name)
{
	struct names names = { 0 };

	for (size_t i = 0; i < c->policy->n_tenants; i++)
		add_name(&names, c->policy->tenants[i]->name);
	refuse_name(c, at, "tenant", name, c->file, &names);
	free(names.items);
}

static void
check_target(const struct check *c, struct rule *rule)
{
	struct str target = str_of(rule->target);
	size_t i = (size_t)(rule - c->policy->rules);

	if (!rule->target)
		return; /* a rejection, or refused while reading */
	switch (rule->action) {
	case RULE_REJECT:
		break;
	case RULE_SERVER:
		if (!map_get(&c->servers, target))
			refuse_name(c, spot(rule->target_line, "rules[%zu].server", i), "server",
				    target.p, "haproxy.cfg", &c->all_servers);
		break;
	case RULE_BACKEND:
		rule->backend = topology_backend(c->topology, target);
		if (!rule->backend)
			refuse_proxy(c, spot(rule->target_line, "rules[%zu].backend", i),
				     PROXY_BACKEND, target.p);
		break;
	case RULE_TENANT:
		rule->tenant = policy_tenant(c->policy, target);
		if (!rule->tenant)
			refuse_tenant(c, spot(rule->target_line, "rules[%zu].tenant", i), target.p);
		break;
	}
}

/* ---- sense: rules ---- */

static void
check_reach(const struct check *c)
{
	const struct policy *p = c->policy;
	size_t always = 0;
	char shown[QUOTED];

	while (always < p->n_rules &&
	       (p->rules[always].n_conditions || p->rules[always].n_exceptions))
		always++;
	if (always + 1 < p->n_rules)
		doubt(c, RULE_UNREACHED, FINDING_WARNING,
		      spot(p->rules[always + 1].line, "rules[%zu]", always + 1),
		      "never reached, like all behind it: '%s' in line %d always matches; move "
		      "that to the end",
		      reader_quoted(str_of(p->rules[always].name), shown), p->rules[always].line);
}

static void
check_frontend_name(const struct check *c, size_t rule, const char *name)
{
	char shown[QUOTED];

	if (!topology_frontend(c->topology, str_of(name)))
		doubt(c, RULE_FRONTEND, FINDING_WARNING,
		      spot(c->policy->rules[rule].line, "rules[%zu]", rule),
		      "asks for frontend '%s', which is not in haproxy.cfg; correct the name",
		      reader_quoted(str_of(name), shown));
}

/* Rules about frontends that do not exist. */
static void
check_conditions(const struct check *c, size_t rule, const struct condition *conditions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct condition *at = &conditions[i];

		if (at->fact != FACT_FRONTEND)
			continue;
		if (at->kind == MATCH_EXACT)
			check_frontend_name(c, rule, at->text);
		for (size_t j = 0; j < at->n_members; j++)
			check_frontend_name(c, rule, at->members[j]);
	}
}

/* ---- sense: tenants ---- */

static bool
some_rule(const struct policy *p, enum rule_action action)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].action == action)
			return true;
	return false;
}

/* Can a client have a tenant at all? */
static bool
tenant_can_be(const struct policy *p)
{
	return p->n_tenants && (p->n_tenant_sources || some_rule(p, RULE_TENANT));
}

static void
check_tenants_chosen(const struct check *c)
{
	const struct policy *p = c->policy;

	if (tenant_can_be(p))
		return;
	if (!p->n_tenants && p->n_tenant_sources)
		doubt(c, TENANTS_UNUSED, FINDING_WARNING,
		      spot(p->tenant_sources[0].line, "tenant_from"),
		      "there are no tenants to find; add tenants");
	if (p->n_tenants)
		doubt(c, TENANTS_UNUSED, FINDING_WARNING, spot(p->tenants[0]->line, "tenants"),
		      "no client gets a tenant; add tenant_from, or a rule with \"tenant\"");
	if (p->reject_unknown_tenant)
		doubt(c, TENANTS_IMPOSSIBLE, FINDING_ALERT,
		      spot(p->unknown_tenant_line, "unknown_tenant"),
		      "rejects every client, since none can have a tenant; add tenants and "
		      "tenant_from");
	if (p->identity.match && p->identity.with == IDENTITY_TENANT)
		doubt(c, TENANTS_IMPOSSIBLE, FINDING_ALERT, spot(p->identity_line, "identity"),
		      "compares with the tenant, but no client can have one; add tenants and "
		      "tenant_from");
}

/* HAProxy, left alone by usher, knows backends and no subsets of them. */
static void
check_subset(const struct check *c, const struct tenant *t)
{
	char key[LINES_KEY];

	if (t->n_server_names && (!t->backend || t->backend->n_servers > t->n_server_names))
		doubt(c, TENANT_SUBSET, FINDING_WARNING,
		      spot(t->server_lines[0], "tenants.%s.servers",
			   lines_key(str_of(t->name), key)),
		      "holds only while usher answers; give the tenant a backend that has these "
		      "servers alone");
}

/* ---- sense: open frontends ---- */

/* What a client passes unseen where no verdict is needed; "" when nothing. */
static const char *
list_guards(const struct policy *p, char *out)
{
	const struct rate rates[] = { p->source_rate, p->client_rate, p->total_rate };
	bool identity = p->identity.match, limits = false, quotas = false;
	const char *words[5];
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		limits = limits || rates[i].count;
	for (size_t i = 0; i < p->n_tenants; i++) {
		identity = identity || p->tenants[i]->identity.match;
		quotas = quotas || p->tenants[i]->max_connections ||
			 p->tenants[i]->connect_rate.count;
	}
	if (some_rule(p, RULE_REJECT))
		words[n++] = "rules that reject";
	if (p->reject_unknown_tenant)
		words[n++] = "unknown_tenant";
	if (identity)
		words[n++] = "identity";
	if (limits)
		words[n++] = "limits";
	if (quotas)
		words[n++] = "quotas of tenants";
	*out = '\0';
	return n ? reader_known(words, n, out) : out;
}

/* Has it our filter? Those of others (a firewall's) make no difference. */
static bool
asks_usher(const struct proxy *p)
{
	for (size_t i = 0; i < p->n_filters; i++)
		if (spoe_filter_is_ours(&p->filters[i]))
			return true;
	return false;
}

static void
check_open_frontends(const struct check *c)
{
	char guards[KNOWN], key[LINES_KEY];

	if (!*list_guards(c->policy, guards))
		return;
	for (size_t i = 0; i < c->topology->n_proxies; i++) {
		const struct proxy *p = c->topology->proxies[i];
		const struct frontend_policy *f = policy_frontend(c->policy, str_of(p->name));
		bool governed = f || asks_usher(p);

		if (!(p->kind & PROXY_FRONTEND) || p->disabled || !governed || (f && f->closed))
			continue;
		doubt(c, OPEN_FRONTEND, FINDING_WARNING,
		      spot(f ? f->line : 1, "frontends.%s", lines_key(str_of(p->name), key)),
		      "is open when no verdict can be had, so whoever floods the agent passes: %s; "
		      "set \"without_verdict\" to \"closed\"",
		      guards);
	}
}

/* ---- sense: probes ---- */

/* The probe goes by the intervals of `check`; without that there are none. */
static void
check_probes(const struct check *c)
{
	char key[LINES_KEY], shown[QUOTED];

	for (size_t i = 0; i < c->policy->n_backends; i++) {
		const struct backend_policy *b = &c->policy->backends[i];
		const struct proxy *p = topology_backend(c->topology, str_of(b->name));

		for (size_t j = 0; b->probe && j < p->n_servers; j++)
			if (!p->servers[j]->check && !p->servers[j]->track)
				doubt(c, PROBE_UNMADE, FINDING_WARNING,
				      spot(b->probe_line, "backends.%s.probe",
					   lines_key(str_of(b->name), key)),
				      "is not made of server '%s', which has no `check` in "
				      "haproxy.cfg; add that word",
				      reader_quoted(str_of(p->servers[j]->name), shown));
	}
}

void
policy_check(struct policy *p, const struct topology *t, const char *file, struct report *r)
{
	struct check c = { .policy = p, .topology = t, .file = file, .report = r };

	gather_servers(&c);
	check_proxies(&c);
	for (size_t i = 0; i < p->n_tenants; i++)
		check_tenant(&c, p->tenants[i]);
	for (size_t i = 0; i < p->n_rules; i++)
		check_target(&c, &p->rules[i]);
	free(c.all_servers.items);
	map_fini(&c.servers);
	if (r->n_alerts)
		return;

	check_reach(&c);
	for (size_t i = 0; i < p->n_rules; i++) {
		check_conditions(&c, i, p->rules[i].conditions, p->rules[i].n_conditions);
		check_conditions(&c, i, p->rules[i].exceptions, p->rules[i].n_exceptions);
	}
	check_tenants_chosen(&c);
	for (size_t i = 0; i < p->n_tenants; i++)
		check_subset(&c, p->tenants[i]);
	check_open_frontends(&c);
	check_probes(&c);
}
