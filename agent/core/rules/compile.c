/*
 * One pass over a proxy's lines, in file order, because a condition may only use ACLs that stand
 * above it. What HAProxy looks up only after all files were read is collected apart and told when
 * the lines themselves were sound.
 *
 * Lines inherited from a defaults section use the ACLs of that section.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/rules/rule.h"

/* ---- findings ------------------------------------------------------------------------------- */

const char *
rule_section_kind(const struct rule_compiler *c)
{
	enum proxy_kind kind = c->scope->section->kind;

	return kind == PROXY_LISTEN ? "proxy" : proxy_kind_name(kind);
}

const char *
rule_section_name(const struct rule_compiler *c)
{
	return c->scope->section->name;
}

static void
say(struct report *r, enum finding_level level, const char *text)
{
	for (size_t i = 0; i < r->n; i++) /* who inherits a line inherits its faults */
		if (strcmp(r->findings[i].text, text) == 0)
			return;
	report_cfg(r, level, "%s", text);
}

static void
say_of_line(struct rule_compiler *c, enum finding_level level, const char *fmt, va_list args)
{
	char *text, *whole;

	if (vasprintf(&text, fmt, args) < 0 ||
	    asprintf(&whole, "parsing [%s:%d] : %s", c->line->at.file, c->line->at.line, text) < 0)
		abort();
	say(c->r, level, whole);
	free(whole);
	free(text);
}

void
rule_alert(struct rule_compiler *c, const char *fmt, ...)
{
	va_list args;

	c->is_faulty = true;
	va_start(args, fmt);
	say_of_line(c, FINDING_ALERT, fmt, args);
	va_end(args);
}

void
rule_warn(struct rule_compiler *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_of_line(c, FINDING_WARNING, fmt, args);
	va_end(args);
}

void
rule_alert_late(struct rule_compiler *c, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	say(&c->late, FINDING_ALERT, text);
	free(text);
}

void
rule_note(struct rule_compiler *c, enum expr_status status)
{
	char *text;

	if (status == EXPR_BLANKS && c->blanks)
		rule_warn(c, "%s; usher reads it as meant", c->what);
	else if (status == EXPR_BLANKS)
		rule_alert(c, "%s", c->what);
	if (status != EXPR_NEVER)
		return;
	if (asprintf(&text,
		     "%s"
		     "  If this is what you intended, please add '--' to get rid of this warning.\n"
		     "  If you intended to match only for existence, please use '-m found'.\n"
		     "  If you wanted to force an int to match as a bool, please use '-m bool'.\n",
		     c->what) < 0)
		abort();
	say(c->r, FINDING_WARNING, text);
	free(text);
}

/* ---- expressions and conditions ------------------------------------------------------------- */

unsigned
rule_absent(const struct proxy *p, enum rules_stage stage)
{
	unsigned absent = EXPR_NEEDS_RESPONSE | EXPR_NEEDS_SERVER;

	if (stage < RULES_CONTENT)
		absent |= EXPR_NEEDS_REQUEST | EXPR_NEEDS_BACKEND | EXPR_NEEDS_HTTP;
	return p->kind & PROXY_BACKEND && stage >= RULES_CONTENT ? absent
								 : absent | EXPR_NEEDS_BACKEND;
}

const char *
rule_missing(const struct expr *e, unsigned absent)
{
	unsigned needs = e->calls[0].keyword->needs & absent;

	if (needs & EXPR_NEEDS_REQUEST)
		return "request buffer";
	if (needs & EXPR_NEEDS_HTTP)
		return "HTTP request headers";
	if (needs & EXPR_NEEDS_RESPONSE)
		return "response buffer";
	if (needs & EXPR_NEEDS_BACKEND)
		return "backend";
	return needs & EXPR_NEEDS_SERVER ? "server" : NULL;
}

static const char *const *
words_from(const struct rule_compiler *c, size_t i)
{
	return (const char *const *)c->line->words + (i < c->line->n ? i : c->line->n);
}

static size_t
words_left(const struct rule_compiler *c, size_t i)
{
	return i < c->line->n ? c->line->n - i : 0;
}

bool
rule_compile_expr(struct rule_compiler *c, size_t *i, struct expr *e, const char *in)
{
	size_t used;
	enum expr_status status =
		expr_compile(e, words_from(c, *i), words_left(c, *i), &used, c->what);

	if (status == EXPR_BAD)
		return false;
	rule_note(c, status);
	rule_check_expr(c, e, in);
	*i += used;
	return true;
}

bool
rule_compile_format(struct rule_compiler *c, size_t i, struct log_format *f, unsigned absent,
		    const char *in)
{
	const char *text = rule_word(c, i), *bracket = strchr(text, '[');
	enum expr_status status = log_format_compile(f, text, LOG_FORMAT_NAME, c->what);
	const struct expr *e;
	size_t len = strlen(c->what);

	if (status == EXPR_BAD) {
		if (len && c->what[len - 1] == '.') /* HAProxy's sentences end with their readers */
			c->what[len - 1] = '\0';
		return false;
	}
	for (size_t k = 0; (e = log_format_expr(f, &k));) {
		if (rule_missing(e, absent)) {
			snprintf(c->what, sizeof(c->what),
				 "sample fetch <%.128s> may not be reliably used here because it "
				 "needs '%s' which is not available here",
				 bracket ? bracket + 1 : text, rule_missing(e, absent));
			log_format_fini(f);
			return false;
		}
		rule_check_expr(c, e, in);
	}
	rule_note(c, status);
	return true;
}

/* HAProxy's warning of an ACL whose tests all need what is not there; false: it is none. */
static bool
warn_of_never(struct rule_compiler *c, const struct acl *acl, unsigned absent, const char *rule,
	      const char *where)
{
	for (size_t i = 0; i < acl->n_tests; i++)
		if (!rule_missing(&acl->tests[i].expr, absent))
			return false;
	if (acl->name)
		rule_warn(c,
			  "acl '%s' will never match%s because it only involves keywords that are "
			  "incompatible with '%s'",
			  acl->name, rule, where);
	else
		rule_warn(c,
			  "anonymous acl will never match%s because it uses keyword '%s' which is "
			  "incompatible with '%s'",
			  rule, acl->tests[0].expr.calls[0].keyword->name, where);
	return true;
}

bool
rule_compile_if(struct rule_compiler *c, size_t i, struct rule_if *when, unsigned absent,
		const char *rule, const char *where)
{
	enum expr_status status;
	bool has_warned = false;

	if (i >= c->line->n)
		return true;
	status = acl_condition_compile(&when->condition, &c->scope->acls, words_from(c, i),
				       words_left(c, i), c->what);
	if (status == EXPR_BAD)
		return false;
	when->is_there = true;
	rule_note(c, status);
	for (size_t k = 0; k < when->condition.n_terms; k++) {
		const struct acl *acl = when->condition.terms[k].acl;

		has_warned = has_warned || warn_of_never(c, acl, absent, rule, where);
		if (!acl->name || acl->is_predefined)
			rule_check_expr(c, &acl->tests[0].expr, NULL);
	}
	return true;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void
compile_acl(struct rule_compiler *c)
{
	enum expr_status status;
	const struct acl *acl;

	if (c->line->n == 1)
		return;
	status = acl_set_add(&c->scope->acls, words_from(c, 1), words_left(c, 1), c->what);
	if (status != EXPR_BAD) {
		rule_note(c, status);
		acl = map_get(&c->scope->acls.by_name, str_of(rule_word(c, 1)));
		rule_check_expr(c, &acl->tests[acl->n_tests - 1].expr, NULL);
	} else if (strncmp(c->what, "character '", 11) == 0 ||
		   strncmp(c->what, "acl name '", 10) == 0) {
		rule_alert(c, "%s", c->what);
	} else {
		rule_alert(c, "error detected while parsing ACL '%s' : %s.", rule_word(c, 1),
			   c->what);
	}
}

static bool
is_dynamic(const char *name)
{
	return strchr(name, '%') != NULL;
}

static void
compile_use_backend(struct rule_compiler *c)
{
	static const char in[] = "use_backend expression";
	const char *name = rule_word(c, 1);
	struct rule_choice choice = { .is_dynamic = is_dynamic(name) };
	unsigned absent = rule_absent(c->p, RULES_CONTENT);
	struct rules *rules = c->rules;

	if (!(c->p->kind & PROXY_FRONTEND))
		return;
	if (!rule_compile_if(c, 2, &choice.when, absent, "", "frontend use-backend rule"))
		rule_alert(c, "error detected while parsing switching rule : %s.", c->what);
	if (choice.is_dynamic && !rule_compile_format(c, 1, &choice.format, absent, in))
		rule_alert_late(c, "Parsing [%s:%d]: failed to parse use_backend rule '%s' : %s.",
				c->line->at.file, c->line->at.line, name, c->what);
	if (!choice.is_dynamic)
		choice.backend = topology_backend(c->t, str_of(name));
	ARRAY_GROW(rules->backends, rules->n_backends);
	rules->backends[rules->n_backends++] = choice;
}

static void
compile_use_server(struct rule_compiler *c)
{
	static const char in[] = "use-server or balance expression";
	static const char where[] = "backend use-server, balance or stick-match rule";
	const char *name = rule_word(c, 1);
	struct rule_choice choice = { .is_dynamic = is_dynamic(name) };
	struct rules *rules = c->rules;

	if (!(c->p->kind & PROXY_BACKEND))
		return;
	if (!rule_compile_if(c, 2, &choice.when, RULE_ABSENT_IN_BACKEND, "", where))
		rule_alert(c, "error detected while parsing switching rule : %s.", c->what);
	if (choice.is_dynamic &&
	    !rule_compile_format(c, 1, &choice.format, RULE_ABSENT_IN_BACKEND, in))
		rule_alert_late(c,
				"Parsing [%s:%d]; use-server rule failed to parse log-format '%s' "
				": %s.",
				c->line->at.file, c->line->at.line, name, c->what);
	if (!choice.is_dynamic)
		choice.server = proxy_server(c->p, str_of(name));
	ARRAY_GROW(rules->servers, rules->n_servers);
	rules->servers[rules->n_servers++] = choice;
}

/* The words behind `stick on` and its kin. */
static bool
read_stick(struct rule_compiler *c, struct rule_stick *stick)
{
	static const char where[] = "backend use-server, balance or stick-match rule";
	const char *table = NULL, *missing;
	size_t i = 2;

	if (c->line->n <= i) {
		rule_alert(c, "'stick' expects a fetch method.");
		return false;
	}
	if (!rule_compile_expr(c, &i, &stick->expr, "stick rule")) {
		rule_alert(c, "'stick': %s", c->what);
		return false;
	}
	missing = rule_missing(&stick->expr, RULE_ABSENT_IN_BACKEND);
	if (missing) {
		rule_alert(c,
			   "'stick': fetch method '%s' extracts information from '%s', none of "
			   "which is available during request.",
			   stick->expr.calls[0].keyword->name, missing);
		return false;
	}
	if (strcmp(rule_word(c, i), "table") == 0) {
		table = rule_word(c, i + 1);
		i += 2;
	}
	stick->table = table ? table : "";
	if (*rule_word(c, i) && !rule_is_condition(rule_word(c, i))) {
		rule_alert(c, "'stick': unknown keyword '%s'.", rule_word(c, i));
		return false;
	}
	if (!rule_compile_if(c, i, &stick->when, RULE_ABSENT_IN_BACKEND, "", where)) {
		rule_alert(c, "'stick': error detected while parsing sticking condition : %s.",
			   c->what);
		return false;
	}
	rule_check_table(c, table, &stick->expr, NULL);
	return true;
}

static void
compile_stick(struct rule_compiler *c)
{
	const char *form = rule_word(c, 1);
	struct rule_stick stick = { .matches = strcmp(form, "store-request") != 0,
				    .stores = strcmp(form, "match") != 0 };
	struct rules *rules = c->rules;

	if (!(c->p->kind & PROXY_BACKEND) || strcmp(form, "store-response") == 0)
		return;
	if (!read_stick(c, &stick)) {
		rule_stick_fini(&stick);
		return;
	}
	ARRAY_GROW(rules->sticks, rules->n_sticks);
	rules->sticks[rules->n_sticks++] = stick;
}

static void
compile_stick_table(struct rule_compiler *c)
{
	c->rules->has_table = table_spec_parse(&c->rules->table, c->p, c->line, c->r);
	c->is_faulty |= !c->rules->has_table;
}

static const struct {
	const char *name;
	void (*compile)(struct rule_compiler *c);
} lines[] = {
	{ "acl", compile_acl },
	{ "http-request", rule_compile_http_action },
	{ "stick", compile_stick },
	{ "stick-table", compile_stick_table },
	{ "tcp-request", rule_compile_action },
	{ "use-server", compile_use_server },
	{ "use_backend", compile_use_backend },
};

static void
compile_line(struct rule_compiler *c)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strcmp(c->line->words[0], lines[i].name) == 0)
			lines[i].compile(c);
}

/* `balance hash EXPRESSION`: one word; the topology has cut it out. */
static void
compile_balance(struct rule_compiler *c)
{
	struct expr *e = &c->rules->balance;
	char *word = c->p->balance_by;
	const char *missing;
	struct raw_line line = { .words = &word, .n = 1, .at = c->p->balance_at };
	size_t i = 0;

	if (!word || !(c->p->kind & PROXY_BACKEND))
		return;
	c->line = &line;
	if (!rule_compile_expr(c, &i, e, "use-server or balance expression")) {
		rule_alert_late(c,
				"%s '%s' [%s:%d]: failed to parse 'balance hash' expression '%s' "
				"in : %s.",
				rule_section_kind(c), c->p->name, c->p->at.file, c->p->at.line,
				word, c->what);
		return;
	}
	missing = rule_missing(e, RULE_ABSENT_IN_BACKEND);
	if (missing)
		rule_alert_late(c,
				"%s '%s' [%s:%d]: error detected while parsing 'balance hash' "
				"expression '%s' which requires information from %s, which is not "
				"available here.",
				rule_section_kind(c), c->p->name, c->p->at.file, c->p->at.line,
				word, missing);
}

/* ---- whose ACLs ------------------------------------------------------------------------------ */

/* The section the line was written in: a defaults section, or the proxy itself. */
static const struct proxy *
section_of(const struct rule_compiler *c, const struct raw_line *line)
{
	for (size_t i = 0; i < c->t->n_defaults; i++) {
		const struct proxy *d = c->t->defaults[i];

		for (size_t k = 0; k < d->n_lines; k++)
			if (d->lines[k].at.line == line->at.line &&
			    d->lines[k].at.file == line->at.file)
				return d;
	}
	return c->p;
}

/* The ACLs of a section; those of a defaults section are compiled when they are first asked for. */
static struct rule_scope *
scope_of(struct rule_compiler *c, const struct proxy *section)
{
	struct rules *rules = c->rules;
	struct rule_scope *scope;

	for (size_t i = 0; i < rules->n_scopes; i++)
		if (rules->scopes[i]->section == section)
			return rules->scopes[i];
	scope = xcalloc(1, sizeof(*scope));
	scope->section = section;
	acl_set_init(&scope->acls);
	ARRAY_GROW(rules->scopes, rules->n_scopes);
	rules->scopes[rules->n_scopes++] = scope;
	if (section == c->p)
		return scope;
	c->scope = scope;
	for (size_t i = 0; i < section->n_lines; i++) {
		c->line = &section->lines[i];
		if (strcmp(c->line->words[0], "acl") == 0)
			compile_acl(c);
	}
	return scope;
}

/* ---- one proxy ------------------------------------------------------------------------------- */

static struct rules *
compile(const struct topology *t, const struct proxy *p, bool blanks, struct report *r)
{
	struct rule_compiler c = { .t = t, .p = p, .blanks = blanks, .r = r };

	c.rules = xcalloc(1, sizeof(*c.rules));
	c.rules->t = t;
	c.rules->p = p;
	report_init(&c.late);
	for (size_t i = 0; i < p->n_lines; i++) {
		c.scope = scope_of(&c, section_of(&c, &p->lines[i]));
		c.line = &p->lines[i];
		compile_line(&c);
	}
	c.scope = scope_of(&c, p);
	compile_balance(&c);
	rule_compile_server_names(&c);
	for (size_t i = 0; !c.is_faulty && i < c.late.n; i++)
		say(r, c.late.findings[i].level, c.late.findings[i].text);
	c.is_faulty |= c.late.n_alerts > 0;
	report_fini(&c.late);
	if (c.is_faulty) {
		rules_free(c.rules);
		return NULL;
	}
	rule_sum_up(c.rules);
	return c.rules;
}

/* Do the rules of a backend the frontend leads to need the request? Its faults are its own. */
static bool
backend_needs_request(const struct topology *t, const struct proxy *backend)
{
	struct report unheard;
	struct rules *rules;
	bool yes;

	report_init(&unheard);
	rules = compile(t, backend, true, &unheard);
	yes = rules && rules->needs_request;
	rules_free(rules);
	report_fini(&unheard);
	return yes;
}

struct rules *
rules_compile(const struct topology *t, const struct proxy *p, bool blanks, struct report *r)
{
	struct rules *rules = compile(t, p, blanks, r);

	if (!rules || !(p->kind & PROXY_FRONTEND))
		return rules;
	for (size_t i = 0; i < rules->n_backends && !rules->needs_request; i++)
		rules->needs_request = rules->backends[i].backend &&
				       backend_needs_request(t, rules->backends[i].backend);
	if (!rules->needs_request && p->default_backend && p->default_backend != p)
		rules->needs_request = backend_needs_request(t, p->default_backend);
	return rules;
}
