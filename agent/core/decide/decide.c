/*
 * Each step either ends the decision or hands on; the story is decide() at the bottom, the steps
 * stand above it in the same order.
 */
#include "agent/core/decide/decide.h"

#include "agent/core/decide/admission.h"
#include "agent/core/decide/identity.h"

static void
reject(struct verdict *v, enum decide_step step, enum refusal refusal, const char *rule)
{
	v->action = VERDICT_REJECT;
	v->refused_at = step;
	v->refusal = refusal;
	v->rule = rule;
}

static bool
all_hold(const struct condition *conditions, size_t n, const struct facts *facts)
{
	for (size_t i = 0; i < n; i++)
		if (!condition_holds(&conditions[i], facts))
			return false;
	return true;
}

bool
rule_applies(const struct rule *rule, const struct facts *facts)
{
	return all_hold(rule->conditions, rule->n_conditions, facts) &&
	       !(rule->n_exceptions && all_hold(rule->exceptions, rule->n_exceptions, facts));
}

/* The first rule that applies, or NULL. */
static const struct rule *
first_match(const struct policy *policy, const struct facts *facts)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (rule_applies(&policy->rules[i], facts))
			return &policy->rules[i];
	return NULL;
}

/* The first source that names a tenant of the table. */
static const struct tenant *
find_tenant(const struct policy *policy, const struct facts *facts)
{
	for (size_t i = 0; i < policy->n_tenant_sources; i++) {
		const struct tenant_source *source = &policy->tenant_sources[i];
		const struct tenant *tenant;
		struct str name;

		if (!facts_has(facts, source->fact))
			continue;
		if (source->fact == FACT_CN && !facts->verified)
			continue; /* anybody can write a name into a certificate */
		name = pattern_capture(source->pattern, "tenant", facts_str(facts, source->fact));
		tenant = name.n ? policy_tenant(policy, name) : NULL;
		if (tenant)
			return tenant;
	}
	return NULL;
}

static const struct proxy *
choose_backend(const struct rule *rule, const struct verdict *v)
{
	if (rule && rule->action == RULE_BACKEND)
		return rule->backend;
	if (v->tenant && v->tenant->backend)
		return v->tenant->backend;
	return v->frontend ? v->frontend->default_backend : NULL;
}

/* What the broker will call this session; empty when the client did not say. */
static struct str
session_name(enum key_kind kind, const struct facts *facts)
{
	switch (kind) {
	case KEY_USERNAME:
		return facts->username;
	case KEY_CN:
		return facts->verified ? facts->cn : (struct str){ 0 };
	case KEY_CLIENT_ID:
		break;
	}
	return facts->client_id;
}

/* A rule's own server, if it may take the client. */
static bool
pinned_server(const struct rule *rule, const struct pick *pick, struct verdict *v)
{
	const struct server *server;
	unsigned index;

	if (!rule || rule->action != RULE_SERVER)
		return false;
	server = proxy_server(v->backend, str_of(rule->target));
	if (!server || !pool_find(v->pool, pool_target(v->pool, server->index), pick, &index))
		return false;
	v->by = BY_RULE;
	v->ranking.server[0] = (uint16_t)index;
	return true;
}

/* The server of the sticky entry, if it may take the client. */
static bool
sticky_server(const struct decide_env *env, const struct decide_input *in, const struct pick *pick,
	      struct verdict *v)
{
	unsigned index;

	if (!v->effects.stick ||
	    !stick_table_find(env->table, &v->effects.key, in->now, &v->sticky))
		return false;
	v->effects.seen = v->sticky.target;
	if (!pool_find(v->pool, v->sticky.target, pick, &index))
		return false;
	v->by = BY_STICKY;
	v->ranking.server[0] = (uint16_t)index;
	return true;
}

/* Put server[0] first and what the algorithm would have said behind it. */
static void
rank_behind(const struct pick *pick, struct verdict *v)
{
	struct ranking others;
	uint16_t first = v->ranking.server[0];

	pool_rank(v->pool, pick, &others);
	v->ranking.n = 1;
	for (int i = 0; i < others.n && v->ranking.n < RANKED; i++)
		if (others.server[i] != first)
			v->ranking.server[v->ranking.n++] = others.server[i];
}

static void
choose_server(const struct decide_env *env, const struct decide_input *in, const struct rule *rule,
	      struct verdict *v)
{
	const struct policy *policy = env->policy;
	const struct tenant *t = v->tenant;
	const struct backend_policy *bp = policy_backend(policy, str_of(v->backend->name));
	struct pick pick = {
		.key = session_name(t ? t->key : policy->key, in->facts),
		.source = facts_has(in->facts, FACT_SOURCE) ? &in->facts->source : NULL,
		.random = in->random,
		.subset = t && t->n_server_names ? t->server_names : NULL,
		.n_subset = t ? t->n_server_names : 0,
	};
	bool pinned = pinned_server(rule, &pick, v);
	bool remembers = pool_balance(v->pool) != BALANCE_RENDEZVOUS && !(bp && bp->not_sticky);

	v->has_key = pick.key.n > 0;
	if (v->has_key) {
		v->effects.key = stick_key(env->table, str_of(t ? t->name : NULL), pick.key);
		v->effects.stick = remembers && !pinned;
	}
	if (pinned || sticky_server(env, in, &pick, v)) {
		rank_behind(&pick, v);
		return;
	}
	pool_rank(v->pool, &pick, &v->ranking);
	if (v->ranking.is_full)
		return; /* whoever carries the session waits for a place */
	if (v->ranking.n == 0) {
		reject(v, STEP_SERVER, REFUSAL_SERVER_UNAVAILABLE, "no_server");
		return;
	}
	v->by = BY_ALGORITHM;
	v->effects.take_turn = true;
}

void
decide(const struct decide_env *env, const struct decide_input *in, struct verdict *v)
{
	const struct policy *policy = env->policy;
	const struct rule *rule = first_match(policy, in->facts);
	const struct identity *identity;

	*v = (struct verdict){ .rule = rule ? rule->name : "" };
	v->frontend = topology_frontend(env->topology, in->facts->frontend);

	if (rule && rule->action == RULE_REJECT) {
		reject(v, STEP_RULES, rule->refusal, rule->name);
		return;
	}

	v->tenant =
		rule && rule->action == RULE_TENANT ? rule->tenant : find_tenant(policy, in->facts);
	if (!v->tenant && policy->reject_unknown_tenant) {
		reject(v, STEP_TENANT, REFUSAL_NOT_AUTHORIZED, "unknown_tenant");
		return;
	}

	identity = v->tenant ? &v->tenant->identity : &policy->identity;
	if (!identity_holds(identity, in->facts, v->tenant)) {
		reject(v, STEP_IDENTITY, REFUSAL_NOT_AUTHORIZED,
		       v->tenant ? "tenants.identity" : "identity");
		return;
	}

	if (!admission_allows(env, in, v))
		return;

	v->backend = choose_backend(rule, v);
	if (!v->backend)
		return; /* a frontend we do not know: HAProxy's own rules go on */
	v->pool = env->pools[v->backend->index];
	choose_server(env, in, rule, v);
}
