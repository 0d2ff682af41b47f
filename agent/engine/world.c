/*
 * Building goes from the outside in: read, parse, check, resolve addresses, make pools. The
 * first three collect findings; nothing is made of files that have alerts.
 *
 * Names of servers are interned for good: there are as many as were ever configured.
 */
#include "agent/engine/world.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/core/wire/syslog.h"
#include "agent/engine/data_path.h"
#include "agent/engine/loads.h"
#include "agent/engine/quota.h"
#include "agent/engine/world_read.h"
#include "agent/tls/ticket.h"

enum { TICKET_PERIOD_S = 3600 };
enum { SYSLOG_PORT = 514 };    /* HAProxy's, where a log line names none */
enum { RATE_SLOTS = 1 << 17 }; /* 2 MiB: subjects whose connect rate is remembered */

struct target {
	char *name;
	uint32_t number;
};

struct engine {
	uint64_t seed;
	char owner[ENGINE_OWNER];
	struct stick_table *table; /* made by the first world */
	struct rates *rates;
	struct target **targets; /* owned; number - 1 is the index */
	size_t n_targets;
	struct quota **quotas; /* owned; one for each tenant there ever was */
	size_t n_quotas;
	struct loads *loads;  /* NULL: HAProxy carries the sessions */
	struct tables tables; /* the stick-tables of those that usher carries */
	struct tls_tickets *tickets;
	unsigned n_workers; /* 0: as many as the file says */
	bool stands_by;	    /* sessions may be HAProxy's as well as ours */
	struct map target_by_name;
	pthread_rwlock_t lock; /* of the names and numbers of targets */
};

struct engine *
engine_new(void)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	uint64_t owner;

	if (getrandom(&e->seed, sizeof(e->seed), 0) < 0)
		e->seed = (uint64_t)(uintptr_t)e;
	/* The seed is a secret of the tables; what others may read is drawn apart. */
	if (getrandom(&owner, sizeof(owner), 0) < 0)
		owner = (uint64_t)getpid();
	snprintf(e->owner, sizeof(e->owner), "%016" PRIx64, owner);
	map_init(&e->target_by_name);
	pthread_rwlock_init(&e->lock, NULL);
	e->rates = rates_new(RATE_SLOTS, e->seed + 2);
	e->tables.seed = e->seed + 3;
	return e;
}

void
engine_free(struct engine *e)
{
	for (size_t i = 0; i < e->n_targets; i++) {
		free(e->targets[i]->name);
		free(e->targets[i]);
	}
	free(e->targets);
	for (size_t i = 0; i < e->n_quotas; i++) {
		free(e->quotas[i]->tenant);
		free(e->quotas[i]);
	}
	free(e->quotas);
	map_fini(&e->target_by_name);
	stick_table_free(e->table);
	rates_free(e->rates);
	if (e->loads)
		loads_free(e->loads);
	tables_fini(&e->tables);
	if (e->tickets)
		tls_tickets_free(e->tickets);
	pthread_rwlock_destroy(&e->lock);
	free(e);
}

void
engine_carries(struct engine *e, unsigned n_workers)
{
	e->loads = loads_new();
	e->tickets = tls_tickets_new(TICKET_PERIOD_S);
	e->n_workers = n_workers;
}

void
engine_stands_by(struct engine *e)
{
	e->stands_by = true;
	engine_set_haproxys(e, true);
}

void
engine_set_haproxys(struct engine *e, bool is_haproxys)
{
	loads_set_haproxys(e->loads, is_haproxys);
}

/* Every session's end is known because each is ours. */
static bool
knows_all_ends(const struct engine *e)
{
	return e->loads && !e->stands_by;
}

void
engine_set_workers(struct engine *e, unsigned n_workers)
{
	e->n_workers = n_workers;
}

static struct quota *
intern_quota(struct engine *e, const char *tenant)
{
	struct quota *q;

	for (size_t i = 0; i < e->n_quotas; i++)
		if (strcmp(e->quotas[i]->tenant, tenant) == 0)
			return e->quotas[i];
	q = xcalloc(1, sizeof(*q));
	q->tenant = str_dup(str_of(tenant));
	ARRAY_GROW(e->quotas, e->n_quotas);
	return e->quotas[e->n_quotas++] = q;
}

uint32_t
engine_target(struct engine *e, struct str name)
{
	const struct target *t;

	pthread_rwlock_rdlock(&e->lock);
	t = map_get(&e->target_by_name, name);
	pthread_rwlock_unlock(&e->lock);
	return t ? t->number : STICK_NO_TARGET;
}

struct str
engine_owner(const struct engine *e)
{
	return str_of(e->owner);
}

static struct target *
add_target(struct engine *e, struct str name)
{
	struct target *t = xmalloc(sizeof(*t));

	*t = (struct target){ str_dup(name), (uint32_t)e->n_targets + 1 };
	ARRAY_GROW(e->targets, e->n_targets);
	e->targets[e->n_targets++] = t;
	map_add(&e->target_by_name, str_of(t->name), t);
	return t;
}

uint32_t
engine_intern_target(struct engine *e, struct str name)
{
	const struct target *t;

	pthread_rwlock_wrlock(&e->lock);
	t = map_get(&e->target_by_name, name);
	/* Of too many names ever the newest are not remembered. */
	if (!t && e->n_targets < STICK_TARGET_MAX)
		t = add_target(e, name);
	pthread_rwlock_unlock(&e->lock);
	return t ? t->number : STICK_NO_TARGET;
}

const char *
engine_target_name(struct engine *e, uint32_t target)
{
	const char *name = NULL;

	pthread_rwlock_rdlock(&e->lock);
	if (target != STICK_NO_TARGET && target <= e->n_targets)
		name = e->targets[target - 1]->name;
	pthread_rwlock_unlock(&e->lock);
	return name;
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void
add_agent(struct world_agent **agents, size_t *n, struct str text, const struct addr *a)
{
	for (size_t i = 0; i < *n; i++)
		if (str_is(text, (*agents)[i].text))
			return;
	ARRAY_GROW(*agents, *n);
	(*agents)[(*n)++] = (struct world_agent){ *a, str_dup(text) };
}

/* The servers of the backend that an engine uses are where HAProxy will look for us. */
static void
add_engine_backend(struct world *w, const struct spoe_filter *f, const char *backend,
		   struct report *r)
{
	const struct proxy *p = topology_backend(&w->topology, str_of(backend));

	if (!p) {
		report_cfg(r, FINDING_ALERT,
			   "[%s:%d] : SPOE engine '%s' uses backend '%s', which is not defined.",
			   f->at.file, f->at.line, f->engine ? f->engine : "", backend);
		return;
	}
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->addr.len)
			add_agent(&w->listen, &w->n_listen, str_of(p->servers[i]->address),
				  &p->servers[i]->addr);
}

static void
read_engine(struct world *w, const struct spoe_filter *f, struct report *r)
{
	struct spoe_engine engine;

	if (world_read_engine(f, &engine, r))
		add_engine_backend(w, f, engine.backend, r);
	spoe_engine_fini(&engine);
}

static void
find_session_ends(struct world *w, const struct proxy *p)
{
	if (!p->log_format_sd || !strstr(p->log_format_sd, SYSLOG_SD_ID))
		return;
	for (size_t i = 0; i < p->n_logs; i++) {
		struct addr a;

		if (!p->logs[i].format || strcmp(p->logs[i].format, "rfc5424") != 0 ||
		    addr_parse(str_of(p->logs[i].address), false, &a) != ADDR_OK)
			continue;
		addr_default_port(&a, SYSLOG_PORT);
		add_agent(&w->session_ends, &w->n_session_ends, str_of(p->logs[i].address), &a);
	}
}

/* Addresses that the policy names replace those of the SPOE engines; its reader checked them. */
static void
add_policy_listen(struct world *w)
{
	for (size_t i = 0; i < w->policy.n_listen; i++) {
		struct str text = str_of(w->policy.listen[i]);
		struct addr a;

		if (addr_parse(text, true, &a) == ADDR_OK)
			add_agent(&w->listen, &w->n_listen, text, &a);
	}
}

static void
find_addresses(struct world *w, struct report *r)
{
	const struct topology *t = &w->topology;

	add_policy_listen(w);
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		find_session_ends(w, p);
		for (size_t j = 0; j < p->n_filters && w->policy.n_listen == 0; j++)
			if (spoe_filter_is_ours(&p->filters[j]))
				read_engine(w, &p->filters[j], r);
	}
	for (size_t i = 0; i < t->n_stats_sockets; i++) {
		struct addr a;

		if (addr_parse(str_of(t->stats_sockets[i]), true, &a) == ADDR_OK)
			add_agent(&w->stats_sockets, &w->n_stats_sockets,
				  str_of(t->stats_sockets[i]), &a);
	}
}

/* ---- the live part -------------------------------------------------------------------------- */

static struct pool *
make_pool(struct engine *e, const struct proxy *p, const struct backend_policy *bp)
{
	enum balance_kind balance = bp && bp->has_balance ? bp->balance : p->balance;
	uint32_t *targets = xcalloc(p->n_servers + 1, sizeof(*targets));
	struct server_load **loads = xcalloc(p->n_servers + 1, sizeof(struct server_load *));
	struct pool *pool;

	for (size_t i = 0; i < p->n_servers; i++) {
		struct str name = str_of(p->servers[i]->name);

		targets[i] = engine_intern_target(e, name);
		if (e->loads)
			loads[i] = loads_server(e->loads, str_of(p->name), name);
	}
	pool = pool_new(p, balance, bp ? bp->bounded_load_percent : 0, targets,
			e->loads ? loads : NULL);
	free(targets);
	free(loads);
	return pool;
}

static void
make_pools(struct engine *e, struct world *w, struct world *old)
{
	const struct topology *t = &w->topology;

	w->pools = xcalloc(t->n_proxies + 1, sizeof(*w->pools));
	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];
		struct pool *before = old ? world_pool(old, str_of(p->name)) : NULL;

		if (!(p->kind & PROXY_BACKEND))
			continue;
		w->pools[i] = make_pool(e, p, policy_backend(&w->policy, str_of(p->name)));
		if (before)
			pool_inherit(w->pools[i], before);
	}
}

static struct stick_limits
limits_of(const struct engine *e, const struct world *w)
{
	return (struct stick_limits){
		.max_entries = w->policy.max_entries,
		.expire_ms = w->policy.expire_ms,
		.max_life_ms = w->policy.max_life_ms,
		.ends_reported = knows_all_ends(e) || w->n_session_ends > 0,
	};
}

static bool
make_live(struct engine *e, struct world *w, struct world *old)
{
	struct stick_limits limits = limits_of(e, w);

	if (!e->table)
		e->table = stick_table_new(&limits, e->seed);
	if (!e->table || !e->rates)
		return false;
	make_pools(e, w, old);
	w->quotas = xcalloc(w->policy.n_tenants + 1, sizeof(struct quota *));
	for (size_t i = 0; i < w->policy.n_tenants; i++)
		w->quotas[i] = intern_quota(e, w->policy.tenants[i]->name);
	w->engine = e;
	w->env = (struct decide_env){
		.topology = &w->topology,
		.policy = &w->policy,
		.pools = w->pools,
		.table = e->table,
		.rates = e->rates,
	};
	return true;
}

static void
free_agents(struct world_agent *agents, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(agents[i].text);
	free(agents);
}

static void
free_world(struct world *w)
{
	for (size_t i = 0; w->pools && i < w->topology.n_proxies; i++)
		pool_free(w->pools[i]);
	free(w->pools);
	data_path_free(w->data_path);
	free(w->quotas);
	free_agents(w->listen, w->n_listen);
	free_agents(w->session_ends, w->n_session_ends);
	free_agents(w->stats_sockets, w->n_stats_sockets);
	policy_fini(&w->policy);
	topology_fini(&w->topology);
	free(w);
}

static struct data_path_env
data_path_env(struct engine *e)
{
	return (struct data_path_env){ e->loads, &e->tables, e->tickets, e->n_workers };
}

static struct data_path *
make_data_path(struct engine *e, const struct world *w, struct report *r)
{
	const struct data_path_env env = data_path_env(e);

	if (!e->tickets) {
		report_cfg(r, FINDING_ALERT, "no randomness for the keys of TLS tickets");
		return NULL;
	}
	return data_path_new(&w->topology, &w->policy, &env, r);
}

bool
world_load_tls(struct world *w, struct report *r)
{
	const struct data_path_env env = data_path_env(w->engine);

	return data_path_load_tls(w->data_path, &w->topology, &env, r);
}

struct world *
world_load(struct engine *e, const struct world_files *files, struct world *old, struct report *r)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->refs = 1;
	if (e->loads)
		world_read_carried(files, &w->topology, &w->policy, r);
	else
		world_read(files, &w->topology, &w->policy, r);
	world_read_store_password(&w->policy, files->policy, r);
	if (r->n_alerts == 0)
		find_addresses(w, r);
	if (r->n_alerts == 0 && e->loads)
		w->data_path = make_data_path(e, w, r);
	if (r->n_alerts == 0 && !make_live(e, w, old))
		report_cfg(r, FINDING_ALERT, "out of memory for the sticky table");
	if (r->n_alerts == 0)
		return w;
	free_world(w);
	return NULL;
}

void
world_begin(const struct world *w, bool ends_heard)
{
	struct stick_limits limits = limits_of(w->engine, w);

	limits.ends_reported = knows_all_ends(w->engine) || ends_heard;
	stick_table_set_limits(w->env.table, &limits);
	for (size_t i = 0; i < w->topology.n_proxies; i++)
		if (w->pools[i])
			pool_begin(w->pools[i]);
	if (w->data_path)
		data_path_begin(w->data_path, &w->engine->tables);
}

struct world *
world_ref(struct world *w)
{
	atomic_fetch_add(&w->refs, 1);
	return w;
}

void
world_unref(struct world *w)
{
	if (w && atomic_fetch_sub(&w->refs, 1) == 1)
		free_world(w);
}

bool
world_governs(const struct world *w, const struct proxy *frontend)
{
	for (size_t i = 0; i < frontend->n_filters; i++)
		if (spoe_filter_is_ours(&frontend->filters[i]))
			return true;
	return policy_frontend(&w->policy, str_of(frontend->name));
}

struct pool *
world_pool(const struct world *w, struct str backend)
{
	const struct proxy *p = topology_backend(&w->topology, backend);

	return p ? w->pools[p->index] : NULL;
}

uint32_t
world_target(const struct world *w, struct str server)
{
	return engine_target(w->engine, server);
}
