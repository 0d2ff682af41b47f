/*
 * Two tables of keys and what a tenant source is: an object whose one key is a fact. Identity and
 * key stand here because the policy's own are but the tenants' defaults.
 */
#include "agent/core/policy/load_tenants.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/policy/load_fact.h"

/* ---- key ---- */

void
load_key(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = {
		[KEY_CLIENT_ID] = "client_id",
		[KEY_USERNAME] = "username",
		[KEY_CN] = "cn",
	};
	enum key_kind *kind = into;
	size_t index;

	if (reader_choice(rd, at, "key", words, 3, &index))
		*kind = (enum key_kind)index;
}

/* ---- identity ---- */

static void
read_identity_match(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = {
		[IDENTITY_NONE] = "any",
		[IDENTITY_EQUALS] = "equals",
		[IDENTITY_STARTS_WITH] = "starts_with",
	};
	struct identity *identity = into;
	size_t index;

	if (reader_choice(rd, at, "comparison", words, 3, &index))
		identity->match = (enum identity_match)index;
}

static void
read_identity_with(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = {
		[IDENTITY_CN] = "cn",
		[IDENTITY_USERNAME] = "username",
		[IDENTITY_TENANT] = "tenant",
	};
	struct identity *identity = into;
	size_t index;

	if (reader_choice(rd, at, "fact", words, 3, &index))
		identity->with = (enum identity_with)index;
}

static const struct key identity_keys[] = {
	{ "client_id", read_identity_match, true },
	{ "to", read_identity_with, false },
};
const struct object identity_object = OBJECT("identity", identity_keys);

static void
read_identity(struct reader *rd, struct at at, struct identity *identity)
{
	if (!reader_object(rd, at, &identity_object, identity))
		return;
	if (identity->match != IDENTITY_NONE && !json_object_get(at.json, "to"))
		reader_refuse(rd, at, "has no \"to\"; add one of cn, username, tenant");
}

void
load_identity(struct reader *rd, struct at at, void *into)
{
	rd->policy->identity_line = reader_line(at);
	read_identity(rd, at, &rd->policy->identity);
}

/* ---- tenants ---- */

/* The one member of a tenant source: a fact's name and a pattern. */
static void
read_source_pattern(struct reader *rd, struct at at, void *into)
{
	struct tenant_source *source = into;

	source->fact = load_fact(rd, at, true);
	if (source->fact == FACT_NONE)
		return;
	source->pattern = reader_pattern(rd, at);
	if (source->pattern && !pattern_has_group(source->pattern, "tenant"))
		reader_refuse(rd, at,
			      "the pattern has no group named tenant; write (?<tenant>…) around "
			      "the tenant's name");
}

static void
read_tenant_source(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct tenant_source source = { .line = reader_line(at) };

	if (!reader_is(rd, at, JSON_OBJECT, "an object of a fact and a pattern"))
		return;
	if (json_object_size(at.json) != 1) {
		reader_refuse(rd, at, "has %zu facts; write one in each object",
			      json_object_size(at.json));
		return;
	}
	reader_map(rd, at, read_source_pattern, &source);
	if (!source.pattern)
		return;
	ARRAY_GROW(p->tenant_sources, p->n_tenant_sources);
	p->tenant_sources[p->n_tenant_sources++] = source;
}

void
load_tenant_from(struct reader *rd, struct at at, void *into)
{
	reader_array(rd, at, read_tenant_source, NULL);
}

void
load_unknown_tenant(struct reader *rd, struct at at, void *into)
{
	static const char *const words[] = { "allow", "reject" };
	size_t index;

	rd->policy->unknown_tenant_line = reader_line(at);
	if (reader_choice(rd, at, "word", words, 2, &index))
		rd->policy->reject_unknown_tenant = index == 1;
}

static void
read_tenant_backend(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;

	t->backend_line = reader_line(at);
	t->backend_name = reader_name(rd, at, "the name of a backend in haproxy.cfg");
}

static void
read_tenant_server(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;
	char *name = reader_name(rd, at, "the name of a server in haproxy.cfg");

	if (!name)
		return;
	ARRAY_GROW(t->server_names, t->n_server_names);
	ARRAY_GROW(t->server_lines, t->n_server_names);
	t->server_names[t->n_server_names] = name;
	t->server_lines[t->n_server_names++] = reader_line(at);
}

static void
read_tenant_servers(struct reader *rd, struct at at, void *into)
{
	reader_filled_array(rd, at, read_tenant_server, into);
}

static void
read_tenant_identity(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;

	t->has_identity = true;
	t->identity_line = reader_line(at);
	read_identity(rd, at, &t->identity);
}

static void
read_tenant_key(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;

	t->has_key = true;
	load_key(rd, at, &t->key);
}

static void
read_max_connections(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;
	uint64_t number;

	if (reader_number(rd, at, 1, INT32_MAX, &number)) /* HAProxy compares it as an int */
		t->max_connections = (uint32_t)number;
}

static void
read_connect_rate(struct reader *rd, struct at at, void *into)
{
	struct tenant *t = into;

	(void)reader_rate(rd, at, &t->connect_rate);
}

static const struct key tenant_keys[] = {
	{ "backend", read_tenant_backend, false },
	{ "servers", read_tenant_servers, false },
	{ "identity", read_tenant_identity, false },
	{ "key", read_tenant_key, false },
	{ "max_connections", read_max_connections, false },
	{ "connect_rate", read_connect_rate, false },
};
const struct object tenant_object = OBJECT("tenant", tenant_keys);

static void
read_tenant(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct tenant *t = xcalloc(1, sizeof(*t));

	t->name = str_dup(reader_key(at));
	t->line = reader_line(at);
	ARRAY_GROW(p->tenants, p->n_tenants);
	t->index = p->n_tenants;
	p->tenants[p->n_tenants++] = t;
	map_add(&p->tenant_by_name, str_of(t->name), t);
	reader_object(rd, at, &tenant_object, t);
}

void
load_tenants(struct reader *rd, struct at at, void *into)
{
	reader_map(rd, at, read_tenant, NULL);
}

void
load_inherit(struct policy *p)
{
	for (size_t i = 0; i < p->n_tenants; i++) {
		struct tenant *t = p->tenants[i];

		if (!t->has_identity)
			t->identity = p->identity;
		if (!t->has_key)
			t->key = p->key;
	}
}
