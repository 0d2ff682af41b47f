/*
 * A CONNECT counts in every rate or, when one of them refuses it, in none: a client that is held
 * back does not use up its tenant's share.
 */
#include "agent/core/decide/admission.h"

struct limit {
	enum rate_kind kind;
	const struct rate *rate;
	struct str subject; /* empty: not limited */
	const char *name;   /* where it stands in usher.json */
	enum refusal refusal;
};

static bool
allow(const struct decide_env *env, const struct decide_input *in, const struct limit *limit,
      struct verdict *v)
{
	struct effects *e = &v->effects;
	uint64_t subject;

	if (limit->rate->count == 0 || limit->subject.n == 0)
		return true;
	subject = rates_subject(env->rates, limit->kind, limit->subject);
	if (!rates_allow(env->rates, subject, limit->rate, in->now)) {
		v->action = VERDICT_REJECT;
		v->refused_at = STEP_ADMISSION;
		v->refusal = limit->refusal;
		v->rule = limit->name;
		return false;
	}
	e->rates[e->n_rates].subject = subject;
	e->rates[e->n_rates++].rate = limit->rate;
	return true;
}

bool
admission_allows(const struct decide_env *env, const struct decide_input *in, struct verdict *v)
{
	static const struct rate unlimited = { 0 };
	const struct policy *p = env->policy;
	const struct facts *f = in->facts;
	const struct limit limits[] = {
		{ RATE_SOURCE,
		  &p->source_rate,
		  { (const char *)f->source.bytes, f->source.family ? sizeof(f->source.bytes) : 0 },
		  "limits.source",
		  REFUSAL_RATE_EXCEEDED },
		{ RATE_CLIENT, &p->client_rate, f->client_id, "limits.client",
		  REFUSAL_RATE_EXCEEDED },
		{ RATE_TENANT, v->tenant ? &v->tenant->connect_rate : &unlimited,
		  str_of(v->tenant ? v->tenant->name : NULL), "tenants.connect_rate",
		  REFUSAL_RATE_EXCEEDED },
		{ RATE_TOTAL, &p->total_rate, STR("total"), "limits.total", REFUSAL_SERVER_BUSY },
	};

	v->effects.rates_done = in->rates_done;
	if (in->rates_done)
		return true;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (!allow(env, in, &limits[i], v))
			return false;
	return true;
}
