/*
 * decide() has no effects; applying them can fail when another worker was faster. Then it is
 * asked again, a bounded number of times. In the second half of them no turn is claimed any more,
 * so that the servers' turns may be uneven under a storm, but the sticky entry is kept.
 */
#include "agent/engine/route.h"

enum { ATTEMPTS = 16 };

static void
count(struct counters *set, const struct verdict *v)
{
	static const enum counter by[] = {
		[BY_NOBODY] = COUNTER_BY_NOBODY,
		[BY_RULE] = COUNTER_BY_RULE,
		[BY_STICKY] = COUNTER_BY_STICKY,
		[BY_ALGORITHM] = COUNTER_BY_ALGORITHM,
	};

	if (v->action == VERDICT_REJECT) {
		counters_add(set, COUNTER_REJECTED);
		counters_bump(&set->refusals[v->refusal], 1);
		return;
	}
	counters_add(set, COUNTER_ACCEPTED);
	counters_add(set, by[v->by]);
}

void
route_ask(struct worker *w, const struct world *world, const struct facts *facts, struct verdict *v)
{
	const struct decide_env *env = &world->env;
	uint64_t begin_ns = w->now_ns;
	struct decide_input in = {
		.facts = facts,
		.now = worker_ms(w),
		.random = worker_random(w),
	};
	bool applied = false;

	for (int i = 0; i < ATTEMPTS && !applied; i++) {
		decide(env, &in, v);
		if (i >= ATTEMPTS / 2)
			v->effects.take_turn = false;
		applied = verdict_apply(v, env->table, env->rates, in.now);
		in.rates_done = v->effects.rates_done;
	}
	if (!applied) /* its end must not count where its beginning did not */
		v->effects.stick = false;
	count(w->counters, v);
	counters_add_latency(w->counters, worker_tick(w) - begin_ns);
}
