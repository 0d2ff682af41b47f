/* Every proxy is looked at, so that all faults are reported at once. */
#include "agent/engine/data_path.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/script.h"
#include "agent/core/logline/text.h"
#include "agent/core/topology/spoe_engine.h"
#include "agent/engine/log_targets.h"
#include "agent/engine/world.h"
#include "agent/io/clock.h"
#include "agent/tls/store.h"

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
	if (!proxy_is_carried(p))
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

/* As many as there are, or will be. */
static unsigned
n_workers(const struct topology *t, const struct data_path_env *env)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (env->n_workers)
		return env->n_workers;
	return t->nbthread ? t->nbthread : n > 0 ? (unsigned)n : 1;
}

struct data_path *
data_path_new(const struct topology *t, const struct policy *policy,
	      const struct data_path_env *env, struct report *r)
{
	bool blanks = !policy_as_haproxy(policy, DIFFERENCE_BLANKS);
	struct data_path *d = xcalloc(1, sizeof(*d));

	d->n = t->n_proxies;
	d->process = loads_process(env->loads);
	d->rules = xcalloc(d->n + 1, sizeof(struct rules *));
	d->tables = xcalloc(d->n + 1, sizeof(struct shared_table *));
	d->fronts = xcalloc(d->n + 1, sizeof(struct frontend_load *));
	d->var_prefixes = xcalloc(d->n + 1, sizeof(char *));
	d->lines = xcalloc(d->n + 1, sizeof(struct line_text *));
	d->log_targets = log_targets_new(t, r);
	for (size_t i = 0; i < d->n; i++)
		add_proxy(d, t, t->proxies[i], blanks, env->loads, r);
	for (size_t i = 0; i < d->n && r->n_alerts == 0; i++)
		if (d->rules[i])
			add_table(d, t->proxies[i], env->tables, r);
	if (r->n_alerts == 0)
		return d;
	data_path_free(d);
	return NULL;
}

bool
data_path_load_tls(struct data_path *d, const struct topology *t, const struct data_path_env *env,
		   struct report *r)
{
	d->tls = tls_store_load(t, env->tickets, n_workers(t, env), r);
	return d->tls;
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
	if (d->tls)
		tls_store_free(d->tls);
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
	if (d->tls)
		tls_store_log_expiry(d->tls, wall_clock_now().us / 1000000);
	for (size_t i = 0; i < d->n; i++)
		if (d->tables[i]) {
			tables_adopt(tables, d->tables[i]);
			table_set_limits(d->tables[i]->table, rules_table(d->rules[i]));
		}
}
