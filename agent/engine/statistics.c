/*
 * The book has a page for every backend and every server that was ever seen, under "backend" and
 * "backend/server". A page says how its subject was at the last look; the look itself compares.
 */
#include "agent/engine/statistics.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/engine/statistics_book.h"

struct statistics {
	struct map pages;	/* struct page, by name */
	struct page *first;	/* owned */
	struct cpu_sample last; /* of the process */
};

struct statistics *
statistics_new(void)
{
	struct statistics *s = xcalloc(1, sizeof(*s));

	map_init(&s->pages);
	return s;
}

void
statistics_free(struct statistics *s)
{
	for (struct page *p = s->first, *next; p; p = next) {
		next = p->next;
		free(p->name);
		free(p);
	}
	map_fini(&s->pages);
	free(s);
}

struct page *
statistics_page(struct statistics *s, const char *backend, const char *server)
{
	char name[512];
	struct page *p;

	snprintf(name, sizeof(name), "%s%s%s", backend, server ? "/" : "", server ? server : "");
	p = map_get(&s->pages, str_of(name));
	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->name = str_dup(str_of(name));
	p->next = s->first;
	s->first = p;
	map_add(&s->pages, str_of(p->name), p);
	return p;
}

struct cpu_sample *
statistics_cpu(struct statistics *s)
{
	return &s->last;
}

static struct page *
page_of(struct statistics *s, const struct server *server)
{
	return statistics_page(s, server->backend->name, server->name);
}

void
statistics_drained(struct statistics *s, const struct server *server, bool drained)
{
	page_of(s, server)->drained = drained;
}

/* ---- one server ------------------------------------------------------------------------------ */

static const struct server *
end_of_chain(const struct server *server)
{
	const struct server *at = server->tracked;

	/* The file's check has no rings in it; this bound is for those it may miss. */
	for (int i = 0; at && at->tracked && i < 64; i++)
		at = at->tracked;
	return at;
}

static enum server_status
status_of(const struct world *w, const struct server *server)
{
	return pool_server(w->pools[server->backend->index], server->index).status;
}

static unsigned
admin_of(const struct operations *o, const struct server_facts *f)
{
	const struct world *w = o->world(o->arg);
	const struct page *page = page_of(o->statistics, f->server);
	bool follows = f->tracked && status_of(w, f->tracked) == f->report.status;
	unsigned admin = (f->addr.len == 0 ? ADMIN_UNRESOLVED : 0) |
			 (f->server->disabled ? ADMIN_MAINT_CONFIGURED : 0);

	if (f->report.status == SERVER_MAINT && follows)
		admin |= ADMIN_MAINT_INHERITED;
	else if (f->report.status == SERVER_MAINT)
		admin |= ADMIN_MAINT;
	if (f->report.status == SERVER_DRAIN && page->drained)
		admin |= follows ? ADMIN_DRAIN_INHERITED : ADMIN_DRAIN;
	return admin;
}

static enum server_shown
shown_as(const struct server_facts *f)
{
	enum server_status status = f->report.status;

	if (f->admin & (ADMIN_MAINT | ADMIN_MAINT_INHERITED | ADMIN_UNRESOLVED) ||
	    status == SERVER_DOWN)
		return SHOWN_STOPPED;
	if (status != SERVER_DRAIN || !f->has_view)
		return SHOWN_RUNNING;
	if (f->view.health < f->view.rise)
		return SHOWN_STOPPED;
	return f->view.answer.status == HEALTH_L7OKC ? SHOWN_STOPPING : SHOWN_RUNNING;
}

void
statistics_server(const struct operations *o, const struct server *server, struct server_facts *f)
{
	const struct world *w = o->world(o->arg);
	struct pool *pool = w->pools[server->backend->index];
	const struct page *page = page_of(o->statistics, server);
	const struct server *checked;

	*f = (struct server_facts){
		.server = server,
		.tracked = end_of_chain(server),
		.report = pool_server(pool, server->index),
		.changed_at = page->changed_at,
		.down_ms = page->down_ms,
		.n_down = page->n_down,
		.load = pool_load(pool, server->index),
	};
	checked = f->tracked ? f->tracked : server;
	(void)pool_addr(pool, server->index, &f->addr);
	f->has_view = o->check(o->arg, checked->backend, checked->index, &f->view);
	f->admin = admin_of(o, f);
	f->shown = shown_as(f);
}

/* ---- the look -------------------------------------------------------------------------------- */

/* `how` is any number that is another when the subject is shown otherwise. */
static void
turn_page(struct page *p, unsigned how, bool is_down, int64_t now_ms)
{
	if (!p->is_known) {
		*p = (struct page){ .next = p->next, .name = p->name, .drained = p->drained };
		p->is_known = true;
		p->changed_at = now_ms;
	} else if (p->how == how) {
		return;
	} else {
		p->n_down += is_down && !p->is_down;
		p->down_ms += p->is_down ? now_ms - p->changed_at : 0;
		p->changed_at = now_ms;
	}
	p->how = how;
	p->is_down = is_down;
}

static void
look_at_server(const struct operations *o, const struct server *server, int64_t now_ms)
{
	struct server_facts f;
	struct page *page = page_of(o->statistics, server);

	statistics_server(o, server, &f);
	turn_page(page, f.admin << 2 | f.shown, f.shown == SHOWN_STOPPED, now_ms);
}

static void
look_at_backend(const struct operations *o, const struct proxy *p, int64_t now_ms)
{
	struct backend_sum sum;
	struct page *page = statistics_page(o->statistics, p->name, NULL);

	for (size_t i = 0; i < p->n_servers; i++)
		look_at_server(o, p->servers[i], now_ms);
	sum = statistics_backend_sum(o, p);
	turn_page(page, sum.is_up, !sum.is_up, now_ms);
}

void
statistics_look(const struct operations *o, int64_t now_ms)
{
	const struct world *w = o->world(o->arg);

	for (size_t i = 0; i < w->topology.n_proxies; i++)
		if (w->pools[i])
			look_at_backend(o, w->topology.proxies[i], now_ms);
	statistics_sample(o, now_ms);
}

/* ---- sums ------------------------------------------------------------------------------------ */

struct backend_sum
statistics_backend_sum(const struct operations *o, const struct proxy *p)
{
	struct pool *pool = o->world(o->arg)->pools[p->index];
	uint32_t active = 0, backup = 0, first_backup = 0;
	struct backend_sum sum = { 0 };
	struct addr a;

	for (unsigned i = 0; i < p->n_servers; i++) {
		struct server_report r = pool_server(pool, i);

		if (r.status != SERVER_UP || r.weight == 0 || !pool_addr(pool, i, &a))
			continue;
		if (!p->servers[i]->backup) {
			sum.n_active++;
			active += r.weight;
		} else {
			first_backup = sum.n_backup++ ? first_backup : r.weight;
			backup += r.weight;
		}
	}
	sum.weight = active ? active : p->options & OPTION_ALLBACKUPS ? backup : first_backup;
	sum.is_up = p->n_servers == 0 || sum.weight > 0;
	return sum;
}
