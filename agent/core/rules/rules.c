/*
 * Evaluation. A rule in turn is asked whether its condition holds and, if so, does what it is for.
 *
 *	condition ──undecided, bytes may come──▶ wait; then anew from walk->from
 *	    │ holds
 *	action ────its key may still change────▶ wait; then this action again
 *
 * Everything but `tcp-request content` is decided on what is there: nothing may come any more.
 * Where there is HTTP, its head is there, and rules see no more of the request.
 */
#include "agent/core/rules/rules.h"

#include "agent/core/rules/rule.h"

enum {
	NAME_MAX_LEN = 256,  /* of a backend or server, made at run time */
	TEXT_MAX = 16384,    /* set-var-fmt; HAProxy's buffer */
	STICK_STORES_MAX = 8 /* HAProxy's bound */
};

/* What may come, put aside while something is decided for good. */
struct patience {
	bool request, response;
};

static struct patience
end_waiting(struct expr_context *x)
{
	struct patience was = { x->request_may_grow, x->response_may_grow };

	x->request_may_grow = x->response_may_grow = false;
	return was;
}

static void
resume_waiting(struct expr_context *x, struct patience was)
{
	x->request_may_grow = was.request;
	x->response_may_grow = was.response;
}

static enum acl_result
eval_if(const struct rule_if *when, struct expr_context *x)
{
	return when->is_there ? acl_condition_eval(&when->condition, x) : ACL_PASS;
}

static bool
eval_for_good(const struct expr *e, struct expr_context *x, struct sample *s)
{
	struct patience was = end_waiting(x);
	bool has_value = expr_eval(e, x, s);

	resume_waiting(x, was);
	return has_value;
}

/* ---- actions -------------------------------------------------------------------------------- */

/* The conditions in brackets: what the variable is, and what it would become. */
static bool
may_set(const struct rule *rule, const struct vars *vars, const struct sample *s)
{
	struct sample old = { 0 };
	bool is_set = vars_get(vars, rule->scope, str_of(rule->name), &old);
	bool has_bytes = s->type == SAMPLE_STR || s->type == SAMPLE_BIN;
	bool is_empty = has_bytes && s->bytes.n == 0;

	if ((rule->set_if & SET_IF_SET && !is_set) || (rule->set_if & SET_IF_NOT_SET && is_set) ||
	    (rule->set_if & SET_IF_EMPTY && !is_empty) ||
	    (rule->set_if & SET_IF_NOT_EMPTY && is_empty))
		return false;
	if (!is_set || old.type != SAMPLE_INT || s->type != SAMPLE_INT)
		return true;
	return !(rule->set_if & SET_IF_GREATER && old.number <= s->number) &&
	       !(rule->set_if & SET_IF_LESS && old.number >= s->number);
}

/* What does not fit is not set, as in HAProxy. */
static void
set_var(const struct rule *rule, const struct rules_hooks *hooks, const struct sample *s)
{
	if (hooks->vars && (!rule->set_if || may_set(rule, hooks->vars, s)))
		(void)!vars_set(hooks->vars, rule->scope, str_of(rule->name), s);
}

static void
set_var_fmt(const struct rule *rule, struct expr_context *x, const struct rules_hooks *hooks)
{
	struct patience was = end_waiting(x);
	struct sample s = { 0 };
	char text[TEXT_MAX];

	sample_set_str(&s, (struct str){ text, log_format_write(&rule->format, x, NULL, text,
								sizeof(text)) });
	resume_waiting(x, was);
	set_var(rule, hooks, &s);
}

/* False: it could not be done. */
static bool
change_field(const struct rule *rule, struct expr_context *x, const struct rules_hooks *hooks)
{
	struct patience was = end_waiting(x);
	char text[TEXT_MAX];
	size_t n = log_format_write(&rule->format, x, NULL, text, sizeof(text));

	resume_waiting(x, was);
	return !hooks->field ||
	       hooks->field(hooks->arg, rule->how, str_of(rule->name), (struct str){ text, n });
}

/* False: the key may still change. */
static bool
track(const struct rule *rule, struct expr_context *x, const struct rules_hooks *hooks)
{
	struct sample key;
	bool has_key = expr_eval(&rule->expr, x, &key);

	if (key.may_change && x->request_may_grow)
		return false;
	if (has_key && hooks->track)
		hooks->track(hooks->arg, rule->counter, str_of(rule->table), &key);
	return true;
}

static void
count(const struct rule *rule, struct expr_context *x, const struct rules_hooks *hooks)
{
	struct sample s = { .number = rule->number };

	if (rule->expr.n_calls) {
		struct patience was = end_waiting(x);
		bool has_value = expr_eval_as(&rule->expr, x, SAMPLE_INT, &s);

		resume_waiting(x, was);
		if (!has_value)
			return;
	}
	if (hooks->counter)
		hooks->counter(hooks->arg, rule->counter, rule->what, rule->is_set, s.number);
}

/* True: the list ends, or rests, with *outcome. */
static bool
act(const struct rule *rule, struct rules_walk *walk, struct expr_context *x,
    const struct rules_hooks *hooks, enum rules_outcome *outcome)
{
	struct sample s;

	switch (rule->action) {
	case RULE_NOTHING:
		return false;
	case RULE_ACCEPT:
		*outcome = RULES_PASS;
		return true;
	case RULE_REJECT:
		*outcome = RULES_REJECT;
		return true;
	case RULE_DROP:
		*outcome = RULES_DROP;
		return true;
	case RULE_SET_VAR:
		if (eval_for_good(&rule->expr, x, &s))
			set_var(rule, hooks, &s);
		return false;
	case RULE_SET_VAR_FMT:
		set_var_fmt(rule, x, hooks);
		return false;
	case RULE_UNSET_VAR:
		if (hooks->vars)
			vars_unset(hooks->vars, rule->scope, str_of(rule->name));
		return false;
	case RULE_TRACK:
		*outcome = RULES_WAIT;
		return !track(rule, x, hooks);
	case RULE_COUNT:
		count(rule, x, hooks);
		return false;
	case RULE_EXPECT_PROXY:
		walk->expect_proxy = true;
		return false;
	case RULE_ASK:
		*outcome = RULES_ASK;
		return true;
	case RULE_REFUSE:
		walk->refusal = rule->refusal;
		*outcome = RULES_REFUSE;
		return true;
	case RULE_DENY:
		walk->status = (unsigned)rule->number;
		*outcome = RULES_DENY;
		return true;
	case RULE_FIELD:
		walk->status = 500;
		*outcome = RULES_DENY;
		return !change_field(rule, x, hooks);
	}
	return false;
}

static enum rules_outcome
run(const struct rule_list *list, struct rules_walk *walk, struct expr_context *x,
    const struct rules_hooks *hooks)
{
	uint32_t acting = walk->acting;

	walk->acting = 0;
	for (size_t i = acting ? acting - 1 : walk->from; i < list->n; i++) {
		const struct rule *rule = &list->rules[i];
		bool goes_on = acting && i == acting - 1;
		enum acl_result result = goes_on ? ACL_PASS : eval_if(&rule->when, x);
		enum rules_outcome outcome;

		if (result == ACL_UNDECIDED && x->request_may_grow)
			return RULES_WAIT;
		if (result != ACL_PASS || !act(rule, walk, x, hooks, &outcome))
			continue;
		if (outcome == RULES_WAIT)
			walk->acting = (uint32_t)i + 1;
		if (outcome == RULES_ASK)
			walk->from = (uint32_t)i + 1;
		return outcome;
	}
	return RULES_PASS;
}

enum rules_outcome
rules_run(const struct rules *rules, enum rules_stage stage, struct rules_walk *walk,
	  struct expr_context *x, const struct rules_hooks *hooks)
{
	struct patience was = { x->request_may_grow, x->response_may_grow };
	enum rules_outcome outcome;

	if (stage != RULES_CONTENT || !x->request_may_grow)
		end_waiting(x);
	outcome = run(&rules->lists[stage], walk, x, hooks);
	resume_waiting(x, was);
	return outcome;
}

/* ---- choices -------------------------------------------------------------------------------- */

static const struct proxy *
use_backend(const struct rules *rules, struct expr_context *x)
{
	char name[NAME_MAX_LEN];

	for (size_t i = 0; i < rules->n_backends; i++) {
		const struct rule_choice *choice = &rules->backends[i];

		if (eval_if(&choice->when, x) != ACL_PASS)
			continue;
		if (!choice->is_dynamic)
			return choice->backend;
		log_format_write(&choice->format, x, NULL, name, sizeof(name));
		return topology_backend(rules->t, str_of(name));
	}
	return NULL;
}

const struct proxy *
rules_use_backend(const struct rules *rules, struct expr_context *x)
{
	struct patience was = end_waiting(x);
	const struct proxy *backend = use_backend(rules, x);

	resume_waiting(x, was);
	return backend;
}

static const struct server *
use_server(const struct rules *rules, struct expr_context *x,
	   bool (*may_use)(void *arg, const struct server *s), void *arg)
{
	char name[NAME_MAX_LEN];

	for (size_t i = 0; i < rules->n_servers; i++) {
		const struct rule_choice *choice = &rules->servers[i];
		const struct server *server = choice->server;

		if (eval_if(&choice->when, x) != ACL_PASS)
			continue;
		if (choice->is_dynamic) {
			log_format_write(&choice->format, x, NULL, name, sizeof(name));
			server = proxy_server(rules->p, str_of(name));
			if (!server)
				return NULL;
		}
		if (may_use(arg, server))
			return server;
	}
	return NULL;
}

const struct server *
rules_use_server(const struct rules *rules, struct expr_context *x,
		 bool (*may_use)(void *arg, const struct server *s), void *arg)
{
	struct patience was = end_waiting(x);
	const struct server *server = use_server(rules, x, may_use, arg);

	resume_waiting(x, was);
	return server;
}

/* ---- sticking ------------------------------------------------------------------------------- */

/* The rule's key; false when its condition does not hold, or there is none. */
static bool
stick_key(const struct rule_stick *stick, struct expr_context *x, struct sample *key)
{
	struct patience was = end_waiting(x);
	bool has_key = eval_if(&stick->when, x) == ACL_PASS && expr_eval(&stick->expr, x, key);

	resume_waiting(x, was);
	if (has_key && (key->type == SAMPLE_STR || key->type == SAMPLE_BIN))
		return key->bytes.n > 0;
	return has_key;
}

size_t
rules_stick_match(const struct rules *rules, size_t i, struct expr_context *x,
		  struct stick_lookup *lookup)
{
	for (; i < rules->n_sticks; i++) {
		const struct rule_stick *stick = &rules->sticks[i];

		if (!stick->matches || !stick_key(stick, x, &lookup->key))
			continue;
		lookup->table = str_of(stick->table);
		return i + 1;
	}
	return 0;
}

/* Has a rule above stored into the same table, or have enough of them stored at all? */
static bool
is_superseded(const struct rules *rules, size_t i, struct expr_context *x)
{
	struct sample key;
	unsigned n = 0;

	for (size_t k = 0; k < i; k++) {
		const struct rule_stick *above = &rules->sticks[k];

		if (!above->stores || !stick_key(above, x, &key))
			continue;
		if (strcmp(above->table, rules->sticks[i].table) == 0 || ++n == STICK_STORES_MAX)
			return true;
	}
	return false;
}

size_t
rules_stick_store(const struct rules *rules, size_t i, struct expr_context *x,
		  struct stick_lookup *lookup)
{
	for (; i < rules->n_sticks; i++) {
		const struct rule_stick *stick = &rules->sticks[i];

		if (!stick->stores || is_superseded(rules, i, x) ||
		    !stick_key(stick, x, &lookup->key))
			continue;
		lookup->table = str_of(stick->table);
		return i + 1;
	}
	return 0;
}

bool
rules_balance_key(const struct rules *rules, struct expr_context *x, struct sample *key)
{
	return rules->balance.n_calls && eval_for_good(&rules->balance, x, key);
}

bool
rules_server_name(const struct rules *rules, const struct server *s, struct expr_context *x,
		  struct sample *name)
{
	const struct expr *e = rules->server_names ? &rules->server_names[s->index] : NULL;
	struct patience was = end_waiting(x);
	bool has_name = e && e->n_calls && expr_eval_as(e, x, SAMPLE_STR, name);

	resume_waiting(x, was);
	return has_name;
}

/* ---- what there is --------------------------------------------------------------------------- */

const struct table_spec *
rules_table(const struct rules *rules)
{
	return rules->has_table ? &rules->table : NULL;
}

bool
rules_need_request(const struct rules *rules)
{
	return rules->needs_request;
}

bool
rules_ask(const struct rules *rules)
{
	return rules->asks;
}
