/*
 * Every checked server has a timer, which is due for its next check, and a check, which rests in
 * between. A world's list is made anew at each reload and takes over what the old one knew.
 *
 * The pool is where decisions look; an operator may have put a server into maintenance or drain
 * there. So after each answer its state is compared with what the score says, and only our own
 * states are replaced.
 */
#include "agent/health/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/core/base/mem.h"
#include "agent/engine/data_path.h"
#include "agent/health/checked.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"
#include "agent/tls/store.h"

struct health_checker {
	struct ev_loop *loop;
	struct world *world; /* ref */
	health_change_fn *on_change;
	void *arg;
	struct notes notes;
	struct checked **all; /* owned, and so is each; those that track stand behind theirs */
	size_t n;
	struct script *scripts; /* owned; by proxy index */
	size_t n_scripts;
	uint64_t random;
	bool is_paused;
};

const struct world *
checked_world(const struct checked *c)
{
	return c->owner->world;
}

static uint64_t
next_random(struct health_checker *h)
{
	/* xorshift64: spreads checks in time, and no more is asked of it. */
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random;
}

static struct checked *
find(struct checked *const *all, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i]->key, key) == 0)
			return all[i];
	return NULL;
}

/* ---- what follows from a score -------------------------------------------------------------- */

static enum server_status
wanted(const struct checked *c)
{
	if (c->tracked)
		return wanted(c->tracked);
	if (!rise_is_up(&c->rise))
		return SERVER_DOWN;
	return c->drains ? SERVER_DRAIN : SERVER_UP;
}

/* Maintenance, or a drain that is neither ours nor that of a weight of 0. */
static bool
is_operators(const struct checked *c, const struct server_report *now)
{
	return now->status == SERVER_MAINT ||
	       (now->status == SERVER_DRAIN && now->weight > 0 && !c->is_our_drain);
}

/* Bring the pool in line with the score. */
static void
settle(struct checked *c)
{
	const struct health_checker *h = c->owner;
	unsigned i = c->server->index;
	struct server_report now = pool_server(c->pool, i);
	enum server_status want = wanted(c);
	struct usable before = announce_count(c);

	if (is_operators(c, &now))
		return;
	c->is_our_drain = want == SERVER_DRAIN;
	if (!pool_set_state(c->pool, i, want, now.weight))
		return;
	c->view.changed_at = worker_now();
	c->view.n_down += want == SERVER_DOWN;
	announce_state(c, want, before);
	if (h->on_change)
		h->on_change(h->arg, h->world, c->server->backend, i, want);
	for (size_t k = 0; k < h->n; k++)
		if (h->all[k]->tracked == c)
			settle(h->all[k]);
}

static void
plan_next(struct checked *c)
{
	const struct check_settings *s = &c->server->checking;
	uint32_t ms = rise_spread(rise_interval(&c->rise, s),
				  c->owner->world->topology.spread_checks, next_random(c->owner));

	ev_timer_stop(c->owner->loop, &c->due);
	ev_timer_set(&c->due, ms / 1e3, 0.);
	ev_timer_start(c->owner->loop, &c->due);
}

static void
take_answer(struct checked *c, const struct health_answer *a, uint32_t ms)
{
	bool passed = health_passed(a->status);
	enum rise_change change = rise_count(&c->rise, passed);
	bool is_news = change != RISE_STILL || a->status != c->view.answer.status;

	/* A failure on the way down says nothing of draining. */
	if (passed || !rise_is_up(&c->rise))
		c->drains = a->status == HEALTH_L7OKC;
	c->view.answer = *a;
	c->view.ms = ms;
	c->view.n_failed += !passed && change != RISE_STILL;
	if (is_news && (c->server->backend->options & OPTION_LOG_HEALTH_CHECKS))
		announce_check(c);
	settle(c);
}

static void
on_done(struct check *check, const struct health_answer *a, uint32_t ms)
{
	struct checked *c = container_of(check, struct checked, check);

	take_answer(c, a, ms);
	plan_next(c);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Where it is checked: `addr` and `port`, else where clients are sent. False: nobody knows yet. */
static bool
find_goal(const struct checked *c, struct addr *to)
{
	const struct check_settings *s = &c->server->checking;
	struct addr own;
	uint16_t port;

	if (!pool_addr(c->pool, c->server->index, &own)) {
		if (!s->addr.len)
			return false;
		own = s->addr;
	}
	*to = s->addr.len ? s->addr : own;
	port = s->port ? s->port : addr_port(to) ? addr_port(to) : addr_port(&own);
	if (to->sa.sa_family == AF_INET)
		to->in.sin_port = htons(port);
	else if (to->sa.sa_family == AF_INET6)
		to->in6.sin6_port = htons(port);
	return true;
}

static uint32_t
shorter(uint32_t inter_ms, int64_t timeout_ms)
{
	return timeout_ms > 0 && timeout_ms < inter_ms ? (uint32_t)timeout_ms : inter_ms;
}

static struct link_terms
terms_of(const struct checked *c)
{
	const struct world *w = c->owner->world;
	const struct server *s = c->server;
	struct link_terms terms = { .proxy_header = server_check_header(s),
				    .proxy_send = s->proxy_options,
				    .never_local = w->topology.never_sends_local };

	if (policy_as_haproxy(&w->policy, DIFFERENCE_BARE_LOCAL))
		terms.proxy_send |= PROXY_SEND_BARE_LOCAL;
	if (server_check_is_tls(s)) {
		terms.tls = tls_store_checker(w->data_path->tls, s);
		terms.sni = s->tls.check_sni;
	}
	return terms;
}

static void
ask(struct checked *c, const struct addr *to)
{
	const int64_t *timeouts = c->server->backend->timeout_ms;
	const struct source *from = &c->server->source;
	uint32_t inter_ms = c->server->checking.inter_ms;
	struct check_order order = {
		.script = c->script,
		.to = *to,
		.from = { from->addr, from->port_min, from->port_max },
		.terms = terms_of(c),
		.is_up = rise_is_up(&c->rise),
		.connect_ms = shorter(inter_ms, timeouts[TIMEOUT_CONNECT]),
		.answer_ms = (uint32_t)timeouts[TIMEOUT_CHECK],
		.whole_ms = inter_ms,
	};

	check_begin(&c->check, &order);
}

static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct checked *c = container_of(timer, struct checked, due);
	bool is_maint = pool_server(c->pool, c->server->index).status == SERVER_MAINT;
	struct addr to;

	/* Back from maintenance it begins as a new one does. */
	if (c->was_maint && !is_maint) {
		rise_init(&c->rise, &c->server->checking);
		c->drains = c->is_our_drain = false;
		c->view.answer = (struct health_answer){ 0 };
	}
	c->was_maint = is_maint;
	if (!is_maint && find_goal(c, &to))
		ask(c, &to);
	else
		plan_next(c);
}

/* ---- what clients meet ---------------------------------------------------------------------- */

/* After an error the next check comes sooner, if the file gives a shorter interval for that. */
static void
hurry(struct checked *c)
{
	uint32_t soon_ms = c->server->checking.fastinter_ms;

	if (soon_ms == 0 || !check_rests(&c->check) ||
	    ev_timer_remaining(c->owner->loop, &c->due) <= soon_ms / 1e3)
		return;
	ev_timer_stop(c->owner->loop, &c->due);
	ev_timer_set(&c->due, soon_ms / 1e3, 0.);
	ev_timer_start(c->owner->loop, &c->due);
}

static void
on_enough(struct note *note)
{
	struct checked *c = note->checked;
	struct health_answer a;
	enum error_action action;

	if (!c || !rise_is_up(&c->rise) || c->owner->is_paused)
		return;
	action = c->server->checking.observe_layer4 ? c->server->checking.on_error
						    : ERROR_FAIL_CHECK;
	if (action == ERROR_SUDDEN_DEATH)
		rise_endanger(&c->rise, 2);
	if (action == ERROR_MARK_DOWN)
		rise_endanger(&c->rise, 1);
	health_answer_set(&a, HEALTH_OBSERVED, 0,
			  "Detected %u consecutive errors, last one was: L4 unsuccessful "
			  "connection",
			  note->limit);
	if (action != ERROR_FASTINTER)
		take_answer(c, &a, 0);
	hurry(c);
}

void
health_note_connect(struct health_checker *h, const struct server *s, bool ok)
{
	if (h)
		notes_connect(&h->notes, s, ok);
}

/* ---- a world's list ------------------------------------------------------------------------- */

static bool
is_engines(const struct world *w, const struct proxy *backend)
{
	struct report report;
	bool is_ours = false;

	report_init(&report);
	for (size_t i = 0; i < w->topology.n_proxies && !is_ours; i++)
		for (size_t j = 0; j < w->topology.proxies[i]->n_filters && !is_ours; j++) {
			const struct spoe_filter *f = &w->topology.proxies[i]->filters[j];
			struct spoe_engine engine;

			if (!spoe_filter_is_ours(f))
				continue;
			is_ours = world_read_engine(f, &engine, &report) &&
				  strcmp(engine.backend, backend->name) == 0;
			spoe_engine_fini(&engine);
		}
	report_fini(&report);
	return is_ours;
}

static bool
is_carried(const struct world *w, const struct proxy *p)
{
	return (p->kind & PROXY_BACKEND) && proxy_is_carried(p) && p->n_servers &&
	       !is_engines(w, p);
}

static void
make_script(struct script *s, const struct world *w, const struct proxy *p)
{
	const struct backend_policy *bp = policy_backend(&w->policy, str_of(p->name));
	struct report report;

	if (bp && bp->probe == PROBE_MQTT) {
		script_probe_mqtt(s);
	} else if (bp && bp->probe == PROBE_EMQX) {
		script_probe_emqx(s, bp->probe_port);
	} else {
		report_init(&report); /* its findings were printed when the file was read */
		script_compile(s, p, &report);
		report_fini(&report);
	}
}

static void
adopt(struct checked *c, const struct checked *old)
{
	if (!old)
		return;
	if (c->script && old->script)
		rise_adopt(&c->rise, &old->rise, &c->server->checking);
	c->drains = old->drains;
	c->is_our_drain = old->is_our_drain;
	c->was_maint = old->was_maint;
	c->view = old->view;
}

static void
add_server(struct health_checker *h, const struct server *s, const struct script *script,
	   struct checked *const *old, size_t n_old)
{
	struct checked *c = xcalloc(1, sizeof(*c));

	if (asprintf(&c->key, "%s/%s", s->backend->name, s->name) < 0)
		abort();
	c->owner = h;
	c->server = s;
	c->pool = h->world->pools[s->backend->index];
	c->script = script;
	c->view.changed_at = worker_now();
	check_init(&c->check, h->loop, on_done);
	ev_init(&c->due, on_due);
	rise_init(&c->rise, &s->checking);
	adopt(c, find(old, n_old, c->key));
	ARRAY_GROW(h->all, h->n);
	h->all[h->n++] = c;
}

static void
add_backend(struct health_checker *h, const struct proxy *p, struct checked *const *old,
	    size_t n_old)
{
	struct script *script = &h->scripts[p->index];

	make_script(script, h->world, p);
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->check || p->servers[i]->tracked)
			add_server(h, p->servers[i], p->servers[i]->check ? script : NULL, old,
				   n_old);
}

static void
link_tracked(struct health_checker *h, struct checked *c)
{
	const struct server *s = c->server->tracked;
	char *key;

	if (c->script || !s)
		return;
	if (asprintf(&key, "%s/%s", s->backend->name, s->name) < 0)
		abort();
	c->tracked = find(h->all, h->n, key);
	free(key);
}

static void
link_note(struct health_checker *h, struct checked *c)
{
	const struct check_settings *s = &c->server->checking;

	if (!c->script)
		return;
	c->note = notes_of(&h->notes, c->key);
	c->note->checked = c;
	c->note->limit = s->observe_layer4 ? s->error_limit : 1;
}

/* One after the other within the shortest interval, so that they do not go on all at once. */
static void
start_checks(struct health_checker *h)
{
	uint32_t shortest_ms = UINT32_MAX, n = 0, i = 0;

	for (size_t k = 0; k < h->n; k++)
		if (h->all[k]->script) {
			n++;
			if (h->all[k]->server->checking.inter_ms < shortest_ms)
				shortest_ms = h->all[k]->server->checking.inter_ms;
		}
	for (size_t k = 0; k < h->n; k++) {
		struct checked *c = h->all[k];

		if (!c->script)
			continue;
		ev_timer_set(&c->due, (double)shortest_ms / 1e3 * i++ / n, 0.);
		ev_timer_start(h->loop, &c->due);
	}
}

static void
free_checked(struct checked *c)
{
	if (c->note) {
		c->note->limit = 0;
		c->note->checked = NULL;
	}
	ev_timer_stop(c->owner->loop, &c->due);
	check_cancel(&c->check);
	free(c->key);
	free(c);
}

static void
free_all(struct checked **all, size_t n, struct script *scripts, size_t n_scripts)
{
	for (size_t i = 0; i < n; i++)
		free_checked(all[i]);
	free(all);
	for (size_t i = 0; i < n_scripts; i++)
		script_fini(&scripts[i]);
	free(scripts);
}

/* Whoever was down and is checked no longer: nobody else would ever bring it back. */
static void
release(const struct health_checker *h, const struct checked *old)
{
	struct pool *pool = world_pool(h->world, str_of(old->server->backend->name));
	const struct server *s =
		pool ? proxy_server(pool_backend(pool), str_of(old->server->name)) : NULL;
	struct server_report now;

	if (!s)
		return;
	now = pool_server(pool, s->index);
	if (now.status == SERVER_DOWN || (now.status == SERVER_DRAIN && old->is_our_drain))
		(void)pool_set_state(pool, s->index, SERVER_UP, now.weight);
}

void
health_checker_set_world(struct health_checker *h, struct world *world)
{
	struct checked **old = h->all;
	struct script *old_scripts = h->scripts;
	size_t n_old = h->n, n_old_scripts = h->n_scripts;
	struct world *old_world = h->world;

	h->world = world_ref(world);
	h->all = NULL;
	h->n = 0;
	h->n_scripts = world->topology.n_proxies;
	h->scripts = xcalloc(h->n_scripts + 1, sizeof(*h->scripts));
	for (size_t i = 0; i < world->topology.n_proxies; i++)
		if (is_carried(world, world->topology.proxies[i]))
			add_backend(h, world->topology.proxies[i], old, n_old);
	for (size_t i = 0; i < n_old && !h->is_paused; i++)
		if (!find(h->all, h->n, old[i]->key))
			release(h, old[i]);
	free_all(old, n_old, old_scripts, n_old_scripts);
	world_unref(old_world);
	for (size_t i = 0; i < h->n; i++) {
		link_tracked(h, h->all[i]);
		link_note(h, h->all[i]);
	}
	if (h->is_paused)
		return;
	for (size_t i = 0; i < h->n; i++)
		settle(h->all[i]);
	start_checks(h);
}

void
health_checker_pause(struct health_checker *h)
{
	h->is_paused = true;
	for (size_t i = 0; i < h->n; i++) {
		ev_timer_stop(h->loop, &h->all[i]->due);
		check_cancel(&h->all[i]->check);
	}
}

void
health_checker_release(const struct health_checker *h)
{
	for (size_t i = 0; i < h->n; i++)
		release(h, h->all[i]);
}

/* As the pool has it. A drain is somebody's wish: it stays. */
static void
begin_as_found(struct checked *c)
{
	enum server_status now = pool_server(c->pool, c->server->index).status;

	rise_init(&c->rise, &c->server->checking);
	c->rise.health = now == SERVER_DOWN ? 0 : c->rise.rise + c->rise.fall - 1;
	c->drains = c->is_our_drain = false;
	c->was_maint = now == SERVER_MAINT;
	c->view.answer = (struct health_answer){ 0 };
}

void
health_checker_resume(struct health_checker *h)
{
	h->is_paused = false;
	for (size_t i = 0; i < h->n; i++)
		begin_as_found(h->all[i]);
	start_checks(h);
}

struct health_checker *
health_checker_new(struct ev_loop *loop, struct world *world, health_change_fn *on_change,
		   void *arg)
{
	struct health_checker *h = xcalloc(1, sizeof(*h));

	h->loop = loop;
	h->on_change = on_change;
	h->arg = arg;
	if (getrandom(&h->random, sizeof(h->random), 0) < 0 || h->random == 0)
		h->random = (uint64_t)worker_now() + 1;
	notes_init(&h->notes, loop, on_enough);
	health_checker_set_world(h, world);
	return h;
}

void
health_checker_free(struct health_checker *h)
{
	if (!h)
		return;
	free_all(h->all, h->n, h->scripts, h->n_scripts);
	world_unref(h->world);
	notes_fini(&h->notes);
	free(h);
}

bool
health_checker_view(const struct health_checker *h, const struct proxy *backend, unsigned server,
		    struct health_view *v)
{
	for (size_t i = 0; h && i < h->n; i++) {
		const struct checked *c = h->all[i];

		if (c->server != backend->servers[server])
			continue;
		*v = c->view;
		v->health = c->rise.health;
		v->rise = c->rise.rise;
		v->fall = c->rise.fall;
		v->runs = !check_rests(&c->check);
		return true;
	}
	return false;
}

bool
health_checker_force(struct health_checker *h, const struct proxy *backend, unsigned server,
		     enum server_status to)
{
	struct checked *c = NULL;

	for (size_t i = 0; h && i < h->n; i++)
		if (h->all[i]->server == backend->servers[server])
			c = h->all[i];
	if (!c || !c->script)
		return false;
	c->rise.health = to == SERVER_DOWN ? 0 : c->rise.rise + c->rise.fall - 1;
	c->drains = to == SERVER_DRAIN;
	settle(c);
	return true;
}
