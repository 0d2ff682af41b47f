/*
 * The lines in the order of the file. Those of a defaults section count only while the backend has
 * none of the same keyword. Faults are collected, as HAProxy words them, odd dots included.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/script_make.h"

const char *
compile_word(const struct compile *c, size_t i)
{
	return i < c->line->n ? c->line->words[i] : "";
}

/* ---- findings ------------------------------------------------------------------------------- */

static void
say(const struct compile *c, enum finding_level level, const char *text)
{
	for (size_t i = 0; i < c->report->n; i++)
		if (strcmp(c->report->findings[i].text, text) == 0)
			return;
	report_cfg(c->report, level, "%s", text);
}

static void
say_of_line(const struct compile *c, enum finding_level level, const char *what, const char *fmt,
	    va_list args)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "parsing [%s:%d] : %s", c->line->at.file,
			 c->line->at.line, what);

	if (n > 0 && (size_t)n < sizeof(text))
		vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	say(c, level, text);
}

void
compile_alert(const struct compile *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_of_line(c, FINDING_ALERT, "", fmt, args);
	va_end(args);
}

void
compile_refuse(const struct compile *c, const char *fmt, ...)
{
	char what[128];
	va_list args;

	snprintf(what, sizeof(what), "'%s %s' : ", compile_word(c, 0), compile_word(c, 1));
	va_start(args, fmt);
	say_of_line(c, FINDING_ALERT, what, fmt, args);
	va_end(args);
}

/* ---- parts of lines ------------------------------------------------------------------------- */

struct script_step *
compile_step(struct compile *c, enum script_op op)
{
	struct script_step *step = script_insert(c->script, c->script->n_steps, op);

	step->number = c->n_rules;
	if (c->comment)
		step->comment = str_dup(str_of(c->comment));
	return step;
}

char *
compile_plain(const struct compile *c, const char *text)
{
	char *plain = xmalloc(strlen(text) + 1), *to = plain;

	for (const char *from = text; *from; from++) {
		if (*from == '%' && *++from != '%') {
			compile_refuse(c,
				       "'%s' is a log-format string with variables, which is not "
				       "supported by usher proxy yet.",
				       text);
			free(plain);
			return NULL;
		}
		*to++ = *from;
	}
	*to = '\0';
	return plain;
}

static int
hex_value(char ch)
{
	return ch >= '0' && ch <= '9'	? ch - '0'
	       : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
	       : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
					: -1;
}

bool
compile_hex(const char *text, uint8_t **bytes, size_t *n, const char **why, char *found)
{
	size_t len = strlen(text);

	*why = NULL;
	if (len % 2) {
		*why = "an even number of hex digit is expected";
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if (hex_value(text[i]) < 0) {
			*found = text[i];
			return false;
		}
	*n = len / 2;
	*bytes = xmalloc(*n + 1);
	for (size_t i = 0; i < *n; i++)
		(*bytes)[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
	(*bytes)[*n] = 0;
	return true;
}

void
compile_out_of_order(const struct compile *c, const char *missing)
{
	compile_refuse(c, "unable to add http-check %s rule at step %u (missing %s rule)..",
		       compile_word(c, 1), c->n_rules, missing);
}

/* ---- connect -------------------------------------------------------------------------------- */

/* The text behind `comment` at i; NULL, with an alert, if there is none. */
static const char *
comment_at(const struct compile *c, size_t i)
{
	const char *text = compile_word(c, i + 1);

	if (*text)
		return text;
	compile_refuse(c, "'comment' expects a string as argument..");
	return NULL;
}

static void
read_port(struct compile *c, const char *text, struct script_step *step)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (!*text)
		compile_refuse(c, "'port' expects a port number or a sample expression as "
				  "argument..");
	else if (*end)
		compile_refuse(
			c,
			"the port expression '%s' is not supported by usher proxy yet; write "
			"a number.",
			text);
	else if (port < 1 || port > UINT16_MAX)
		compile_refuse(c,
			       "expects a valid TCP port (from range 1 to 65535) or a sample "
			       "expression, got %s..",
			       text);
	else
		step->port = (uint16_t)port;
}

static void
read_addr(struct compile *c, const char *text, struct script_step *step)
{
	if (!*text)
		compile_refuse(c, "'addr' expects <ipv4|ipv6> as argument..");
	else if (addr_parse(str_of(text), false, &step->addr) != ADDR_OK &&
		 addr_parse(str_of(text), true, &step->addr) != ADDR_OK) {
		step->addr.len = 0;
		compile_refuse(c, "'addr' : invalid address: '%s' in '%s'.", text, text);
	}
}

/* One word of a `connect` line; how many words it took, 0: the line is given up. */
static size_t
read_connect_word(struct compile *c, size_t i, struct script_step *step)
{
	static const char *const flags[] = { "default", "linger" };
	static const char *const refused[] = { "ssl",	"sni",	      "alpn",
					       "proto", "send-proxy", "via-socks4" };
	const char *word = compile_word(c, i), *next = compile_word(c, i + 1);

	if (str_is_one_of(word, refused, sizeof(refused) / sizeof(*refused))) {
		compile_refuse(c, "'%s' is not supported by usher proxy yet.", word);
		return 0;
	}
	if (str_is_one_of(word, flags, 2)) {
		step->lingers |= strcmp(word, "linger") == 0;
		step->is_default |= strcmp(word, "default") == 0;
		return 1;
	}
	if (strcmp(word, "port") == 0)
		read_port(c, next, step);
	else if (strcmp(word, "addr") == 0)
		read_addr(c, next, step);
	else if (strcmp(word, "comment") == 0) {
		free(step->comment);
		step->comment = comment_at(c, i) ? str_dup(str_of(next)) : NULL;
	} else {
		compile_refuse(c,
			       "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', "
			       "'alpn' or 'via-socks4', 'linger', 'default' but got '%s' as "
			       "argument..",
			       word);
		return 0;
	}
	return *next ? 2 : 0;
}

/* What may stand before it; the words of a line come first. */
static void
check_order_of_connect(const struct compile *c, size_t at)
{
	const struct script_step *steps = c->script->steps;

	if (at && steps[0].op != SCRIPT_CONNECT)
		compile_refuse(c, "first step MUST also be a 'connect', optionally preceded by a "
				  "'set-var', an 'unset-var' or a 'comment', when there is a "
				  "'connect' step in the tcp-check ruleset.");
	else if (at && c->script->kind == SCRIPT_HTTP && steps[at - 1].op != SCRIPT_EXPECT)
		compile_out_of_order(c, "expect");
}

static void
compile_connect(struct compile *c)
{
	size_t at = c->script->n_steps, alerts = c->report->n_alerts, took = 1;
	struct script_step *step = compile_step(c, SCRIPT_CONNECT);

	for (size_t i = 2; i < c->line->n && took; i += took)
		took = read_connect_word(c, i, step);
	if (c->report->n_alerts == alerts)
		check_order_of_connect(c, at);
}

/* ---- tcp-check ------------------------------------------------------------------------------ */

static void
send_bytes(struct compile *c, uint8_t *bytes, size_t n)
{
	struct script_step *step = compile_step(c, SCRIPT_SEND);
	const char *word = compile_word(c, 3);

	step->bytes = bytes;
	step->n_bytes = n;
	if (strcmp(word, "comment") == 0) {
		const char *text = comment_at(c, 3);

		free(step->comment);
		step->comment = text ? str_dup(str_of(text)) : NULL;
		word = compile_word(c, 5);
	}
	if (*word)
		compile_refuse(c, "expects 'comment' but got '%s' as argument..", word);
}

static void
send_hex(struct compile *c, const char *text)
{
	const char *why;
	uint8_t *bytes;
	char found;
	size_t n;

	if (compile_hex(text, &bytes, &n, &why, &found))
		send_bytes(c, bytes, n);
	else if (why)
		compile_refuse(c, "'%s' invalid binary string (%s).", text, why);
	else
		compile_refuse(c,
			       "'%s' invalid binary string (an hex digit is expected (found "
			       "'%c')).",
			       text, found);
}

static void
compile_tcp_send(struct compile *c)
{
	const char *how = compile_word(c, 1), *text = compile_word(c, 2);
	bool is_binary = strncmp(how, "send-binary", 11) == 0;
	size_t len = strlen(how);
	bool is_format = len > 3 && strcmp(how + len - 3, "-lf") == 0;
	char *plain;

	if (!*text) {
		compile_refuse(c, "'%s' expects a %s as argument.",
			       is_binary ? "binary string" : "string", how);
		return;
	}
	plain = is_format ? compile_plain(c, text) : str_dup(str_of(text));
	if (!plain)
		return;
	if (is_binary)
		send_hex(c, plain);
	else
		send_bytes(c, script_copy(plain, strlen(plain)), strlen(plain));
	free(plain);
}

static bool
is_variable(const char *word)
{
	return strncmp(word, "set-var(", 8) == 0 || strncmp(word, "set-var-fmt(", 12) == 0 ||
	       strncmp(word, "unset-var(", 10) == 0;
}

/* What both families know. False: the line is of another kind. */
static bool
compile_common(struct compile *c)
{
	const char *what = compile_word(c, 1);

	if (strcmp(what, "connect") == 0)
		compile_connect(c);
	else if (strcmp(what, "expect") == 0)
		compile_expect(c);
	else if (is_variable(what))
		compile_refuse(c, "variables are not supported by usher proxy yet.");
	else
		return false;
	return true;
}

static void
compile_tcp_line(struct compile *c)
{
	static const char *const sends[] = { "send", "send-lf", "send-binary", "send-binary-lf" };

	if (str_is_one_of(compile_word(c, 1), sends, 4))
		compile_tcp_send(c);
	else if (!compile_common(c))
		compile_alert(c,
			      "'tcp-check' only supports 'comment', 'connect', 'send', "
			      "'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', "
			      "'unset-var(*)'. but got '%s'",
			      compile_word(c, 1));
}

/* ---- http-check ----------------------------------------------------------------------------- */

static void
compile_http_line(struct compile *c)
{
	if (strcmp(compile_word(c, 1), "send") == 0)
		compile_http_send(c);
	else if (!compile_common(c))
		compile_alert(c,
			      "'http-check' only supports 'disable-on-404', 'send-state', "
			      "'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', "
			      "'set-var(*)', 'unset-var(*)'. but got '%s'",
			      compile_word(c, 1));
}

/* Lines of http-check that are no steps. */
static bool
compile_http_option(struct compile *c)
{
	const char *what = compile_word(c, 1);

	if (strcmp(what, "disable-on-404") != 0 && strcmp(what, "send-state") != 0)
		return false;
	if (c->line->n > 2)
		compile_alert(c, "'http-check' cannot handle unexpected argument '%s'.",
			      compile_word(c, 2));
	else if (*what == 'd')
		c->script->drains_on_404 = true;
	return true;
}

static void
finish_http(struct compile *c)
{
	struct script *s = c->script;
	struct script_step *last;

	if (s->n_steps == 0 || s->steps[0].op != SCRIPT_CONNECT)
		script_insert(s, 0, SCRIPT_CONNECT)->is_default = true;
	if (s->n_steps == 1 || s->steps[1].op != SCRIPT_SEND)
		compile_http_implied(c, 1);
	if (s->steps[s->n_steps - 1].op == SCRIPT_EXPECT)
		return;
	last = script_insert(s, s->n_steps, SCRIPT_EXPECT);
	last->expect.kind = EXPECT_STATUS;
	last->expect.error = HEALTH_L7STS;
	last->expect.ranges = xcalloc(1, sizeof(*last->expect.ranges));
	last->expect.ranges[0] = (struct status_range){ 200, 399 };
	last->expect.n_ranges = 1;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool
is_inherited(const struct compile *c, const struct raw_line *line)
{
	const struct place *own = &c->backend->at;

	return line->at.file != own->file || line->at.line < own->line;
}

static bool
has_own(const struct compile *c, const char *keyword)
{
	for (size_t i = 0; i < c->backend->n_all; i++)
		if (strcmp(c->backend->all[i].words[0], keyword) == 0 &&
		    !is_inherited(c, &c->backend->all[i]))
			return true;
	return false;
}

/* A faulty line is no step: those behind it are looked at as if it were not there. */
static void
compile_or_drop(struct compile *c, void (*compile)(struct compile *c))
{
	size_t alerts = c->report->n_alerts, n = c->script->n_steps;

	compile(c);
	c->comment = NULL;
	if (c->report->n_alerts == alerts)
		return;
	c->n_rules--;
	if (c->script->n_steps > n)
		script_remove_last(c->script);
}

static void
compile_lines(struct compile *c, const char *keyword, void (*compile)(struct compile *c))
{
	bool own = has_own(c, keyword);

	for (size_t i = 0; i < c->backend->n_all; i++) {
		c->line = &c->backend->all[i];
		if (strcmp(c->line->words[0], keyword) != 0 || (own && is_inherited(c, c->line)) ||
		    (*keyword == 'h' && compile_http_option(c)))
			continue;
		c->n_rules++;
		if (strcmp(compile_word(c, 1), "comment") == 0) {
			c->comment = *compile_word(c, 2) ? compile_word(c, 2) : NULL;
			if (!c->comment)
				compile_refuse(c, "expects a string as argument.");
			continue;
		}
		compile_or_drop(c, compile);
	}
}

/* The last `option httpchk …` says what a request is. */
static void
read_httpchk(struct compile *c)
{
	for (size_t i = 0; i < c->backend->n_all; i++) {
		const struct raw_line *line = &c->backend->all[i];

		c->line = line;
		if (strcmp(line->words[0], "option") != 0 ||
		    strcmp(compile_word(c, 1), "httpchk") != 0)
			continue;
		c->method = line->n > 3 ? line->words[2] : "OPTIONS";
		c->uri = line->n > 3 ? line->words[3] : line->n > 2 ? line->words[2] : "/";
		c->version = line->n > 4 ? line->words[4] : "HTTP/1.0";
	}
}

static void
warn_of_unused(const struct compile *c, const char *keyword, const char *option)
{
	char text[256];

	if (!has_own(c, keyword))
		return;
	snprintf(text, sizeof(text),
		 "%s '%s' uses %s rules without 'option %s', so the rules are ignored.",
		 proxy_kind_name(c->backend->kind), c->backend->name, keyword, option);
	say(c, FINDING_WARNING, text);
}

void
script_compile(struct script *s, const struct proxy *backend, struct report *r)
{
	struct compile c = {
		.script = s,
		.backend = backend,
		.report = r,
		.method = "OPTIONS",
		.uri = "/",
		.version = "HTTP/1.0",
	};

	*s = (struct script){ .kind = backend->check == CHECK_HTTP     ? SCRIPT_HTTP
				      : backend->check == CHECK_SCRIPT ? SCRIPT_TCP
								       : SCRIPT_BARE };
	if (s->kind == SCRIPT_TCP)
		compile_lines(&c, "tcp-check", compile_tcp_line);
	else
		warn_of_unused(&c, "tcp-check", "tcp-check");
	if (s->kind == SCRIPT_HTTP) {
		read_httpchk(&c);
		compile_lines(&c, "http-check", compile_http_line);
		finish_http(&c);
	} else {
		warn_of_unused(&c, "http-check", "httpchk");
	}
	if (s->n_steps == 0 || s->steps[0].op != SCRIPT_CONNECT)
		script_insert(s, 0, SCRIPT_CONNECT)->is_default = true;
}

void
script_check(const struct proxy *backend, struct report *r)
{
	struct script s;

	script_compile(&s, backend, r);
	script_fini(&s);
}
