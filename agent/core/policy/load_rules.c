/*
 * A rule is an object like any other. Below `if` and `unless` the keys are facts, and what may
 * stand there depends on the fact's type: a plain value, an array, or an object of matchers, of
 * which each becomes a condition of its own.
 */
#include "agent/core/policy/load_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/policy/load_fact.h"

/* Where conditions on one fact are gathered. */
struct conditions {
	struct condition **items;
	size_t *n;
	enum fact fact;
};

static void
add_condition(struct conditions *to, struct condition c)
{
	c.fact = to->fact;
	ARRAY_GROW(*to->items, *to->n);
	(*to->items)[(*to->n)++] = c;
}

/* ---- strings ---- */

/* Facts with few values: any other would never match. */
static bool
is_possible(struct reader *rd, struct at at, enum fact fact, struct str text)
{
	static const char *const protocols[] = { "3.1", "3.1.1", "5.0" };
	static const char *const transports[] = { "tcp", "tls", "ws", "wss" };
	size_t index;

	if (fact == FACT_PROTOCOL)
		return reader_choice(rd, at, "protocol", protocols, 3, &index);
	if (fact == FACT_TRANSPORT)
		return reader_choice(rd, at, "transport", transports, 4, &index);
	return text.n > 0;
}

static void
add_text(struct reader *rd, struct at at, enum matcher_kind kind, struct conditions *to)
{
	struct str text;

	if (!reader_text(rd, at, "text, such as \"sensor-\"", &text))
		return;
	if (kind == MATCH_EXACT && !is_possible(rd, at, to->fact, text))
		return;
	add_condition(
		to, (struct condition){ .kind = kind, .text = str_dup(text), .text_len = text.n });
}

static void
read_exact(struct reader *rd, struct at at, void *into)
{
	add_text(rd, at, MATCH_EXACT, into);
}

static void
read_prefix(struct reader *rd, struct at at, void *into)
{
	add_text(rd, at, MATCH_PREFIX, into);
}

static void
read_suffix(struct reader *rd, struct at at, void *into)
{
	add_text(rd, at, MATCH_SUFFIX, into);
}

static void
read_regex(struct reader *rd, struct at at, void *into)
{
	struct pattern *pattern = reader_pattern(rd, at);

	if (pattern)
		add_condition(into, (struct condition){ .kind = MATCH_REGEX, .pattern = pattern });
}

/* A set being filled. */
struct members {
	struct condition c;
	enum fact fact;
};

static void
read_set_member(struct reader *rd, struct at at, void *into)
{
	struct members *m = into;
	struct str text;

	if (!reader_text(rd, at, "text, such as \"sensor-1\"", &text) ||
	    !is_possible(rd, at, m->fact, text))
		return;
	ARRAY_GROW(m->c.members, m->c.n_members);
	m->c.members[m->c.n_members++] = str_dup(text);
}

static void
read_set(struct reader *rd, struct at at, void *into)
{
	struct conditions *to = into;
	struct members m = { .c = { .kind = MATCH_SET }, .fact = to->fact };

	if (!reader_filled_array(rd, at, read_set_member, &m))
		return;
	m.c.set = xmalloc(sizeof(*m.c.set));
	map_init(m.c.set);
	for (size_t i = 0; i < m.c.n_members; i++)
		map_add(m.c.set, str_of(m.c.members[i]), m.c.members[i]);
	add_condition(to, m.c);
}

static const struct key text_matcher_keys[] = {
	{ "exact", read_exact, false },	  { "in", read_set, false },
	{ "prefix", read_prefix, false }, { "suffix", read_suffix, false },
	{ "regex", read_regex, false },
};
const struct object text_matcher_object = OBJECT("text_matcher", text_matcher_keys);

/* ---- numbers and booleans ---- */

static uint64_t
number_max(enum fact fact)
{
	return fact == FACT_SESSION_EXPIRY ? UINT32_MAX : UINT16_MAX;
}

struct range {
	uint64_t min, max;
	enum fact fact;
};

static void
read_min(struct reader *rd, struct at at, void *into)
{
	struct range *range = into;

	(void)reader_number(rd, at, 0, number_max(range->fact), &range->min);
}

static void
read_max(struct reader *rd, struct at at, void *into)
{
	struct range *range = into;

	(void)reader_number(rd, at, 0, number_max(range->fact), &range->max);
}

static const struct key number_matcher_keys[] = {
	{ "min", read_min, false },
	{ "max", read_max, false },
};
const struct object number_matcher_object = OBJECT("number_matcher", number_matcher_keys);

static void
read_number_condition(struct reader *rd, struct at at, struct conditions *to)
{
	struct range range = { 0, number_max(to->fact), to->fact };

	if (json_is_object(at.json)) {
		reader_object(rd, at, &number_matcher_object, &range);
		if (range.min > range.max) {
			reader_refuse(rd, at, "min is above max; no number is both");
			return;
		}
	} else if (reader_number(rd, at, 0, range.max, &range.min)) {
		range.max = range.min;
	} else {
		return;
	}
	add_condition(
		to, (struct condition){ .kind = MATCH_RANGE, .min = range.min, .max = range.max });
}

static void
read_bool_condition(struct reader *rd, struct at at, struct conditions *to)
{
	bool value;

	if (reader_bool(rd, at, &value))
		add_condition(
			to, (struct condition){ .kind = MATCH_RANGE, .min = value, .max = value });
}

/* ---- addresses ---- */

static void
read_network(struct reader *rd, struct at at, void *into)
{
	struct condition *c = into;
	struct cidr network;
	char shown[QUOTED];
	struct str text;

	if (!reader_text(rd, at, "a network, such as \"10.0.0.0/8\"", &text))
		return;
	if (!cidr_parse(text, &network)) {
		reader_refuse(rd, at,
			      "'%s' is no network; write an address and the length of its prefix, "
			      "such as \"10.0.0.0/8\" or \"2001:db8::/32\"",
			      reader_quoted(text, shown));
		return;
	}
	ARRAY_GROW(c->networks, c->n_networks);
	c->networks[c->n_networks++] = network;
}

static void
read_cidr(struct reader *rd, struct at at, void *into)
{
	struct condition c = { .kind = MATCH_CIDR };

	if (reader_one_or_many(rd, at, read_network, &c))
		add_condition(into, c);
}

static const struct key address_matcher_keys[] = {
	{ "cidr", read_cidr, false },
};
const struct object address_matcher_object = OBJECT("address_matcher", address_matcher_keys);

/* ---- if and unless ---- */

static void
read_text_condition(struct reader *rd, struct at at, struct conditions *to)
{
	if (json_is_object(at.json))
		reader_object(rd, at, &text_matcher_object, to);
	else if (json_is_array(at.json))
		read_set(rd, at, to);
	else
		read_exact(rd, at, to);
}

static void
read_fact(struct reader *rd, struct at at, void *into)
{
	struct conditions *to = into;

	to->fact = load_fact(rd, at, false);
	if (to->fact == FACT_NONE)
		return;
	if (json_is_object(at.json) && json_object_size(at.json) == 0) {
		reader_refuse(rd, at, "is empty; leave it out or say what it must be");
		return;
	}
	switch (fact_type(to->fact)) {
	case FACT_TYPE_STRING:
		read_text_condition(rd, at, to);
		break;
	case FACT_TYPE_NUMBER:
		read_number_condition(rd, at, to);
		break;
	case FACT_TYPE_BOOL:
		read_bool_condition(rd, at, to);
		break;
	case FACT_TYPE_IP:
		if (json_is_object(at.json))
			reader_object(rd, at, &address_matcher_object, to);
		else
			read_cidr(rd, at, to);
		break;
	}
}

static void
read_conditions(struct reader *rd, struct at at, struct conditions to, const char *empty)
{
	if (reader_map(rd, at, read_fact, &to) && json_object_size(at.json) == 0)
		reader_refuse(rd, at, "is empty; leave it out for a rule that %s", empty);
}

/* ---- a rule ---- */

static void
read_rule_name(struct reader *rd, struct at at, void *into)
{
	struct rule *rule = into;
	char *name = reader_name(rd, at, "a name, such as \"no-legacy\"");

	if (name) {
		free(rule->name);
		rule->name = name;
	}
}

static void
read_if(struct reader *rd, struct at at, void *into)
{
	struct rule *rule = into;

	read_conditions(rd, at, (struct conditions){ &rule->conditions, &rule->n_conditions, 0 },
			"always matches");
}

static void
read_unless(struct reader *rd, struct at at, void *into)
{
	struct rule *rule = into;

	read_conditions(rd, at, (struct conditions){ &rule->exceptions, &rule->n_exceptions, 0 },
			"has no exceptions");
}

static void
read_reject(struct reader *rd, struct at at, void *into)
{
	struct rule *rule = into;
	const char *names[N_REFUSALS];
	size_t index;

	for (enum refusal r = 0; r < N_REFUSALS; r++)
		names[r] = refusal_name(r);
	if (!reader_choice(rd, at, "reason", names, N_REFUSALS, &index))
		return;
	rule->action = RULE_REJECT;
	rule->refusal = (enum refusal)index;
}

static void
read_target(struct reader *rd, struct at at, struct rule *rule, enum rule_action action,
	    const char *example)
{
	char *name = reader_name(rd, at, example);

	rule->action = action;
	rule->target_line = reader_line(at);
	free(rule->target);
	rule->target = name;
}

static void
read_server(struct reader *rd, struct at at, void *into)
{
	read_target(rd, at, into, RULE_SERVER, "the name of a server in haproxy.cfg");
}

static void
read_backend(struct reader *rd, struct at at, void *into)
{
	read_target(rd, at, into, RULE_BACKEND, "the name of a backend in haproxy.cfg");
}

static void
read_tenant(struct reader *rd, struct at at, void *into)
{
	read_target(rd, at, into, RULE_TENANT, "the name of a tenant");
}

static const struct key rule_keys[] = {
	{ "name", read_rule_name, false }, { "if", read_if, false },
	{ "unless", read_unless, false },  { "reject", read_reject, false },
	{ "server", read_server, false },  { "backend", read_backend, false },
	{ "tenant", read_tenant, false },
};
const struct object rule_object = OBJECT("rule", rule_keys);

static void
check_one_action(struct reader *rd, struct at at)
{
	static const char *const actions[] = { "reject", "server", "backend", "tenant" };
	const char *found[4];
	char words[KNOWN];
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		if (json_object_get(at.json, actions[i]))
			found[n++] = actions[i];
	if (n == 0)
		reader_refuse(rd, at, "does nothing; add one of reject, server, backend, tenant");
	if (n > 1)
		reader_refuse(rd, at, "does several things (%s); keep one, or make more rules",
			      reader_known(found, n, words));
}

static void
read_rule(struct reader *rd, struct at at, void *into)
{
	struct policy *p = rd->policy;
	struct rule rule = { .line = reader_line(at) };
	char name[32];

	snprintf(name, sizeof(name), "rules[%zu]", p->n_rules);
	rule.name = str_dup(str_of(name));
	if (reader_object(rd, at, &rule_object, &rule))
		check_one_action(rd, at);
	ARRAY_GROW(p->rules, p->n_rules);
	p->rules[p->n_rules++] = rule;
}

/* A verdict carries the rule's name: two of one name could not be told apart. */
static void
check_rule_names(struct reader *rd, struct at at)
{
	const struct policy *p = rd->policy;
	struct map names;
	char shown[QUOTED];

	map_init(&names);
	for (size_t i = 0; i < p->n_rules; i++) {
		struct rule *rule = &p->rules[i];
		const struct rule *first = map_add(&names, str_of(rule->name), rule);
		struct at element = reader_element(rd, at, i);
		struct at own = reader_member(rd, element, "name");

		if (first != rule)
			reader_refuse(rd, own.node ? own : element,
				      "'%s' is the name of rules[%td] in line %d as well; "
				      "choose another",
				      reader_quoted(str_of(rule->name), shown), first - p->rules,
				      first->line);
	}
	map_fini(&names);
}

void
load_rules(struct reader *rd, struct at at, void *into)
{
	reader_array(rd, at, read_rule, NULL);
	check_rule_names(rd, at);
}
