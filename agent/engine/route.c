/*
 * decide() has no effects; applying them can fail when another worker was faster. Then it is
 * asked again, a bounded number of times. In the second half of them no turn is claimed any more,
 * so that the servers' turns may be uneven under a storm, but the sticky entry is kept.
 *
 * What was fetched goes into the own table before deciding, so that decide() knows of no store.
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
	else if (v->effects.stick && v->ranking.n)
		sharing_placed(w->sharing, env->table, &v->effects.key, v->effects.seen, in.now);
	count(w->counters, v);
	counters_add_latency(w->counters, worker_tick(w) - begin_ns);
}

/* It would be placed, and our own table does not know it. */
static bool
is_unknown(const struct verdict *v)
{
	return v->action == VERDICT_ACCEPT && v->effects.stick &&
	       v->effects.seen == STICK_NO_TARGET;
}

static void
on_fetched(void *arg, uint32_t target)
{
	struct route_fetch *fetch = arg;

	fetch->question = NULL;
	fetch->target = target;
	fetch->ready(fetch->arg);
}

static void
try(struct worker *w, const struct world *world, const struct facts *facts, struct verdict *v)
{
	const struct decide_input in = {
		.facts = facts,
		.now = worker_ms(w),
		.random = worker_random(w),
	};

	decide(&world->env, &in, v);
}

bool
route_fetch(struct worker *w, const struct world *world, const struct facts *facts,
	    struct route_fetch *fetch, void (*ready)(void *arg), void *arg)
{
	struct verdict v;

	if (fetch->is_asked)
		return fetch->question;
	*fetch = (struct route_fetch){ .is_asked = true, .ready = ready, .arg = arg };
	if (!sharing_is_on(w->sharing))
		return false;
	try(w, world, facts, &v);
	if (!is_unknown(&v))
		return false;
	fetch->hash = v.effects.key.hash;
	fetch->question = sharing_ask(w->sharing, &v.effects.key, on_fetched, fetch);
	return fetch->question;
}

void
route_fetch_cancel(struct route_fetch *fetch)
{
	if (fetch->question)
		sharing_cancel(fetch->question);
	fetch->question = NULL;
}

void
route_ask_fetched(struct worker *w, const struct world *world, const struct facts *facts,
		  const struct route_fetch *fetch, struct verdict *v)
{
	if (fetch->target != STICK_NO_TARGET) {
		try(w, world, facts, v);
		/* A reload may have come between: then it is another key, or none. */
		if (is_unknown(v) && v->effects.key.hash == fetch->hash)
			stick_table_learn(world->env.table, &v->effects.key, fetch->target,
					  worker_ms(w));
	}
	route_ask(w, world, facts, v);
}
