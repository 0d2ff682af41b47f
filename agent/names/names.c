/*
 * While usher runs: which lookups a world needs. One stands for a name and all servers that want it
 * of the same section in the same way.
 */
#include "agent/names/names.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/io/log.h"
#include "agent/names/lookup.h"
#include "agent/names/server_name.h"

struct names {
	struct ev_loop *loop;
	struct world *world;	   /* ref */
	struct section **sections; /* owned, and so is each */
	size_t n_sections;
	struct lookup **lookups; /* owned, and so is each */
	size_t n_lookups;
	struct addr system[RESOLVER_SERVERS_MAX]; /* the name servers of /etc/resolv.conf */
	char system_names[RESOLVER_SERVERS_MAX][IP_TEXT];
	size_t n_system;
	struct resolvers fallback; /* "default", where the file has none of that name */
};

/* ---- a world's names ------------------------------------------------------------------------ */

static void
add_informant(struct names *n, struct section *s, const char *name, const struct addr *a, bool tcp)
{
	const struct resolver_settings settings = {
		.server = *a,
		.tcp = tcp,
		.timeout_ms = s->from->timeout_retry_ms,
		.tries = 1,
		.payload_size = s->from->accepted_payload_size,
	};
	struct resolver *r = a->len ? resolver_new(n->loop, &settings) : NULL;

	if (!r) {
		log_line(LOG_ERROR, "name server not usable resolvers=%s name=%s", s->from->name,
			 name);
		return;
	}
	ARRAY_GROW(s->informants, s->n_informants);
	s->informants[s->n_informants++] = (struct informant){ name, r };
}

static struct section *
make_section(struct names *n, const struct resolvers *from)
{
	struct section *s = xcalloc(1, sizeof(*s));

	s->from = from;
	for (size_t i = 0; i < from->n_nameservers; i++)
		add_informant(n, s, from->nameservers[i].name, &from->nameservers[i].addr,
			      from->nameservers[i].tcp);
	for (size_t i = 0; from->parse_resolv_conf && i < n->n_system; i++)
		add_informant(n, s, n->system_names[i], &n->system[i], false);
	if (s->n_informants == 0)
		log_line(LOG_ERROR,
			 "resolvers without name server name=%s consequence=\"its names "
			 "stay where they were at start\"",
			 from->name);
	return s;
}

static struct section *
section_of(struct names *n, const char *name)
{
	const struct resolvers *from = topology_resolvers(&n->world->topology, str_of(name));

	if (!from)
		from = &n->fallback; /* HAProxy makes one, and only "default" may be undefined */
	for (size_t i = 0; i < n->n_sections; i++)
		if (n->sections[i]->from == from)
			return n->sections[i];
	ARRAY_GROW(n->sections, n->n_sections);
	return n->sections[n->n_sections++] = make_section(n, from);
}

static struct lookup *
lookup_of(struct names *n, struct section *section, const struct host *h, uint8_t prefer)
{
	struct lookup *l;

	for (size_t i = n->n_lookups; i-- > 0;) {
		l = n->lookups[i];
		if (l->section == section && l->prefer == prefer && l->only == h->family &&
		    str_ieq(str_of(l->host), h->name))
			return l;
	}
	l = xcalloc(1, sizeof(*l));
	l->loop = n->loop;
	l->section = section;
	l->host = str_dup(h->name);
	l->only = h->family;
	l->prefer = prefer;
	ARRAY_GROW(n->lookups, n->n_lookups);
	return n->lookups[n->n_lookups++] = l;
}

/* The last word of a comma-separated list that is one of two; `otherwise` if none is. */
static bool
last_word_is(const char *list, const char *yes, const char *no, bool otherwise)
{
	while (list && *list) {
		struct str word = { list, strcspn(list, ",") };

		if (str_is(word, yes))
			otherwise = true;
		else if (str_is(word, no))
			otherwise = false;
		list += word.n + (list[word.n] == ',');
	}
	return otherwise;
}

static void
read_networks(struct wish *w, const char *list)
{
	while (list && *list && w->n_networks < WISH_NETWORKS) {
		struct str word = { list, strcspn(list, ",") };

		w->n_networks += cidr_parse(word, &w->networks[w->n_networks]);
		list += word.n + (list[word.n] == ',');
	}
}

static void
add_server(struct names *n, const struct server *s)
{
	uint8_t prefer;
	struct client_server *c;
	struct lookup *l;
	struct host h;

	if (!s->resolvers || !server_name_of(s, &h))
		return;
	prefer = h.family ? h.family : s->resolve_prefer ? s->resolve_prefer : 6;
	l = lookup_of(n, section_of(n, s->resolvers), &h, prefer);
	ARRAY_GROW(l->servers, l->n_servers);
	c = &l->servers[l->n_servers++];
	*c = (struct client_server){
		.server = s,
		.pool = n->world->pools[s->backend->index],
		.port = h.port,
	};
	c->wish.family = prefer;
	c->wish.may_share = last_word_is(server_name_option(s, "resolve-opts"), "allow-dup-ip",
					 "prevent-dup-ip", false);
	read_networks(&c->wish, server_name_option(s, "resolve-net"));
}

static void
read_system(struct names *n)
{
	n->n_system = resolver_system_servers(n->system);
	for (size_t i = 0; i < n->n_system; i++) {
		struct ip ip;

		addr_ip(&n->system[i], &ip);
		ip_format(&ip, n->system_names[i]);
	}
}

static void
make_lookups(struct names *n)
{
	const struct topology *t = &n->world->topology;

	read_system(n);
	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0;
		     server_name_counts(t->proxies[i]) && j < t->proxies[i]->n_servers; j++)
			add_server(n, t->proxies[i]->servers[j]);
	for (size_t i = 0; i < n->n_lookups; i++) {
		struct lookup *l = n->lookups[i];

		l->taken = xcalloc(l->n_servers, sizeof(*l->taken));
		lookup_start(l);
	}
}

/* Questions under way are answered with LOOKUP_STOPPED as their resolvers go. */
static void
drop_lookups(struct names *n)
{
	for (size_t i = 0; i < n->n_sections; i++) {
		for (size_t j = 0; j < n->sections[i]->n_informants; j++)
			resolver_free(n->sections[i]->informants[j].resolver);
		free(n->sections[i]->informants);
		free(n->sections[i]);
	}
	for (size_t i = 0; i < n->n_lookups; i++) {
		struct lookup *l = n->lookups[i];

		lookup_stop(l);
		free(l->host);
		free(l->servers);
		free(l->taken);
		free(l);
	}
	free(n->sections);
	free(n->lookups);
	n->sections = NULL;
	n->lookups = NULL;
	n->n_sections = n->n_lookups = 0;
}

/* HAProxy's section "default", made of /etc/resolv.conf with all settings as they are by default.
 */
static struct resolvers
default_resolvers(void)
{
	static char name[] = "default";

	return (struct resolvers){
		.name = name,
		.parse_resolv_conf = true,
		.retries = 3,
		.timeout_resolve_ms = 1000,
		.timeout_retry_ms = 1000,
		.hold_nx_ms = 30000,
		.hold_refused_ms = 30000,
		.hold_other_ms = 30000,
		.hold_timeout_ms = 30000,
		.accepted_payload_size = 512,
	};
}

void
names_set_world(struct names *n, struct world *world)
{
	drop_lookups(n);
	world_ref(world);
	world_unref(n->world);
	n->world = world;
	make_lookups(n);
}

struct names *
names_new(struct ev_loop *loop, struct world *world)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->loop = loop;
	n->fallback = default_resolvers();
	names_set_world(n, world);
	return n;
}

void
names_free(struct names *n)
{
	if (!n)
		return;
	drop_lookups(n);
	world_unref(n->world);
	free(n);
}
