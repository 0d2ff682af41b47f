/*
 * What is missing is asked of the same adviser that `usher check` uses, looking at the file as if
 * its MQTT frontends asked usher already. Lines go behind the last of their kind, so that a file's
 * own rules keep their place and order.
 */
#include "agent/core/advice/setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/advice/adviser.h"
#include "agent/core/advice/mend.h"
#include "agent/core/base/mem.h"

struct planner {
	const struct setup_input *in;
	const struct topology *t;
	struct adviser a;
	struct setup *out;
	bool wants_tenants; /* quota lines were added */
};

/* Lines in the making. */
struct lines_out {
	char *text; /* owned; NULL: none */
	const char *indent;
};

static void PRINTF_LIKE(2, 3) add_line(struct lines_out *o, const char *fmt, ...)
{
	char *line, *all;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		abort();
	va_end(args);
	if (asprintf(&all, "%s%s%s\n", o->text ? o->text : "", *line ? o->indent : "", line) < 0)
		abort();
	free(line);
	free(o->text);
	o->text = all;
}

/* ---- places ---------------------------------------------------------------------------------- */

static struct str
text_of(const struct planner *p, const char *file)
{
	for (size_t i = 0; i < p->t->n_files; i++)
		if (p->t->files[i] == file)
			return p->in->texts[i];
	return (struct str){ 0 };
}

/* A line of a file, from 1, without its LF. */
static struct str
nth_line(struct str text, int n)
{
	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t len = lf ? (size_t)(lf - text.p) : text.n;

		if (--n == 0)
			return (struct str){ text.p, len };
		text.p += len + (lf != NULL);
		text.n -= len + (lf != NULL);
	}
	return (struct str){ "", 0 };
}

static int
count_lines(struct str text)
{
	int n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* The blanks that the lines of a section begin with, as in its line `at`. */
static const char *
indent_of(const struct planner *p, struct place at, char *out, size_t size)
{
	struct str line = nth_line(text_of(p, at.file), at.line);
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	snprintf(out, size, "%.*s", (int)n, line.p);
	return n ? out : "    ";
}

enum { INDENT = 32 };

static const char *
section_indent(const struct planner *p, const struct proxy *proxy, char *out)
{
	for (size_t i = 0; i < proxy->n_all; i++)
		if (line_is_own(&proxy->all[i], proxy))
			return indent_of(p, proxy->all[i].at, out, INDENT);
	return "    ";
}

/* The last of the section's own lines that starts so, or its first line. */
static struct place
behind(const struct proxy *proxy, const char *words)
{
	struct place at = proxy->at;

	for (size_t i = 0; i < proxy->n_all; i++)
		if (line_is_own(&proxy->all[i], proxy) && line_starts(&proxy->all[i], words))
			at = proxy->all[i].at;
	return at;
}

/* The last of its own lines before the first server. */
static struct place
before_servers(const struct proxy *proxy)
{
	struct place at = proxy->at;

	for (size_t i = 0; i < proxy->n_all; i++) {
		const struct raw_line *l = &proxy->all[i];

		if (!line_is_own(l, proxy))
			continue;
		if (line_starts(l, "server") || line_starts(l, "server-template"))
			break;
		at = l->at;
	}
	return at;
}

/* Takes the text over; nothing comes of none. */
static void
add_edit(struct planner *p, struct place at, bool replaces, const struct lines_out *o,
	 const char *section, const char *why)
{
	struct setup *s = p->out;

	if (!o->text)
		return;
	ARRAY_GROW(s->edits, s->n_edits);
	s->edits[s->n_edits++] = (struct setup_edit){
		.file = at.file,
		.line = at.line,
		.replaces = replaces,
		.text = o->text,
		.section = str_dup(str_of(section)),
		.why = str_dup(str_of(why)),
	};
}

static void PRINTF_LIKE(2, 3) add_note(struct planner *p, const char *fmt, ...)
{
	struct setup *s = p->out;
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	ARRAY_GROW(s->notes, s->n_notes);
	s->notes[s->n_notes++] = text;
}

enum { TITLE = 160 };

static const char *
title_of(const struct proxy *proxy, char *out)
{
	snprintf(out, TITLE, "%s %s", proxy_kind_name(proxy->kind), proxy->name);
	return out;
}

/* ---- frontends ------------------------------------------------------------------------------- */

static const char CLIENT_ID[] = "req.payload(0,0),mqtt_field_value(connect,client_identifier)";

static void
add_question(const struct planner *p, const struct asker *k, struct lines_out *o)
{
	const struct proxy *f = k->p;
	size_t end = k->question;

	if (!k->filter)
		add_line(o, "filter spoe engine usher config %s/spoe-usher.conf", p->in->directory);
	if (!proxy_reports_ends(f) && !f->log_format_sd) {
		add_line(o, "# The ends of sessions, for usher alone.");
		add_line(o, "log 127.0.0.1:10514 len 1024 format rfc5424 local1");
		add_line(o,
			 "log-format-sd %%{+Q,+E}o\\ [usher@32473\\ key=%%[var(txn.usher.key)]\\ "
			 "be=%%b\\ srv=%%s\\ ts=%%ts]");
	}
	if (!proxy_has_inspect_delay(f, "tcp-request"))
		add_line(o, "tcp-request inspect-delay 10s");
	if (proxy_first_mention(f, "tcp-request content", "mqtt_is_valid") > end ||
	    proxy_first_mention(f, "tcp-request content", "mqtt_is_valid") == SIZE_MAX)
		add_line(o, "tcp-request content reject unless { req.payload(0,1) -m bin 10 } { "
			    "req.payload(0,0),mqtt_is_valid }");
	if (!proxy_sets_variable(f, "txn.mqtt_client_id", end))
		add_line(o, "tcp-request content set-var(txn.mqtt_client_id) %s", CLIENT_ID);
	if (!proxy_sets_variable(f, "txn.mqtt_level", end))
		add_line(o, "tcp-request content set-var(txn.mqtt_level) "
			    "req.payload(0,0),mqtt_field_value(connect,protocol_version)");
	if (proxy_first_mention(f, "tcp-request content", ",length") == SIZE_MAX) {
		add_line(o, "# What does not fit into one question would wait out the time-out.");
		add_line(o, "tcp-request content reject if { var(txn.mqtt_client_id),length gt "
			    "8000 }");
		add_line(o, "tcp-request content reject if { "
			    "req.payload(0,0),mqtt_field_value(connect,username),length gt 4000 }");
	}
	if (end == SIZE_MAX)
		add_line(o, "tcp-request content send-spoe-group %s usher-connect",
			 k->filter ? k->filter->engine : "usher");
}

static void
add_quotas(struct planner *p, const struct asker *k, struct lines_out *o)
{
	if (!policy_has_quotas(p->in->files->policy) || asker_obeys_quotas(&p->a, k))
		return;
	p->wants_tenants = true;
	add_line(o, "# Look first, so that the refused are not counted; then count, then look "
		    "again.");
	add_line(o,
		 "tcp-request content use-service lua.usher_over_quota if { var(txn.%s.max) -m "
		 "found } { "
		 "var(txn.%s.tenant),table_conn_cur(usher_tenants),sub(txn.%s.max) ge 0 }",
		 k->prefix, k->prefix, k->prefix);
	add_line(o,
		 "tcp-request content track-sc1 var(txn.%s.tenant) table usher_tenants if { "
		 "var(txn.%s.tenant) -m found }",
		 k->prefix, k->prefix);
	add_line(o,
		 "tcp-request content use-service lua.usher_over_quota if { var(txn.%s.max) -m "
		 "found } { sc1_conn_cur,sub(txn.%s.max) gt 0 }",
		 k->prefix, k->prefix);
}

static void
add_answer(struct planner *p, const struct asker *k, struct lines_out *o)
{
	if (adviser_wants_closed(&p->a, k->p) && !asker_is_closed(k))
		add_line(o,
			 "tcp-request content use-service lua.usher_unavailable unless { "
			 "var(txn.%s.action) -m found }",
			 k->prefix);
	if (!asker_obeys_refusals(k))
		add_line(o,
			 "tcp-request content use-service lua.usher_refuse if { "
			 "var(txn.%s.action) -m str reject }",
			 k->prefix);
	add_quotas(p, k, o);
}

static void
add_use_backend(const struct planner *p, const struct asker *k, struct lines_out *o)
{
	if (!adviser_uses_variable(&p->a, k->p, "use_backend", "backend"))
		add_line(o,
			 "use_backend %%[var(txn.%s.backend)] if { var(txn.%s.backend) -m "
			 "found }",
			 k->prefix, k->prefix);
}

/*
 * The question goes behind the section's own rules; where it stands already, what it needs goes
 * above it. `use_backend` goes behind the section's own, which then keep the last word.
 */
static void
plan_frontend(struct planner *p, const struct asker *k)
{
	char indent[INDENT], title[TITLE];
	struct lines_out above = { .indent = section_indent(p, k->p, indent) };
	struct lines_out below = above, backend = above;
	struct place at = behind(k->p, "tcp-request");

	title_of(k->p, title);
	if (at.line == k->p->at.line)
		at = behind(k->p, "bind");
	add_question(p, k, &above);
	if (k->question == SIZE_MAX) {
		add_answer(p, k, &above);
	} else {
		struct place question = k->p->all[k->question].at;

		add_answer(p, k, &below);
		add_edit(p, question, false, &below, title, "do as usher says");
		at = (struct place){ question.file, question.line - 1 };
	}
	if (proxy_last_line(k->p, "use_backend") == SIZE_MAX && k->question == SIZE_MAX)
		add_use_backend(p, k, &above);
	else
		add_use_backend(p, k, &backend);
	add_edit(p, at, false, &above, title,
		 "wait for the CONNECT, ask usher, do as it says, report ends");
	at = behind(k->p, "use_backend");
	if (at.line == k->p->at.line)
		at = behind(k->p, "tcp-request");
	add_edit(p, at, false, &backend, title, "the backend that usher names");
	if (k->p->log_format_sd && !proxy_reports_ends(k->p))
		add_note(p,
			 "%s (%s:%d) has a log-format-sd of its own: ends of sessions are not "
			 "reported; see haproxy/README.md",
			 title, k->p->at.file, k->p->at.line);
}

/* ---- backends -------------------------------------------------------------------------------- */

/* The words of a stick-table line, with a key that is a hash. */
static void
add_hashed_table(const struct raw_line *table, struct lines_out *o)
{
	char rest[EXPRESSION] = "";
	size_t len = 0;

	for (size_t i = 1; i < table->n && len < sizeof(rest); i++) {
		if (strcmp(table->words[i], "type") == 0 || strcmp(table->words[i], "len") == 0)
			i++;
		else
			len += (size_t)snprintf(rest + len, sizeof(rest) - len, " %s",
						table->words[i]);
	}
	add_line(o, "stick-table type binary len 20%s", rest);
}

/* "stick on KEY …" with the hash of the client id as its key. */
static void
add_hashed_stick(const struct raw_line *stick, struct lines_out *o)
{
	char tail[EXPRESSION] = "";
	size_t len = 0, i = 2;

	while (i < stick->n && strcmp(stick->words[i], "table") != 0 &&
	       strcmp(stick->words[i], "if") != 0 && strcmp(stick->words[i], "unless") != 0)
		i++;
	for (; i < stick->n && len < sizeof(tail); i++)
		len += (size_t)snprintf(tail + len, sizeof(tail) - len, " %s", stick->words[i]);
	add_line(o, "stick %s var(txn.mqtt_client_id),sha1%s", stick->words[1], tail);
}

/* Sticks this backend by a key that may be cut? Then its table and its lines are to be replaced. */
static bool
has_raw_key(const struct planner *p, const struct proxy *b)
{
	for (size_t i = 0; i < b->n_all; i++)
		if (adviser_is_raw_key(&p->a, &b->all[i]) && line_is_own(&b->all[i], b))
			return true;
	return false;
}

static void
plan_hash(struct planner *p, const struct proxy *b)
{
	char indent[INDENT], title[TITLE];

	section_indent(p, b, indent);
	title_of(b, title);
	for (size_t i = 0; i < b->n_all && has_raw_key(p, b); i++) {
		const struct raw_line *l = &b->all[i];
		struct lines_out o = { .indent = indent_of(p, l->at, indent, sizeof(indent)) };

		if (!line_is_own(l, b))
			continue;
		if (line_starts(l, "stick-table")) {
			add_hashed_table(l, &o);
			add_edit(p, l->at, true, &o, title,
				 "a key that is cut makes ids that begin alike one client");
		} else if (adviser_is_raw_key(&p->a, l)) {
			add_hashed_stick(l, &o);
			add_edit(p, l->at, true, &o, title,
				 mend_is_needed(l) ? "HAProxy does not load this line; and the "
						     "key, made a hash, is never cut"
						   : "the key, made a hash, is never cut");
		}
	}
}

static bool
lacks_checks(const struct proxy *b)
{
	if (proxy_last_mention(b, "default-server", "check") != SIZE_MAX)
		return false;
	for (size_t i = 0; i < b->n_servers; i++)
		if (!b->servers[i]->check)
			return true;
	return false;
}

static void
add_stick(struct planner *p, const struct proxy *b, struct lines_out *o)
{
	char title[TITLE];

	if (!adviser_lacks_stick(&p->a, b))
		return;
	if (proxy_last_line(b, "stick-table") != SIZE_MAX) {
		add_note(p,
			 "%s (%s:%d) uses its stick-table for something else: while usher is "
			 "away nothing sends clients back to their server",
			 title_of(b, title), b->at.file, b->at.line);
		return;
	}
	add_line(o, "# What HAProxy falls back on while usher is away.");
	add_line(o, "stick-table type binary len 20 size 1m expire 30m");
	add_line(o, "stick on var(txn.mqtt_client_id),sha1");
}

static void
plan_backend(struct planner *p, const struct proxy *b)
{
	static const char *const servers[] = { "srv1", "srv2", "srv3" };
	char indent[INDENT], title[TITLE];
	struct lines_out o = { .indent = section_indent(p, b, indent) };
	const char *prefix = p->a.askers[0].prefix;

	plan_hash(p, b);
	add_stick(p, b, &o);
	for (size_t i = 0; i < 3; i++)
		if (!adviser_uses_variable(&p->a, b, "use-server", servers[i]))
			add_line(&o, "use-server %%[var(txn.%s.%s)] if { var(txn.%s.%s) -m found }",
				 prefix, servers[i], prefix, servers[i]);
	if (!proxy_has_option(b, "redispatch"))
		add_line(&o, "option redispatch 1");
	if (lacks_checks(b))
		add_line(&o, "default-server check inter 1s fall 2 rise 1 on-marked-down "
			     "shutdown-sessions");
	add_edit(p, before_servers(b), false, &o, title_of(b, title),
		 "follow usher's choice, notice dead servers");
}

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
	struct lines_out o = { .indent = "" };

	if (t->n_stats_sockets && loads_our_lua(t))
		return;
	if (!t->n_global)
		add_line(&o, "global");
	o.indent = is_indented ? indent_of(p, at, indent, sizeof(indent)) : "    ";
	if (!t->n_stats_sockets)
		add_line(&o, "stats socket /run/haproxy/admin.sock mode 660 level operator");
	if (!loads_our_lua(t))
		add_line(&o, "lua-load-per-thread %s/usher.lua", p->in->directory);
	if (!t->n_global)
		add_line(&o, "%s", "");
	add_edit(p, at, false, &o, "global",
		 "which servers are up, for usher; refusals in MQTT, for clients");
}

/* Lines that HAProxy would refuse, wherever they are. */
static void
plan_mending(struct planner *p, const struct proxy *proxy)
{
	char title[TITLE], *mended;

	title_of(proxy, title);
	for (size_t i = 0; i < proxy->n_all; i++) {
		const struct raw_line *l = &proxy->all[i];
		struct lines_out o = { 0 };
		bool is_hashed = adviser_names(&p->a, proxy) && adviser_is_raw_key(&p->a, l);

		if (!line_is_own(l, proxy) || is_hashed || !mend_is_needed(l))
			continue;
		mended = mend_line(nth_line(text_of(p, l->at.file), l->at.line));
		o.indent = "";
		add_line(&o, "%s", mended);
		free(mended);
		add_edit(p, l->at, true, &o, title,
			 "HAProxy does not load this line: no blank between brackets, no "
			 "full-width characters");
	}
}

static void
add_agent_backend(struct lines_out *o)
{
	o->indent = "";
	add_line(o, "%s", "");
	add_line(o, "backend usher_agents");
	o->indent = "    ";
	add_line(o, "mode tcp");
	add_line(o, "timeout connect 200ms");
	add_line(o, "timeout server 10m");
	add_line(o, "option spop-check");
	add_line(o, "server usher 127.0.0.1:12345 check inter 500ms fall 1 rise 1 on-marked-down "
		    "shutdown-sessions pool-low-conn 16 pool-purge-delay 1m");
}

static void
add_tenants_backend(struct lines_out *o)
{
	o->indent = "";
	add_line(o, "%s", "");
	add_line(o, "backend usher_tenants");
	o->indent = "    ";
	add_line(o, "stick-table type string len 128 size 100k expire 1h store conn_cur");
}

static void
add_frontend(struct planner *p, const struct asker *k, const struct proxy *b, struct lines_out *o)
{
	o->indent = "";
	add_line(o, "%s", "");
	add_line(o, "frontend %s", k->p->name);
	o->indent = "    ";
	add_line(o, "mode tcp");
	add_line(o, "bind *:1883");
	add_question(p, k, o);
	add_answer(p, k, o);
	add_use_backend(p, k, o);
	add_line(o, "default_backend %s", b->name);
}

/* What is new altogether stands at the end of the last file. */
static void
plan_end(struct planner *p, const struct asker *new_frontend, const struct proxy *its_backend)
{
	const struct topology *t = p->t;
	const char *file = t->files[t->n_files - 1];
	struct place end = { file, count_lines(text_of(p, file)) };
	struct lines_out frontend = { 0 }, agents = { 0 }, tenants = { 0 };

	if (new_frontend)
		add_frontend(p, new_frontend, its_backend, &frontend);
	if (!topology_backend(t, STR("usher_agents")) && p->in->files->n_engines == 0)
		add_agent_backend(&agents);
	if (p->wants_tenants && !topology_backend(t, STR("usher_tenants")))
		add_tenants_backend(&tenants);
	add_edit(p, end, false, &frontend, "frontend for MQTT", "no frontend leads to the brokers");
	add_edit(p, end, false, &agents, "backend usher_agents", "where HAProxy finds usher");
	add_edit(p, end, false, &tenants, "backend usher_tenants", "counts tenants' connections");
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

static void
consider(struct planner *p, const struct proxy *f)
{
	const struct proxy *b = f->default_backend;
	char title[TITLE];

	if (!(f->kind & PROXY_FRONTEND) || f->mode != PROXY_TCP || f->disabled ||
	    is_asker(&p->a, f))
		return;
	if (speaks_mqtt(f) || (b && speaks_mqtt(b)))
		adviser_add_door(&p->a, f);
	else if (speaks_websocket(f) || (b && speaks_websocket(b)))
		add_note(p,
			 "%s (%s:%d) is left alone: HAProxy cannot see client ids inside "
			 "WebSocket",
			 title_of(f, title), f->at.file, f->at.line);
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
		plan_frontend(p, &p->a.askers[i]);
	for (size_t i = 0; i < p->a.n_named; i++)
		plan_backend(p, p->a.named[i]);
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
	for (size_t i = 0; i < p.t->n_proxies; i++)
		consider(&p, p.t->proxies[i]);
	n_frontends = p.a.n_askers;
	if (!n_frontends && (lonely = lonely_backend(p.t))) {
		mqtt.name = topology_frontend(p.t, STR("mqtt")) ? other_name : free_name;
		mqtt.default_backend = topology_backend(p.t, str_of(lonely->name));
		adviser_add_door(&p.a, &mqtt);
	}
	if (p.a.n_askers)
		plan_global(&p);
	plan_sections(&p, n_frontends);
	if (p.a.n_askers)
		plan_end(&p, lonely ? &p.a.askers[0] : NULL, lonely);
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
