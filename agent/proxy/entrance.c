/* Who comes in, and when: while usher stands by, doors are open without anybody behind them. */
#include "agent/proxy/entrance.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/engine/counters.h"
#include "agent/engine/data_path.h"
#include "agent/io/log.h"
#include "agent/io/sock_diag.h"
#include "agent/proxy/session.h"

bool
entrance_serves(const struct proxy *p)
{
	return p->kind & PROXY_FRONTEND && proxy_is_carried(p);
}

/* ---- accepting ------------------------------------------------------------------------------ */

/* The frontend as the worker's present world has it; NULL: gone with a reload. */
static const struct proxy *
find_frontend(const struct world *world, const struct door *d)
{
	const struct proxy *p = topology_frontend(&world->topology, str_of(d->frontend));

	return p && entrance_serves(p) ? p : NULL;
}

const struct bind *
entrance_bind(const struct proxy *p, const struct addr *a)
{
	for (size_t i = 0; i < p->n_binds; i++)
		if (p->binds[i].addr.len == a->len &&
		    memcmp(&p->binds[i].addr.sa, &a->sa, a->len) == 0)
			return &p->binds[i];
	return NULL;
}

/*
 * Clients in TLS come in as far as those before them get done. The oldest is not ended instead: in
 * a storm of our own clients its work would be for nothing, and so would that of the next.
 */
static bool
may_shake_hands(struct worker *w, const struct bind *b)
{
	const struct world *world = w->world;
	const struct frontend_load *process = world->data_path->process;

	if (!b || !b->ssl || atomic_load(&process->n_handshakes) < world->policy.max_handshakes)
		return true;
	counters_add(w->counters, COUNTER_HANDSHAKES_WAITED);
	return false;
}

/* Nobody is turned away for being too many: who does not fit waits in the backlog. */
static bool
may_accept(struct worker *w, void *arg)
{
	const struct door *d = arg;
	const struct world *world = w->world;
	const struct topology *t = &world->topology;
	const struct proxy *p = find_frontend(world, d);
	const struct frontend_load *process = world->data_path->process, *front;
	int64_t now = worker_ms(w);

	if (!p)
		return true;
	front = world->data_path->fronts[p->index];
	if (atomic_load(&process->n_sessions) >= atomic_load(&d->entrance->service->max_sessions))
		return false;
	if (p->maxconn && atomic_load(&front->n_sessions) >= p->maxconn)
		return false;
	if (p->rate_limit_sessions && rate_meter_read(&front->rate, now) >= p->rate_limit_sessions)
		return false;
	if (!may_shake_hands(w, entrance_bind(p, &d->entrance->addr)))
		return false;
	return (!t->maxconnrate ||
		rate_meter_read(&process->connection_rate, now) < t->maxconnrate) &&
	       (!t->maxsessrate || rate_meter_read(&process->rate, now) < t->maxsessrate);
}

static void
on_accept(struct worker *w, int fd, void *arg)
{
	struct door *d = arg;
	const struct proxy *frontend = find_frontend(w->world, d);
	const struct bind *bind = frontend ? entrance_bind(frontend, &d->entrance->addr) : NULL;

	if (bind)
		session_start(&d->entrance->service->carriers[w->index], frontend, bind, fd);
	else
		close(fd);
}

void
door_open(struct door *d, struct worker *w, int fd)
{
	listener_start(&d->listener, w, fd, on_accept, d);
	d->listener.may_accept = may_accept;
	if (!d->entrance->service->accepts[w->index])
		listener_pause(&d->listener);
}

void
door_close(struct door *d)
{
	if (!d->listener.worker)
		return;
	listener_drain(&d->listener);
	listener_stop(&d->listener);
	d->listener.worker = NULL;
}

/* ---- entrances ------------------------------------------------------------------------------ */

struct entrance *
entrance_new(struct proxy_service *s, const struct proxy *frontend, const struct bind *b)
{
	struct entrance *e = xcalloc(1, sizeof(*e));

	*e = (struct entrance){
		.service = s,
		.addr = b->addr,
		.text = str_dup(str_of(b->text)),
		.frontend = str_dup(str_of(frontend->name)),
		.doors = xcalloc(s->n_workers, sizeof(*e->doors)),
		.sockets = xcalloc(s->n_workers, sizeof(*e->sockets)),
	};
	for (unsigned i = 0; i < s->n_workers; i++) {
		e->doors[i].entrance = e;
		e->doors[i].frontend = str_dup(str_of(frontend->name));
	}
	return e;
}

void
entrance_free(struct entrance *e)
{
	for (unsigned i = 0; i < e->service->n_workers; i++)
		free(e->doors[i].frontend);
	free(e->doors);
	free(e->sockets);
	free(e->frontend);
	free(e->text);
	free(e);
}

struct entrance *
entrance_find(const struct proxy_service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_entrances; i++) {
		struct entrance *e = s->entrances[i];

		if (e->addr.len == a->len && memcmp(&e->addr.sa, &a->sa, a->len) == 0)
			return e;
	}
	return NULL;
}

/* ---- standing by ---------------------------------------------------------------------------- */

/* A worker's part of a change; its doors are there until it hears of a plan that closes them. */
struct stance {
	struct proxy_service *service;
	struct worker *worker;
	bool listens;
	size_t n;
	struct door *doors[];
};

/* Listens again where a worker that hears of two changes at once has just undone the second. */
static void
let_in(struct door *d)
{
	int error = listener_listen(d->listener.fd);

	if (error)
		log_line(LOG_ERROR, "listener failed address=%s reason=\"%s\"", d->entrance->text,
			 strerror(-error));
	listener_resume(&d->listener);
}

/* Who stands in the backlog comes in first: the kernel resets who is left. */
static void
let_nobody_in(struct door *d)
{
	listener_pause(&d->listener);
	listener_drain(&d->listener);
	listener_rest(d->listener.fd);
}

static void
take_stance(void *arg)
{
	struct stance *stance = arg;

	stance->service->accepts[stance->worker->index] = stance->listens;
	for (size_t i = 0; i < stance->n; i++) {
		if (!stance->doors[i]->listener.worker)
			continue; /* the process stops softly */
		if (stance->listens)
			let_in(stance->doors[i]);
		else
			let_nobody_in(stance->doors[i]);
	}
	free(stance);
}

static void
tell_stance(struct proxy_service *s)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct stance *stance =
			xmalloc(sizeof(*stance) + s->n_entrances * sizeof(stance->doors[0]));

		*stance = (struct stance){ s, s->workers[i], s->listens, s->n_entrances };
		for (size_t j = 0; j < s->n_entrances; j++)
			stance->doors[j] = &s->entrances[j]->doors[i];
		inbox_send(&s->workers[i]->inbox, take_stance, stance);
	}
}

int
proxy_service_listen(struct proxy_service *s)
{
	int result = 0;

	for (size_t i = 0; i < s->n_entrances; i++)
		for (unsigned w = 0; w < s->n_workers; w++) {
			int error = listener_listen(s->entrances[i]->sockets[w].fd);

			result = result ? result : error;
		}
	s->listens = true;
	tell_stance(s);
	return result;
}

void
proxy_service_rest(struct proxy_service *s)
{
	s->listens = false;
	tell_stance(s);
}

size_t
proxy_service_n_addresses(const struct proxy_service *s)
{
	return s->n_entrances;
}

const struct addr *
proxy_service_address(const struct proxy_service *s, size_t i)
{
	return &s->entrances[i]->addr;
}

bool
proxy_service_owns(const struct proxy_service *s, uint64_t inode)
{
	for (size_t i = 0; i < s->n_entrances; i++)
		for (unsigned w = 0; w < s->n_workers; w++)
			if (s->entrances[i]->sockets[w].inode == inode)
				return true;
	return false;
}

void
proxy_service_close(struct proxy_service *s, struct worker *w)
{
	for (size_t i = 0; i < s->n_entrances; i++)
		door_close(&s->entrances[i]->doors[w->index]);
}
