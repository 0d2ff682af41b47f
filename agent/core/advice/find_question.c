/* Is usher asked, at the right moment, and told what its policy wants to know? */
#include <stdio.h>

#include "agent/core/advice/adviser.h"
#include "agent/core/policy/lines.h"

static const char QUESTION[] = "tcp-request content send-spoe-group";

/* ---- is it asked ----------------------------------------------------------------------------- */

void
find_not_asked(const struct adviser *a)
{
	const struct topology *t = a->in->topology;
	struct place at = { t->n_files ? t->files[0] : "haproxy.cfg", 1 };

	/* With agent.listen the HAProxy that asks may have another file. */
	if (a->n_askers || a->in->policy->n_listen)
		return;
	for (size_t i = t->n_proxies; i > 0; i--)
		if ((t->proxies[i - 1]->kind & PROXY_FRONTEND) &&
		    t->proxies[i - 1]->mode == PROXY_TCP)
			at = t->proxies[i - 1]->at;
	/* No alert: who runs `usher proxy` alone needs no such line. */
	advise(a, FINDING_WARNING, at,
	       "no frontend has a 'filter spoe engine usher' line, so HAProxy asks usher nothing, "
	       "and 'usher agent' does not start; 'usher setup -f %s' prints the lines to add",
	       t->n_files ? t->files[0] : "haproxy.cfg");
}

static bool
has_engine(const struct proxy *p, const char *engine)
{
	for (size_t i = 0; i < p->n_filters; i++)
		if (p->filters[i].engine && strcmp(p->filters[i].engine, engine) == 0)
			return true;
	return false;
}

static void
look_for_filters(const struct adviser *a, const struct proxy *p)
{
	for (size_t i = 0; i < p->n_all; i++) {
		const struct raw_line *l = &p->all[i];
		bool is_http = line_starts(l, "http-request send-spoe-group");
		const char *engine = line_word(l, is_http ? 2 : 3);

		if ((is_http || line_starts(l, QUESTION) ||
		     line_starts(l, "tcp-response content send-spoe-group")) &&
		    !has_engine(p, engine))
			advise(a, FINDING_ALERT, l->at,
			       "%s '%s': asks SPOE engine '%s', which this section does not have; "
			       "add 'filter spoe engine %s config /etc/haproxy/spoe-usher.conf'",
			       proxy_kind_name(p->kind), p->name, engine, engine);
	}
}

void
find_no_filter(const struct adviser *a)
{
	const struct policy *policy = a->in->policy;
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		look_for_filters(a, t->proxies[i]);
	for (size_t i = 0; i < policy->n_frontends && a->n_askers; i++) {
		const char *name = policy->frontends[i].name;
		const struct proxy *p = topology_frontend(t, str_of(name));
		char path[128], key[LINES_KEY];
		bool asks = !p; /* unknown names are refused elsewhere */

		for (size_t j = 0; j < a->n_askers; j++)
			asks = asks || a->askers[j].p == p;
		snprintf(path, sizeof(path), "frontends.%s", lines_key(str_of(name), key));
		if (asks)
			continue;
		if (policy->frontends[i].websocket)
			advise_policy(
				a, FINDING_WARNING, policy->frontends[i].line, path,
				"holds only where usher carries clients itself; HAProxy passes "
				"WebSocket through unread and does not ask usher here");
		else
			advise_policy(a, FINDING_ALERT, policy->frontends[i].line, path,
				      "HAProxy does not ask usher here: %s:%d has no 'filter spoe "
				      "engine usher' line; add the lines that 'usher setup' prints",
				      p->at.file, p->at.line);
	}
}

static bool
offers_group(const struct spoe_engine *e, const char *group)
{
	for (size_t i = 0; i < e->n_groups; i++)
		if (strcmp(e->groups[i], group) == 0)
			return true;
	return false;
}

void
find_no_question(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];
		const struct raw_line *l;

		if (k->question == SIZE_MAX && k->is_http) {
			advise(a, FINDING_ALERT, k->filter->at,
			       "frontend '%s': has usher's filter but never asks; add "
			       "'http-request "
			       "send-spoe-group %s usher-http'",
			       k->p->name, k->filter->engine);
			continue;
		}
		if (k->question == SIZE_MAX) {
			advise(a, FINDING_ALERT, k->filter->at,
			       "frontend '%s': has usher's filter but never asks: a message on an "
			       "event would be sent before the CONNECT is there; add 'tcp-request "
			       "content send-spoe-group %s usher-connect' below the line with "
			       "mqtt_is_valid",
			       k->p->name, k->filter->engine);
			continue;
		}
		l = &k->p->all[k->question];
		if (k->engine && !offers_group(k->engine, k->group))
			advise(a, FINDING_ALERT, l->at,
			       "frontend '%s': engine '%s' has no group '%s'; name one of its "
			       "'groups' in %s",
			       k->p->name, k->filter->engine, k->group, k->filter->config);
	}
}

/* ---- at the right moment --------------------------------------------------------------------- */

static void
look_for_delay(const struct adviser *a, const struct proxy *p, const char *keyword)
{
	char content[32];
	size_t at;

	snprintf(content, sizeof(content), "%s content", keyword);
	at = proxy_first_mention(p, content, "mqtt_");
	if (at != SIZE_MAX && !proxy_has_inspect_delay(p, keyword))
		advise(a, FINDING_ALERT, p->all[at].at,
		       "%s '%s': reads MQTT before its bytes are there; add '%s inspect-delay 10s'",
		       proxy_kind_name(p->kind), p->name, keyword);
}

/* A stick line on MQTT in the backend needs a frontend that has waited. */
static void
look_for_stick_delay(const struct adviser *a, const struct proxy *p)
{
	const struct proxy *b = p->default_backend;
	size_t at = b ? proxy_first_mention(b, "stick", "mqtt_") : SIZE_MAX;

	if (at == SIZE_MAX || proxy_has_inspect_delay(p, "tcp-request") ||
	    proxy_has_inspect_delay(b, "tcp-request"))
		return;
	advise(a, FINDING_WARNING, b->all[at].at,
	       "%s '%s': sticks by what frontend '%s' (%s:%d) does not wait for, so clients whose "
	       "CONNECT comes late do not stick; add 'tcp-request inspect-delay 10s' and "
	       "'tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }' there",
	       proxy_kind_name(b->kind), b->name, p->name, p->at.file, p->at.line);
}

void
find_no_inspect_delay(const struct adviser *a)
{
	const struct topology *t = a->in->topology;

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		look_for_delay(a, p, "tcp-request");
		look_for_delay(a, p, "tcp-response");
		if (p->kind & PROXY_FRONTEND)
			look_for_stick_delay(a, p);
	}
}

void
find_no_mqtt_is_valid(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->question != SIZE_MAX && !k->is_http &&
		    proxy_first_mention(k->p, "tcp-request content", "mqtt_is_valid") > k->question)
			advise(a, FINDING_ALERT, k->p->all[k->question].at,
			       "frontend '%s': asks before the CONNECT is known to be whole; above "
			       "this line add 'tcp-request content reject unless { "
			       "req.payload(0,1) -m bin 10 } { req.payload(0,0),mqtt_is_valid }'",
			       k->p->name);
	}
}

/* ---- about what ------------------------------------------------------------------------------ */

/* Does the question carry this argument? */
static bool
is_sent(const struct asker *k, const struct spoe_arg *arg)
{
	return !k->group || spoe_engine_sends(k->engine, k->group, arg);
}

static void
look_for_variables(const struct adviser *a, const struct asker *k)
{
	for (size_t i = 0; k->engine && i < k->engine->n_args; i++) {
		const struct spoe_arg *arg = &k->engine->args[i];
		char variable[VARIABLE];

		if (!is_sent(k, arg) || !expression_variable(arg->expression, variable)[0] ||
		    proxy_sets_variable(k->p, variable, k->question))
			continue;
		advise(a, strcmp(arg->name, "client_id") == 0 ? FINDING_ALERT : FINDING_WARNING,
		       k->p->all[k->question].at,
		       "frontend '%s': usher is to be told %s, from %s, which no line above sets; "
		       "add 'tcp-request content set-var(%s) …' as in haproxy/README.md",
		       k->p->name, arg->name, arg->expression, variable);
	}
}

static void
look_for_stick_variable(const struct adviser *a, const struct proxy *b)
{
	for (size_t i = 0; i < b->n_all; i++) {
		char expression[EXPRESSION], variable[VARIABLE];

		if (!line_starts(&b->all[i], "stick") ||
		    !expression_variable(stick_expression(&b->all[i], expression), variable)[0] ||
		    proxy_sets_variable(b, variable, SIZE_MAX))
			continue;
		for (size_t j = 0; j < a->n_askers; j++)
			if (a->askers[j].p->default_backend == b &&
			    !proxy_sets_variable(a->askers[j].p, variable, SIZE_MAX))
				advise(a, FINDING_WARNING, b->all[i].at,
				       "%s '%s': sticks by %s, which frontend '%s' does not set; "
				       "add 'tcp-request content set-var(%s) …' there",
				       proxy_kind_name(b->kind), b->name, variable,
				       a->askers[j].p->name, variable);
	}
}

void
find_unset_variable(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++)
		if (a->askers[i].question != SIZE_MAX)
			look_for_variables(a, &a->askers[i]);
	for (size_t i = 0; i < a->n_named; i++)
		look_for_stick_variable(a, a->named[i]);
}

void
find_no_size_limit(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->question != SIZE_MAX && !k->is_http &&
		    proxy_first_mention(k->p, "tcp-request content", ",length") > k->question)
			advise(a, FINDING_WARNING, k->p->all[k->question].at,
			       "frontend '%s': a CONNECT too large for one question waits out the "
			       "whole time-out and then has no verdict; above this line add "
			       "'tcp-request content reject if { var(txn.mqtt_client_id),length gt "
			       "8000 }' and the same for the username",
			       k->p->name);
	}
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* Facts that are made of arguments with other names. */
static const struct {
	enum fact fact;
	const char *args[2];
} made_of[] = {
	{ FACT_PROTOCOL, { "level" } },
	{ FACT_CLEAN_START, { "flags" } },
	{ FACT_VERIFIED, { "certificate", "verify" } },
};

enum sight {
	SIGHT_NONE,   /* no argument tells it */
	SIGHT_NO_TLS, /* one does, but of TLS, which ends elsewhere */
	SIGHT_FULL,
};

/* Headers in any case, as HTTP has them. */
static bool
names_fact(const char *argument, const char *fact)
{
	return strncmp(fact, "header.", 7) == 0 ? str_ieq(str_of(argument), str_of(fact))
						: strcmp(argument, fact) == 0;
}

static enum sight
see_argument(const struct asker *k, const char *name)
{
	for (size_t i = 0; k->engine && i < k->engine->n_args; i++) {
		const struct spoe_arg *arg = &k->engine->args[i];
		bool of_tls = strncmp(arg->expression, "ssl_", 4) == 0;

		if (is_sent(k, arg) && names_fact(arg->name, name))
			return of_tls && !proxy_binds_with(k->p, "ssl") ? SIGHT_NO_TLS : SIGHT_FULL;
	}
	return SIGHT_NONE;
}

static enum sight
see_fact(const struct adviser *a, const struct asker *k, enum fact fact)
{
	enum sight first, second;

	if (fact == FACT_TRANSPORT)
		return SIGHT_FULL; /* tcp is what nothing else was said of */
	for (size_t i = 0; i < sizeof(made_of) / sizeof(made_of[0]); i++) {
		if (made_of[i].fact != fact)
			continue;
		first = see_argument(k, made_of[i].args[0]);
		second = made_of[i].args[1] ? see_argument(k, made_of[i].args[1]) : first;
		return first < second ? first : second;
	}
	return see_argument(k, fact_names_text(&a->in->policy->named, fact));
}

static bool
is_of_family(const struct adviser *a, enum fact fact, enum fact_family family)
{
	return fact >= FACT_NAMED && a->in->policy->named.items[fact - FACT_NAMED].family == family;
}

static bool
is_of_websocket(const struct adviser *a, enum fact fact)
{
	return fact == FACT_PATH || fact == FACT_QUERY || fact == FACT_HOST ||
	       is_of_family(a, fact, FACT_FAMILY_HEADER);
}

/* Is there a frontend whose WebSocket usher itself reads? */
static bool
reads_websocket(const struct policy *p)
{
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].websocket)
			return true;
	return false;
}

/* Nobody beside HAProxy asks: usher carries the clients. */
static void
need_from_usher(const struct adviser *a, enum fact fact, int line, const char *path)
{
	if (is_of_websocket(a, fact) && !a->in->policy->n_listen)
		advise_policy(a, FINDING_ALERT, line, path,
			      "no client ever shows '%s': no frontend in %s has \"websocket\": "
			      "true; add that, or ask for another fact",
			      fact_names_text(&a->in->policy->named, fact), a->in->policy_file);
}

static void
say_unseen(const struct adviser *a, enum fact fact, int line, const char *path)
{
	const char *name = fact_names_text(&a->in->policy->named, fact);

	if (is_of_family(a, fact, FACT_FAMILY_USER_PROPERTY))
		advise_policy(a, FINDING_ALERT, line, path,
			      "HAProxy cannot show usher '%s'; user properties are seen only where "
			      "'usher proxy' carries the clients; ask for another fact",
			      name);
	else if (is_of_websocket(a, fact))
		advise_policy(
			a, FINDING_ALERT, line, path,
			"HAProxy does not tell usher '%s': it is not among the 'args' that a "
			"frontend in mode http sends; see \"WebSocket\" in haproxy/README.md, "
			"or ask for another fact",
			name);
	else
		advise_policy(a, FINDING_ALERT, line, path,
			      "HAProxy does not tell usher '%s': it is not among the 'args' in "
			      "%s:%d; add it there, or ask for another fact",
			      name, a->askers[0].filter->config, a->askers[0].engine->agent_line);
}

/* Some asker sees it, or is not known well enough to say. */
static void
need_fact(const struct adviser *a, enum fact fact, int line, const char *path)
{
	enum sight best = SIGHT_NONE;

	if (is_of_websocket(a, fact) && reads_websocket(a->in->policy))
		return;
	for (size_t i = 0; i < a->n_askers; i++) {
		enum sight sight = see_fact(a, &a->askers[i], fact);

		if (!a->askers[i].engine || sight == SIGHT_FULL)
			return;
		if (sight > best)
			best = sight;
	}
	if (!a->n_askers)
		need_from_usher(a, fact, line, path);
	else if (best == SIGHT_NO_TLS)
		advise_policy(a, FINDING_ALERT, line, path,
			      "no client ever shows '%s': no frontend that asks usher has 'bind … "
			      "ssl'; add one, or ask for another fact",
			      fact_name(fact));
	else
		say_unseen(a, fact, line, path);
}

static bool
says_websocket(const char *text)
{
	return text && (strcmp(text, "ws") == 0 || strcmp(text, "wss") == 0);
}

/* WebSocket is the one transport that has to be said by an argument. */
static bool
needs_websocket(const struct condition *c)
{
	bool all = c->n_members > 0;

	if (c->fact != FACT_TRANSPORT)
		return false;
	for (size_t i = 0; i < c->n_members; i++)
		all = all && says_websocket(c->members[i]);
	return all || (c->kind == MATCH_EXACT && says_websocket(c->text));
}

static void
need_websocket(const struct adviser *a, int line, const char *path)
{
	if (reads_websocket(a->in->policy))
		return;
	for (size_t i = 0; i < a->n_askers; i++)
		if (!a->askers[i].engine || see_argument(&a->askers[i], "ws"))
			return;
	if (a->n_askers)
		advise_policy(
			a, FINDING_ALERT, line, path,
			"no frontend in mode http asks usher, so nobody is known to come over "
			"WebSocket; see \"WebSocket\" in haproxy/README.md");
	else if (!a->in->policy->n_listen)
		advise_policy(a, FINDING_ALERT, line, path,
			      "nobody comes over WebSocket: no frontend in %s has \"websocket\": "
			      "true; add that, or ask for another transport",
			      a->in->policy_file);
}

static void
need_conditions(const struct adviser *a, const struct condition *list, size_t n, int line,
		const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (needs_websocket(&list[i]))
			need_websocket(a, line, path);
		else
			need_fact(a, list[i].fact, line, path);
	}
}

static void
need_identity(const struct adviser *a, struct identity id, int line, const char *path)
{
	if (id.match && id.with == IDENTITY_CN)
		need_fact(a, FACT_CN, line, path);
	else if (id.match && id.with == IDENTITY_USERNAME)
		need_fact(a, FACT_USERNAME, line, path);
}

void
find_fact_unseen(const struct adviser *a)
{
	const struct policy *p = a->in->policy;
	char path[160], key[LINES_KEY];

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *rule = &p->rules[i];

		snprintf(path, sizeof(path), "rules[%zu].if", i);
		need_conditions(a, rule->conditions, rule->n_conditions, rule->line, path);
		snprintf(path, sizeof(path), "rules[%zu].unless", i);
		need_conditions(a, rule->exceptions, rule->n_exceptions, rule->line, path);
	}
	for (size_t i = 0; i < p->n_tenant_sources; i++) {
		snprintf(path, sizeof(path), "tenant_from[%zu]", i);
		need_fact(a, p->tenant_sources[i].fact, p->tenant_sources[i].line, path);
	}
	need_identity(a, p->identity, p->identity_line, "identity");
	for (size_t i = 0; i < p->n_tenants; i++) {
		snprintf(path, sizeof(path), "tenants.%s.identity",
			 lines_key(str_of(p->tenants[i]->name), key));
		if (p->tenants[i]->has_identity)
			need_identity(a, p->tenants[i]->identity, p->tenants[i]->identity_line,
				      path);
	}
}
