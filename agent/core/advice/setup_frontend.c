/*
 * A frontend: wait for the CONNECT, ask, obey, report ends. Each line is added only if nothing
 * there does what it is for.
 */
#include <stdio.h>

#include "agent/core/advice/planner.h"

static const char CLIENT_ID[] = "req.payload(0,0),mqtt_field_value(connect,client_identifier)";

/* Until the CONNECT is there, what it says, and that it fits. */
static void
add_wait(const struct asker *k, struct new_lines *o)
{
	const struct proxy *f = k->p;
	size_t end = k->question;

	if (!proxy_has_inspect_delay(f, "tcp-request"))
		planner_line(o, "tcp-request inspect-delay 10s");
	if (proxy_first_mention(f, "tcp-request content", "mqtt_is_valid") > end ||
	    proxy_first_mention(f, "tcp-request content", "mqtt_is_valid") == SIZE_MAX)
		planner_line(o,
			     "tcp-request content reject unless { req.payload(0,1) -m bin 10 } { "
			     "req.payload(0,0),mqtt_is_valid }");
	if (!proxy_sets_variable(f, "txn.mqtt_client_id", end))
		planner_line(o, "tcp-request content set-var(txn.mqtt_client_id) %s", CLIENT_ID);
	if (!proxy_sets_variable(f, "txn.mqtt_level", end))
		planner_line(o, "tcp-request content set-var(txn.mqtt_level) "
				"req.payload(0,0),mqtt_field_value(connect,protocol_version)");
	if (proxy_first_mention(f, "tcp-request content", ",length") == SIZE_MAX) {
		planner_line(o,
			     "# What does not fit into one question would wait out the time-out.");
		planner_line(o, "tcp-request content reject if { var(txn.mqtt_client_id),length gt "
				"8000 }");
		planner_line(
			o, "tcp-request content reject if { "
			   "req.payload(0,0),mqtt_field_value(connect,username),length gt 4000 }");
	}
}

static void
add_question(const struct planner *p, const struct asker *k, struct new_lines *o)
{
	const struct proxy *f = k->p;
	size_t end = k->question;

	if (!k->filter)
		planner_line(o, "filter spoe engine usher config %s/spoe-usher.conf",
			     p->in->directory);
	if (!proxy_reports_ends(f) && !f->log_format_sd) {
		planner_line(o, "# The ends of sessions, for usher alone.");
		planner_line(o, "log 127.0.0.1:10514 len 1024 format rfc5424 local1");
		planner_line(
			o, "log-format-sd %%{+Q,+E}o\\ [usher@32473\\ key=%%[var(txn.usher.key)]\\ "
			   "be=%%b\\ srv=%%s]");
	}
	if (!k->is_http)
		add_wait(k, o);
	if (end == SIZE_MAX)
		planner_line(o, "%s send-spoe-group %s %s", asker_ruleset(k),
			     k->filter ? k->filter->engine : "usher",
			     k->is_http ? "usher-http" : "usher-connect");
}

static void
add_quotas(struct planner *p, const struct asker *k, struct new_lines *o)
{
	const char *rules = asker_ruleset(k);
	const char *refuse =
		k->is_http ? "deny deny_status 429" : "use-service lua.usher_over_quota";

	if (!policy_has_quotas(p->in->files->policy) || asker_obeys_quotas(&p->a, k))
		return;
	p->wants_tenants = true;
	planner_line(o, "# Look first, so that the refused are not counted; then count, then look "
			"again.");
	planner_line(o,
		     "%s %s if { var(txn.%s.max) -m found } { "
		     "var(txn.%s.tenant),table_conn_cur(usher_tenants),sub(txn.%s.max) ge 0 }",
		     rules, refuse, k->prefix, k->prefix, k->prefix);
	planner_line(o,
		     "%s track-sc1 var(txn.%s.tenant) table usher_tenants if { "
		     "var(txn.%s.tenant) -m found }",
		     rules, k->prefix, k->prefix);
	planner_line(o,
		     "%s %s if { var(txn.%s.max) -m found } { "
		     "sc1_conn_cur,sub(txn.%s.max) gt 0 }",
		     rules, refuse, k->prefix, k->prefix);
}

static void
add_answer(struct planner *p, const struct asker *k, struct new_lines *o)
{
	if (adviser_wants_closed(&p->a, k->p) && !asker_is_closed(k))
		planner_line(o, "%s %s unless { var(txn.%s.action) -m found }", asker_ruleset(k),
			     k->is_http ? "deny deny_status 503"
					: "use-service lua.usher_unavailable",
			     k->prefix);
	if (!asker_obeys_refusals(k))
		planner_line(o, "%s %s if { var(txn.%s.action) -m str reject }", asker_ruleset(k),
			     k->is_http ? "deny deny_status 403" : "use-service lua.usher_refuse",
			     k->prefix);
	add_quotas(p, k, o);
}

static void
add_use_backend(const struct planner *p, const struct asker *k, struct new_lines *o)
{
	if (!adviser_uses_variable(&p->a, k->p, "use_backend", "backend"))
		planner_line(o,
			     "use_backend %%[var(txn.%s.backend)] if { var(txn.%s.backend) -m "
			     "found }",
			     k->prefix, k->prefix);
}

/* Behind the section's own rules, else its addresses; below its mode, which HAProxy wants first. */
static struct place
question_place(const struct asker *k)
{
	const struct proxy *f = k->p;
	struct place mode = planner_behind(f, "mode");
	struct place at = planner_behind(f, k->is_http ? "http-request" : "tcp-request");

	if (at.line == f->at.line)
		at = planner_behind(f, "bind");
	return mode.line > at.line ? mode : at;
}

/*
 * The question goes behind the section's own rules; where it stands already, what it needs goes
 * above it. `use_backend` goes behind the section's own, which then keep the last word.
 */
void
planner_frontend(struct planner *p, const struct asker *k)
{
	char indent[INDENT], title[TITLE];
	struct new_lines above = { .indent = planner_section_indent(p, k->p, indent) };
	struct new_lines below = above, backend = above;
	struct place at = question_place(k);

	planner_title(k->p, title);
	add_question(p, k, &above);
	if (k->question == SIZE_MAX) {
		add_answer(p, k, &above);
	} else {
		struct place question = k->p->all[k->question].at;

		add_answer(p, k, &below);
		planner_edit(p, question, false, &below, title, "do as usher says");
		at = (struct place){ question.file, question.line - 1 };
	}
	if (proxy_last_line(k->p, "use_backend") == SIZE_MAX && k->question == SIZE_MAX)
		add_use_backend(p, k, &above);
	else
		add_use_backend(p, k, &backend);
	planner_edit(p, at, false, &above, title,
		     k->is_http ? "ask usher, do as it says, report ends"
				: "wait for the CONNECT, ask usher, do as it says, report ends");
	at = planner_behind(k->p, "use_backend");
	if (at.line == k->p->at.line)
		at = planner_behind(k->p, k->is_http ? "http-request" : "tcp-request");
	planner_edit(p, at, false, &backend, title, "the backend that usher names");
	if (k->p->log_format_sd && !proxy_reports_ends(k->p))
		planner_note(p,
			     "%s (%s:%d) has a log-format-sd of its own: ends of sessions are not "
			     "reported; see haproxy/README.md",
			     title, k->p->at.file, k->p->at.line);
}

void
planner_new_frontend(struct planner *p, const struct asker *k, const struct proxy *b,
		     struct new_lines *o)
{
	o->indent = "";
	planner_line(o, "%s", "");
	planner_line(o, "frontend %s", k->p->name);
	o->indent = "    ";
	planner_line(o, "mode tcp");
	planner_line(o, "bind *:1883");
	add_question(p, k, o);
	add_answer(p, k, o);
	add_use_backend(p, k, o);
	planner_line(o, "default_backend %s", b->name);
}
