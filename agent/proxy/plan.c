/*
 * A reload compares addresses, opens what is new while nothing has changed yet, and hands each
 * worker its part: what goes is emptied and closed in the old world, what comes is opened in the
 * new one, between two events.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/io/log.h"
#include "agent/io/sock_diag.h"
#include "agent/proxy/entrance.h"
#include "agent/proxy/limits.h"

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
	const char *what =
		error == -EADDRINUSE
			? "another user's socket is bound there, or one that shares with nobody"
		: error == -EPERM ? "making sockets for another user takes CAP_CHOWN"
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
		struct entrance *e = entrance_new(s, frontend, b);

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
	struct entrance *e = entrance_find(s, &b->addr);

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
		if (entrance_serves(t->proxies[i]) && entrance_bind(t->proxies[i], a))
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
		entrance_free(c->entrance);
	}
}

void
proxy_plan_free(struct proxy_plan *plan)
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
		for (size_t j = 0; entrance_serves(t->proxies[i]) && j < t->proxies[i]->n_binds;
		     j++)
			plan_bind(s, plan, t->proxies[i], &t->proxies[i]->binds[j], r);
	for (size_t i = 0; i < s->n_entrances; i++)
		if (!has_bind(t, &s->entrances[i]->addr))
			add_change(plan, s->entrances[i], CHANGE_CLOSE);
	if (r->n_alerts == alerts)
		return plan;
	undo(s, plan);
	proxy_plan_free(plan);
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
			door_close(&plan->changes[i].entrance->doors[w->index]);
}

/* The last worker to come is the last that knew the entrances that are gone. */
static void
end_plan(struct proxy_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->changes[i].kind == CHANGE_CLOSE)
			entrance_free(plan->changes[i].entrance);
	proxy_plan_free(plan);
}

void
proxy_plan_enter(struct proxy_plan *plan, struct worker *w)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct change *c = &plan->changes[i];
		struct door *d = &c->entrance->doors[w->index];

		if (c->kind == CHANGE_OPEN) {
			door_open(d, w, c->fds[w->index]);
		} else if (c->kind == CHANGE_RENAME) {
			free(d->frontend);
			d->frontend = str_dup(str_of(c->frontend));
		}
	}
	if (atomic_fetch_sub(&plan->refs, 1) == 1)
		end_plan(plan);
}
