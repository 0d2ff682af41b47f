/* Is what usher answers obeyed: refusals, backends, quotas, servers? */
#include <stdio.h>

#include "agent/core/advice/adviser.h"

/* Does the word come in the line behind the variable that is asked about? */
static bool
asks_variable_for(const struct raw_line *l, const char *variable, const char *word)
{
	bool behind = false;

	for (size_t i = 0; i < l->n; i++) {
		if (behind && strcmp(l->words[i], word) == 0)
			return true;
		behind = behind || strstr(l->words[i], variable);
	}
	return false;
}

static bool
has_word(const struct raw_line *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->words[i], word) == 0)
			return true;
	return false;
}

/* Is there a line, below the question, that asks txn.usher.action for this word? */
static bool
asks_action_for(const struct asker *k, const char *word, bool negated)
{
	char variable[VARIABLE];

	asker_variable(k, "action", variable);
	for (size_t i = k->question + 1; i < k->p->n_all; i++) {
		const struct raw_line *l = &k->p->all[i];
		bool is_negated = has_word(l, "unless") || has_word(l, "!{");

		if (asks_variable_for(l, variable, word) &&
		    (is_negated == negated || line_starts(l, "acl")))
			return true;
	}
	return false;
}

/* `… unless { var(txn.usher.action) -m str accept }` does both at once. */
bool
asker_obeys_refusals(const struct asker *k)
{
	return asks_action_for(k, "reject", false) || asks_action_for(k, "accept", true);
}

bool
asker_is_closed(const struct asker *k)
{
	return asks_action_for(k, "found", true) || asks_action_for(k, "accept", true);
}

void
find_no_refusal(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->question == SIZE_MAX || asker_obeys_refusals(k))
			continue;
		advise(a, policy_refuses(a->in->policy) ? FINDING_ALERT : FINDING_WARNING,
		       k->p->all[k->question].at,
		       "frontend '%s': lets in whom usher refuses; below this line add "
		       "'%s %s if { var(txn.%s.action) -m str reject }'",
		       k->p->name, asker_ruleset(k),
		       k->is_http ? "deny deny_status 403" : "use-service lua.usher_refuse",
		       k->prefix);
	}
}

/* ---- open and closed ------------------------------------------------------------------------- */

bool
adviser_wants_closed(const struct adviser *a, const struct proxy *p)
{
	const struct frontend_policy *f = policy_frontend(a->in->policy, str_of(p->name));

	return f && f->closed;
}

void
find_not_closed(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (k->question != SIZE_MAX && adviser_wants_closed(a, k->p) && !asker_is_closed(k))
			advise(a, FINDING_ALERT, k->p->all[k->question].at,
			       "frontend '%s': %s says closed, but a client without a verdict gets "
			       "in; below this line add '%s %s unless { var(txn.%s.action) -m "
			       "found }'",
			       k->p->name, a->in->policy_file, asker_ruleset(k),
			       k->is_http ? "deny deny_status 503"
					  : "use-service lua.usher_unavailable",
			       k->prefix);
	}
}

void
find_closed_unsaid(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers && a->in->policy_file; i++) {
		const struct asker *k = &a->askers[i];

		if (k->question != SIZE_MAX && asker_is_closed(k) && !adviser_wants_closed(a, k->p))
			advise(a, FINDING_WARNING, k->p->all[k->question].at,
			       "frontend '%s': refuses clients without a verdict, but %s takes it "
			       "for open; add \"frontends\": { \"%s\": { \"without_verdict\": "
			       "\"closed\" } } there",
			       k->p->name, a->in->policy_file, k->p->name);
	}
}

/* ---- backends and quotas --------------------------------------------------------------------- */

void
find_no_use_backend(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers; i++) {
		const struct asker *k = &a->askers[i];

		if (!adviser_names_others(a, k->p) ||
		    adviser_uses_variable(a, k->p, "use_backend", "backend"))
			continue;
		advise(a, FINDING_ALERT, k->p->at,
		       "frontend '%s': %s names backends, but this frontend goes to none of them; "
		       "add 'use_backend %%[var(txn.%s.backend)] if { var(txn.%s.backend) -m "
		       "found }'",
		       k->p->name, a->in->policy_file, k->prefix, k->prefix);
	}
}

/* `tcp-request content track-sc0|1|2 var(txn.usher.tenant) …`, or `http-request track-sc…` */
static bool
counts_tenants(const struct asker *k)
{
	char variable[VARIABLE];

	asker_variable(k, "tenant", variable);
	for (size_t i = 0; i < k->p->n_all; i++)
		if (strncmp(line_word(&k->p->all[i], k->is_http ? 1 : 2), "track-sc", 8) == 0 &&
		    line_mentions(&k->p->all[i], variable))
			return true;
	return false;
}

bool
asker_obeys_quotas(const struct adviser *a, const struct asker *k)
{
	return adviser_uses_variable(a, k->p, asker_ruleset(k), "max") && counts_tenants(k);
}

void
find_no_quota(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_askers && policy_has_quotas(a->in->policy); i++) {
		const struct asker *k = &a->askers[i];

		if (asker_obeys_quotas(a, k))
			continue;
		advise(a, FINDING_ALERT, k->p->at,
		       "frontend '%s': tenants in %s have max_connections, which HAProxy must "
		       "count, but does not; add the lines with usher_tenants of "
		       "haproxy/README.md",
		       k->p->name, a->in->policy_file);
	}
}

/* ---- servers --------------------------------------------------------------------------------- */

static const char *
prefix_of(const struct adviser *a)
{
	return a->askers[0].prefix;
}

void
find_no_use_server(const struct adviser *a)
{
	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *p = a->named[i];

		if (p->n_servers > 1 && !adviser_uses_variable(a, p, "use-server", "srv1"))
			advise(a, FINDING_ALERT, p->at,
			       "%s '%s': usher's choice of a server is not followed; add "
			       "'use-server %%[var(txn.%s.srv1)] if { var(txn.%s.srv1) -m found "
			       "}', "
			       "and the same for srv2 and srv3",
			       proxy_kind_name(p->kind), p->name, prefix_of(a), prefix_of(a));
	}
}

void
find_few_use_servers(const struct adviser *a)
{
	static const char *const names[] = { "srv1", "srv2", "srv3" };

	for (size_t i = 0; i < a->n_named; i++) {
		const struct proxy *p = a->named[i];
		size_t n = 0;

		while (n < 3 && n < p->n_servers &&
		       adviser_uses_variable(a, p, "use-server", names[n]))
			n++;
		if (n > 0 && n < 3 && n < p->n_servers)
			advise(a, FINDING_WARNING, p->at,
			       "%s '%s': does not follow usher's %s choice, so when the first is "
			       "down HAProxy balances by itself; add 'use-server "
			       "%%[var(txn.%s.%s)] if { var(txn.%s.%s) -m found }'",
			       proxy_kind_name(p->kind), p->name, n == 1 ? "second" : "third",
			       prefix_of(a), names[n], prefix_of(a), names[n]);
	}
}
