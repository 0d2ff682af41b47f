/*
 * Numbers of a proxy: maxconn, fullconn, backlog, rate-limit, id, the keepalive probes; and the
 * keywords that HAProxy gave up, with its words about them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/units.h"
#include "agent/core/topology/parser.h"

/* What is no number counts as 0, as what is behind a number does not count at all. */
uint32_t
parser_number(const char *text)
{
	long n = strtol(text, NULL, 10);

	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* A limit on the wrong side, with the one that was meant. */
static void
hint_at_side(struct parser *p, enum proxy_kind side, const char *instead)
{
	const struct proxy *proxy = p->proxy;

	if (proxy->kind & (side | PROXY_DEFAULTS))
		return;
	parser_warn(p,
		    "'%s' ignored because %s '%s' has no %s capability. Maybe you want '%s' "
		    "instead ?",
		    word(p, 0), proxy_kind_name(proxy->kind), proxy->name, proxy_kind_name(side),
		    instead);
}

static bool
check_integer(struct parser *p)
{
	if (word(p, 1)[0])
		return !parser_too_many_words(p, 1);
	parser_alert(p, "'%s' expects an integer argument.", word(p, 0));
	return false;
}

void
line_maxconn(struct parser *p)
{
	hint_at_side(p, PROXY_FRONTEND, "fullconn");
	if (check_integer(p))
		p->proxy->maxconn = parser_number(word(p, 1));
}

void
line_fullconn(struct parser *p)
{
	hint_at_side(p, PROXY_BACKEND, "maxconn");
	if (check_integer(p))
		p->proxy->fullconn = parser_number(word(p, 1));
}

/* Of no use to usher, whose listeners have the longest queue the kernel gives. */
void
line_backlog(struct parser *p)
{
	(void)check_integer(p);
}

static void
check_id_is_free(struct parser *p)
{
	for (size_t i = 0; i < p->t->n_proxies; i++) {
		const struct proxy *other = p->t->proxies[i];

		if (other == p->proxy || other->id != p->proxy->id)
			continue;
		reader_alert(&p->in, "%s %s reuses same custom id as %s %s (declared at %s:%d).",
			     parser_capability_name(p->proxy->kind), p->proxy->name,
			     parser_capability_name(other->kind), other->name, other->at.file,
			     other->at.line);
		p->proxy->id = 0;
		return;
	}
}

void
line_id(struct parser *p)
{
	long id = strtol(word(p, 1), NULL, 10);

	if (p->proxy->kind == PROXY_DEFAULTS)
		reader_alert(&p->in, "'id' not allowed in 'defaults' section.");
	else if (parser_too_many_words(p, 1))
		return;
	else if (!word(p, 1)[0])
		reader_alert(&p->in, "'id' expects an integer argument.");
	else if (id <= 0 || id > INT32_MAX)
		reader_alert(&p->in, "custom id has to be > 0.");
	else
		p->proxy->id = (uint32_t)id;
	if (p->proxy->id)
		check_id_is_free(p);
}

void
line_hash_balance_factor(struct parser *p)
{
	uint32_t percent = parser_number(word(p, 1));

	if (!word(p, 1)[0])
		parser_alert(p, "'hash-balance-factor' expects an integer argument.");
	else if (percent != 0 && percent <= 100)
		parser_alert(p, "'hash-balance-factor' must be 0 or greater than 100.");
	else
		p->proxy->hash_balance_factor = percent;
}

/* A side it is not, in the words that the keywords below have for that. */
static void
warn_of_side(struct parser *p, const char *name, enum proxy_kind side)
{
	if (!(p->proxy->kind & (side | PROXY_DEFAULTS)))
		parser_warn(p, "%s will be ignored because %s '%s' has no %s capability", name,
			    proxy_kind_name(p->proxy->kind), p->proxy->name, proxy_kind_name(side));
}

/* The whole number at word `at`, which is of `what`. */
static bool
read_whole(struct parser *p, const char *what, size_t at, uint32_t *n)
{
	const char *text = word(p, at);
	char *end;

	(void)strtol(text, &end, 10);
	if (*end) {
		parser_alert(p, "'%s' : unexpected character '%c' in integer value '%s'", what,
			     *end, text);
		return false;
	}
	*n = parser_number(text);
	return true;
}

void
line_rate_limit(struct parser *p)
{
	uint32_t n;

	if (strcmp(word(p, 1), "sessions") != 0)
		parser_alert(p, "'rate-limit' only supports 'sessions' (got '%s')", word(p, 1));
	else if (!word(p, 2)[0])
		parser_alert(p, "'rate-limit sessions' expects expects an integer value (in "
				"sessions/second)");
	else if (read_whole(p, "rate-limit sessions", 2, &n)) {
		warn_of_side(p, "rate-limit sessions", PROXY_FRONTEND);
		p->proxy->rate_limit_sessions = n;
	}
}

/* In seconds if it has no unit; a second begun counts. */
static bool
read_seconds(struct parser *p, uint32_t *seconds)
{
	const char *text = word(p, 1);
	int64_t ms;
	size_t bad = 0;

	switch (units_duration(str_of(text), 1000, &ms, &bad)) {
	case UNITS_OK:
		*seconds = (uint32_t)((ms + 999) / 1000);
		return true;
	case UNITS_BAD:
		parser_alert(p, "unexpected character '%c' in argument to <%s>.", text[bad],
			     word(p, 0));
		return false;
	case UNITS_RANGE:
		parser_alert(p,
			     "timer overflow in argument '%s' to '%s' (maximum value is 2147483647 "
			     "ms or ~24.8 days)",
			     text, word(p, 0));
		return false;
	}
	return false;
}

/* clitcpka-cnt, clitcpka-idle, clitcpka-intvl, and srvtcpka-… */
void
line_keepalive_probes(struct parser *p)
{
	const char *name = word(p, 0);
	bool client = strncmp(name, "cli", 3) == 0;
	struct keepalive_probes *probes =
		client ? &p->proxy->client_probes : &p->proxy->server_probes;

	warn_of_side(p, name, client ? PROXY_FRONTEND : PROXY_BACKEND);
	if (!word(p, 1)[0])
		parser_alert(p, "'%s' expects an integer value", name);
	else if (str_has_suffix(str_of(name), STR("-cnt")))
		(void)read_whole(p, name, 1, &probes->count);
	else
		(void)read_seconds(p, str_has_suffix(str_of(name), STR("-idle"))
					      ? &probes->idle_s
					      : &probes->interval_s);
}

/* clitimeout, srvtimeout, contimeout */
void
line_old_timeout(struct parser *p)
{
	const char *name = word(p, 0);
	const char *instead = strcmp(name, "clitimeout") == 0	? "client"
			      : strcmp(name, "srvtimeout") == 0 ? "server"
								: "connect";

	if (p->env->strict)
		parser_alert(p,
			     "the '%s' directive is not supported anymore since HAProxy 2.1. Use "
			     "'timeout "
			     "%s'.",
			     name, instead);
}
