/* Frontends are marked first; then each marks what it leads to. */
#include "agent/core/topology/upgrades.h"

/* "%[var(txn.usher.backend)]": the verdict's, by whatever name the engine has. */
static bool
is_of_verdict(const char *name)
{
	return str_has_prefix(str_of(name), STR("%[var(txn.usher")) &&
	       str_has_suffix(str_of(name), STR(".backend)]"));
}

static void
mark(struct proxy *p)
{
	if (p && p->kind & PROXY_BACKEND && p->mode == PROXY_HTTP)
		p->has_upgrades = true;
}

static void
mark_chosen(struct topology *t, const struct upgrade_policy *policy)
{
	for (size_t i = 0; i < t->n_proxies; i++)
		if (policy->chooses(policy->arg, str_of(t->proxies[i]->name)))
			mark(topology_backend(t, str_of(t->proxies[i]->name)));
}

static void
mark_all(struct topology *t)
{
	for (size_t i = 0; i < t->n_proxies; i++)
		if (t->proxies[i]->n_servers)
			mark(t->proxies[i]);
}

static void
mark_backends(struct topology *t, const struct proxy *frontend)
{
	mark(frontend->default_backend);
	for (size_t i = 0; i < frontend->n_lines; i++) {
		const struct raw_line *line = &frontend->lines[i];

		if (strcmp(line->words[0], "use_backend") != 0 || is_of_verdict(line->words[1]))
			continue;
		if (strchr(line->words[1], '%'))
			mark_all(t);
		else
			mark(topology_backend(t, str_of(line->words[1])));
	}
}

void
topology_mark_upgrades(struct topology *t, const struct upgrade_policy *policy)
{
	bool any = false;

	for (size_t i = 0; i < t->n_proxies; i++) {
		struct proxy *p = t->proxies[i];

		if (!(p->kind & PROXY_FRONTEND) || p->mode != PROXY_HTTP || p->disabled ||
		    !policy->has_upgrades(policy->arg, str_of(p->name)))
			continue;
		p->has_upgrades = any = true;
		mark_backends(t, p);
	}
	if (any)
		mark_chosen(t, policy);
}
