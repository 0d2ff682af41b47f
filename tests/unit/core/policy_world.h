/* A small haproxy.cfg as it looks when read, for tests of policies. */
#ifndef USHER_TESTS_UNIT_CORE_POLICY_WORLD_H
#define USHER_TESTS_UNIT_CORE_POLICY_WORLD_H

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/model.h"

static inline struct proxy *
world_proxy(struct topology *t, enum proxy_kind kind, const char *name)
{
	struct proxy *p = xcalloc(1, sizeof(*p));

	p->kind = kind;
	p->name = str_dup(str_of(name));
	map_init(&p->server_by_name);
	ARRAY_GROW(t->proxies, t->n_proxies);
	t->proxies[t->n_proxies++] = p;
	map_add(kind == PROXY_FRONTEND ? &t->frontends : &t->backends, str_of(p->name), p);
	return p;
}

static inline void
world_server(struct proxy *p, const char *name)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->name = str_dup(str_of(name));
	s->backend = p;
	s->index = (unsigned)p->n_servers;
	ARRAY_GROW(p->servers, p->n_servers);
	p->servers[p->n_servers++] = s;
	map_add(&p->server_by_name, str_of(s->name), s);
}

/*
 *	frontend mqtt_servers     with our filter
 *	frontend other            opaque
 *	backend mqtt_backend      emqx1 emqx2 emqx3
 *	backend eu_backend        emqx1 emqx2
 *	backend acme_backend      acme1
 *	backend other             no servers; shares its name with a frontend
 */
static inline void
world_init(struct topology *t)
{
	struct proxy *p;

	topology_init(t);
	p = world_proxy(t, PROXY_FRONTEND, "mqtt_servers");
	p->filters = xcalloc(1, sizeof(*p->filters));
	p->filters[0].engine = str_dup(STR("usher"));
	p->n_filters = 1;
	world_proxy(t, PROXY_FRONTEND, "other");
	p = world_proxy(t, PROXY_BACKEND, "mqtt_backend");
	world_server(p, "emqx1");
	world_server(p, "emqx2");
	world_server(p, "emqx3");
	p = world_proxy(t, PROXY_BACKEND, "eu_backend");
	world_server(p, "emqx1");
	world_server(p, "emqx2");
	world_server(world_proxy(t, PROXY_BACKEND, "acme_backend"), "acme1");
	world_proxy(t, PROXY_BACKEND, "other");
}

#endif
