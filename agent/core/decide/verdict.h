/*
 * The answer to a CONNECT: where it goes, or why not, who said so, and what follows from it.
 *
 * decide() fills it and changes nothing; verdict_apply() carries out its effects. Pointers are
 * into the policy and topology that decided, and into the facts; a verdict is used up before
 * either goes away.
 */
#ifndef USHER_CORE_DECIDE_VERDICT_H
#define USHER_CORE_DECIDE_VERDICT_H

#include "agent/core/decide/pool.h"
#include "agent/core/decide/rates.h"
#include "agent/core/facts/facts.h"
#include "agent/core/mqtt/reason.h"
#include "agent/core/policy/model.h"
#include "agent/core/stick/table.h"

enum verdict_action {
	VERDICT_ACCEPT,
	VERDICT_REJECT,
};

/* The steps of a decision, in their order. */
enum decide_step {
	STEP_RULES,
	STEP_TENANT,
	STEP_IDENTITY,
	STEP_ADMISSION,
	STEP_SERVER,
};

/* How the server was found. */
enum verdict_by {
	BY_NOBODY,    /* no server is named: HAProxy's own balance decides */
	BY_RULE,      /* a rule pins it */
	BY_STICKY,    /* the sticky entry */
	BY_ALGORITHM, /* the backend's algorithm */
};

/* What the caller must do for the verdict to become true. */
struct effects {
	bool take_turn; /* pool_commit() the ranking; else pool_count() its first server */
	bool stick;	/* place `key` */
	struct stick_key key;
	uint32_t seen;	 /* the entry's target when it was decided */
	bool rates_done; /* counted by an earlier attempt of the same decision */
	uint8_t n_rates;
	struct {
		uint64_t subject;
		const struct rate *rate;
	} rates[N_RATE_KINDS];
};

struct verdict {
	enum verdict_action action;
	enum refusal refusal; /* of a rejection, */
	enum decide_step refused_at;
	/*
	 * Who decided: the name of the rule, or the place in usher.json whose limit or binding
	 * refused ("limits.client", "tenants.identity"); "" when none had a say.
	 */
	const char *rule;
	const struct tenant *tenant;  /* NULL: none */
	const struct proxy *frontend; /* NULL: not in haproxy.cfg */
	const struct proxy *backend;  /* NULL: HAProxy's default_backend */
	struct pool *pool;	      /* of the backend */
	enum verdict_by by;
	struct ranking ranking;	  /* n == 0: no server is named */
	bool has_place;		  /* once applied: at the first of them, see load.h */
	struct stick_view sticky; /* the entry as it was found; target 0: none */
	bool has_key;
	struct effects effects;
};

/* "sticky", "leastconn", "rule", "": how the server was found, for logs and HAProxy. */
const char *verdict_by_name(const struct verdict *v);

/* The name of server i of the ranking. */
struct str verdict_server(const struct verdict *v, int i);

/*
 * Carry out the effects. False when the state moved on since decide(), so that it must be asked
 * again with the effects handed back in (they remember what was already counted).
 */
bool verdict_apply(struct verdict *v, struct stick_table *table, struct rates *rates, int64_t now)
	MUST_USE;

#endif
