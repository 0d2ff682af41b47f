/*
 * An entrance is one address, with a socket on each worker. Its sockets know their frontend by
 * name: each client is carried by the newest world, and an address that stays is never closed,
 * whichever frontend has it.
 *
 * A reload compares addresses, opens what is new while nothing has changed yet, and hands each
 * worker its part: what goes is emptied and closed in the old world, what comes is opened in the
 * new one, between two events.
 */
#include "agent/proxy/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/engine/counters.h"
#include "agent/engine/data_path.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/io/sock_diag.h"
#include "agent/proxy/limits.h"
#include "agent/proxy/session.h"

/* An entrance's part on one worker; that worker's alone. */
struct door {
	struct entrance *entrance;
	struct listener listener; /* worker NULL: not open */
	char *frontend;		  /* owned; its name */
};

/* One address, on all workers. */
struct entrance {
	struct proxy_service *service;
	struct addr addr;
	char *text;	    /* owned; as written */
	char *frontend;	    /* owned; the main thread's copy */
	struct door *doors; /* owned; one a worker */
	struct own_socket { /* the main thread's copy */
		int fd;	    /* the door's */
		uint64_t inode;
	} * sockets; /* owned; one a worker */
};

struct proxy_service {
	struct carrier *carriers;    /* owned; one a worker */
	struct worker **workers;     /* the process's */
	struct entrance **entrances; /* owned, and so is each; the main thread's */
	size_t n_entrances;
	unsigned n_workers;
	const struct frontend_load *process; /* the engine's */
	_Atomic uint32_t max_sessions;
	const struct proxy_stand *stand; /* NULL: every socket listens, always */
	bool listens;			 /* the main thread's word */
	bool *accepts; /* owned; one a worker, which writes its own: what it was told last */
};

/* Frontends of MQTT. */
static bool
is_carried(const struct proxy *p)
{
	return p->kind & PROXY_FRONTEND && proxy_is_carried(p);
}

/* ---- accepting ------------------------------------------------------------------------------ */

/* The frontend as the worker's present world has it; NULL: gone with a reload. */
static const struct proxy *
find_frontend(const struct world *world, const struct door *d)
{
	const struct proxy *p = topology_frontend(&world->topology, str_of(d->frontend));

	return p && is_carried(p) ? p : NULL;
}

static const struct bind *
find_bind(const struct proxy *p, const struct addr *a)
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
	if (!may_shake_hands(w, find_bind(p, &d->entrance->addr)))
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
	const struct bind *bind = frontend ? find_bind(frontend, &d->entrance->addr) : NULL;

	if (bind)
		session_start(&d->entrance->service->carriers[w->index], frontend, bind, fd);
	else
		close(fd);
}

static void
open_door(struct door *d, struct worker *w, int fd)
{
	listener_start(&d->listener, w, fd, on_accept, d);
	d->listener.may_accept = may_accept;
	if (!d->entrance->service->accepts[w->index])
		listener_pause(&d->listener);
}

static void
close_door(struct door *d)
{
	if (!d->listener.worker)
		return;
	listener_drain(&d->listener);
	listener_stop(&d->listener);
	d->listener.worker = NULL;
}

/* ---- entrances ------------------------------------------------------------------------------ */

static struct entrance *
new_entrance(struct proxy_service *s, const struct proxy *frontend, const struct bind *b)
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

static void
free_entrance(struct entrance *e)
{
	for (unsigned i = 0; i < e->service->n_workers; i++)
		free(e->doors[i].frontend);
	free(e->doors);
	free(e->sockets);
	free(e->frontend);
	free(e->text);
	free(e);
}

static struct entrance *
find_entrance(const struct proxy_service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->n_entrances; i++) {
		struct entrance *e = s->entrances[i];

		if (e->addr.len == a->len && memcmp(&e->addr.sa, &a->sa, a->len) == 0)
			return e;
	}
	return NULL;
}

/* ---- a plan --------------------------------------------------------------------------------- */

/* What becomes of one entrance. */
struct change {
	struct entrance *entrance;
	enum { CHANGE_OPEN, CHANGE_CLOSE, CHANGE_RENAME } kind;
	int *fds;	/* owned; OPEN: a socket for each worker, which takes its own */
	char *frontend; /* owned; RENAME: whose it is now */
};

struct proxy_plan {
	_Atomic unsigned refs;	/* workers that have not had their part yet */
	struct change *changes; /* owned */
	size_t n;
};

static struct change *
add_change(struct proxy_plan *plan, struct entrance *e, int kind)
{
	ARRAY_GROW(plan->changes, plan->n);
	plan->changes[plan->n] = (struct change){ .entrance = e, .kind = kind };
	return &plan->changes[plan->n++];
}

static int
open_sockets(const struct proxy_service *s, int *fds, const struct addr *a)
{
	int error;

	if (a->len == 0)
		return -EDESTADDRREQ;
	if (!s->stand)
		return listener_bind_all(fds, s->n_workers, a);
	error = listener_stand_all(fds, s->n_workers, a, s->stand->uid);
	if (error || !s->listens)
		return error;
	for (unsigned i = 0; !error && i < s->n_workers; i++)
		error = listener_listen(fds[i]);
	for (unsigned i = 0; error && i < s->n_workers; i++)
		close(fds[i]);
	return error;
}

static void
refuse_stand(const struct proxy_service *s, const struct bind *b, int error, struct report *r)
{
	const char *what = error == -EADDRINUSE ? "another user's socket is bound there"
			   : error == -EPERM	? "making sockets for another user takes CAP_CHOWN"
						: strerror(-error);

	report_cfg(
		r, FINDING_ALERT,
		"usher cannot stand by on [%s] with sockets of user id %u: %s. HAProxy might not "
		"come back; see docs/run.md, \"Whose sockets\".",
		b->text, (unsigned)s->stand->uid, what);
}

/* The new address is opened at once: nothing has changed yet, should that fail. */
static void
plan_open(struct proxy_service *s, struct proxy_plan *plan, const struct proxy *frontend,
	  const struct bind *b, struct report *r)
{
	int *fds = xcalloc(s->n_workers, sizeof(*fds));
	int error = open_sockets(s, fds, &b->addr);

	if (!error) {
		struct entrance *e = new_entrance(s, frontend, b);

		for (unsigned i = 0; i < s->n_workers; i++)
			e->sockets[i] = (struct own_socket){ fds[i], sock_inode(fds[i]) };
		add_change(plan, e, CHANGE_OPEN)->fds = fds;
		return;
	}
	free(fds);
	if (s->stand) {
		refuse_stand(s, b, error, r);
		return;
	}
	report_cfg(r, FINDING_ALERT, "Starting frontend %s: cannot bind socket (%s) [%s]",
		   frontend->name, strerror(-error), b->text);
}

static void
plan_bind(struct proxy_service *s, struct proxy_plan *plan, const struct proxy *frontend,
	  const struct bind *b, struct report *r)
{
	struct entrance *e = find_entrance(s, &b->addr);

	if (s->stand && b->addr.sa.sa_family == AF_UNIX)
		report_cfg(r, FINDING_WARNING,
			   "frontend %s : [%s] is HAProxy's alone: usher run does not stand in for "
			   "it on UNIX sockets.",
			   frontend->name, b->text);
	else if (!e)
		plan_open(s, plan, frontend, b, r);
	else if (strcmp(e->frontend, frontend->name) != 0)
		add_change(plan, e, CHANGE_RENAME)->frontend = str_dup(str_of(frontend->name));
}

static bool
has_bind(const struct topology *t, const struct addr *a)
{
	for (size_t i = 0; i < t->n_proxies; i++)
		if (is_carried(t->proxies[i]) && find_bind(t->proxies[i], a))
			return true;
	return false;
}

/* Nobody took it: what was opened for it is closed again. */
static void
undo(struct proxy_service *s, struct proxy_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct change *c = &plan->changes[i];

		if (c->kind != CHANGE_OPEN)
			continue;
		for (unsigned w = 0; w < s->n_workers; w++)
			close(c->fds[w]);
		free_entrance(c->entrance);
	}
}

static void
free_plan(struct proxy_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->changes[i].fds);
		free(plan->changes[i].frontend);
	}
	free(plan->changes);
	free(plan);
}

struct proxy_plan *
proxy_service_plan(struct proxy_service *s, const struct world *world, struct report *r)
{
	const struct topology *t = &world->topology;
	struct proxy_plan *plan = xcalloc(1, sizeof(*plan));
	size_t alerts = r->n_alerts;

	atomic_init(&plan->refs, s->n_workers);
	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; is_carried(t->proxies[i]) && j < t->proxies[i]->n_binds; j++)
			plan_bind(s, plan, t->proxies[i], &t->proxies[i]->binds[j], r);
	for (size_t i = 0; i < s->n_entrances; i++)
		if (!has_bind(t, &s->entrances[i]->addr))
			add_change(plan, s->entrances[i], CHANGE_CLOSE);
	if (r->n_alerts == alerts)
		return plan;
	undo(s, plan);
	free_plan(plan);
	return NULL;
}

static void
forget_entrance(struct proxy_service *s, const struct entrance *e)
{
	size_t i = 0;

	while (s->entrances[i] != e)
		i++;
	s->entrances[i] = s->entrances[--s->n_entrances];
}

void
proxy_service_commit(struct proxy_service *s, struct proxy_plan *plan, const struct world *world)
{
	atomic_store(&s->max_sessions, limits_sessions(world));
	for (size_t i = 0; i < plan->n; i++) {
		struct change *c = &plan->changes[i];
		struct entrance *e = c->entrance;

		if (c->kind == CHANGE_CLOSE) {
			forget_entrance(s, e);
			log_line(LOG_INFO, "frontend closed name=%s address=%s", e->frontend,
				 e->text);
		} else if (c->kind == CHANGE_OPEN) {
			ARRAY_GROW(s->entrances, s->n_entrances);
			s->entrances[s->n_entrances++] = e;
			log_line(LOG_INFO, "frontend open name=%s address=%s", e->frontend,
				 e->text);
		} else {
			free(e->frontend);
			e->frontend = str_dup(str_of(c->frontend));
		}
	}
}

void
proxy_plan_leave(struct proxy_plan *plan, struct worker *w)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->changes[i].kind == CHANGE_CLOSE)
			close_door(&plan->changes[i].entrance->doors[w->index]);
}

/* The last worker to come is the last that knew the entrances that are gone. */
static void
end_plan(struct proxy_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->changes[i].kind == CHANGE_CLOSE)
			free_entrance(plan->changes[i].entrance);
	free_plan(plan);
}

void
proxy_plan_enter(struct proxy_plan *plan, struct worker *w)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct change *c = &plan->changes[i];
		struct door *d = &c->entrance->doors[w->index];

		if (c->kind == CHANGE_OPEN) {
			open_door(d, w, c->fds[w->index]);
		} else if (c->kind == CHANGE_RENAME) {
			free(d->frontend);
			d->frontend = str_dup(str_of(c->frontend));
		}
	}
	if (atomic_fetch_sub(&plan->refs, 1) == 1)
		end_plan(plan);
}

/* ---- start ---------------------------------------------------------------------------------- */

bool
proxy_service_listens(const struct world *world)
{
	const struct topology *t = &world->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		if (is_carried(t->proxies[i]) && t->proxies[i]->n_binds)
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
			free_plan(plan);
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
proxy_service_close(struct proxy_service *s, struct worker *w)
{
	for (size_t i = 0; i < s->n_entrances; i++)
		close_door(&s->entrances[i]->doors[w->index]);
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
		free_entrance(s->entrances[i]);
	free(s->entrances);
	free(s->accepts);
	free(s->carriers);
	free(s);
}
