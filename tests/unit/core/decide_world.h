/* All that a decision needs, made from the texts of the two files, for tests of decisions. */
#ifndef USHER_TESTS_UNIT_CORE_DECIDE_WORLD_H
#define USHER_TESTS_UNIT_CORE_DECIDE_WORLD_H

#include <check.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/decide/decide.h"
#include "agent/core/policy/check.h"
#include "agent/core/policy/load.h"
#include "agent/core/topology/parse.h"

struct decide_world {
	struct topology topology;
	struct policy policy;
	struct pool **pools;
	struct decide_env env;
};

enum { WORLD_MAX_SERVERS = 64 };

/* Servers of one name are one target, whatever their backend: the place of its first mention. */
static inline uint32_t
world_target_of(const struct topology *t, const char *name)
{
	uint32_t n = 0;

	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; j < t->proxies[i]->n_servers; j++) {
			n++;
			if (strcmp(t->proxies[i]->servers[j]->name, name) == 0)
				return n;
		}
	return STICK_NO_TARGET;
}

static inline void
decide_world_init(struct decide_world *w, const char *cfg, const char *json)
{
	const struct topology_env env = { 0 };
	struct stick_limits limits = { 10000, 1800000, 604800000, true };
	struct report report;

	report_init(&report);
	topology_init(&w->topology);
	topology_parse(&w->topology, str_of(cfg), "haproxy.cfg", &env, &report);
	topology_resolve(&w->topology, &report);
	policy_load(&w->policy, str_of(json), "usher.json", &report);
	policy_check(&w->policy, &w->topology, "usher.json", &report);
	for (size_t i = 0; i < report.n; i++)
		ck_assert_msg(report.findings[i].level != FINDING_ALERT, "%s",
			      report.findings[i].text);
	report_fini(&report);

	w->pools = xcalloc(w->topology.n_proxies + 1, sizeof(*w->pools));
	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		const struct proxy *p = w->topology.proxies[i];
		const struct backend_policy *bp = policy_backend(&w->policy, str_of(p->name));
		uint32_t targets[WORLD_MAX_SERVERS];

		if (!(p->kind & PROXY_BACKEND))
			continue;
		ck_assert_uint_le(p->n_servers, WORLD_MAX_SERVERS);
		for (size_t j = 0; j < p->n_servers; j++)
			targets[j] = world_target_of(&w->topology, p->servers[j]->name);
		w->pools[i] = pool_new(p, bp && bp->has_balance ? bp->balance : p->balance,
				       bp ? bp->bounded_load_percent : 0, targets, NULL);
	}
	w->env = (struct decide_env){
		.topology = &w->topology,
		.policy = &w->policy,
		.pools = w->pools,
		.table = stick_table_new(&limits, 4711),
		.rates = rates_new(1024, 4711),
	};
}

static inline void
decide_world_fini(struct decide_world *w)
{
	for (size_t i = 0; i < w->topology.n_proxies; i++)
		pool_free(w->pools[i]);
	free(w->pools);
	stick_table_free(w->env.table);
	rates_free(w->env.rates);
	policy_fini(&w->policy);
	topology_fini(&w->topology);
}

static inline struct pool *
world_pool_of(const struct decide_world *w, const char *backend)
{
	return w->pools[topology_backend(&w->topology, str_of(backend))->index];
}

/* The runtime socket said so, and has heard of every decision. */
static inline void
world_report(struct pool *p, unsigned server, enum server_status status, uint16_t weight,
	     uint32_t sessions)
{
	(void)pool_set_state(p, server, status, weight);
	pool_set_sessions(p, server, sessions, pool_decided(p, server));
}

static inline void
world_status(struct pool *p, unsigned server, enum server_status status)
{
	struct server_report now = pool_server(p, server);

	world_report(p, server, status, now.weight, now.sessions);
}

/* One client is sent to the pool's best server, which there must be. */
static inline unsigned
world_choose(struct pool *p, const struct pick *pick)
{
	struct ranking r;

	pool_rank(p, pick, &r);
	ck_assert_uint_gt(r.n, 0);
	ck_assert(pool_commit(p, &r, &(bool){ false }));
	return r.server[0];
}

static inline bool
world_has_none(struct pool *p, const struct pick *pick)
{
	struct ranking r;

	pool_rank(p, pick, &r);
	return r.n == 0;
}

#endif
