/*
 * The actions of `tcp-request connection|session|content` and of `http-request` (configuration
 * manual, 4.2): one table, a reader each. What HAProxy does and usher proxy does not stands there
 * as well, with the cure.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/http1/write.h"
#include "agent/core/rules/rule.h"

enum { COUNTERS = 3 };

/* One line while it is read. */
struct reading {
	struct rule_compiler *c;
	enum rules_stage stage;
	struct rule rule;
	size_t i; /* the word behind what was read */
};

static const char *const stage_words[] = { "connection", "session", "content" };
/* The rules of a stage, as HAProxy calls them. */
static const char *const stage_names[] = {
	"tcp-request connection",
	"tcp-request session",
	"tcp-request content",
	"http-request",
};
static const char *const stage_expressions[] = {
	"tcp-request connection expression",
	"tcp-request session expression",
	"tcp-request content expression",
	"http-request expression",
};

static const char *
action_word(const struct reading *at)
{
	return rule_word(at->c, at->c->action);
}

/* An alert that begins with the action's name. */
static bool PRINTF_LIKE(2, 3) refuse(struct reading *at, const char *fmt, ...)
{
	char detail[EXPR_ERROR + 128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	rule_alert(at->c, "'%s %s' %s", stage_names[at->stage], action_word(at), detail);
	return false;
}

/* ---- arguments ------------------------------------------------------------------------------ */

/* The expression at at->i. `name` is what HAProxy calls it where it looks at absent things. */
static bool
read_expr(struct reading *at, const char *in, const char *name, bool names_action)
{
	const char *missing;

	if (!rule_compile_expr(at->c, &at->i, &at->rule.expr, in)) {
		if (names_action)
			return refuse(at, ": %s", at->c->what);
		rule_alert(at->c, "%s", at->c->what);
		return false;
	}
	missing = rule_missing(&at->rule.expr, rule_absent(at->c->p, at->stage));
	if (!missing)
		return true;
	name = name ? name : at->rule.expr.calls[0].keyword->name;
	if (names_action)
		return refuse(at,
			      ": fetch method '%s' extracts information from '%s', none of which "
			      "is available here",
			      name, missing);
	rule_alert(at->c,
		   "fetch method '%s' extracts information from '%s', none of which is available "
		   "here",
		   name, missing);
	return false;
}

/* "(N)" behind the action's name; without it 0, as in HAProxy. */
static bool
read_counter(struct reading *at, const char *after, bool is_named)
{
	const char *word = action_word(at);
	char *end = NULL;
	unsigned long n;

	if (!*after || strcmp(after, "()") == 0)
		return true;
	n = *after == '(' ? strtoul(after + 1, &end, 10) : 0;
	if (*after != '(' || end == after + 1 || strcmp(end, ")") != 0) {
		if (is_named)
			rule_alert(at->c,
				   "invalid stick table track ID '%s'. Expects sc-set-gpt0(<Track "
				   "ID>)",
				   word);
		else
			rule_alert(at->c, "invalid stick table track ID. Expects %s(<Track ID>)",
				   word);
		return false;
	}
	if (n >= COUNTERS) {
		rule_alert(at->c, "invalid stick table track ID%s%s%s. The max allowed ID is %d",
			   is_named ? " '" : "", is_named ? word : "", is_named ? "'" : "",
			   COUNTERS - 1);
		return false;
	}
	at->rule.counter = (unsigned)n;
	return true;
}

/* ---- variables ------------------------------------------------------------------------------ */

static bool
read_set_var(struct reading *at, const char *after)
{
	bool has_effect;

	if (!rule_read_variable(at->c, at->stage, after, &at->rule, &has_effect) ||
	    !read_expr(at, stage_expressions[at->stage], action_word(at), false))
		return false;
	at->rule.action = has_effect ? RULE_SET_VAR : RULE_NOTHING;
	return true;
}

static bool
read_set_var_fmt(struct reading *at, const char *after)
{
	bool has_effect;

	if (!rule_read_variable(at->c, at->stage, after, &at->rule, &has_effect))
		return false;
	if (!rule_compile_format(at->c, at->i, &at->rule.format, rule_absent(at->c->p, at->stage),
				 stage_expressions[at->stage])) {
		rule_alert(at->c, "%s", at->c->what);
		return false;
	}
	at->i += at->i < at->c->line->n;
	at->rule.action = has_effect ? RULE_SET_VAR_FMT : RULE_NOTHING;
	return true;
}

static bool
read_unset_var(struct reading *at, const char *after)
{
	bool has_effect;

	if (!rule_read_variable(at->c, at->stage, after, &at->rule, &has_effect))
		return false;
	at->rule.action = has_effect ? RULE_UNSET_VAR : RULE_NOTHING;
	return true;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static bool
read_accept(struct reading *at, const char *after)
{
	at->rule.action = RULE_ACCEPT;
	return true;
}

static bool
read_reject(struct reading *at, const char *after)
{
	at->rule.action = RULE_REJECT;
	return true;
}

static bool
read_silent_drop(struct reading *at, const char *after)
{
	at->rule.action = RULE_DROP;
	return true;
}

static bool
read_expect_proxy(struct reading *at, const char *after)
{
	const char *layer = rule_word(at->c, at->i);

	if (strcmp(layer, "layer4") != 0) {
		refuse(at, "only supports 'layer4' in %s '%s' (got '%s')", rule_section_kind(at->c),
		       rule_section_name(at->c), layer);
		return false;
	}
	if (at->stage != RULES_CONNECTION) {
		rule_alert(at->c,
			   "'expect-proxy layer4' is not allowed in '%s' rules in %s "
			   "'%s'",
			   stage_names[at->stage], rule_section_kind(at->c),
			   rule_section_name(at->c));
		return false;
	}
	at->i++;
	at->rule.action = RULE_EXPECT_PROXY;
	return true;
}

/* ---- tracking ------------------------------------------------------------------------------- */

static bool
read_track(struct reading *at, const char *after)
{
	static const char *const names[COUNTERS] = { "track-sc0", "track-sc1", "track-sc2" };
	char *end;
	unsigned long n = strtoul(after, &end, 10);
	const char *table = NULL;

	if (*end)
		return refuse(at, ": Wrong track-sc number '%s'", after);
	if (n >= COUNTERS)
		return refuse(at, ": %lu track-sc number exceeding %d (MAX_SESS_STKCTR-1) value", n,
			      COUNTERS - 1);
	at->rule.action = RULE_TRACK;
	at->rule.counter = (unsigned)n;
	if (!read_expr(at, "tracking rule", NULL, true))
		return false;
	if (strcmp(rule_word(at->c, at->i), "table") == 0) {
		table = rule_word(at->c, at->i + 1);
		at->i += 2;
	}
	at->rule.table = table ? table : "";
	rule_check_table(at->c, table, &at->rule.expr, names[n]);
	return true;
}

static bool
read_increment(struct reading *at, const char *after, enum table_data what)
{
	at->rule.action = RULE_COUNT;
	at->rule.what = what;
	at->rule.number = 1;
	return read_counter(at, after, false);
}

static bool
read_inc_gpc0(struct reading *at, const char *after)
{
	return read_increment(at, after, TABLE_GPC0);
}

static bool
read_inc_gpc1(struct reading *at, const char *after)
{
	return read_increment(at, after, TABLE_GPC1);
}

/* sc-set-gpt0(N): a number, or an expression. Nothing at all is 0. */
static bool
read_set_gpt0(struct reading *at, const char *after)
{
	const char *word = rule_word(at->c, at->i);
	char *end;

	at->rule.action = RULE_COUNT;
	at->rule.what = TABLE_GPT0;
	at->rule.is_set = true;
	if (!read_counter(at, after, true))
		return false;
	at->rule.number = (uint32_t)strtol(word, &end, 10);
	if (!*end) {
		at->i += at->i < at->c->line->n;
		return true;
	}
	if (at->stage == RULES_CONNECTION) { /* so says HAProxy, and refuses */
		if (!read_expr(at, NULL, NULL, false))
			return false;
		rule_alert(at->c,
			   "internal error, unexpected rule->from=0, please report this bug!");
		return false;
	}
	return read_expr(at, NULL, NULL, false);
}

/* ---- usher's own part ------------------------------------------------------------------------ */

static bool
read_send_group(struct reading *at, const char *after)
{
	const char *engine = rule_word(at->c, at->i), *group = rule_word(at->c, at->i + 1),
		   *next = rule_word(at->c, at->i + 2);

	if (!*engine || !*group || (*next && !rule_is_condition(next))) {
		rule_alert(at->c, "expects 2 arguments: <engine-id> <group-id>");
		return false;
	}
	at->i += 2;
	/* The CONNACK is before usher's own eyes. */
	at->rule.action = strcmp(engine, "usher-connack") == 0 ? RULE_NOTHING : RULE_ASK;
	rule_check_engine(at->c, engine, group);
	return true;
}

static bool
read_service(struct reading *at, const char *after)
{
	static const struct {
		const char *name;
		enum rules_refusal refusal;
	} services[] = {
		{ "lua.usher_refuse", RULES_REFUSE_VERDICT },
		{ "lua.usher_over_quota", RULES_REFUSE_QUOTA },
		{ "lua.usher_unavailable", RULES_REFUSE_UNAVAILABLE },
	};
	const char *name = rule_word(at->c, at->i++);

	if (at->c->p->mode == PROXY_HTTP)
		return refuse(at, "is not supported by usher proxy in mode http; write "
				  "'http-request deny'.");
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(name, services[i].name) == 0) {
			at->rule.action = RULE_REFUSE;
			at->rule.refusal = services[i].refusal;
			return true;
		}
	}
	if (!*name)
		rule_alert(at->c, "'tcp-request' expects a service name.");
	else if (strncmp(name, "lua.", 4) == 0)
		refuse(at,
		       "of '%s' is not supported by usher proxy; it runs no Lua: of services it "
		       "has lua.usher_refuse, lua.usher_over_quota and lua.usher_unavailable.",
		       name);
	else
		rule_alert(at->c, "'%s' unknown service name.", stage_words[at->stage]);
	return false;
}

/* lua.usher_rank BACKEND ranks while no agent answers; in one process it always does. */
static bool
read_rank(struct reading *at, const char *after)
{
	const char *backend = rule_word(at->c, at->i);

	if (!*backend || rule_is_condition(backend)) {
		rule_alert(at->c, "expect 1 arguments");
		return false;
	}
	at->i++;
	return true;
}

/* capture EXPRESSION len N: for HAProxy's log and HTTP alone. */
static bool
read_capture(struct reading *at, const char *after)
{
	const char *length;

	if (!read_expr(at, stage_expressions[at->stage], NULL, true))
		return false;
	length = rule_word(at->c, at->i + 1);
	if (strcmp(rule_word(at->c, at->i), "len") != 0)
		return refuse(at, ": a positive 'len' argument is mandatory");
	if (strtol(length, NULL, 10) <= 0)
		return refuse(at, ": length must be > 0");
	at->i += 2;
	expr_fini(&at->rule.expr);
	rule_warn(at->c,
		  "'%s capture' has no effect in usher proxy: what it captures "
		  "is not logged; use 'set-var' and %%[var(…)] in log-format.",
		  stage_names[at->stage]);
	return true;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* The status behind deny and return; what HAProxy puts into a body has none here. */
static bool
read_status(struct reading *at, unsigned status)
{
	const char *name = action_word(at), *word;
	char *end;

	for (; *(word = rule_word(at->c, at->i)) && !rule_is_condition(word); at->i += 2) {
		if (strcmp(word, "status") != 0 && strcmp(word, "deny_status") != 0)
			return refuse(at,
				      "'%s' is not supported by usher proxy; its refusals have no "
				      "body and no fields: write '%s status' alone.",
				      word, name);
		status = (unsigned)strtoul(rule_word(at->c, at->i + 1), &end, 10);
		if (*end || !http1_refusal_is_known(status))
			return refuse(at,
				      "status '%s' is not supported by usher proxy; choose one "
				      "that refuses, 403 or 503 say.",
				      rule_word(at->c, at->i + 1));
	}
	at->rule.action = RULE_DENY;
	at->rule.number = status;
	return true;
}

static bool
read_deny(struct reading *at, const char *after)
{
	return read_status(at, 403);
}

/* Without a status HAProxy answers 200, which no client takes for an upgrade. */
static bool
read_return(struct reading *at, const char *after)
{
	return read_status(at, 200);
}

/* What a rule may not write: usher does, for each of the two connections. */
static bool
read_field_name(struct reading *at, enum rules_field how)
{
	struct str name = str_of(rule_word(at->c, at->i));

	if (!http1_is_token(name))
		return refuse(at, ": '%s' is no name of a field", name.p);
	if (http1_field_is_ours(name))
		return refuse(at,
			      ": '%s' is not supported by usher proxy; it belongs to the "
			      "connection, and usher writes it.",
			      name.p);
	at->i++;
	at->rule.action = RULE_FIELD;
	at->rule.how = how;
	at->rule.name = str_dup(name);
	return true;
}

static bool
read_header(struct reading *at, enum rules_field how)
{
	if (!*rule_word(at->c, at->i) || !*rule_word(at->c, at->i + 1))
		return refuse(at, "expects exactly 2 arguments.");
	if (!read_field_name(at, how))
		return false;
	if (!rule_compile_format(at->c, at->i, &at->rule.format, rule_absent(at->c->p, at->stage),
				 stage_expressions[at->stage]))
		return refuse(at, ": %s", at->c->what);
	at->i++;
	return true;
}

static bool
read_set_header(struct reading *at, const char *after)
{
	return read_header(at, RULES_FIELD_SET);
}

static bool
read_add_header(struct reading *at, const char *after)
{
	return read_header(at, RULES_FIELD_ADD);
}

static bool
read_del_header(struct reading *at, const char *after)
{
	if (!*rule_word(at->c, at->i))
		return refuse(at, "expects at least 1 argument.");
	if (!read_field_name(at, RULES_FIELD_DELETE))
		return false;
	if (strcmp(rule_word(at->c, at->i), "-m") == 0)
		return refuse(at, ": '-m' is not supported by usher proxy; write a line for each "
				  "name.");
	return true;
}

/* Of no effect here, and the language's table says why. */
static bool
read_nothing(struct reading *at, const char *after)
{
	return true;
}

static bool
read_one_word(struct reading *at, const char *after)
{
	at->i += at->i < at->c->line->n;
	return true;
}

static bool
read_early_hint(struct reading *at, const char *after)
{
	at->i = at->i + 2 < at->c->line->n ? at->i + 2 : at->c->line->n;
	return true;
}

/* ---- the table ------------------------------------------------------------------------------ */

enum {
	CONNECTION = 1 << RULES_CONNECTION,
	SESSION = 1 << RULES_SESSION,
	CONTENT = 1 << RULES_CONTENT,
	HTTP = 1 << RULES_HTTP,
	TCP = CONNECTION | SESSION | CONTENT,
	ANY = TCP | HTTP,
};

static const struct action {
	const char *name;
	unsigned stages;
	bool is_prefix; /* brackets, or a digit, follow in the same word */
	bool (*read)(struct reading *at, const char *after);
	const char *cure; /* instead of read: HAProxy does it, usher proxy does not */
} actions[] = {
	{ "accept", TCP, .read = read_accept },
	{ "reject", ANY, .read = read_reject },
	{ "allow", HTTP, .read = read_accept },
	{ "deny", HTTP, .read = read_deny },
	{ "return", HTTP, .read = read_return },
	{ "set-header", HTTP, .read = read_set_header },
	{ "add-header", HTTP, .read = read_add_header },
	{ "del-header", HTTP, .read = read_del_header },
	{ "wait-for-handshake", HTTP, .read = read_nothing },
	{ "disable-l7-retry", HTTP, .read = read_nothing },
	{ "strict-mode", HTTP, .read = read_one_word },
	{ "early-hint", HTTP, .read = read_early_hint },
	{ "capture", CONTENT | HTTP, .read = read_capture },
	{ "capture", CONNECTION | SESSION, .cure = "nothing is captured: remove the line" },
	{ "expect-proxy", TCP, .read = read_expect_proxy },
	{ "expect-netscaler-cip", TCP, .cure = "use the PROXY protocol: expect-proxy layer4" },
	{ "track-sc", ANY, true, .read = read_track },
	{ "sc-inc-gpc0", ANY, true, .read = read_inc_gpc0 },
	{ "sc-inc-gpc1", ANY, true, .read = read_inc_gpc1 },
	{ "sc-inc-gpc", ANY, true, .cure = "use sc-inc-gpc0 or sc-inc-gpc1" },
	{ "sc-set-gpt0", ANY, true, .read = read_set_gpt0 },
	{ "sc-set-gpt", ANY, true, .cure = "use sc-set-gpt0" },
	{ "set-var-fmt", ANY, true, .read = read_set_var_fmt },
	{ "set-var", ANY, true, .read = read_set_var },
	{ "unset-var", ANY, true, .read = read_unset_var },
	{ "silent-drop", ANY, .read = read_silent_drop },
	{ "send-spoe-group", CONTENT | HTTP, .read = read_send_group },
	{ "use-service", CONTENT, .read = read_service },
	{ "lua.usher_rank", CONTENT, .read = read_rank },
	{ "lua.", CONTENT | HTTP, true, .cure = "it runs no Lua: remove the line" },
	{ "set-dst", ANY, .cure = "addresses stay as they are: choose a server by use-server" },
	{ "set-dst-port", ANY,
	  .cure = "addresses stay as they are: choose a server by use-server" },
	{ "set-src", ANY, .cure = "addresses stay as they are: accept-proxy brings the client's" },
	{ "set-src-port", ANY,
	  .cure = "addresses stay as they are: accept-proxy brings the client's" },
	{ "set-mark", ANY, .cure = "packets are not marked: mark them by port in the firewall" },
	{ "set-tos", ANY, .cure = "packets are not marked: mark them by port in the firewall" },
	{ "set-nice", CONTENT | HTTP, .cure = "all sessions are equal: remove the line" },
	{ "set-log-level", CONTENT | HTTP, .cure = "set the level at the log target" },
	{ "switch-mode", CONTENT, .cure = "there is no HTTP to switch to: remove the line" },
	{ "do-resolve", CONTENT | HTTP, true, .cure = "name the server's host in its server line" },
	{ "set-priority-class", CONTENT | HTTP, .cure = "queues have one class: remove the line" },
	{ "set-priority-offset", CONTENT | HTTP, .cure = "queues have one class: remove the line" },
	{ "ot-group", CONTENT | HTTP, .cure = "it has no OpenTracing: remove the line" },
};

static void
complain_of_action(struct rule_compiler *c, enum rules_stage stage)
{
	if (stage == RULES_HTTP) {
		rule_alert(c, "'http-request %s' is not supported by usher proxy.",
			   rule_word(c, c->action));
		return;
	}
	rule_alert(c,
		   "'tcp-request %s' expects 'accept', 'reject', 'capture', 'expect-proxy', "
		   "'expect-netscaler-cip', 'track-sc0' ... 'track-sc2', %s'sc-inc-gpc(*)', "
		   "'sc-inc-gpc0(*)', 'sc-inc-gpc1(*)', 'sc-set-gpt(*)', 'sc-set-gpt0(*)', "
		   "%s'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)', %s in %s '%s' (got '%s').\n",
		   stage_words[stage],
		   stage == RULES_CONTENT
			   ? "'ot-group', 'set-log-level', 'set-nice', 'switch-mode', "
			     "'use-service', "
			   : "",
		   stage == RULES_CONTENT ? "'send-spoe-group', 'do-resolve(*)', " : "",
		   stage == RULES_CONTENT
			   ? "'set-src', 'set-src-port', 'set-dst', 'set-dst-port', 'set-mark', "
			     "'set-tos', 'silent-drop', 'set-priority-class', "
			     "'set-priority-offset'"
			   : "'set-dst', 'set-dst-port', 'set-mark', 'set-src', 'set-src-port', "
			     "'set-tos', 'silent-drop'",
		   rule_section_kind(c), rule_section_name(c), rule_word(c, 2));
}

static const struct action *
find_action(const char *word, enum rules_stage stage)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct action *a = &actions[i];
		size_t n = strlen(a->name);

		if (!(a->stages & 1u << stage))
			continue;
		if (a->is_prefix ? strncmp(word, a->name, n) == 0 : strcmp(word, a->name) == 0)
			return a;
	}
	return NULL;
}

/* The condition behind the action. */
static bool
read_if(struct reading *at)
{
	struct rule_compiler *c = at->c;
	const char *next = rule_word(c, at->i);
	char rule[64], where[64];

	if (*next && !rule_is_condition(next))
		return refuse(at, "only accepts 'if' or 'unless', in %s '%s' (got '%s')",
			      rule_section_kind(c), rule_section_name(c), next);
	snprintf(rule, sizeof(rule), " in '%s'", stage_names[at->stage]);
	snprintf(where, sizeof(where), "%s %s rule",
		 c->p->kind & PROXY_FRONTEND ? "frontend" : "backend", stage_names[at->stage]);
	return rule_compile_if(c, at->i, &at->rule.when, rule_absent(c->p, at->stage), rule,
			       where) ||
	       refuse(at, ": error detected in %s '%s' while parsing '%s' condition : %s",
		      rule_section_kind(c), rule_section_name(c), next, c->what);
}

static bool
read_stage(struct rule_compiler *c, enum rules_stage *stage)
{
	const char *word = rule_word(c, 1);

	for (*stage = 0; *stage <= RULES_CONTENT; ++*stage)
		if (strcmp(word, stage_words[*stage]) == 0)
			break;
	if (*stage > RULES_CONTENT) {
		rule_alert(c,
			   "'tcp-request' expects 'inspect-delay', 'connection', or 'content' in "
			   "%s '%s' (got '%s')",
			   rule_section_kind(c), rule_section_name(c), word);
		return false;
	}
	if (*stage == RULES_CONTENT || c->p->kind & PROXY_FRONTEND)
		return true;
	rule_alert(c, "tcp-request %s is not allowed because %s %s is not a frontend", word,
		   rule_section_kind(c), rule_section_name(c));
	return false;
}

static void
compile_action(struct rule_compiler *c, enum rules_stage stage)
{
	struct reading at = { .c = c, .stage = stage, .i = c->action + 1 };
	const struct action *a = find_action(rule_word(c, c->action), stage);
	struct rule_list *list = &c->rules->lists[stage];

	if (!a) {
		complain_of_action(c, stage);
		return;
	}
	if (a->cure) {
		refuse(&at, "is not supported by usher proxy; %s.", a->cure);
		return;
	}
	if (!a->read(&at, rule_word(c, c->action) + strlen(a->name)) || !read_if(&at)) {
		rule_fini(&at.rule);
		return;
	}
	ARRAY_GROW(list->rules, list->n);
	list->rules[list->n++] = at.rule;
}

void
rule_compile_action(struct rule_compiler *c)
{
	enum rules_stage stage;

	c->action = 2;
	if (strcmp(rule_word(c, 1), "inspect-delay") != 0 && read_stage(c, &stage))
		compile_action(c, stage);
}

/* In mode tcp HAProxy leaves them out. */
void
rule_compile_http_action(struct rule_compiler *c)
{
	c->action = 1;
	if (c->p->mode == PROXY_HTTP)
		compile_action(c, RULES_HTTP);
}
