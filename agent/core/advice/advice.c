/*
 * One table of findings. Those about syntax are looked for in any file; the others need a file
 * that was understood, or half of what they say would follow from the alerts already there.
 */
#include "agent/core/advice/advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/advice/adviser.h"
#include "agent/core/base/mem.h"
#include "agent/core/policy/check.h"

static const struct finding_kind {
	const char *name;
	find_fn *find;
	bool in_any_file;
} kinds[] = {
	{ "blank-in-brackets", find_blank_in_brackets, true },
	{ "full-width", find_full_width, true },
	{ "no-lua", find_no_lua, false },

	{ "not-asked", find_not_asked, false },
	{ "no-filter", find_no_filter, false },
	{ "no-question", find_no_question, false },
	{ "no-inspect-delay", find_no_inspect_delay, false },
	{ "no-mqtt-is-valid", find_no_mqtt_is_valid, false },
	{ "unset-variable", find_unset_variable, false },
	{ "no-size-limit", find_no_size_limit, false },
	{ "fact-unseen", find_fact_unseen, false },

	{ "no-refusal", find_no_refusal, false },
	{ "not-closed", find_not_closed, false },
	{ "closed-unsaid", find_closed_unsaid, false },
	{ "no-use-backend", find_no_use_backend, false },
	{ "no-quota", find_no_quota, false },
	{ "no-use-server", find_no_use_server, false },
	{ "few-use-servers", find_few_use_servers, false },

	{ "no-stick", find_no_stick, false },
	{ "stick-len", find_stick_len, false },
	{ "no-check", find_no_check, false },
	{ "check-send-proxy", find_check_send_proxy, false },
	{ "bare-header", find_bare_header, false },
	{ "no-redispatch", find_no_redispatch, false },

	{ "no-timeout", find_no_timeout, false },
	{ "timeout-keepalive", find_timeout_keepalive, false },
	{ "no-session-ends", find_no_session_ends, false },
	{ "logasap", find_logasap, false },
	{ "no-stats-socket", find_no_stats_socket, false },
	{ "agent-unchecked", find_agent_unchecked, false },
	{ "no-spop-check", find_no_spop_check, false },
	{ "no-processing-timeout", find_no_processing_timeout, false },
	{ "late-answers", find_late_answers, false },
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

void
advice_check(const struct advice_input *in, struct report *r)
{
	struct adviser a;

	adviser_init(&a, in, r);
	for (size_t i = 0; i < N_KINDS; i++) {
		a.name = kinds[i].name;
		if (kinds[i].in_any_file || !in->topology->faulty)
			kinds[i].find(&a);
	}
	adviser_fini(&a);
}

const char *
advice_name(size_t i)
{
	return i < N_KINDS ? kinds[i].name : policy_check_name(i - N_KINDS);
}

/* ---- what findings say ----------------------------------------------------------------------- */

static bool
is_said(const struct report *r, const char *text)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->findings[i].text, text) == 0)
			return true;
	return false;
}

static char *
format(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	return text;
}

void
advise(const struct adviser *a, enum finding_level level, struct place at, const char *fmt, ...)
{
	va_list args;
	char *what, *text;

	va_start(args, fmt);
	what = format(fmt, args);
	va_end(args);
	if (asprintf(&text, "[%s:%d] : %s [%s]", at.file, at.line, what, a->name) < 0)
		abort();
	if (!is_said(a->r, text)) /* a line of `defaults` is met in every section it goes into */
		report_cfg(a->r, level, "%s", text);
	free(what);
	free(text);
}

void
advise_policy(const struct adviser *a, enum finding_level level, int line, const char *path,
	      const char *fmt, ...)
{
	va_list args;
	char *what;

	va_start(args, fmt);
	what = format(fmt, args);
	va_end(args);
	report_policy(a->r, level, "%s:%d: %s: %s [%s]", a->in->policy_file, line, path, what,
		      a->name);
	free(what);
}

/* ---- what findings look at ------------------------------------------------------------------- */

static const struct spoe_engine *
engine_of(const struct advice_input *in, const struct spoe_filter *f)
{
	for (size_t i = 0; i < in->n_engines; i++)
		if (in->engines[i].filter == f)
			return &in->engines[i].engine;
	return NULL;
}

const char *
asker_ruleset(const struct asker *k)
{
	return k->is_http ? "http-request" : "tcp-request content";
}

/* A word behind `send-spoe-group`; NULL: it is not asked. */
static const char *
question_word(const struct asker *k, size_t i)
{
	if (k->question == SIZE_MAX)
		return NULL;
	return line_word(&k->p->all[k->question], (k->is_http ? 1 : 2) + i);
}

/* Our filter that the question names, else the first. */
static const struct spoe_filter *
filter_of(const struct proxy *p, const char *engine)
{
	const struct spoe_filter *first = NULL;

	for (size_t i = 0; i < p->n_filters; i++) {
		const struct spoe_filter *f = &p->filters[i];

		if (!spoe_filter_is_ours(f))
			continue;
		if (engine && strcmp(f->engine, engine) == 0)
			return f;
		if (!first)
			first = f;
	}
	return first;
}

static void
add_asker(struct adviser *a, const struct proxy *p)
{
	struct asker asker = { .p = p, .is_http = p->mode == PROXY_HTTP };

	asker.question = proxy_first_mention(p,
					     asker.is_http ? "http-request send-spoe-group"
							   : "tcp-request content send-spoe-group",
					     "usher");
	asker.filter = filter_of(p, question_word(&asker, 1));
	asker.group = question_word(&asker, 2);
	if (!asker.filter || p->disabled || !(p->kind & PROXY_FRONTEND))
		return;
	asker.engine = engine_of(a->in, asker.filter);
	asker.prefix =
		asker.engine && asker.engine->var_prefix ? asker.engine->var_prefix : "usher";
	ARRAY_GROW(a->askers, a->n_askers);
	a->askers[a->n_askers++] = asker;
}

bool
adviser_names(const struct adviser *a, const struct proxy *p)
{
	for (size_t i = 0; i < a->n_named; i++)
		if (a->named[i] == p)
			return true;
	return false;
}

void
adviser_add_named(struct adviser *a, const struct proxy *p)
{
	if (!p || p->disabled || adviser_names(a, p))
		return;
	ARRAY_GROW(a->named, a->n_named);
	a->named[a->n_named++] = p;
}

/* Backends of those who ask, and of the policy, if somebody asks at all. */
static void
add_all_named(struct adviser *a)
{
	const struct policy *policy = a->in->policy;

	for (size_t i = 0; i < a->n_askers; i++)
		adviser_add_named(a, a->askers[i].p->default_backend);
	for (size_t i = 0; i < policy->n_tenants && a->n_askers; i++)
		adviser_add_named(a, policy->tenants[i]->backend);
	for (size_t i = 0; i < policy->n_rules && a->n_askers; i++)
		adviser_add_named(a, policy->rules[i].backend);
}

void
adviser_init(struct adviser *a, const struct advice_input *in, struct report *r)
{
	*a = (struct adviser){ .in = in, .r = r };
	for (size_t i = 0; i < in->topology->n_proxies; i++)
		add_asker(a, in->topology->proxies[i]);
	add_all_named(a);
}

void
adviser_add_door(struct adviser *a, const struct proxy *p)
{
	ARRAY_GROW(a->askers, a->n_askers);
	a->askers[a->n_askers++] =
		(struct asker){ .p = p, .question = SIZE_MAX, .prefix = "usher" };
	add_all_named(a);
}

void
adviser_fini(struct adviser *a)
{
	free(a->askers);
	free(a->named);
}

const char *
asker_variable(const struct asker *asker, const char *name, char *out)
{
	snprintf(out, VARIABLE, "var(txn.%.64s.%s)", asker->prefix, name);
	return out;
}

bool
adviser_uses_variable(const struct adviser *a, const struct proxy *p, const char *words,
		      const char *name)
{
	char variable[VARIABLE];

	for (size_t i = 0; i < a->n_askers; i++)
		if (proxy_first_mention(p, words, asker_variable(&a->askers[i], name, variable)) !=
		    SIZE_MAX)
			return true;
	return false;
}

bool
adviser_names_others(const struct adviser *a, const struct proxy *p)
{
	const struct policy *policy = a->in->policy;

	for (size_t i = 0; i < policy->n_tenants; i++)
		if (policy->tenants[i]->backend &&
		    policy->tenants[i]->backend != p->default_backend)
			return true;
	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].backend && policy->rules[i].backend != p->default_backend)
			return true;
	return false;
}

bool
policy_refuses(const struct policy *p)
{
	bool refuses = p->reject_unknown_tenant || p->identity.match || p->source_rate.count ||
		       p->client_rate.count || p->total_rate.count;

	for (size_t i = 0; i < p->n_rules; i++)
		refuses = refuses || p->rules[i].action == RULE_REJECT;
	for (size_t i = 0; i < p->n_tenants; i++)
		refuses = refuses || p->tenants[i]->identity.match ||
			  p->tenants[i]->connect_rate.count;
	return refuses;
}

bool
policy_has_quotas(const struct policy *p)
{
	for (size_t i = 0; i < p->n_tenants; i++)
		if (p->tenants[i]->max_connections)
			return true;
	return false;
}
