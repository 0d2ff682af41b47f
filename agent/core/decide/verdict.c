/* Effects in the order of who may object: rates never do, then the turn, then the entry. */
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

bool
verdict_apply(struct verdict *v, struct stick_table *table, struct rates *rates, int64_t now)
{
	struct effects *e = &v->effects;
	uint32_t target, stands;

	if (v->action == VERDICT_REJECT)
		return true;
	for (int i = 0; i < e->n_rates && !e->rates_done; i++)
		rates_count(rates, e->rates[i].subject, e->rates[i].rate, now);
	e->rates_done = true;
	if (v->ranking.n == 0)
		return true;
	if (!e->take_turn)
		pool_count(v->pool, v->ranking.server[0]);
	else if (!pool_commit(v->pool, &v->ranking))
		return false;
	if (!e->stick)
		return true;
	target = pool_target(v->pool, v->ranking.server[0]);
	if (target == STICK_NO_TARGET)
		return true; /* a name without a number: more than there can be */
	stands = stick_table_place(table, &e->key, e->seen, target, now);
	/* Out of memory for the entry: the client is served all the same. */
	return stands == target || stands == STICK_NO_TARGET;
}
