/* The pool is told, then the book of statistics, then whoever carries sessions there. */
#include "agent/engine/operations.h"

#include <string.h>

#include "agent/engine/statistics.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"

struct target_server
operations_find(const struct operations *o, struct str backend, struct str server)
{
	struct world *w = o->world(o->arg);
	struct target_server t = { .backend = topology_backend(&w->topology, backend) };

	if (!t.backend)
		return t;
	t.pool = w->pools[t.backend->index];
	t.server = proxy_server(t.backend, server);
	return t;
}

/* Back in service: as its checks saw it last. Out of maintenance it begins as a new one does. */
static enum server_status
ready_status(const struct operations *o, const struct server *s, enum server_status before)
{
	const struct server *checked = s->tracked ? s->tracked : s;
	struct health_view v;

	if (before == SERVER_MAINT && !s->tracked)
		return SERVER_UP;
	if (!o->check(o->arg, checked->backend, checked->index, &v) || v.health >= v.rise)
		return SERVER_UP;
	return SERVER_DOWN;
}

static void
set_one(const struct operations *o, const struct server *s, enum operator_state to)
{
	static const char *const names[] = { "ready", "drain", "maint" };
	struct pool *pool = o->world(o->arg)->pools[s->backend->index];
	struct server_report now = pool_server(pool, s->index);
	enum server_status status = to == OPERATOR_MAINT   ? SERVER_MAINT
				    : to == OPERATOR_DRAIN ? SERVER_DRAIN
							   : ready_status(o, s, now.status);

	statistics_drained(o->statistics, s, to == OPERATOR_DRAIN);
	if (pool_set_state(pool, s->index, status, now.weight)) {
		log_line(LOG_WARNING,
			 "server changed backend=%s server=%s state=%s weight=%u "
			 "by=operator asked=%s",
			 s->backend->name, s->name,
			 server_status_name(pool_server(pool, s->index).status), now.weight,
			 names[to]);
		o->changed(o->arg, s->backend, s->index, status);
	}
	statistics_look(o, worker_now());
}

static bool
follows(const struct server *s, const struct server *leader)
{
	for (int i = 0; s->tracked && i < 64; i++) {
		s = s->tracked;
		if (s == leader)
			return true;
	}
	return false;
}

void
operations_set_state(const struct operations *o, const struct target_server *t,
		     enum operator_state to)
{
	const struct topology *topology = &o->world(o->arg)->topology;

	set_one(o, t->server, to);
	for (size_t i = 0; i < topology->n_proxies; i++)
		for (size_t j = 0; j < topology->proxies[i]->n_servers; j++)
			if (follows(topology->proxies[i]->servers[j], t->server))
				set_one(o, topology->proxies[i]->servers[j], to);
}

bool
operations_set_health(const struct operations *o, const struct target_server *t,
		      enum server_status to)
{
	struct server_report now = pool_server(t->pool, t->server->index);

	if (t->server->tracked)
		return false;
	if (!o->force(o->arg, t->backend, t->server->index, to) && now.status != SERVER_MAINT &&
	    pool_set_state(t->pool, t->server->index, to, now.weight))
		o->changed(o->arg, t->backend, t->server->index, to);
	statistics_look(o, worker_now());
	return true;
}

void
operations_set_weight(const struct operations *o, const struct target_server *t, uint16_t weight)
{
	struct server_report now = pool_server(t->pool, t->server->index);
	struct server_facts f;
	enum server_status status;

	statistics_server(o, t->server, &f);
	/* Drained by its weight of 0 alone, and not by anybody's word. */
	status = now.status == SERVER_DRAIN && now.weight == 0 && !(f.admin & ADMIN_DRAIN) &&
				 f.shown == SHOWN_RUNNING
			 ? SERVER_UP
			 : now.status;
	if (pool_set_state(t->pool, t->server->index, status, weight))
		o->changed(o->arg, t->backend, t->server->index,
			   pool_server(t->pool, t->server->index).status);
	statistics_look(o, worker_now());
}
