/*
 * The same lines as haproxy.cfg's, with [scopes] on top: what stands in another engine's scope is
 * not looked at, not even for errors, as in HAProxy.
 */
#include "agent/core/topology/spoe_engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/core/base/units.h"
#include "agent/core/topology/reader.h"

enum part {
	PART_NONE, /* before the first section of the scope */
	PART_AGENT,
	PART_MESSAGE,
	PART_GROUP,
};

struct engine_parser {
	struct reader in;
	const struct topology_env *env;
	struct spoe_engine *out;
	struct str engine; /* the scope wanted */
	bool outside;	   /* in a scope of others */
	enum part part;
	char *message; /* owned; the one being read, NULL before the first */
};

void
spoe_engine_init(struct spoe_engine *e)
{
	*e = (struct spoe_engine){ 0 };
}

static void
free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void
spoe_engine_fini(struct spoe_engine *e)
{
	free(e->agent);
	free(e->backend);
	free(e->var_prefix);
	free_names(e->messages, e->n_messages);
	free_names(e->groups, e->n_groups);
	for (size_t i = 0; i < e->n_args; i++) {
		free(e->args[i].name);
		free(e->args[i].expression);
		free(e->args[i].message);
	}
	free(e->args);
	for (size_t i = 0; i < e->n_group_sections; i++) {
		free(e->group_sections[i].name);
		free_names(e->group_sections[i].messages, e->group_sections[i].n_messages);
	}
	free(e->group_sections);
	spoe_engine_init(e);
}

static const char *
word(const struct engine_parser *p, size_t i)
{
	return lexer_word(&p->in.line, i);
}

/* "parsing [file:line] : …"; reader_alert() writes the same without the blank. */
static void PRINTF_LIKE(2, 3) alert(struct engine_parser *p, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	report_cfg(p->in.r, FINDING_ALERT, "parsing [%s:%d] : %s", p->in.file, p->in.at, text);
	free(text);
}

static void
set_text(char **text, const char *value)
{
	free(*text);
	*text = str_dup(str_of(value));
}

/* The first byte that is neither letter, digit nor one of `others`, or '\0'. */
static char
bad_byte(const char *name, const char *others)
{
	for (; *name; name++) {
		char letter = (char)(*name | 0x20);

		if ((letter < 'a' || letter > 'z') && (*name < '0' || *name > '9') &&
		    !strchr(others, *name))
			return *name;
	}
	return '\0';
}

/* ---- the lines of spoe-agent ----------------------------------------------------------------- */

static void
add_names(struct engine_parser *p, char ***names, size_t *n)
{
	for (size_t i = 1; i < p->in.line.n_words; i++) {
		ARRAY_GROW(*names, *n);
		(*names)[(*n)++] = str_dup(str_of(word(p, i)));
	}
}

static void
set_groups(struct engine_parser *p)
{
	add_names(p, &p->out->groups, &p->out->n_groups);
}

static void
set_messages(struct engine_parser *p)
{
	add_names(p, &p->out->messages, &p->out->n_messages);
}

static void
set_backend(struct engine_parser *p)
{
	if (!word(p, 1)[0])
		alert(p, "'use-backend' expects a backend name.");
	else if (word(p, 2)[0])
		alert(p, "'use-backend' cannot handle unexpected argument '%s'.", word(p, 2));
	else
		set_text(&p->out->backend, word(p, 1));
}

static void
set_timeout(struct engine_parser *p)
{
	static const char *const names[] = { "hello", "idle", "processing" };
	const char *name = word(p, 1), *text = word(p, 2);
	int64_t ms;
	size_t i = 0, bad;

	while (i < 3 && strcmp(name, names[i]) != 0)
		i++;
	if (i == 3) {
		alert(p, "'timeout' supports 'hello', 'idle' or 'processing' (got %s).", name);
		return;
	}
	if (!text[0]) {
		alert(p, "'timeout %s' expects an integer value (in milliseconds).", name);
		return;
	}
	switch (units_duration(str_of(text), 1, &ms, &bad)) {
	case UNITS_OK:
		if (strcmp(name, "processing") == 0)
			p->out->processing_ms = ms;
		break;
	case UNITS_BAD:
		alert(p, "unexpected character '%c' in 'timeout %s'.", text[bad], name);
		break;
	case UNITS_RANGE:
		reader_alert(&p->in,
			     "timer overflow in argument <%s> to <timeout %s>, maximum value is "
			     "2147483647 ms (~24.8 days).",
			     text, name);
		break;
	}
}

static void
set_option(struct engine_parser *p)
{
	static const char *const others[] = { "async",		"continue-on-error",
					      "dontlog-normal", "force-set-var",
					      "pipelining",	"send-frag-payload",
					      "set-on-error",	"set-process-time",
					      "set-total-time" };
	const char *name = word(p, 1), *value = word(p, 2);

	if (strcmp(name, "var-prefix") == 0) {
		if (!value[0])
			reader_alert(&p->in, "'option var-prefix' expects a value.");
		else if (bad_byte(value, "_."))
			reader_alert(&p->in,
				     "'option var-prefix' only supports [a-zA-Z0-9_.] chars.");
		else
			set_text(&p->out->var_prefix, value);
		return;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i]) == 0)
			return;
	if (p->env->strict)
		reader_alert(&p->in, "option '%s' is not supported.", name);
}

static const struct {
	const char *name;
	void (*set)(struct engine_parser *p); /* NULL: HAProxy's business alone */
} agent_keywords[] = {
	{ "groups", set_groups },     { "log", NULL },
	{ "max-frame-size", NULL },   { "max-waiting-frames", NULL },
	{ "maxconnrate", NULL },      { "maxerrrate", NULL },
	{ "messages", set_messages }, { "no", NULL },
	{ "option", set_option },     { "register-var-names", NULL },
	{ "timeout", set_timeout },   { "use-backend", set_backend },
};

static void
take_agent_keyword(struct engine_parser *p)
{
	for (size_t i = 0; i < sizeof(agent_keywords) / sizeof(agent_keywords[0]); i++) {
		if (strcmp(word(p, 0), agent_keywords[i].name) != 0)
			continue;
		if (agent_keywords[i].set)
			agent_keywords[i].set(p);
		return;
	}
	if (p->env->strict)
		alert(p, "unknown keyword '%s' in spoe-agent section.", word(p, 0));
}

/* ---- the lines of spoe-message --------------------------------------------------------------- */

static void
take_message_keyword(struct engine_parser *p)
{
	if (strcmp(word(p, 0), "args") != 0)
		return;
	for (size_t i = 1; i < p->in.line.n_words; i++) {
		const char *text = word(p, i), *equals = strchr(text, '=');
		/* An `=` behind a bracket is the expression's own. */
		size_t n =
			equals && equals < text + strcspn(text, "(") ? (size_t)(equals - text) : 0;
		struct spoe_arg arg = { str_dup((struct str){ text, n }),
					str_dup(str_of(n ? equals + 1 : text)),
					str_dup(str_of(p->message)) };

		ARRAY_GROW(p->out->args, p->out->n_args);
		p->out->args[p->out->n_args++] = arg;
	}
}

/* ---- the lines of spoe-group ----------------------------------------------------------------- */

static void
take_group_keyword(struct engine_parser *p)
{
	struct spoe_group *g = &p->out->group_sections[p->out->n_group_sections - 1];

	if (strcmp(word(p, 0), "messages") == 0)
		add_names(p, &g->messages, &g->n_messages);
}

bool
spoe_engine_sends(const struct spoe_engine *e, const char *group, const struct spoe_arg *arg)
{
	bool is_defined = false;

	for (size_t i = 0; i < e->n_group_sections; i++) {
		const struct spoe_group *g = &e->group_sections[i];

		if (strcmp(g->name, group) != 0)
			continue;
		is_defined = true;
		if (str_is_one_of(arg->message, (const char *const *)g->messages, g->n_messages))
			return true;
	}
	return !is_defined;
}

/* ---- scopes and sections --------------------------------------------------------------------- */

static void
begin_message(struct engine_parser *p)
{
	p->part = PART_MESSAGE;
	set_text(&p->message, word(p, 1));
}

static void
begin_group(struct engine_parser *p)
{
	struct spoe_engine *e = p->out;

	p->part = PART_GROUP;
	ARRAY_GROW(e->group_sections, e->n_group_sections);
	e->group_sections[e->n_group_sections++] =
		(struct spoe_group){ .name = str_dup(str_of(word(p, 1))) };
}

static void
begin_agent(struct engine_parser *p)
{
	const char *name = word(p, 1);
	char bad = bad_byte(name, "_-.:");

	p->part = PART_AGENT;
	if (!name[0]) {
		alert(p, "missing name for spoe-agent section.");
		p->in.stop = true;
	} else if (word(p, 2)[0]) {
		alert(p, "'spoe-agent' cannot handle unexpected argument '%s'.", word(p, 2));
		p->in.stop = true;
	} else if (p->out->agent) {
		alert(p, "another spoe-agent section previously defined.");
		p->in.stop = true;
	} else if (bad) {
		alert(p, "character '%c' is not permitted in 'spoe-agent' name '%s'.", bad, name);
		p->in.stop = true;
	} else {
		set_text(&p->out->agent, name);
		p->out->agent_line = p->in.at;
	}
}

/* `[engine]`, alone on its line. */
static void
begin_scope(struct engine_parser *p)
{
	const char *scope = word(p, 0);
	const char *end = strchr(scope, ']');
	struct str name = { scope + 1, end ? (size_t)(end - scope) - 1 : 0 };

	p->part = PART_NONE;
	if (!name.n) {
		alert(p, "empty scope name is forbidden.");
		p->in.stop = true;
	} else if (end[1] || word(p, 1)[0]) {
		alert(p, "character '%c' is not permitted after scope declaration.",
		      end[1] ? end[1] : word(p, 1)[0]);
		p->in.stop = true;
	} else {
		p->outside = !str_eq(name, p->engine);
	}
}

static void
take_line(struct reader *in)
{
	struct engine_parser *p = container_of(in, struct engine_parser, in);
	const char *name = word(p, 0);

	if (name[0] == '[')
		begin_scope(p);
	else if (p->outside)
		return;
	else if (strcmp(name, "spoe-agent") == 0)
		begin_agent(p);
	else if (strcmp(name, "spoe-message") == 0)
		begin_message(p);
	else if (strcmp(name, "spoe-group") == 0)
		begin_group(p);
	else if (p->part == PART_AGENT)
		take_agent_keyword(p);
	else if (p->part == PART_MESSAGE)
		take_message_keyword(p);
	else if (p->part == PART_GROUP)
		take_group_keyword(p);
	else if (p->part == PART_NONE)
		reader_alert(in, "unknown keyword '%s' out of section.", name);
}

bool
spoe_engine_parse(struct str text, const char *file, struct str engine,
		  const struct topology_env *env, struct spoe_engine *out, struct report *r)
{
	size_t alerts_before = r->n_alerts;
	struct engine_parser p = {
		.in = { .file = file,
			.r = r,
			.variables = { .getenv = env->getenv, .arg = env->arg, .section = "" },
			.take = take_line },
		.env = env,
		.out = out,
		.engine = engine,
		.outside = engine.n > 0,
	};

	spoe_engine_init(out);
	reader_run(&p.in, text);
	free(p.message);
	if (r->n_alerts != alerts_before)
		return false;
	if (!out->agent) {
		report_cfg(r, FINDING_ALERT, "No SPOE agent found in file %s", file);
		return false;
	}
	if (!out->backend) {
		report_cfg(r, FINDING_ALERT,
			   "No backend declared for SPOE agent '%s' declared at %s:%d", out->agent,
			   file, out->agent_line);
		return false;
	}
	if (!out->var_prefix)
		out->var_prefix = str_dup(str_of(out->agent));
	return true;
}
