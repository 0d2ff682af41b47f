/* Each effect may object: the rates, which then take nothing, the turn, the entry. */
#include "agent/core/decide/verdict.h"

const char *
verdict_by_name(const struct verdict *v)
{
	switch (v->by) {
	case BY_RULE:
		return "rule";
	case BY_STICKY:
		return "sticky";
	case BY_ALGORITHM:
		return balance_name(pool_balance(v->pool));
	case BY_NOBODY:
		break;
	}
	return "";
}

struct str
verdict_server(const struct verdict *v, int i)
{
	return str_of(v->backend->servers[v->ranking.server[i]]->name);
}

/* In all of the rates, or in none. */
static bool
take_rates(struct effects *e, struct rates *rates, int64_t now)
{
	for (int i = 0; i < e->n_rates && !e->rates_done; i++) {
		if (rates_take(rates, e->rates[i].subject, e->rates[i].rate, now))
			continue;
		while (i-- > 0)
			rates_give(rates, e->rates[i].subject, e->rates[i].rate);
		return false;
	}
	return e->rates_done = true;
}

/* False: another decision has placed that client elsewhere. */
static bool
place_entry(const struct verdict *v, struct stick_table *table, int64_t now)
{
	uint32_t target = pool_target(v->pool, v->ranking.server[0]), stands;

	if (target == STICK_NO_TARGET)
		return true; /* a name without a number: more than there can be */
	stands = stick_table_place(table, &v->effects.key, v->effects.seen, target, now);
	/* Out of memory for the entry: the client is served all the same. */
	return stands == target || stands == STICK_NO_TARGET;
}

bool
verdict_apply(struct verdict *v, struct stick_table *table, struct rates *rates, int64_t now)
{
	struct effects *e = &v->effects;

	if (v->action == VERDICT_REJECT)
		return true;
	if (!take_rates(e, rates, now))
		return false;
	if (v->ranking.n == 0)
		return true;
	if (!e->take_turn)
		v->has_place = pool_count(v->pool, v->ranking.server[0]);
	else if (!pool_commit(v->pool, &v->ranking, &v->has_place))
		return false;
	if (!e->stick || place_entry(v, table, now))
		return true;
	if (v->has_place)
		load_leave(pool_load(v->pool, v->ranking.server[0]));
	v->has_place = false;
	return false;
}
