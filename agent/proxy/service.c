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
#include "agent/engine/data_path.h"
#include "agent/io/log.h"
#include "agent/proxy/limits.h"
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
	const struct frontend_load *process; /* the engine's */
	_Atomic uint32_t max_sessions;
};

/* Frontends of MQTT; `mode http` is for statistics, which are not served yet. */
static bool
is_carried(const struct proxy *p)
{
	return p->kind & PROXY_FRONTEND && p->mode == PROXY_TCP && !p->disabled;
}

/* The frontend as the worker's present world has it; NULL: gone with a reload. */
static const struct proxy *
find_frontend(const struct world *world, const struct entrance *e)
{
	const struct proxy *p = topology_frontend(&world->topology, str_of(e->frontend));

	return p && is_carried(p) ? p : NULL;
}

/* Nobody is turned away for being too many: who does not fit waits in the backlog. */
static bool
may_accept(struct worker *w, void *arg)
{
	const struct entrance *e = arg;
	const struct world *world = w->world;
	const struct topology *t = &world->topology;
	const struct proxy *p = find_frontend(world, e);
	const struct frontend_load *process = world->data_path->process, *front;
	uint32_t session_rate;
	int64_t now = worker_ms(w);

	if (!p)
		return true;
	front = world->data_path->fronts[p->index];
	session_rate = p->rate_limit_sessions ? rate_meter_read(&front->rate, now) : 0;
	if ((p->maxconn && atomic_load(&front->n_sessions) >= p->maxconn) ||
	    atomic_load(&process->n_sessions) >= atomic_load(&e->service->max_sessions) ||
	    (p->rate_limit_sessions && session_rate >= p->rate_limit_sessions))
		return false;
	return (!t->maxconnrate || rate_meter_read(&process->rate, now) < t->maxconnrate) &&
	       (!t->maxsessrate || rate_meter_read(&process->rate, now) < t->maxsessrate);
}

static void
on_accept(struct worker *w, int fd, void *arg)
{
	struct entrance *e = arg;
	const struct proxy *frontend = find_frontend(w->world, e);

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
	for (unsigned i = 0; !error && i < s->n_workers; i++)
		e->listeners[i].may_accept = may_accept;
	if (error)
		fprintf(stderr,
			"[ALERT]    (%d) : Starting frontend %s: cannot bind socket (%s) [%s]\n",
			getpid(), frontend->name, strerror(-error), b->text);
	else
		log_line(LOG_INFO, "frontend open name=%s address=%s", frontend->name, b->text);
	return error == 0;
}

static size_t
count_binds(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_proxies; i++)
		n += is_carried(t->proxies[i]) ? t->proxies[i]->n_binds : 0;
	return n;
}

bool
proxy_service_listens(const struct world *world)
{
	return count_binds(&world->topology) > 0;
}

struct proxy_service *
proxy_service_open(const struct world *world, struct worker **workers, unsigned n_workers)
{
	const struct topology *t = &world->topology;
	struct proxy_service *s = xcalloc(1, sizeof(*s));
	bool ok = proxy_service_listens(world);

	if (!ok)
		fprintf(stderr,
			"[ALERT]    (%d) : No enabled listener found (check for 'bind' "
			"directives) ! Exiting.\n",
			getpid());

	s->n_workers = n_workers;
	s->process = world->data_path->process;
	atomic_init(&s->max_sessions, limits_sessions(world));
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
proxy_service_observe(struct proxy_service *s,
		      void (*note)(void *arg, const struct server *server, bool ok), void *arg)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		s->carriers[i].note_connect = note;
		s->carriers[i].note_arg = arg;
	}
}

void
proxy_service_set_world(struct proxy_service *s, const struct world *world)
{
	atomic_store(&s->max_sessions, limits_sessions(world));
}

/* What a carrier is told of a server that went down, or of a backup that is not needed any more. */
struct server_down {
	struct carrier *carrier;
	bool shutdown;
	char *backend, *server; /* owned */
};

static void
take_server_down(void *arg)
{
	struct server_down *d = arg;

	carrier_server_down(d->carrier, str_of(d->backend), str_of(d->server), d->shutdown);
	free(d->backend);
	free(d->server);
	free(d);
}

static void
tell_carriers(struct proxy_service *s, const struct server *server, bool shutdown)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct server_down *d = xmalloc(sizeof(*d));

		*d = (struct server_down){
			.carrier = &s->carriers[i],
			.shutdown = shutdown,
			.backend = str_dup(str_of(server->backend->name)),
			.server = str_dup(str_of(server->name)),
		};
		inbox_send(&s->carriers[i].worker->inbox, take_server_down, d);
	}
}

void
proxy_service_server_changed(void *service, const struct world *w, const struct proxy *backend,
			     unsigned index, enum server_status now)
{
	const struct server *server = backend->servers[index];

	if (now == SERVER_DOWN)
		tell_carriers(service, server, server->on_down == MARK_SHUTDOWN_SESSIONS);
	if (now != SERVER_UP || server->on_up != MARK_SHUTDOWN_BACKUP_SESSIONS)
		return;
	for (size_t i = 0; i < backend->n_servers; i++)
		if (backend->servers[i]->backup)
			tell_carriers(service, backend->servers[i], true);
}

uint32_t
proxy_service_sessions(const struct proxy_service *s)
{
	return atomic_load(&s->process->n_sessions);
}

void
proxy_service_close(struct proxy_service *s, struct worker *w)
{
	for (size_t i = 0; i < s->n_entrances; i++) {
		struct listener *l = &s->entrances[i].listeners[w->index];

		if (l->worker)
			listener_stop(l);
		l->worker = NULL;
	}
}

void
proxy_service_stop(struct proxy_service *s, struct worker *w)
{
	proxy_service_close(s, w);
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
