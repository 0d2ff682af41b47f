/* The sections `resolvers`: who is asked for names, and how long answers count. */
#include <stdio.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/units.h"
#include "agent/core/topology/address.h"
#include "agent/core/topology/parser.h"

void
section_resolvers_begin(struct parser *p)
{
	struct topology *t = p->t;
	const char *name = word(p, 1);
	char bad = parser_bad_name_byte(name);
	const struct resolvers *other = topology_resolvers(t, str_of(name));
	struct resolvers *r;

	p->in.stop = !*name || bad || other; /* as in HAProxy, what follows is not read */
	if (!*name) {
		parser_alert(p, "missing name for resolvers section.");
	} else if (bad) {
		parser_alert(p, "character '%c' is not permitted in 'resolvers' name '%s'.", bad,
			     name);
	} else if (other) {
		report_cfg(p->in.r, FINDING_ALERT,
			   "Parsing [%s:%d]: resolvers '%s' has same name as another resolvers "
			   "(declared at %s:%d).",
			   p->in.file, p->in.at, name, other->at.file, other->at.line);
		parser_alert(p, "out of memory."); /* its users grep for that, too */
	} else {
		r = xmalloc(sizeof(*r));
		*r = (struct resolvers){
			.name = str_dup(str_of(name)),
			.at = parser_place(p),
			.retries = 3,
			.timeout_resolve_ms = 1000,
			.timeout_retry_ms = 1000,
			.hold_valid_ms = 10000,
			.hold_nx_ms = 30000,
			.hold_refused_ms = 30000,
			.hold_other_ms = 30000,
			.hold_timeout_ms = 30000,
			.accepted_payload_size = 512,
		};
		ARRAY_GROW(t->resolvers, t->n_resolvers);
		t->resolvers[t->n_resolvers++] = r;
	}
}

/* The section at hand. */
static struct resolvers *
current(const struct parser *p)
{
	return p->t->resolvers[p->t->n_resolvers - 1];
}

/* "udp@", "udp4@", "udp6@", "tcp@", …: how, and what addr_parse() calls the rest. */
static const char *
skip_transport(const char *text, bool *tcp, char *out, size_t size)
{
	static const struct {
		const char *prefix, *instead;
		bool tcp;
	} transports[] = {
		{ "udp@", "", false }, { "udp4@", "ipv4@", false }, { "udp6@", "ipv6@", false },
		{ "tcp@", "", true },  { "tcp4@", "ipv4@", true },  { "tcp6@", "ipv6@", true },
	};

	*tcp = false;
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		if (!str_has_prefix(str_of(text), str_of(transports[i].prefix)))
			continue;
		*tcp = transports[i].tcp;
		snprintf(out, size, "%s%s", transports[i].instead,
			 text + strlen(transports[i].prefix));
		return out;
	}
	return text;
}

/* One of a name that is taken is an error, and there all the same. */
static void
check_name_is_free(struct parser *p, const struct resolvers *r, const char *name)
{
	for (size_t i = 0; i < r->n_nameservers; i++) {
		const struct nameserver *other = &r->nameservers[i];

		if (strcmp(other->name, name) == 0)
			report_cfg(p->in.r, FINDING_ALERT,
				   "Parsing [%s:%d]: nameserver '%s' has same name as another "
				   "nameserver (declared at %s:%d).",
				   p->in.file, p->in.at, name, other->at.file, other->at.line);
	}
}

static void
set_nameserver(struct parser *p)
{
	struct resolvers *r = current(p);
	const char *name = word(p, 1), *address = word(p, 2);
	char bad = parser_bad_name_byte(name), why[ADDRESS_WHY], plain[ADDR_TEXT];
	enum address_result result;
	struct source s;
	bool tcp;

	if (!*name || !*address) {
		parser_alert(p, "'nameserver' expects <name> and <addr>[:<port>] as arguments.");
		return;
	}
	if (bad) {
		parser_alert(p, "character '%c' is not permitted in server name '%s'.", bad, name);
		return;
	}
	check_name_is_free(p, r, name);
	address = skip_transport(address, &tcp, plain, sizeof(plain));
	result = address_read(address, ADDRESS_PORT_NEEDED, &s, why);
	if (result == ADDRESS_REFUSED || (result == ADDRESS_NAMED && p->env->strict)) {
		parser_alert(p, "'nameserver %s' : %s", name, why);
		return;
	}
	addr_default_port(&s.addr, s.port_min);
	ARRAY_GROW(r->nameservers, r->n_nameservers);
	r->nameservers[r->n_nameservers++] = (struct nameserver){
		.name = str_dup(str_of(name)), .addr = s.addr, .tcp = tcp, .at = parser_place(p)
	};
}

static void
set_parse_resolv_conf(struct parser *p)
{
	current(p)->parse_resolv_conf = true;
}

/* The time at word 2, of `what`; `shown` is what HAProxy shows of one that is too long. */
static bool
read_time(struct parser *p, const char *what, const char *shown, uint32_t *ms)
{
	const char *text = word(p, 2);
	int64_t value;
	size_t bad = 0;

	switch (units_duration(str_of(text), 1, &value, &bad)) {
	case UNITS_OK:
		*ms = (uint32_t)value;
		return true;
	case UNITS_BAD:
		reader_alert(&p->in, "unexpected character '%c' in argument to <%s>.", text[bad],
			     what);
		return false;
	case UNITS_RANGE:
		reader_alert(&p->in,
			     "timer overflow in argument <%s> to <%s>, maximum value is 2147483647 "
			     "ms (~24.8 days).",
			     shown, what);
		return false;
	}
	return false;
}

static void
set_hold(struct parser *p)
{
	struct resolvers *r = current(p);
	const struct {
		const char *event;
		uint32_t *ms;
	} holds[] = {
		{ "nx", &r->hold_nx_ms },	    { "other", &r->hold_other_ms },
		{ "refused", &r->hold_refused_ms }, { "timeout", &r->hold_timeout_ms },
		{ "valid", &r->hold_valid_ms },	    { "obsolete", &r->hold_obsolete_ms },
	};
	const char *event = word(p, 1);
	uint32_t ms;

	if (!word(p, 2)[0]) {
		parser_alert(p, "'hold' expects an <event> and a <time> as arguments.");
		report_cfg(p->in.r, FINDING_ALERT,
			   "<event> can be either 'valid', 'nx', 'refused', 'timeout', or 'other'");
		return;
	}
	if (!read_time(p, "hold", event, &ms))
		return;
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		if (strcmp(event, holds[i].event) == 0) {
			*holds[i].ms = ms;
			return;
		}
	}
	if (p->env->strict)
		parser_alert(p,
			     "'hold' unknown <event>: '%s', expects either 'nx', 'timeout', "
			     "'valid', 'obsolete' or 'other'.",
			     event);
}

static void
set_timeout(struct parser *p)
{
	struct resolvers *r = current(p);
	const char *name = word(p, 1);
	bool retry = strcmp(name, "retry") == 0;
	uint32_t *ms = retry ? &r->timeout_retry_ms : &r->timeout_resolve_ms;

	if (!*name)
		parser_alert(p, "'timeout' expects 'retry' or 'resolve' and <time> as arguments.");
	else if (!retry && strcmp(name, "resolve") != 0)
		parser_alert(p,
			     "'timeout' expects 'retry' or 'resolve' and <time> as arguments got "
			     "'%s'.",
			     name);
	else if (!word(p, 2)[0])
		parser_alert(p, "'timeout %s' expects <time> as argument.", name);
	else
		(void)read_time(p, retry ? "timeout retry" : "timeout resolve", word(p, 2), ms);
}

static void
set_retries(struct parser *p)
{
	if (word(p, 1)[0])
		current(p)->retries = parser_number(word(p, 1));
	else
		parser_alert(p, "'resolve_retries' expects <nb> as argument.");
}

static void
set_payload_size(struct parser *p)
{
	uint32_t n = parser_number(word(p, 1));

	if (!word(p, 1)[0])
		parser_alert(p, "'accepted_payload_size' expects <nb> as argument.");
	else if (n < 12 || n > UINT16_MAX)
		parser_alert(p,
			     "'accepted_payload_size' must be between 12 and 65535 inclusive (was "
			     "%s).",
			     word(p, 1));
	else
		current(p)->accepted_payload_size = n;
}

static const struct keyword table[] = {
	{ "accepted_payload_size", KEYWORD_USED, set_payload_size, IN_ANY },
	{ "hold", KEYWORD_USED, set_hold, IN_ANY },
	{ "nameserver", KEYWORD_USED, set_nameserver, IN_ANY },
	{ "parse-resolv-conf", KEYWORD_USED, set_parse_resolv_conf, IN_ANY },
	{ "resolve_retries", KEYWORD_USED, set_retries, IN_ANY },
	{ "timeout", KEYWORD_USED, set_timeout, IN_ANY },
};

const struct keywords section_resolvers_keywords = { table, sizeof(table) / sizeof(table[0]) };
