/*
 * Listeners know their frontend by name: the world may have been reloaded since they were opened,
 * and each client is carried by the newest one.
 */
#include "agent/proxy/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/proxy/session.h"

/* One address of one frontend, on all workers. */
struct entrance {
	struct proxy_service *service;
	char *frontend;		    /* owned; its name */
	struct listener *listeners; /* owned; one a worker */
};

struct proxy_service {
	struct carrier *carriers;   /* owned; one a worker */
	struct entrance *entrances; /* owned; pointers into it are the listeners' args */
	size_t n_entrances;
	unsigned n_workers;
};

static void
on_accept(struct worker *w, int fd, void *arg)
{
	struct entrance *e = arg;
	const struct world *world = w->world;
	const struct proxy *frontend = topology_frontend(&world->topology, str_of(e->frontend));

	if (frontend)
		session_start(&e->service->carriers[w->index], frontend, fd);
	else
		close(fd); /* gone with a reload */
}

/* HAProxy: "[ALERT]    (pid) : Starting frontend f: cannot bind socket (…) [0.0.0.0:1883]". */
static bool
open_bind(struct proxy_service *s, const struct proxy *frontend, const struct bind *b,
	  struct worker **workers)
{
	struct entrance *e = &s->entrances[s->n_entrances];
	int error;

	*e = (struct entrance){ .service = s, .frontend = str_dup(str_of(frontend->name)) };
	e->listeners = xcalloc(s->n_workers, sizeof(*e->listeners));
	error = b->addr.len ? listener_start_all(e->listeners, workers, s->n_workers, &b->addr,
						 on_accept, e)
			    : -EDESTADDRREQ;
	s->n_entrances++;
	if (error)
		fprintf(stderr,
			"[ALERT]    (%d) : Starting frontend %s: cannot bind socket (%s) [%s]\n",
			getpid(), frontend->name, strerror(-error), b->text);
	else
		log_line(LOG_INFO, "frontend open name=%s address=%s", frontend->name, b->text);
	return error == 0;
}

/* Frontends of MQTT; `mode http` is for statistics, which are not served yet. */
static bool
is_carried(const struct proxy *p)
{
	return p->kind & PROXY_FRONTEND && p->mode == PROXY_TCP && !p->disabled;
}

static size_t
count_binds(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_proxies; i++)
		n += is_carried(t->proxies[i]) ? t->proxies[i]->n_binds : 0;
	return n;
}

struct proxy_service *
proxy_service_open(const struct world *world, struct worker **workers, unsigned n_workers)
{
	const struct topology *t = &world->topology;
	struct proxy_service *s = xcalloc(1, sizeof(*s));
	bool ok = true;

	s->n_workers = n_workers;
	s->carriers = xcalloc(n_workers, sizeof(*s->carriers));
	for (unsigned i = 0; i < n_workers; i++)
		carrier_init(&s->carriers[i], workers[i]);
	s->entrances = xcalloc(count_binds(t) + 1, sizeof(*s->entrances));
	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; is_carried(t->proxies[i]) && j < t->proxies[i]->n_binds; j++)
			ok &= open_bind(s, t->proxies[i], &t->proxies[i]->binds[j], workers);
	if (ok)
		return s;
	proxy_service_free(s);
	return NULL;
}

void
proxy_service_stop(struct proxy_service *s, struct worker *w)
{
	for (size_t i = 0; i < s->n_entrances; i++)
		if (s->entrances[i].listeners[w->index].worker)
			listener_stop(&s->entrances[i].listeners[w->index]);
	carrier_fini(&s->carriers[w->index]);
}

void
proxy_service_free(struct proxy_service *s)
{
	for (size_t i = 0; i < s->n_entrances; i++) {
		free(s->entrances[i].listeners);
		free(s->entrances[i].frontend);
	}
	free(s->entrances);
	free(s->carriers);
	free(s);
}
