/* Every proxy is looked at, so that all faults are reported at once. */
#include "agent/engine/data_path.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/script.h"
#include "agent/core/logline/text.h"
#include "agent/core/topology/spoe_engine.h"
#include "agent/engine/log_targets.h"
#include "agent/engine/world.h"

/* What the SPOE engine of ours on this frontend calls its variables. */
static char *
read_var_prefix(const struct proxy *p, struct report *r)
{
	struct spoe_engine engine;
	char *prefix = NULL;

	for (size_t i = 0; i < p->n_filters && !prefix; i++) {
		if (!spoe_filter_is_ours(&p->filters[i]))
			continue;
		if (world_read_engine(&p->filters[i], &engine, r))
			prefix = str_dup(str_of(engine.var_prefix));
		spoe_engine_fini(&engine);
	}
	return prefix;
}

static struct line_text *
read_lines(const struct topology *t, const struct proxy *p, bool blanks, struct report *r)
{
	bool says = p->log_format || p->log_format_sd || p->options & OPTION_TCPLOG;
	struct line_text *l = xcalloc(1, sizeof(*l));

	line_text_compile(l, t, p, blanks, r);
	if (says && p->n_logs == 0)
		report_cfg(r, FINDING_WARNING,
			   "log format ignored for %s '%s' since it has no log address.",
			   p->kind == PROXY_LISTEN ? "proxy" : "frontend", p->name);
	return l;
}

static void
add_table(struct data_path *d, const struct proxy *p, struct tables *tables, struct report *r)
{
	const struct table_spec *spec = rules_table(d->rules[p->index]);

	if (!spec)
		return;
	d->tables[p->index] = tables_ref(tables, str_of(p->name), spec);
	if (!d->tables[p->index])
		report_cfg(r, FINDING_ALERT, "[%s:%d] : out of memory for this stick-table",
			   spec->at.file, spec->at.line);
}

static void
add_proxy(struct data_path *d, const struct topology *t, const struct proxy *p, bool blanks,
	  struct loads *loads, struct report *r)
{
	if (p->mode != PROXY_TCP || p->disabled)
		return;
	d->rules[p->index] = rules_compile(t, p, blanks, r);
	if (p->kind & PROXY_BACKEND)
		script_check(p, r);
	if (!(p->kind & PROXY_FRONTEND))
		return;
	d->fronts[p->index] = loads_frontend(loads, str_of(p->name));
	d->var_prefixes[p->index] = read_var_prefix(p, r);
	d->lines[p->index] = read_lines(t, p, blanks, r);
}

struct data_path *
data_path_new(const struct topology *t, const struct policy *policy, struct loads *loads,
	      struct tables *tables, struct report *r)
{
	bool blanks = !policy_as_haproxy(policy, DIFFERENCE_BLANKS);
	struct data_path *d = xcalloc(1, sizeof(*d));

	d->n = t->n_proxies;
	d->process = loads_process(loads);
	d->rules = xcalloc(d->n + 1, sizeof(struct rules *));
	d->tables = xcalloc(d->n + 1, sizeof(struct shared_table *));
	d->fronts = xcalloc(d->n + 1, sizeof(struct frontend_load *));
	d->var_prefixes = xcalloc(d->n + 1, sizeof(char *));
	d->lines = xcalloc(d->n + 1, sizeof(struct line_text *));
	d->log_targets = log_targets_new(t, r);
	for (size_t i = 0; i < d->n; i++)
		add_proxy(d, t, t->proxies[i], blanks, loads, r);
	for (size_t i = 0; i < d->n && r->n_alerts == 0; i++)
		if (d->rules[i])
			add_table(d, t->proxies[i], tables, r);
	if (r->n_alerts == 0)
		return d;
	data_path_free(d);
	return NULL;
}

void
data_path_free(struct data_path *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++) {
		rules_free(d->rules[i]);
		shared_table_unref(d->tables[i]);
		free(d->var_prefixes[i]);
		if (d->lines[i])
			line_text_fini(d->lines[i]);
		free(d->lines[i]);
	}
	log_targets_free(d->log_targets);
	free(d->lines);
	free(d->rules);
	free(d->tables);
	free(d->fronts);
	free(d->var_prefixes);
	free(d);
}

void
data_path_begin(const struct data_path *d, struct tables *tables)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->tables[i]) {
			tables_adopt(tables, d->tables[i]);
			table_set_limits(d->tables[i]->table, rules_table(d->rules[i]));
		}
}
