/*
 * `option NAME`, `no option NAME`, `default option NAME`: one table of all that HAProxy 2.6 has.
 * Those without bits and kind are HAProxy's business alone.
 */
#include <stdlib.h>

#include "agent/core/topology/parser.h"

enum { ANY_ARGUMENTS = 64 };

struct option {
	const char *name;
	unsigned bits;
	enum option_rule {
		OPTION_FLAG, /* may be negated */
		OPTION_PLAIN,
		OPTION_CHECK, /* plain too; says what health checks do */
		OPTION_TEXT,  /* plain too; chooses the line that is logged */
		OPTION_GONE,  /* `said` has HAProxy's words of farewell */
	} rule;
	unsigned place; /* enum keyword_place */
	enum check_kind check;
	unsigned n_args; /* that it may have */
	const char *said;
};

/* clang-format off */
static const struct option options[] = {
	{ "abortonclose", .bits = OPTION_ABORTONCLOSE, .place = IN_BACKEND },
	{ "accept-invalid-http-request", .place = IN_FRONTEND },
	{ "accept-invalid-http-response", .place = IN_BACKEND },
	{ "allbackups", .bits = OPTION_ALLBACKUPS, .place = IN_BACKEND },
	{ "checkcache", .place = IN_BACKEND },
	{ "clitcpka", .bits = OPTION_CLITCPKA, .place = IN_FRONTEND },
	{ "contstats", .place = IN_FRONTEND },
	{ "disable-h2-upgrade", .place = IN_FRONTEND },
	{ "dontlog-normal", .bits = OPTION_DONTLOG_NORMAL, .place = IN_FRONTEND },
	{ "dontlognull", .bits = OPTION_DONTLOGNULL, .place = IN_FRONTEND },
	{ "h1-case-adjust-bogus-client", .place = IN_FRONTEND },
	{ "h1-case-adjust-bogus-server", .place = IN_BACKEND },
	{ "http-buffer-request", .bits = 0 },
	{ "http-ignore-probes", .place = IN_FRONTEND },
	{ "http-keep-alive", .bits = 0 },
	{ "http-no-delay", .bits = 0 },
	{ "http-pretend-keepalive", .place = IN_BACKEND },
	{ "http-server-close", .bits = 0 },
	{ "http-use-proxy-header", .place = IN_FRONTEND },
	{ "httpclose", .bits = 0 },
	{ "idle-close-on-response", .place = IN_FRONTEND },
	{ "independent-streams", .bits = 0 },
	{ "log-health-checks", .bits = OPTION_LOG_HEALTH_CHECKS, .place = IN_BACKEND },
	{ "log-separate-errors", .bits = OPTION_LOG_SEPARATE_ERRORS, .place = IN_FRONTEND },
	{ "logasap", .bits = OPTION_LOGASAP, .place = IN_FRONTEND },
	{ "nolinger", .bits = OPTION_NOLINGER },
	{ "persist", .bits = OPTION_PERSIST, .place = IN_BACKEND },
	{ "prefer-last-server", .place = IN_BACKEND },
	{ "redispatch", .bits = OPTION_REDISPATCH, .place = IN_BACKEND, .n_args = ANY_ARGUMENTS },
	{ "socket-stats", .place = IN_FRONTEND },
	{ "splice-auto", .bits = 0 },
	{ "splice-request", .bits = 0 },
	{ "splice-response", .bits = 0 },
	{ "srvtcpka", .bits = OPTION_SRVTCPKA, .place = IN_BACKEND },
	{ "tcp-smart-accept", .place = IN_FRONTEND },
	{ "tcp-smart-connect", .place = IN_BACKEND },
	{ "transparent", .place = IN_BACKEND },

	{ "forwardfor", .rule = OPTION_PLAIN, .n_args = ANY_ARGUMENTS },
	{ "http-restrict-req-hdr-names", .rule = OPTION_PLAIN, .n_args = 1 },
	{ "httplog", .rule = OPTION_TEXT, .n_args = 1 },
	{ "httpslog", .rule = OPTION_TEXT },
	{ "originalto", .rule = OPTION_PLAIN, .n_args = ANY_ARGUMENTS },
	{ "tcplog", .rule = OPTION_TEXT },
	{ "tcpka", .bits = OPTION_CLITCPKA | OPTION_SRVTCPKA, .rule = OPTION_PLAIN },

	{ "external-check", .rule = OPTION_CHECK, .check = CHECK_OTHER },
	{ "httpchk", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_HTTP, .n_args = 3 },
	{ "ldap-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER },
	{ "mysql-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER,
	  .n_args = ANY_ARGUMENTS },
	{ "pgsql-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER,
	  .n_args = ANY_ARGUMENTS },
	{ "redis-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER },
	{ "smtpchk", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER,
	  .n_args = ANY_ARGUMENTS },
	{ "spop-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER },
	{ "ssl-hello-chk", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_OTHER },
	{ "tcp-check", .rule = OPTION_CHECK, .place = IN_BACKEND, .check = CHECK_SCRIPT },

	{ "forceclose", .rule = OPTION_GONE,
	  .said = " since HAProxy 2.0, please just remove it, or use 'option httpclose' if "
		  "absolutely needed." },
	{ "http-tunnel", .rule = OPTION_GONE,
	  .said = " since HAProxy 2.1, please just remove it, it shouldn't be needed." },
	{ "http_proxy", .rule = OPTION_GONE,
	  .said = " since HAProxy 2.5. This option stopped working in HAProxy 1.9 and usually had "
		  "nasty side effects. It can be more reliably implemented with combinations of "
		  "'http-request set-dst' and 'http-request set-uri', and even 'http-request "
		  "do-resolve' if DNS resolution is desired." },
};
/* clang-format on */

enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

unsigned
line_option_bits(enum proxy_kind kind)
{
	const unsigned of_clients = OPTION_CLITCPKA | OPTION_TCPLOG | OPTION_DONTLOGNULL |
				    OPTION_LOGASAP | OPTION_DONTLOG_NORMAL |
				    OPTION_LOG_SEPARATE_ERRORS;
	const unsigned of_both = OPTION_NOLINGER;

	return kind == PROXY_FRONTEND  ? of_clients | of_both
	       : kind == PROXY_BACKEND ? ~of_clients
				       : ~0u;
}

static const struct option *
find_option(const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strcmp(name, options[i].name) == 0)
			return &options[i];
	return NULL;
}

/* An option of the other side is ignored. */
static bool
check_option_place(struct parser *p, const struct option *o)
{
	const struct proxy *proxy = p->proxy;

	if (!o->place || (proxy->kind & (o->place | PROXY_DEFAULTS)))
		return true;
	parser_warn(p, "'%s' ignored because %s '%s' has no %s capability.", o->name,
		    proxy_kind_name(proxy->kind), proxy->name,
		    o->place == IN_FRONTEND ? "frontend" : "backend");
	return false;
}

static bool
check_option_words(struct parser *p, const struct option *o)
{
	if (p->in.line.n_words <= o->n_args + 2 || !p->env->strict)
		return true;
	parser_alert(p, "'option %s' cannot handle unexpected argument '%s'.", o->name,
		     word(p, o->n_args + 2));
	return false;
}

/* The next line may choose another text: the last one counts. */
static void
set_logged_line(struct parser *p, const struct option *o)
{
	if (p->proxy->kind == PROXY_BACKEND) {
		parser_warn(p, "backend '%s' : 'option %s' directive is ignored in backends.",
			    p->proxy->name, o->name);
	} else if (word(p, 2)[0] && strcmp(word(p, 2), "clf") != 0) {
		parser_alert(p, "keyword '%s' only supports option 'clf'.", o->name);
	} else {
		parser_set_text(&p->proxy->log_format, NULL);
		p->proxy->log_format_at = parser_place(p);
		p->proxy->options |= OPTION_TCPLOG;
	}
}

/* `option redispatch [N]`; 0 is how the manual says no. */
static void
set_redispatch(struct parser *p, enum option_mood mood)
{
	long n = word(p, 2)[0] ? strtol(word(p, 2), NULL, 10) : -1;

	p->proxy->redispatch_after = -1;
	if (mood != OPTION_SET || n == 0)
		p->proxy->options &= ~(unsigned)OPTION_REDISPATCH;
	else
		p->proxy->redispatch_after = n > INT32_MAX   ? INT32_MAX
					     : n < INT32_MIN ? INT32_MIN
							     : (int)n;
}

static void
apply(struct parser *p, const struct option *o, enum option_mood mood)
{
	if (mood == OPTION_SET)
		p->proxy->options |= o->bits & line_option_bits(p->proxy->kind);
	else
		p->proxy->options &= ~o->bits; /* none is on by default */
	if (o->bits == OPTION_REDISPATCH)
		set_redispatch(p, mood);
	else if (o->rule == OPTION_TEXT)
		set_logged_line(p, o);
	else if (o->rule == OPTION_CHECK)
		p->proxy->check = o->check;
}

void
line_option_as(struct parser *p, enum option_mood mood)
{
	const char *name = word(p, 1);
	const struct option *o = find_option(name);
	char hint[PARSER_HINT];

	if (!*name) {
		reader_alert(&p->in, "'option' expects an option name.");
	} else if (o && (mood == OPTION_SET ? o->rule != OPTION_GONE : o->rule == OPTION_FLAG)) {
		if (check_option_words(p, o) && check_option_place(p, o))
			apply(p, o, mood);
	} else if (!p->env->strict) {
		return; /* another version may know more, or more of it */
	} else if (o && o->rule == OPTION_GONE) {
		reader_alert(&p->in, "option '%s' is not supported any more%s", name, o->said);
	} else if (mood != OPTION_SET) {
		reader_alert(&p->in, "negation/default is not supported for option '%s'.", name);
	} else {
		parser_hint(name, options, N_OPTIONS, sizeof(options[0]), hint);
		parser_alert(p, "unknown option '%s'%s", name, hint[0] ? hint : ".");
	}
}

void
line_option(struct parser *p)
{
	line_option_as(p, OPTION_SET);
}
