/* Lines of the client's side: bind, default_backend, use_backend, filter spoe, log. */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_condition(const char *word)
{
	return strcmp(word, "if") == 0 || strcmp(word, "unless") == 0;
}

static void
add_bind(struct parser *p, struct str text)
{
	struct proxy *proxy = p->proxy;
	struct bind *b;

	ARRAY_GROW(proxy->binds, proxy->n_binds);
	b = &proxy->binds[proxy->n_binds++];
	*b = (struct bind){ .text = str_dup(text), .at = parser_place(p) };
	if (addr_parse(text, true, &b->addr) != ADDR_OK)
		b->addr.len = 0; /* a name, a range of ports, a descriptor: HAProxy's business */
}

void
line_bind(struct parser *p)
{
	struct str rest = str_of(word(p, 1));

	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct str one = { rest.p, comma ? (size_t)(comma - rest.p) : rest.n };

		add_bind(p, one);
		rest.p += one.n + (comma != NULL);
		rest.n -= one.n + (comma != NULL);
	}
	if (!word(p, 1)[0])
		parser_alert(p, "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}"
				"... as arguments.");
}

void
line_default_backend(struct parser *p)
{
	if (!word(p, 1)[0]) {
		parser_alert(p, "'default_backend' expects a backend name.");
		return;
	}
	parser_set_text(&p->proxy->default_backend_name, word(p, 1));
	p->proxy->default_backend_at = parser_place(p);
	(void)!parser_too_many_words(p, 1);
}

void
line_use_backend(struct parser *p)
{
	if (!word(p, 1)[0])
		parser_alert(p, "'use_backend' expects a backend name.");
	else if (word(p, 2)[0] && !is_condition(word(p, 2)))
		parser_alert(p,
			     "unexpected keyword '%s' after switching rule, only 'if' and 'unless' "
			     "are allowed.",
			     word(p, 2));
	else
		parser_keep_line(p);
}

/* ---- filter ---------------------------------------------------------------------------------- */

/* `filter spoe [engine NAME] config FILE`; the last of each counts, as in HAProxy. */
static bool
read_spoe_words(struct parser *p, const char **engine, const char **config)
{
	for (size_t i = 2; i < p->in.line.n_words; i++) {
		bool is_engine = strcmp(word(p, i), "engine") == 0;

		if (!is_engine && strcmp(word(p, i), "config") != 0) {
			if (!p->env->strict)
				continue;
			parser_alert(p, "'filter' : 'unknown keyword '%s''", word(p, i));
			return false;
		}
		if (!word(p, i + 1)[0]) {
			parser_alert(p, "'filter' : ''spoe' : '%s' option without value'",
				     word(p, i));
			return false;
		}
		*(is_engine ? engine : config) = word(p, ++i);
	}
	if (!*config)
		parser_alert(p, "'filter' : ''spoe' : missing config file'");
	return *config != NULL;
}

void
line_filter(struct parser *p)
{
	struct proxy *proxy = p->proxy;
	const char *engine = NULL, *config = NULL;

	if (proxy->kind == PROXY_DEFAULTS) {
		parser_alert(p, "parsing [%s:%d] : filter is not allowed in a 'default' section.",
			     p->in.file, p->in.at);
	} else if (!word(p, 1)[0]) {
		parser_alert(p, "parsing [%s:%d] : missing argument for 'filter' in proxy '%s'.",
			     p->in.file, p->in.at, proxy->name);
	} else if (strcmp(word(p, 1), "spoe") == 0 && read_spoe_words(p, &engine, &config)) {
		ARRAY_GROW(proxy->filters, proxy->n_filters);
		proxy->filters[proxy->n_filters] = (struct spoe_filter){ .at = parser_place(p) };
		parser_set_text(&proxy->filters[proxy->n_filters].engine, engine);
		parser_set_text(&proxy->filters[proxy->n_filters++].config, config);
	}
}

/* ---- log ------------------------------------------------------------------------------------- */

/* Facility and levels, from word i on: no use to us, but HAProxy is particular about them. */
static bool
check_facility(struct parser *p, size_t i)
{
	static const char *const facilities[] = {
		"kern",	  "user",   "mail",   "daemon", "auth",	  "syslog", "lpr",    "news",
		"uucp",	  "cron",   "auth2",  "ftp",	"ntp",	  "audit",  "alert",  "cron2",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	};
	static const char *const levels[] = { "emerg",	 "alert",  "crit", "err",
					      "warning", "notice", "info", "debug" };

	if (!word(p, i)[0]) {
		parser_alert(p, "log : expects <address> and <facility> or global as arguments");
		return false;
	}
	if (!p->env->strict)
		return true;
	if (!str_is_one_of(word(p, i), facilities, N(facilities))) {
		parser_alert(p, "log : unknown log facility '%s'", word(p, i));
		return false;
	}
	for (size_t level = i + 1; level < i + 3 && word(p, level)[0]; level++) {
		if (!str_is_one_of(word(p, level), levels, N(levels))) {
			parser_alert(p, "log : unknown optional log level '%s'", word(p, level));
			return false;
		}
	}
	if (word(p, i + 3)[0])
		parser_alert(p, "log : cannot handle unexpected argument '%s'", word(p, i + 3));
	return !word(p, i + 3)[0];
}

static bool
check_length(struct parser *p, const char *text)
{
	long length = strtol(text, NULL, 10);

	if (length >= 80 && length <= 65535)
		return true;
	parser_alert(p, "log : invalid log length '%s', must be between 80 and 65535", text);
	return false;
}

static bool
check_format(struct parser *p, const char *text)
{
	static const char *const formats[] = { "local", "rfc3164", "rfc5424", "priority",
					       "short", "timed",   "iso",     "raw" };

	if (!p->env->strict || str_is_one_of(text, formats, N(formats)))
		return true;
	parser_alert(p, "log : unknown log format '%s'", text);
	return false;
}

/* `log ADDRESS [len N] [format F] [sample S] FACILITY [LEVEL [MINLEVEL]]`, or `log global`. */
void
line_log(struct parser *p)
{
	struct proxy *proxy = p->proxy;
	const char *format = NULL;
	size_t i = 2;

	if (p->in.line.n_words == 2 && strcmp(word(p, 1), "global") == 0)
		return;
	for (;; i += 2) {
		if (strcmp(word(p, i), "len") == 0) {
			if (!check_length(p, word(p, i + 1)))
				return;
		} else if (strcmp(word(p, i), "format") == 0) {
			format = word(p, i + 1);
			if (!check_format(p, format))
				return;
		} else if (strcmp(word(p, i), "sample") != 0 &&
			   strcmp(word(p, i), "profile") != 0) {
			break;
		}
	}
	if (!check_facility(p, i))
		return;
	ARRAY_GROW(proxy->logs, proxy->n_logs);
	proxy->logs[proxy->n_logs] = (struct log_target){ .at = parser_place(p) };
	parser_set_text(&proxy->logs[proxy->n_logs].address, word(p, 1));
	parser_set_text(&proxy->logs[proxy->n_logs++].format, format);
}

/* log-format, log-format-sd. Of the former and `option tcplog` the last one counts. */
void
line_log_format(struct parser *p)
{
	const char *name = word(p, 0);

	if (!word(p, 1)[0]) {
		parser_alert(p, "%s expects an argument.", name);
	} else if (word(p, 2)[0]) {
		parser_alert(p, "%s expects only one argument, don't forget to escape spaces!",
			     name);
	} else if (p->proxy->kind == PROXY_BACKEND) {
		parser_warn(p, "backend '%s' : '%s' directive is ignored in backends.",
			    p->proxy->name, name);
	} else if (strcmp(name, "log-format") == 0) {
		parser_set_text(&p->proxy->log_format, word(p, 1));
		p->proxy->options &= ~(unsigned)OPTION_TCPLOG;
	} else {
		parser_set_text(&p->proxy->log_format_sd, word(p, 1));
	}
}
