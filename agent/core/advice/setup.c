/*
 * What is missing is asked of the same adviser that `usher check` uses, looking at the file as if
 * its MQTT frontends asked usher already. Lines go behind the last of their kind, so that a file's
 * own rules keep their place and order.
 */
#include "agent/core/advice/setup.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/advice/mend.h"
#include "agent/core/advice/planner.h"
#include "agent/core/base/mem.h"

/* ---- the rest of the file -------------------------------------------------------------------- */

static bool
loads_our_lua(const struct topology *t)
{
	for (size_t i = 0; i < t->n_global; i++)
		if (strncmp(t->global[i].words[0], "lua-load", 8) == 0 &&
		    line_mentions(&t->global[i], "usher"))
			return true;
	return false;
}

static void
plan_global(struct planner *p)
{
	const struct topology *t = p->t;
	struct place at =
		t->n_global ? t->global[t->n_global - 1].at : (struct place){ t->files[0], 0 };
	bool is_indented = t->n_global && strcmp(t->global[t->n_global - 1].words[0], "global");
	char indent[INDENT];
	struct new_lines o = { .indent = "" };

	if (t->n_stats_sockets && loads_our_lua(t))
		return;
	if (!t->n_global)
		planner_line(&o, "global");
	o.indent = is_indented ? planner_indent(p, at, indent) : "    ";
	if (!t->n_stats_sockets)
		planner_line(&o, "stats socket /run/haproxy/admin.sock mode 660 level operator");
	if (!loads_our_lua(t))
		planner_line(&o, "lua-load-per-thread %s/usher.lua", p->in->directory);
	if (!t->n_global)
		planner_line(&o, "%s", "");
	planner_edit(p, at, false, &o, "global",
		     "which servers are up, for usher; refusals in MQTT, for clients");
}

/* Lines that HAProxy would refuse, wherever they are. */
static void
plan_mending(struct planner *p, const struct proxy *proxy)
{
	char title[TITLE], *mended;

	planner_title(proxy, title);
	for (size_t i = 0; i < proxy->n_all; i++) {
		const struct raw_line *l = &proxy->all[i];
		struct new_lines o = { 0 };
		bool is_hashed = adviser_names(&p->a, proxy) && adviser_is_raw_key(&p->a, l);

		if (!line_is_own(l, proxy) || is_hashed || !mend_is_needed(l))
			continue;
		mended = mend_line(planner_nth_line(planner_text(p, l->at.file), l->at.line));
		o.indent = "";
		planner_line(&o, "%s", mended);
		free(mended);
		planner_edit(p, l->at, true, &o, title,
			     "HAProxy does not load this line: no blank between brackets, no "
			     "full-width characters");
	}
}

/* The backend where HAProxy is to find usher, if there is none of that name; else NULL. */
static const char *
missing_agent_backend(const struct planner *p)
{
	const struct advice_input *files = p->in->files;

	for (size_t i = 0; i < files->n_engines; i++)
		if (!topology_backend(p->t, str_of(files->engines[i].engine.backend)))
			return files->engines[i].engine.backend;
	if (files->n_engines || topology_backend(p->t, STR("usher_agents")))
		return NULL;
	return "usher_agents";
}

static void
add_agent_backend(struct new_lines *o, const char *name)
{
	o->indent = "";
	planner_line(o, "%s", "");
	planner_line(o, "backend %s", name);
	o->indent = "    ";
	planner_line(o, "mode tcp");
	planner_line(o, "timeout connect 200ms");
	planner_line(o, "timeout server 10m");
	planner_line(o, "option spop-check");
	planner_line(o,
		     "server usher 127.0.0.1:12345 check inter 500ms fall 1 rise 1 on-marked-down "
		     "shutdown-sessions pool-low-conn 16 pool-purge-delay 1m");
}

static void
add_tenants_backend(struct new_lines *o)
{
	o->indent = "";
	planner_line(o, "%s", "");
	planner_line(o, "backend usher_tenants");
	o->indent = "    ";
	planner_line(o, "stick-table type string len 128 size 100k expire 1h store conn_cur");
}

/* What is new altogether stands at the end of the last file. */
static void
plan_end(struct planner *p, const struct asker *new_frontend, const struct proxy *its_backend)
{
	const struct topology *t = p->t;
	const char *file = t->files[t->n_files - 1], *agents_name = missing_agent_backend(p);
	struct place end = { file, planner_count_lines(planner_text(p, file)) };
	struct new_lines frontend = { 0 }, agents = { 0 }, tenants = { 0 };

	if (new_frontend)
		planner_new_frontend(p, new_frontend, its_backend, &frontend);
	if (agents_name)
		add_agent_backend(&agents, agents_name);
	if (p->wants_tenants && !topology_backend(t, STR("usher_tenants")))
		add_tenants_backend(&tenants);
	planner_edit(p, end, false, &frontend, "frontend for MQTT",
		     "no frontend leads to the brokers");
	planner_edit(p, end, false, &agents, "backend of usher", "where HAProxy finds usher");
	planner_edit(p, end, false, &tenants, "backend usher_tenants",
		     "counts tenants' connections");
}

/* ---- which sections -------------------------------------------------------------------------- */

static bool
speaks_mqtt(const struct proxy *p)
{
	return proxy_first_mention(p, "tcp-request", "mqtt_") != SIZE_MAX ||
	       proxy_first_mention(p, "stick", "mqtt_") != SIZE_MAX ||
	       proxy_binds_port(p, "1883") || proxy_binds_port(p, "8883") ||
	       proxy_serves_port(p, "1883") || proxy_serves_port(p, "8883");
}

static bool
speaks_websocket(const struct proxy *p)
{
	return proxy_binds_port(p, "8083") || proxy_binds_port(p, "8084") ||
	       proxy_serves_port(p, "8083") || proxy_serves_port(p, "8084");
}

static bool
is_asker(const struct adviser *a, const struct proxy *p)
{
	for (size_t i = 0; i < a->n_askers; i++)
		if (a->askers[i].p == p)
			return true;
	return false;
}

/* Might it lead to usher, and does not? */
static bool
is_candidate(const struct planner *p, const struct proxy *f)
{
	return (f->kind & PROXY_FRONTEND) && f->mode == PROXY_TCP && !f->disabled &&
	       !is_asker(&p->a, f);
}

/* All doors to the brokers: a backend that one door makes known makes known its other doors. */
static void
find_doors(struct planner *p)
{
	size_t before;

	do {
		before = p->a.n_askers;
		for (size_t i = 0; i < p->t->n_proxies; i++) {
			const struct proxy *f = p->t->proxies[i], *b = f->default_backend;

			if (is_candidate(p, f) &&
			    (speaks_mqtt(f) || (b && (speaks_mqtt(b) || adviser_names(&p->a, b)))))
				adviser_add_door(&p->a, f);
		}
	} while (p->a.n_askers > before);
}

static void
note_websockets(struct planner *p)
{
	for (size_t i = 0; i < p->t->n_proxies; i++) {
		const struct proxy *f = p->t->proxies[i], *b = f->default_backend;
		char title[TITLE];

		if (is_candidate(p, f) && (speaks_websocket(f) || (b && speaks_websocket(b))))
			planner_note(
				p,
				"%s (%s:%d) is left alone: HAProxy cannot see client ids inside "
				"WebSocket",
				planner_title(f, title), f->at.file, f->at.line);
	}
}

/* A backend of brokers for a file in which no frontend leads to one; NULL: there is none. */
static const struct proxy *
lonely_backend(const struct topology *t)
{
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *b = t->proxies[i];

		if (b->kind == PROXY_BACKEND && b->mode == PROXY_TCP && !b->disabled &&
		    b->n_servers && speaks_mqtt(b))
			return b;
	}
	return NULL;
}

static int
compare_edits(const void *a, const void *b)
{
	const struct setup_edit *x = a, *y = b;

	if (x->file != y->file)
		return strcmp(x->file, y->file);
	if (x->line != y->line)
		return x->line - y->line;
	if (x->replaces != y->replaces)
		return x->replaces ? -1 : 1; /* what stands behind a line comes behind its heir */
	return 0;
}

/* Stable, unlike qsort(): blocks at one place stay in the order they were thought of. */
static void
sort_edits(struct setup_edit *edits, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && compare_edits(&edits[j - 1], &edits[j]) > 0; j--) {
			struct setup_edit e = edits[j];

			edits[j] = edits[j - 1];
			edits[j - 1] = e;
		}
}

static void
plan_sections(struct planner *p, size_t n_frontends)
{
	for (size_t i = 0; i < n_frontends; i++)
		planner_frontend(p, &p->a.askers[i]);
	for (size_t i = 0; i < p->a.n_named; i++)
		planner_backend(p, p->a.named[i]);
	for (size_t i = 0; i < p->t->n_proxies; i++)
		plan_mending(p, p->t->proxies[i]);
}

void
setup_plan(const struct setup_input *in, struct setup *out)
{
	struct planner p = { .in = in, .t = in->files->topology, .out = out };
	struct proxy mqtt = { .kind = PROXY_FRONTEND };
	char free_name[] = "mqtt", other_name[] = "mqtt_clients";
	const struct proxy *lonely = NULL;
	struct report none;
	size_t n_frontends;

	*out = (struct setup){ 0 };
	report_init(&none);
	adviser_init(&p.a, in->files, &none);
	find_doors(&p);
	note_websockets(&p);
	n_frontends = p.a.n_askers;
	if (!n_frontends && (lonely = lonely_backend(p.t))) {
		mqtt.name = topology_frontend(p.t, STR("mqtt")) ? other_name : free_name;
		mqtt.default_backend = topology_backend(p.t, str_of(lonely->name));
		adviser_add_door(&p.a, &mqtt);
	}
	if (p.a.n_askers)
		plan_global(&p);
	plan_sections(&p, n_frontends);
	out->nobody_asks = p.a.n_askers == 0;
	if (p.a.n_askers)
		plan_end(&p, lonely ? &p.a.askers[0] : NULL, lonely);
	else
		planner_note(
			&p,
			"no section in mode tcp reads MQTT, listens on 1883 or 8883, or leads "
			"to servers there: add your brokers first; haproxy/haproxy.cfg of usher "
			"is a complete example");
	sort_edits(out->edits, out->n_edits);
	adviser_fini(&p.a);
	report_fini(&none);
}

void
setup_fini(struct setup *s)
{
	for (size_t i = 0; i < s->n_edits; i++) {
		free(s->edits[i].text);
		free(s->edits[i].section);
		free(s->edits[i].why);
	}
	free(s->edits);
	for (size_t i = 0; i < s->n_notes; i++)
		free(s->notes[i]);
	free(s->notes);
	*s = (struct setup){ 0 };
}
