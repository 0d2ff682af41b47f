/* Defaults, freeing and look-ups. Tenants may be many and are mapped; the rest is few. */
#include "agent/core/policy/model.h"

#include <stdlib.h>

void
policy_init(struct policy *p)
{
	*p = (struct policy){
		.key = KEY_CLIENT_ID,
		.expire_ms = INT64_C(30) * 60 * 1000,
		.max_life_ms = INT64_C(7) * 24 * 60 * 60 * 1000,
		.max_entries = 1000000,
		.save_interval_ms = INT64_C(30) * 1000,
		.max_delay_ms = 100,
		.store = { .deadline_ms = 3 },
		.max_handshakes = 4096,
		.standby.start_delay_ms = INT64_C(10) * 1000,
	};
	map_init(&p->tenant_by_name);
}

static void
free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static void
free_tenant(struct tenant *t)
{
	free(t->name);
	free(t->backend_name);
	free_texts(t->server_names, t->n_server_names);
	free(t->server_lines);
	free(t);
}

static void
free_conditions(struct condition *conditions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		condition_fini(&conditions[i]);
	free(conditions);
}

static void
free_rule_parts(struct rule *r)
{
	free(r->name);
	free_conditions(r->conditions, r->n_conditions);
	free_conditions(r->exceptions, r->n_exceptions);
	free(r->target);
	*r = (struct rule){ 0 };
}

void
policy_fini(struct policy *p)
{
	free(p->sticky_file);
	free(p->store.password_file);
	free(p->store.prefix);
	free(p->admin_listen);
	free(p->admin_token_file);
	free(p->standby.state_file);
	for (size_t i = 0; i < p->n_frontends; i++)
		free(p->frontends[i].name);
	free(p->frontends);
	for (size_t i = 0; i < p->n_backends; i++)
		free(p->backends[i].name);
	free(p->backends);
	for (size_t i = 0; i < p->n_rules; i++)
		free_rule_parts(&p->rules[i]);
	free(p->rules);
	fact_names_fini(&p->named);
	for (size_t i = 0; i < p->n_tenant_sources; i++)
		pattern_free(p->tenant_sources[i].pattern);
	free(p->tenant_sources);
	for (size_t i = 0; i < p->n_tenants; i++)
		free_tenant(p->tenants[i]);
	free(p->tenants);
	map_fini(&p->tenant_by_name);
	free_texts(p->listen, p->n_listen);
	*p = (struct policy){ 0 };
}

struct tenant *
policy_tenant(const struct policy *p, struct str name)
{
	return map_get(&p->tenant_by_name, name);
}

const struct backend_policy *
policy_backend(const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_backends; i++)
		if (str_is(name, p->backends[i].name))
			return &p->backends[i];
	return NULL;
}

const struct frontend_policy *
policy_frontend(const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->n_frontends; i++)
		if (str_is(name, p->frontends[i].name))
			return &p->frontends[i];
	return NULL;
}

const char *
difference_name(enum difference d)
{
	static const char *const names[N_DIFFERENCES] = {
		[DIFFERENCE_BLANKS] = "blanks",
		[DIFFERENCE_MAXCONN] = "maxconn",
		[DIFFERENCE_STICK_WAITS] = "stick_waits",
		[DIFFERENCE_MQTT_IS_VALID] = "mqtt_is_valid",
		[DIFFERENCE_RETRY_ELSEWHERE] = "retry_elsewhere",
		[DIFFERENCE_BARE_LOCAL] = "bare_local",
	};

	return names[d];
}
