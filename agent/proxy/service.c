/* The carriers, one a worker, and what they are told. Entrances and plans have their own files. */
#include "agent/proxy/service.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/engine/data_path.h"
#include "agent/proxy/entrance.h"
#include "agent/proxy/session.h"

/* ---- start ---------------------------------------------------------------------------------- */

bool
proxy_service_listens(const struct world *world)
{
	const struct topology *t = &world->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		if (entrance_serves(t->proxies[i]) && t->proxies[i]->n_binds)
			return true;
	return false;
}

struct proxy_service *
proxy_service_open(const struct world *world, struct worker **workers, unsigned n_workers,
		   const struct proxy_stand *stand, struct report *r)
{
	struct proxy_service *s = xcalloc(1, sizeof(*s));
	struct proxy_plan *plan;

	s->n_workers = n_workers;
	s->workers = workers;
	s->process = world->data_path->process;
	s->stand = stand;
	s->accepts = xcalloc(n_workers, sizeof(*s->accepts));
	for (unsigned i = 0; i < n_workers; i++)
		s->accepts[i] = !stand;
	s->carriers = xcalloc(n_workers, sizeof(*s->carriers));
	for (unsigned i = 0; i < n_workers; i++)
		carrier_init(&s->carriers[i], workers[i]);
	if (!proxy_service_listens(world))
		report_cfg(r, FINDING_ALERT,
			   "No enabled listener found (check for 'bind' directives) ! Exiting.");
	plan = proxy_service_plan(s, world, r);
	if (!plan || r->n_alerts) {
		if (plan)
			proxy_plan_free(plan);
		proxy_service_free(s);
		return NULL;
	}
	proxy_service_commit(s, plan, world);
	for (unsigned i = 0; i < n_workers; i++)
		proxy_plan_enter(plan, workers[i]);
	return s;
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

/* ---- servers that go down ------------------------------------------------------------------- */

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

void
proxy_service_end_sessions(struct proxy_service *s, const struct server *server)
{
	tell_carriers(s, server, true);
}

struct carrier *
proxy_service_carrier(struct proxy_service *s, unsigned worker)
{
	return &s->carriers[worker];
}

/* ---- stop ----------------------------------------------------------------------------------- */

uint32_t
proxy_service_sessions(const struct proxy_service *s)
{
	return atomic_load(&s->process->n_sessions);
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
	for (size_t i = 0; i < s->n_entrances; i++)
		entrance_free(s->entrances[i]);
	free(s->entrances);
	free(s->accepts);
	free(s->carriers);
	free(s);
}
