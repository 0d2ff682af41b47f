/*
 * From accept to the backend, in HAProxy's order: tcp-request connection and session; the
 * frontend's tcp-request content, in the middle of which the verdict is asked for; use_backend;
 * the backend's tcp-request content. Then server.c chooses.
 *
 * A list that waits is run again when more bytes are there or the delay is over.
 *
 * In mode http there are two lists, tcp-request content and http-request, and the head of the
 * request is all they see. The frontend's begin before the client has its 101, so that a refusal
 * may have a status; the first rule that asks for the verdict has to wait for the CONNECT, which
 * comes behind the 101.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/mqtt/connect.h"
#include "agent/core/http1/facts.h"
#include "agent/core/mqtt/facts.h"
#include "agent/engine/route.h"
#include "agent/engine/verdict_log.h"
#include "agent/engine/verdict_vars.h"
#include "agent/io/dial.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

enum { INSPECT_MS = 10000 }; /* where something must be waited for and the file sets no delay */

static const struct rules *
rules_of(const struct session *s, const struct proxy *p)
{
	return s->world->data_path->rules[p->index];
}

/* A wanted difference: a stick rule on MQTT waits for the CONNECT, whatever the frontend says. */
static bool
waits_to_stick(const struct session *s)
{
	bool as_haproxy = policy_as_haproxy(&s->world->policy, DIFFERENCE_STICK_WAITS);

	return rules_need_request(rules_of(s, s->backend)) && !as_haproxy;
}

int64_t
route_delay(const struct session *s)
{
	if (s->state == SESSION_FRONT) {
		if (s->frontend->inspect_delay_ms > 0)
			return s->frontend->inspect_delay_ms;
		return world_governs(s->world, s->frontend) ? INSPECT_MS : 0;
	}
	if (s->backend != s->frontend && s->backend->inspect_delay_ms > 0)
		return s->backend->inspect_delay_ms;
	return waits_to_stick(s) ? INSPECT_MS : 0;
}

/* STEP_NEXT: the client may go on. */
static enum step
run_early(struct session *s, enum rules_stage stage, struct rules_walk *walk)
{
	struct rules_hooks hooks = context_hooks(s);
	enum rules_outcome outcome;
	struct expr_context x;

	context_fill(s, &x);
	outcome = rules_run(rules_of(s, s->frontend), stage, walk, &x, &hooks);
	if (outcome == RULES_PASS)
		return STEP_NEXT;
	account_denied(s, stage);
	return outcome == RULES_DROP ? session_drop(s) : session_end(s, CLOSE_REJECTED);
}

enum step
route_connection(struct session *s, bool *expects_header)
{
	struct rules_walk walk = { 0 };
	enum step step = run_early(s, RULES_CONNECTION, &walk);

	*expects_header = walk.expect_proxy;
	return step;
}

enum step
route_admit(struct session *s)
{
	struct rules_walk walk = { 0 };
	enum step step = run_early(s, RULES_SESSION, &walk);

	if (step != STEP_NEXT)
		return step;
	tracks_begin_session(s);
	account_admitted(s);
	record_begin(s);
	return session_enter(s, upgrade_is_due(s) ? SESSION_UPGRADE : SESSION_FRONT);
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static void
tls_facts(const struct session *s, struct facts *f)
{
	const struct tls_facts *from;

	if (!s->extra || !s->extra->client_tls || !s->extra->client_tls->has_facts)
		return;
	from = &s->extra->client_tls->facts;
	facts_set_str(f, FACT_TRANSPORT, STR("tls"));
	facts_set_str(f, FACT_SNI, from->tls.sni);
	facts_set_str(f, FACT_ALPN, from->tls.alpn);
	facts_set_str(f, FACT_TLS_VERSION, from->tls.protocol);
	facts_set_str(f, FACT_CN, from->cn);
	facts_set_number(f, FACT_VERIFIED, from->is_verified);
}

/* tcp becomes ws, and tls wss. */
static void
upgrade_facts(const struct session *s, struct facts *f)
{
	bool is_tls = str_is(f->transport, "tls");
	struct edge *e = s->opening->edge;
	const struct upgrade *u = e ? edge_upgrade(e) : NULL;

	if (!u)
		return;
	facts_set_str(f, FACT_TRANSPORT, is_tls ? STR("wss") : STR("ws"));
	http1_facts(edge_request(e), u, &s->world->policy.named, f);
	facts_set_str(f, FACT_HOST, edge_lower_host(e, f->host));
}

static void
connection_facts(const struct session *s, struct facts *f)
{
	struct ends e;

	session_ends(s, &e);
	facts_set_str(f, FACT_FRONTEND, str_of(s->frontend->name));
	facts_set_str(f, FACT_TRANSPORT, STR("tcp"));
	facts_set_ip(f, FACT_SOURCE, &e.peer);
	facts_set_ip(f, FACT_DESTINATION, &e.self);
	if (e.peer.family)
		facts_set_number(f, FACT_SOURCE_PORT, e.peer_port);
	if (e.self.family)
		facts_set_number(f, FACT_DESTINATION_PORT, e.self_port);
	tls_facts(s, f);
	upgrade_facts(s, f);
}

/* "action" becomes txn.usher.action, or whatever our SPOE engine here calls its variables. */
static void
set_variables(struct session *s, const struct verdict *v, unsigned level)
{
	const char *prefix = s->world->data_path->var_prefixes[s->frontend->index];
	struct verdict_vars vars;
	char name[128];

	if (!prefix)
		return;
	verdict_vars(v, level, &vars);
	for (size_t i = 0; i < vars.n; i++) {
		struct sample sample;
		int n = snprintf(name, sizeof(name), "%s.%s", prefix, vars.vars[i].name);

		if (vars.vars[i].is_number)
			sample_set_int(&sample, vars.vars[i].number);
		else
			sample_set_str(&sample, vars.vars[i].text);
		if (n < (int)sizeof(name))
			(void)!vars_set(&s->opening->vars, VAR_TXN, (struct str){ name, (size_t)n },
					&sample);
	}
}

/* Its server is the session's, unless a backend's rules asked, and another backend was meant. */
static void
take_server(struct session *s, const struct verdict *v)
{
	s->has_entry = v->effects.stick;
	if (s->state == SESSION_BACK && s->backend != v->backend) {
		if (v->has_place)
			load_leave(pool_load(v->pool, v->ranking.server[0]));
		return;
	}
	s->backend = v->backend;
	s->index = v->ranking.server[0];
	s->has_place = v->has_place;
}

/* What is needed of it when the facts are gone. False: no memory. */
static bool
keep_verdict(struct session *s, const struct verdict *v, unsigned level)
{
	struct granted *g = &s->opening->verdict;
	struct str key = v->has_key ? v->effects.key.id : (struct str){ 0 };

	*g = (struct granted){
		.action = v->action,
		.code = v->action == VERDICT_REJECT ? refusal_code(v->refusal, level) : 0,
		.tenant = v->tenant,
		.backend = v->backend,
		.ranking = v->ranking,
		.key = key.n ? malloc(key.n) : NULL,
		.key_len = key.n,
		.sticks = v->effects.stick,
		.seen = v->effects.seen,
	};
	if (g->key)
		memcpy(g->key, key.p, key.n);
	s->key = v->effects.key.hash;
	if (v->action == VERDICT_ACCEPT && v->ranking.n)
		take_server(s, v);
	return g->key || key.n == 0;
}

static void
on_fetched(void *arg)
{
	session_run(arg);
}

/* STEP_WAIT: what other ushers know of the client is asked for first. */
static enum step
take_verdict(struct session *s, const struct mqtt_connect *c)
{
	struct worker *w = s->carrier->worker;
	struct opening *o = s->opening;
	struct facts facts = { 0 };
	struct quota *quota;
	struct verdict v;

	mqtt_facts(c, &facts);
	mqtt_user_properties(c, &s->world->policy.named, &facts);
	connection_facts(s, &facts);
	if (route_fetch(w, s->world, &facts, &o->fetch, on_fetched, s))
		return STEP_WAIT;
	o->ask_due = false;
	route_ask_fetched(w, s->world, &facts, &o->fetch, &v);
	verdict_log(&v, &facts, session_now(s));
	set_variables(s, &v, c->level);
	o->asked = true;
	if (!keep_verdict(s, &v, c->level))
		return session_end(s, CLOSE_MEMORY);
	quota = v.action == VERDICT_ACCEPT && v.tenant ? s->world->quotas[v.tenant->index] : NULL;
	if (quota && !quota_enter(quota, v.tenant->max_connections))
		return session_refuse(s, CLOSE_REFUSED, c->level,
				      refusal_code(REFUSAL_QUOTA_EXCEEDED, c->level));
	s->quota = quota;
	return STEP_NEXT;
}

/* Nobody is asked about what is no CONNECT. STEP_NEXT: the verdict is there. */
static enum step
ask(struct session *s)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;

	s->opening->ask_due = true;
	switch (opening_read(s, &c, &fault)) {
	case PARSE_OK:
		return take_verdict(s, &c);
	case PARSE_MORE:
		if (s->up.eof)
			return session_end(s, s->up.rest ? CLOSE_NOT_MQTT : CLOSE_CLIENT_GONE);
		return s->opening->delay_over ? session_end(s, CLOSE_CONNECT_LATE) : STEP_WAIT;
	case PARSE_BAD:
		break;
	}
	return session_refuse(s, CLOSE_NOT_MQTT, c.level, mqtt_fault_code(fault, c.level));
}

/* `use-service lua.usher_…` */
static enum step
serve_refusal(struct session *s, enum rules_refusal refusal)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;
	unsigned level = opening_read(s, &c, &fault) == PARSE_OK ? c.level : 4;
	uint8_t code = refusal_code(REFUSAL_SERVER_UNAVAILABLE, level);

	if (refusal == RULES_REFUSE_QUOTA)
		code = refusal_code(REFUSAL_QUOTA_EXCEEDED, level);
	else if (refusal == RULES_REFUSE_VERDICT && s->opening->verdict.code)
		code = s->opening->verdict.code;
	return session_refuse(s, CLOSE_REFUSED, level, code);
}

/* ---- rules ---------------------------------------------------------------------------------- */

/* What a status of HTTP means to those who speak MQTT. */
static enum refusal
refusal_of(unsigned status)
{
	if (status == 429)
		return REFUSAL_QUOTA_EXCEEDED;
	return status >= 500 ? REFUSAL_SERVER_UNAVAILABLE : REFUSAL_NOT_AUTHORIZED;
}

/* `http-request deny`: by its status, or, once the client has its 101, in MQTT's words. */
static enum step
deny(struct session *s, unsigned status)
{
	const struct opening *o = s->opening;
	unsigned level = o->greeting.level;

	if (s->state == SESSION_UPGRADE)
		return upgrade_deny(s, status);
	if (o->asked && o->verdict.action == VERDICT_REJECT)
		return session_refuse(s, CLOSE_REFUSED, level, o->verdict.code);
	return session_refuse(s, CLOSE_REJECTED, level, refusal_code(refusal_of(status), level));
}

/*
 * A rule of the file says no. HAProxy closes without a word; where usher governs, a client whose
 * CONNECT is against the protocol is told so, or is seen to be late.
 */
static enum step
reject(struct session *s)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;

	if (!world_governs(s->world, s->frontend) || s->opening->asked)
		return session_end(s, CLOSE_REJECTED);
	switch (opening_read(s, &c, &fault)) {
	case PARSE_OK:
		return session_end(s, CLOSE_REJECTED);
	case PARSE_MORE:
		if (s->up.eof)
			return session_end(s, s->up.rest ? CLOSE_NOT_MQTT : CLOSE_CLIENT_GONE);
		return session_end(s, s->opening->delay_over ? CLOSE_CONNECT_LATE : CLOSE_REJECTED);
	case PARSE_BAD:
		break;
	}
	return session_refuse(s, CLOSE_NOT_MQTT, c.level, mqtt_fault_code(fault, c.level));
}

/* A list is at its end. True: so are the rules. */
static bool
is_last_list(struct session *s, const struct proxy *p)
{
	struct opening *o = s->opening;

	if (p->mode != PROXY_HTTP || o->at_http)
		return true;
	o->at_http = true;
	o->walk = (struct rules_walk){ 0 };
	return false;
}

/* Run a proxy's content rules. STEP_NEXT: the client passed them. */
static enum step
run_content(struct session *s, const struct proxy *p)
{
	struct opening *o = s->opening;
	struct rules_hooks hooks = context_hooks(s);
	enum step step = o->ask_due ? ask(s) : STEP_NEXT;
	enum rules_stage stage;
	struct expr_context x;

	if (step == STEP_NEXT && s->state != SESSION_REFUSED && s->opening->passed)
		return STEP_NEXT; /* what waits now is what comes behind them */
	while (step == STEP_NEXT && s->state != SESSION_REFUSED) {
		context_fill(s, &x);
		stage = o->at_http ? RULES_HTTP : RULES_CONTENT;
		switch (rules_run(rules_of(s, p), stage, &o->walk, &x, &hooks)) {
		case RULES_PASS:
			if (!is_last_list(s, p))
				break;
			o->passed = true;
			return STEP_NEXT;
		case RULES_WAIT:
			return STEP_WAIT;
		case RULES_ASK:
			if (s->state == SESSION_UPGRADE) { /* the CONNECT comes behind the 101 */
				o->ask_due = true;
				return STEP_NEXT;
			}
			step = o->asked ? STEP_NEXT : ask(s);
			break;
		case RULES_REFUSE:
			return serve_refusal(s, o->walk.refusal);
		case RULES_DENY:
			account_denied(s, stage);
			return deny(s, o->walk.status);
		case RULES_REJECT:
			account_denied(s, stage);
			return reject(s);
		case RULES_DROP:
			account_denied(s, stage);
			return session_drop(s);
		}
	}
	return step;
}

enum step
route_request(struct session *s)
{
	return s->frontend->mode == PROXY_HTTP ? run_content(s, s->frontend) : STEP_NEXT;
}

static const struct proxy *
choose_backend(struct session *s)
{
	const struct proxy *p;
	struct expr_context x;

	context_fill(s, &x);
	p = rules_use_backend(rules_of(s, s->frontend), &x);
	if (!p && s->opening->asked)
		p = s->opening->verdict.backend;
	return p ? p : s->frontend->default_backend;
}

/* Where the verdict has its say though no rule of the file asks for it. */
static enum step
govern(struct session *s)
{
	struct opening *o = s->opening;
	enum step step = STEP_NEXT;

	if (!world_governs(s->world, s->frontend))
		return STEP_NEXT;
	if (!o->asked)
		step = ask(s);
	if (step == STEP_NEXT && s->state == SESSION_FRONT && o->verdict.action == VERDICT_REJECT)
		return session_refuse(s, CLOSE_REFUSED, o->greeting.level, o->verdict.code);
	return step;
}

enum step
route_front(struct session *s)
{
	const struct proxy *backend;
	enum step step = run_content(s, s->frontend);

	if (step == STEP_NEXT && s->state == SESSION_FRONT)
		step = govern(s);
	if (step != STEP_NEXT || s->state != SESSION_FRONT)
		return step;
	backend = choose_backend(s);
	if (s->backend && s->backend != backend)
		server_leave(s); /* the file sends it elsewhere */
	s->backend = backend;
	if (!backend || !s->world->data_path->rules[backend->index] ||
	    backend->mode != s->frontend->mode) {
		s->backend = NULL;
		return session_placed(s, NOT_PLACED_NO_SERVER);
	}
	s->opening->walk = (struct rules_walk){ 0 };
	s->opening->at_http = s->opening->passed = false;
	return session_enter(s, SESSION_BACK);
}

/* Everything that stick and use-server rules look at is there, or will never be. */
static bool
is_request_there(struct session *s)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;

	if (!rules_need_request(rules_of(s, s->backend)) || s->up.eof || s->opening->delay_over)
		return true;
	return opening_read(s, &c, &fault) != PARSE_MORE;
}

enum step
route_back(struct session *s)
{
	enum step step = s->backend == s->frontend ? STEP_NEXT : run_content(s, s->backend);

	if (step != STEP_NEXT || s->state != SESSION_BACK)
		return step;
	if (!is_request_there(s))
		return STEP_WAIT;
	return session_placed(s, server_choose(s));
}
