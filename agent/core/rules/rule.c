/* What rules own, and what of a session they need. */
#include "agent/core/rules/rule.h"

#include <stdlib.h>

void
rule_if_fini(struct rule_if *when)
{
	if (when->is_there)
		acl_condition_fini(&when->condition);
}

void
rule_fini(struct rule *rule)
{
	rule_if_fini(&rule->when);
	expr_fini(&rule->expr);
	log_format_fini(&rule->format);
	free(rule->name);
}

static void
fini_choice(struct rule_choice *choice)
{
	rule_if_fini(&choice->when);
	log_format_fini(&choice->format);
}

void
rule_stick_fini(struct rule_stick *stick)
{
	rule_if_fini(&stick->when);
	expr_fini(&stick->expr);
}

void
rules_free(struct rules *rules)
{
	if (!rules)
		return;
	expr_fini(&rules->balance);
	for (size_t i = 0; rules->server_names && i < rules->p->n_servers; i++)
		expr_fini(&rules->server_names[i]);
	free(rules->server_names);
	for (size_t i = 0; i < rules->n_sticks; i++)
		rule_stick_fini(&rules->sticks[i]);
	for (size_t i = 0; i < rules->n_servers; i++)
		fini_choice(&rules->servers[i]);
	for (size_t i = 0; i < rules->n_backends; i++)
		fini_choice(&rules->backends[i]);
	for (size_t s = 0; s < N_RULES_STAGES; s++) {
		for (size_t i = 0; i < rules->lists[s].n; i++)
			rule_fini(&rules->lists[s].rules[i]);
		free(rules->lists[s].rules);
	}
	for (size_t i = 0; i < rules->n_scopes; i++) {
		acl_set_fini(&rules->scopes[i]->acls);
		free(rules->scopes[i]);
	}
	free(rules->scopes);
	free(rules->sticks);
	free(rules->servers);
	free(rules->backends);
	free(rules);
}

/* ---- what needs the request ------------------------------------------------------------------ */

/* WAIT_END needs no bytes, but time for them. */
static bool
expr_waits(const struct expr *e)
{
	return e->n_calls && (expr_needs(e) & EXPR_NEEDS_REQUEST ||
			      strcmp(e->calls[0].keyword->name, "wait_end") == 0);
}

static bool
if_waits(const struct rule_if *when)
{
	for (size_t i = 0; when->is_there && i < when->condition.n_terms; i++) {
		const struct acl *acl = when->condition.terms[i].acl;

		for (size_t k = 0; k < acl->n_tests; k++)
			if (expr_waits(&acl->tests[k].expr))
				return true;
	}
	return false;
}

static bool
choices_wait(const struct rule_choice *choices, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (if_waits(&choices[i].when) ||
		    log_format_needs(&choices[i].format) & EXPR_NEEDS_REQUEST)
			return true;
	return false;
}

static bool
content_waits(const struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct rule *rule = &list->rules[i];

		if (rule->action == RULE_ASK || if_waits(&rule->when) || expr_waits(&rule->expr) ||
		    log_format_needs(&rule->format) & EXPR_NEEDS_REQUEST)
			return true;
	}
	return false;
}

void
rule_sum_up(struct rules *rules)
{
	const struct rule_list *content = &rules->lists[RULES_CONTENT];
	const struct rule_list *http = &rules->lists[RULES_HTTP];

	for (size_t i = 0; i < content->n; i++)
		rules->asks |= content->rules[i].action == RULE_ASK;
	for (size_t i = 0; i < http->n; i++)
		rules->asks |= http->rules[i].action == RULE_ASK;
	rules->needs_request =
		content_waits(content) || choices_wait(rules->backends, rules->n_backends) ||
		choices_wait(rules->servers, rules->n_servers) || expr_waits(&rules->balance);
	for (size_t i = 0; i < rules->n_sticks; i++)
		rules->needs_request |=
			if_waits(&rules->sticks[i].when) || expr_waits(&rules->sticks[i].expr);
}
