/*
 * The steps are read off the verdict and the policy that made it, in the order in which decide()
 * takes them; a step that was not reached is not in the list.
 */
#include "agent/engine/explain.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	TEXT_MAX = 1024,
	SHOWN = 256, /* bytes of an escaped fact */
};

static void PRINTF_LIKE(3, 4) add_step(json_t *steps, const char *step, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_array_append_new(steps, json_pack("{s:s, s:s}", "step", step, "text", text));
}

static void
add_rules(json_t *steps, const struct policy *p, const struct facts *f)
{
	static const char *const words[] = {
		[RULE_REJECT] = "rejects",
		[RULE_SERVER] = "pins the server",
		[RULE_BACKEND] = "chooses the backend",
		[RULE_TENANT] = "sets the tenant",
	};

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];

		if (!rule_applies(r, f)) {
			add_step(steps, "rule", "rule '%s' (line %d) does not apply", r->name,
				 r->line);
			continue;
		}
		add_step(steps, "rule", "rule '%s' (line %d) applies and %s %s", r->name, r->line,
			 words[r->action],
			 r->action == RULE_REJECT ? refusal_name(r->refusal) : r->target);
		return;
	}
	add_step(steps, "rule", p->n_rules ? "no rule applies" : "the policy has no rules");
}

static void
add_tenant(json_t *steps, const struct verdict *v)
{
	if (v->tenant)
		add_step(steps, "tenant", "tenant '%s' (line %d)", v->tenant->name,
			 v->tenant->line);
	else
		add_step(steps, "tenant", "no tenant");
}

static void
add_identity(json_t *steps, const struct policy *p, const struct verdict *v)
{
	static const char *const matches[] = {
		[IDENTITY_EQUALS] = "equal",
		[IDENTITY_STARTS_WITH] = "start with",
	};
	static const char *const with[] = {
		[IDENTITY_CN] = "the verified CN",
		[IDENTITY_USERNAME] = "the username",
		[IDENTITY_TENANT] = "the tenant's name",
	};
	const struct identity *i = v->tenant ? &v->tenant->identity : &p->identity;
	bool refused = v->action == VERDICT_REJECT && v->refused_at == STEP_IDENTITY;

	if (i->match == IDENTITY_NONE)
		add_step(steps, "identity", "no identity is asked for");
	else
		add_step(steps, "identity", "the client id must %s %s: it does%s",
			 matches[i->match], with[i->with], refused ? " not" : "");
}

static void
add_backend(json_t *steps, const struct verdict *v)
{
	if (!v->frontend)
		add_step(steps, "backend",
			 "the frontend is unknown to haproxy.cfg here, or was not told");
	if (!v->backend) {
		add_step(steps, "backend",
			 "no backend is named: HAProxy uses the frontend's default_backend");
		return;
	}
	add_step(steps, "backend", "backend '%s'%s", v->backend->name,
		 v->tenant && v->tenant->backend == v->backend ? ", the tenant's own" : "");
}

static void
add_sticky(json_t *steps, const struct verdict *v)
{
	if (!v->has_key)
		add_step(steps, "sticky", "no key: the client did not say who it is");
	else if (!v->effects.stick)
		add_step(steps, "sticky", "this choice is not remembered");
	else if (v->sticky.target == STICK_NO_TARGET)
		add_step(steps, "sticky", "no sticky entry");
	else
		add_step(steps, "sticky",
			 "a sticky entry, %lld s old, %u sessions open%s; its server %s",
			 (long long)v->sticky.age_ms / 1000, v->sticky.sessions,
			 v->sticky.tentative ? ", tentative" : "",
			 v->by == BY_STICKY ? "takes the client" : "may not take the client");
}

static void
add_server(json_t *steps, const struct verdict *v)
{
	if (v->action == VERDICT_REJECT)
		add_step(steps, "server", "no server may take this client: refused");
	else if (v->ranking.n)
		add_step(steps, "server", "server '%.*s', by %s", STR_ARG(verdict_server(v, 0)),
			 verdict_by_name(v));
}

/* What each step said, as far as the decision went. */
static json_t *
steps_of(const struct decide_env *env, const struct decide_input *in, const struct verdict *v)
{
	json_t *steps = json_array();
	bool rejected = v->action == VERDICT_REJECT;

	add_rules(steps, env->policy, in->facts);
	if (rejected && v->refused_at == STEP_RULES)
		return steps;
	add_tenant(steps, v);
	if (rejected && v->refused_at == STEP_TENANT) {
		add_step(steps, "tenant", "a client without a known tenant is refused");
		return steps;
	}
	add_identity(steps, env->policy, v);
	if (rejected && v->refused_at == STEP_IDENTITY)
		return steps;
	if (rejected && v->refused_at == STEP_ADMISSION) {
		add_step(steps, "admission", "%s: more than its rate allows", v->rule);
		return steps;
	}
	add_step(steps, "admission", "admitted");
	add_backend(steps, v);
	if (!v->backend)
		return steps;
	add_sticky(steps, v);
	add_server(steps, v);
	return steps;
}

static json_t *
string_or_null(const char *z)
{
	return z && *z ? json_string(z) : json_null();
}

static json_t *
verdict_json(const struct verdict *v)
{
	bool ok = v->action == VERDICT_ACCEPT;
	json_t *servers = json_array();

	for (int i = 0; ok && i < v->ranking.n; i++)
		json_array_append_new(servers, json_string(verdict_server(v, i).p));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "action", ok ? "accept" : "reject",
			 "reason", ok ? verdict_by_name(v) : refusal_name(v->refusal), "rule",
			 string_or_null(v->rule), "tenant",
			 string_or_null(v->tenant ? v->tenant->name : NULL), "backend",
			 string_or_null(v->backend ? v->backend->name : NULL), "servers", servers);
}

/* The server of an entry that the backend has, by name. */
static const char *
target_name(const struct verdict *v)
{
	for (unsigned i = 0; v->backend && i < v->backend->n_servers; i++)
		if (pool_target(v->pool, i) == v->sticky.target)
			return v->backend->servers[i]->name;
	return NULL;
}

static json_t *
entry_json(const struct verdict *v)
{
	if (v->sticky.target == STICK_NO_TARGET)
		return json_null();
	return json_pack("{s:o, s:I, s:i, s:b}", "server", string_or_null(target_name(v)), "age_s",
			 (json_int_t)(v->sticky.age_ms / 1000), "sessions", (int)v->sticky.sessions,
			 "tentative", (int)v->sticky.tentative);
}

json_t *
explain(const struct decide_env *env, const struct decide_input *in)
{
	char id[SHOWN];
	struct verdict v;

	decide(env, in, &v);
	return json_pack("{s:s, s:o, s:o, s:o}", "client_id",
			 str_escape(in->facts->client_id, id, sizeof(id)), "verdict",
			 verdict_json(&v), "entry", entry_json(&v), "steps", steps_of(env, in, &v));
}
