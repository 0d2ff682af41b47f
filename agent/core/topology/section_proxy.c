/*
 * The sections defaults, frontend, backend and listen: their first line, what they inherit, and
 * the one table of their keywords.
 */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

/* ---- the first line ---------------------------------------------------------------------------
 */

static enum proxy_kind
kind_of_section(const char *name)
{
	static const enum proxy_kind kinds[] = { PROXY_FRONTEND, PROXY_BACKEND, PROXY_LISTEN };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, proxy_kind_name(kinds[i])) == 0)
			return kinds[i];
	return PROXY_DEFAULTS;
}

const char *
parser_capability_name(enum proxy_kind kind)
{
	return kind == PROXY_LISTEN ? "proxy" : proxy_kind_name(kind);
}

static void
copy_lines(struct raw_line **to, size_t *n, const struct raw_line *from, size_t n_from)
{
	for (size_t i = 0; i < n_from; i++) {
		struct raw_line line = from[i];

		/* An ACL of a defaults section is known to that section's own rules alone. */
		if (strcmp(line.words[0], "acl") == 0)
			continue;
		line.words = xcalloc(line.n, sizeof(*line.words));
		for (size_t w = 0; w < line.n; w++)
			line.words[w] = str_dup(str_of(from[i].words[w]));
		ARRAY_GROW(*to, *n);
		(*to)[(*n)++] = line;
	}
}

/* What a frontend has no use for does no harm there. */
static void
inherit_backend(struct proxy *to, const struct proxy *from)
{
	to->balance = from->balance;
	parser_set_text(&to->balance_by, from->balance_by);
	to->balance_at = from->balance_at;
	to->hash = from->hash;
	to->hash_balance_factor = from->hash_balance_factor;
	to->check = from->check;
	to->source = from->source;
	to->retries = from->retries;
	to->redispatch_after = from->redispatch_after;
	to->fullconn = from->fullconn;
	to->server_probes = from->server_probes;
	line_server_inherit(&to->default_server, &from->default_server);
}

static void
inherit_frontend(struct proxy *to, const struct proxy *from)
{
	if (to->kind == PROXY_BACKEND)
		return;
	to->maxconn = from->maxconn;
	to->rate_limit_sessions = from->rate_limit_sessions;
	to->client_probes = from->client_probes;
	parser_set_text(&to->default_backend_name, from->default_backend_name);
	to->default_backend_at = from->default_backend_at;
	parser_set_text(&to->log_format, from->log_format);
	parser_set_text(&to->log_format_sd, from->log_format_sd);
	parser_set_text(&to->error_log_format, from->error_log_format);
	to->log_format_at = from->log_format_at;
	to->error_log_format_at = from->error_log_format_at;
}

static void
inherit(struct proxy *to, const struct proxy *from)
{
	to->mode = from->mode;
	to->disabled = from->disabled;
	to->options = from->options & line_option_bits(to->kind);
	memcpy(to->timeout_ms, from->timeout_ms, sizeof(to->timeout_ms));
	to->inspect_delay_ms = from->inspect_delay_ms;
	inherit_frontend(to, from);
	inherit_backend(to, from);
	copy_lines(&to->lines, &to->n_lines, from->lines, from->n_lines);
	copy_lines(&to->all, &to->n_all, from->all, from->n_all);
	line_log_inherit(to, from);
}

/* The defaults section of that name; NULL, with an alert, when there is none or several. */
static const struct proxy *
find_defaults(struct parser *p, const char *name)
{
	const struct topology *t = p->t;
	const struct proxy *found = NULL;

	for (size_t i = 0; i < t->n_defaults; i++) {
		const struct proxy *d = t->defaults[i];

		if (strcmp(d->name, name) != 0)
			continue;
		if (found) {
			parser_alert(
				p,
				"ambiguous defaults section name '%s' referenced by %s '%s' "
				"exists at least at %s:%d and %s:%d.",
				name, parser_capability_name(kind_of_section(p->section->name)),
				word(p, 1), found->at.file, found->at.line, d->at.file, d->at.line);
			return NULL;
		}
		found = d;
	}
	if (!found)
		parser_alert(p, "defaults section '%s' not found for %s '%s'.", name,
			     parser_capability_name(kind_of_section(p->section->name)), word(p, 1));
	return found;
}

/*
 * HAProxy takes a listen section whose name a backend has already: then the first of the two is
 * the one that is found by name. That deserves at least a word.
 */
static void
check_name_is_free(struct parser *p, enum proxy_kind kind, struct str name)
{
	const struct proxy *frontend = kind & PROXY_FRONTEND ? topology_frontend(p->t, name) : NULL;
	const struct proxy *backend = kind & PROXY_BACKEND ? topology_backend(p->t, name) : NULL;
	const struct proxy *other = frontend ? frontend : backend;
	bool is_refused = other && (frontend || kind == PROXY_BACKEND);

	if (other)
		report_cfg(p->in.r, is_refused ? FINDING_ALERT : FINDING_WARNING,
			   "Parsing [%s:%d]: %s '%s' has the same name as %s '%s' declared at "
			   "%s:%d%s.",
			   p->in.file, p->in.at, parser_capability_name(kind), other->name,
			   parser_capability_name(other->kind), other->name, other->at.file,
			   other->at.line, is_refused ? "" : ", which is the one used as backend");
}

/* What follows the name is `from DEFAULTS` or wrong. */
static bool
check_first_line(struct parser *p, enum proxy_kind kind)
{
	bool has_from = strcmp(word(p, 2), "from") == 0;
	char bad = parser_bad_name_byte(word(p, 1));

	if (kind == PROXY_DEFAULTS)
		return true;
	if (!word(p, 1)[0]) {
		parser_alert(p, "'%s' expects an <id> argument", p->section->name);
		p->in.stop = true;
		return false;
	}
	if (bad)
		parser_alert(p, "character '%c' is not permitted in '%s' name '%s'.", bad,
			     p->section->name, word(p, 1));
	check_name_is_free(p, kind, str_of(word(p, 1)));
	if (has_from)
		return !parser_too_many_words(p, 3);
	if (!word(p, 2)[0])
		return true;
	if (!(kind & PROXY_FRONTEND))
		return !parser_too_many_words(p, 1);
	parser_alert(p, "please use the 'bind' keyword for listening addresses.");
	return false;
}

/* The defaults to start from, in *from; NULL: none. False: there should be one, but is not. */
static bool
choose_defaults(struct parser *p, enum proxy_kind kind, const struct proxy **from)
{
	const struct topology *t = p->t;

	*from = NULL;
	if (strcmp(word(p, 2), "from") == 0 && word(p, 3)[0]) {
		*from = find_defaults(p, word(p, 3));
		p->in.stop |= !*from;
		return *from != NULL;
	}
	if (kind != PROXY_DEFAULTS && t->n_defaults)
		*from = t->defaults[t->n_defaults - 1];
	return true;
}

static void
add_proxy(struct topology *t, struct proxy *proxy)
{
	struct str name = str_of(proxy->name);

	if (proxy->kind == PROXY_DEFAULTS) {
		ARRAY_GROW(t->defaults, t->n_defaults);
		t->defaults[t->n_defaults++] = proxy;
		return;
	}
	ARRAY_GROW(t->proxies, t->n_proxies);
	proxy->index = t->n_proxies;
	t->proxies[t->n_proxies++] = proxy;
	if (proxy->kind & PROXY_FRONTEND)
		map_add(&t->frontends, name, proxy);
	if (proxy->kind & PROXY_BACKEND)
		map_add(&t->backends, name, proxy);
}

void
section_proxy_begin(struct parser *p)
{
	enum proxy_kind kind = kind_of_section(p->section->name);
	const struct proxy *from;
	struct proxy *proxy;

	if (!check_first_line(p, kind) || !choose_defaults(p, kind, &from))
		return;
	proxy = xcalloc(1, sizeof(*proxy));
	*proxy = (struct proxy){
		.kind = kind,
		.name = str_dup(str_of(word(p, 1))),
		.at = parser_place(p),
		.default_server = {
			.weight = 1,
			.checking = { .inter_ms = 2000, .rise = 2, .fall = 3, .error_limit = 10 },
		},
		.retries = 3,
		.redispatch_after = -1,
	};
	map_init(&proxy->server_by_name);
	if (from)
		inherit(proxy, from);
	add_proxy(p->t, proxy);
	p->proxy = proxy;
}

/* ---- keywords -------------------------------------------------------------------------------- */

static void
set_mode(struct parser *p)
{
	/* Modes of later versions: to usher they are neither MQTT nor HTTP. */
	static const char *const later[] = { "spop", "log", "haterm" };
	const char *name = word(p, 1);

	if (parser_too_many_words(p, 1))
		return;
	if (strcmp(name, "tcp") == 0) {
		p->proxy->mode = PROXY_TCP;
		return;
	}
	if (strcmp(name, "http") == 0) {
		p->proxy->mode = PROXY_HTTP;
		return;
	}
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]) && !p->env->strict; i++) {
		if (strcmp(name, later[i]) == 0) {
			p->proxy->mode = PROXY_TCP;
			return;
		}
	}
	if (strcmp(name, "health") == 0)
		parser_alert(p, "'mode health' doesn't exist anymore. Please use 'http-request "
				"return status 200' instead.");
	else
		parser_alert(p, "unknown proxy mode '%s'.", name);
}

static void
set_disabled(struct parser *p)
{
	if (!parser_too_many_words(p, 0))
		p->proxy->disabled = true;
}

static void
set_enabled(struct parser *p)
{
	if (!parser_too_many_words(p, 0))
		p->proxy->disabled = false;
}

static void
keep_tcp_request(struct parser *p)
{
	if (!word(p, 1)[0])
		parser_alert(p, "missing argument for 'tcp-request' in proxy '%s'", p->proxy->name);
	else if (p->proxy->kind == PROXY_DEFAULTS && !p->proxy->name[0])
		parser_alert(p, "tcp-request %s is not allowed in anonymous 'defaults' sections",
			     word(p, 1));
	else
		parser_keep_line(p);
	if (strcmp(word(p, 1), "inspect-delay") == 0)
		line_inspect_delay(p);
}

static void
keep_stick_table(struct parser *p)
{
	if (p->proxy->kind == PROXY_DEFAULTS)
		parser_alert(p, "'stick-table' is not supported in 'defaults' section.");
	else
		parser_keep_line(p);
}

bool
section_proxy_negate(struct parser *p)
{
	static const char *const words[] = { "option",		"log",
					     "busy-polling",	"set-dumpable",
					     "strict-limits",	"insecure-fork-wanted",
					     "numa-cpu-mapping" };

	if (strcmp(word(p, 0), "no") == 0 && strcmp(word(p, 1), "log") == 0) {
		if (word(p, 2)[0])
			parser_alert(p, "log : 'no log' does not expect arguments");
		else if (p->proxy)
			log_targets_fini(&p->proxy->logs, &p->proxy->n_logs);
		return true;
	}
	if (p->proxy && strcmp(word(p, 1), "option") == 0) {
		enum option_mood mood = strcmp(word(p, 0), "no") == 0 ? OPTION_NO : OPTION_DEFAULT;

		lexer_shift(&p->in.line);
		line_option_as(p, mood);
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!p->env->strict || strcmp(word(p, 1), words[i]) == 0)
			return true;
	reader_alert(&p->in, "negation/default currently supported only for options, log, "
			     "busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and "
			     "numa-cpu-mapping.");
	return false;
}

static const struct keyword table[] = {
	{ "acl", KEYWORD_USED, parser_keep_line, IN_NAMED_DEFAULTS },
	{ "backlog", KEYWORD_USED, line_backlog, IN_FRONTEND },
	{ "balance", KEYWORD_USED, line_balance, IN_BACKEND },
	{ "bind", KEYWORD_USED, line_bind, IN_FRONTEND | IN_PROXY },
	{ "clitcpka-cnt", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "clitcpka-idle", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "clitcpka-intvl", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "clitimeout", KEYWORD_USED, line_old_timeout, IN_ANY },
	{ "contimeout", KEYWORD_USED, line_old_timeout, IN_ANY },
	{ "default-server", KEYWORD_USED, line_default_server, IN_ANY },
	{ "default_backend", KEYWORD_USED, line_default_backend, IN_FRONTEND },
	{ "disabled", KEYWORD_USED, set_disabled, IN_ANY },
	{ "enabled", KEYWORD_USED, set_enabled, IN_ANY },
	{ "error-log-format", KEYWORD_USED, line_log_format, IN_ANY },
	{ "filter", KEYWORD_USED, line_filter, IN_ANY },
	{ "fullconn", KEYWORD_USED, line_fullconn, IN_ANY },
	{ "hash-balance-factor", KEYWORD_USED, line_hash_balance_factor, IN_ANY },
	{ "hash-type", KEYWORD_USED, line_hash_type, IN_BACKEND },
	{ "http-request", KEYWORD_USED, parser_keep_line, IN_ANY },
	{ "id", KEYWORD_USED, line_id, IN_ANY },
	{ "log", KEYWORD_USED, line_log, IN_ANY },
	{ "log-format", KEYWORD_USED, line_log_format, IN_ANY },
	{ "log-format-sd", KEYWORD_USED, line_log_format, IN_ANY },
	{ "log-tag", KEYWORD_USED, line_log_tag, IN_ANY },
	{ "maxconn", KEYWORD_USED, line_maxconn, IN_ANY },
	{ "mode", KEYWORD_USED, set_mode, IN_ANY },
	{ "option", KEYWORD_USED, line_option, IN_ANY },
	{ "rate-limit", KEYWORD_USED, line_rate_limit, IN_ANY },
	{ "retries", KEYWORD_USED, line_retries, IN_ANY },
	{ "server", KEYWORD_USED, line_server, IN_ANY },
	{ "server-template", KEYWORD_USED, line_server_template, IN_ANY },
	{ "source", KEYWORD_USED, line_source, IN_BACKEND },
	{ "srvtcpka-cnt", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "srvtcpka-idle", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "srvtcpka-intvl", KEYWORD_USED, line_keepalive_probes, IN_ANY },
	{ "srvtimeout", KEYWORD_USED, line_old_timeout, IN_ANY },
	{ "stick", KEYWORD_USED, line_stick, IN_BACKEND | IN_PROXY },
	{ "stick-table", KEYWORD_USED, keep_stick_table, IN_ANY },
	{ "tcp-request", KEYWORD_USED, keep_tcp_request, IN_ANY },
	{ "timeout", KEYWORD_USED, line_timeout, IN_ANY },
	{ "use-server", KEYWORD_USED, line_use_server, IN_BACKEND | IN_PROXY },
	{ "use_backend", KEYWORD_USED, line_use_backend, IN_FRONTEND | IN_PROXY },
	{ .name = "bind-process", .status = KEYWORD_SKIPPED },
	{ .name = "capture", .status = KEYWORD_SKIPPED },
	{ .name = "compression", .status = KEYWORD_SKIPPED },
	{ .name = "cookie", .status = KEYWORD_SKIPPED },
	{ .name = "declare", .status = KEYWORD_SKIPPED },
	{ .name = "description", .status = KEYWORD_SKIPPED },
	{ .name = "dispatch", .status = KEYWORD_SKIPPED },
	{ .name = "email-alert", .status = KEYWORD_SKIPPED },
	{ .name = "errorfile", .status = KEYWORD_SKIPPED },
	{ .name = "errorfiles", .status = KEYWORD_SKIPPED },
	{ .name = "errorloc", .status = KEYWORD_SKIPPED },
	{ .name = "errorloc302", .status = KEYWORD_SKIPPED },
	{ .name = "errorloc303", .status = KEYWORD_SKIPPED },
	{ .name = "external-check", .status = KEYWORD_SKIPPED },
	{ .name = "force-persist", .status = KEYWORD_SKIPPED },
	{ .name = "http-after-response", .status = KEYWORD_SKIPPED },
	{ .name = "http-check", .status = KEYWORD_SKIPPED },
	{ .name = "http-error", .status = KEYWORD_SKIPPED },
	{ .name = "http-response", .status = KEYWORD_SKIPPED },
	{ .name = "http-reuse", .status = KEYWORD_SKIPPED },
	{ .name = "http-send-name-header", .status = KEYWORD_SKIPPED },
	{ .name = "ignore-persist", .status = KEYWORD_SKIPPED },
	{ .name = "load-server-state-from-file", .status = KEYWORD_SKIPPED },
	{ .name = "max-keep-alive-queue", .status = KEYWORD_SKIPPED },
	{ .name = "monitor", .status = KEYWORD_SKIPPED },
	{ .name = "monitor-uri", .status = KEYWORD_SKIPPED },
	{ .name = "persist", .status = KEYWORD_SKIPPED },
	{ .name = "redirect", .status = KEYWORD_SKIPPED },
	{ .name = "retry-on", .status = KEYWORD_SKIPPED },
	{ .name = "server-state-file-name", .status = KEYWORD_SKIPPED },
	{ .name = "stats", .status = KEYWORD_SKIPPED },
	{ .name = "tcp-check", .status = KEYWORD_SKIPPED },
	{ .name = "tcp-response", .status = KEYWORD_SKIPPED },
	{ .name = "transparent", .status = KEYWORD_SKIPPED },
	{ .name = "unique-id-format", .status = KEYWORD_SKIPPED },
	{ .name = "unique-id-header", .status = KEYWORD_SKIPPED },
	{ .name = "use-fcgi-app", .status = KEYWORD_SKIPPED },
};

const struct keywords section_proxy_keywords = { table, sizeof(table) / sizeof(table[0]) };
