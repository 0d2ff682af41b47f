/* Two maps, one in the other. Nothing is ever removed: there are as many as were ever configured.
 */
#include "agent/engine/loads.h"

#include <stdalign.h>
#include <stdlib.h>

#include "agent/core/base/map.h"
#include "agent/core/base/mem.h"

struct server_home {
	struct server_load load;
	char *name; /* owned */
	struct server_home *next;
};

struct backend_home {
	struct backend_load load;
	char *name; /* owned */
	struct map server_by_name;
	struct server_home *servers; /* owned */
	struct backend_home *next;
};

struct frontend_home {
	struct frontend_load load;
	char *name; /* owned */
	struct frontend_home *next;
};

struct loads {
	struct map backend_by_name, frontend_by_name;
	struct backend_home *backends;	 /* owned */
	struct frontend_home *frontends; /* owned */
	struct frontend_load process;
	_Atomic bool is_haproxys;
};

/* Traffic has cache lines of its own: calloc() does not align that far. */
static void *
new_home(size_t n)
{
	size_t line = alignof(struct traffic), size = (n + line - 1) / line * line;
	void *p = aligned_alloc(line, size);

	if (!p)
		abort();
	return memset(p, 0, size);
}

struct loads *
loads_new(void)
{
	struct loads *l = new_home(sizeof(*l));

	map_init(&l->backend_by_name);
	map_init(&l->frontend_by_name);
	return l;
}

static void
free_backend(struct backend_home *b)
{
	for (struct server_home *s = b->servers, *next; s; s = next) {
		next = s->next;
		free(s->name);
		free(s);
	}
	map_fini(&b->server_by_name);
	backend_load_fini(&b->load);
	free(b->name);
	free(b);
}

void
loads_free(struct loads *l)
{
	for (struct backend_home *b = l->backends, *next; b; b = next) {
		next = b->next;
		free_backend(b);
	}
	for (struct frontend_home *f = l->frontends, *next; f; f = next) {
		next = f->next;
		free(f->name);
		free(f);
	}
	map_fini(&l->backend_by_name);
	map_fini(&l->frontend_by_name);
	free(l);
}

static struct backend_home *
intern_backend(struct loads *l, struct str name)
{
	struct backend_home *b = map_get(&l->backend_by_name, name);

	if (b)
		return b;
	b = new_home(sizeof(*b));
	b->name = str_dup(name);
	backend_load_init(&b->load);
	b->load.is_haproxys = &l->is_haproxys;
	map_init(&b->server_by_name);
	b->next = l->backends;
	l->backends = b;
	map_add(&l->backend_by_name, str_of(b->name), b);
	return b;
}

void
loads_set_haproxys(struct loads *l, bool is_haproxys)
{
	atomic_store(&l->is_haproxys, is_haproxys);
}

struct server_load *
loads_server(struct loads *l, struct str backend, struct str server)
{
	struct backend_home *b = intern_backend(l, backend);
	struct server_home *s = map_get(&b->server_by_name, server);

	if (s)
		return &s->load;
	s = new_home(sizeof(*s));
	s->name = str_dup(server);
	server_load_init(&s->load, &b->load);
	s->next = b->servers;
	b->servers = s;
	map_add(&b->server_by_name, str_of(s->name), s);
	return &s->load;
}

struct frontend_load *
loads_frontend(struct loads *l, struct str frontend)
{
	struct frontend_home *f = map_get(&l->frontend_by_name, frontend);

	if (f)
		return &f->load;
	f = new_home(sizeof(*f));
	f->name = str_dup(frontend);
	f->next = l->frontends;
	l->frontends = f;
	map_add(&l->frontend_by_name, str_of(f->name), f);
	return &f->load;
}

struct frontend_load *
loads_process(struct loads *l)
{
	return &l->process;
}
