/*
 * server, default-server, server-template (configuration manual, 5.2). Options are one table with
 * their number of arguments, so that those of no use to usher are stepped over rightly.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/units.h"
#include "agent/core/topology/address.h"
#include "agent/core/topology/line_tls.h"
#include "agent/core/topology/server_line.h"

/* HAProxy's roundrobin takes no more in one backend; a template must not eat all memory. */
enum { SERVERS_MAX = 4095, WEIGHT_MAX = 256 };

struct server_option {
	const char *name;
	int n_args; /* behind the name, if its setter does not step over them */
	bool (*set)(struct server_line *l);
};

void
server_line_fail(struct server_line *l, const char *fmt, ...)
{
	char *what;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		abort();
	va_end(args);
	if (l->name)
		parser_alert_server(l->p, "'server %s/%s' : %s", l->p->proxy->name, l->name, what);
	else
		parser_alert_server(l->p, "%s", what);
	free(what);
}

/* ---- options --------------------------------------------------------------------------------- */

static bool
set_weight(struct server_line *l)
{
	long weight = strtol(word(l->p, l->i + 1), NULL, 10);

	if (weight < 0 || weight > WEIGHT_MAX) {
		server_line_fail(l, "weight of server %s is not within 0 and 256 (%ld)..",
				 l->name ? l->name : "default-server", weight);
		return false;
	}
	l->s->weight = (uint16_t)weight;
	return true;
}

static bool
set_maxconn(struct server_line *l)
{
	long maxconn = strtol(word(l->p, l->i + 1), NULL, 10);

	l->s->maxconn = maxconn < 0 || maxconn > UINT32_MAX ? 0 : (uint32_t)maxconn;
	return true;
}

static bool
set_check(struct server_line *l)
{
	l->s->check = strncmp(word(l->p, l->i), "no-", 3) != 0;
	return true;
}

static bool
set_agent_check(struct server_line *l)
{
	l->s->agent_check = strncmp(word(l->p, l->i), "no-", 3) != 0;
	return true;
}

static bool
set_backup(struct server_line *l)
{
	l->s->backup = strncmp(word(l->p, l->i), "no-", 3) != 0;
	return true;
}

static bool
set_disabled(struct server_line *l)
{
	l->s->disabled = strcmp(word(l->p, l->i), "disabled") == 0;
	return true;
}

/* [no-]send-proxy, [no-]send-proxy-v2[-ssl[-cn]] */
static bool
set_proxy_header(struct server_line *l)
{
	struct str name = str_of(word(l->p, l->i));
	bool no = str_has_prefix(name, STR("no-"));
	unsigned bits = PROXY_HEADER_V1, carried = 0;

	if (str_has_suffix(name, STR("-v2"))) {
		bits = PROXY_HEADER_V2;
	} else if (str_has_suffix(name, STR("-ssl")) || str_has_suffix(name, STR("-cn"))) {
		bits = PROXY_HEADER_V2 | PROXY_HEADER_TLV;
		carried = str_has_suffix(name, STR("-cn")) ? PROXY_V2_SSL | PROXY_V2_CERT_CN
							   : PROXY_V2_SSL;
	}
	if (no) {
		l->s->proxy_header &= ~bits;
		l->s->proxy_options &= ~carried;
	} else {
		l->s->proxy_header |= bits;
		l->s->proxy_options |= carried;
	}
	return true;
}

/* Of the options only these make a TLV in a header that speaks of no client. */
static bool
set_header_options(struct server_line *l)
{
	static const char *const lasting[] = { "ssl", "cert-", "crc32c" };
	static const char *const names[] = { "ssl",	 "cert-cn",   "ssl-cipher", "cert-sig",
					     "cert-key", "authority", "crc32c",	    "unique-id" };
	const char *list = word(l->p, l->i + 1), *at = list;

	while (*at) {
		size_t n = strcspn(at, ",");

		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (str_is((struct str){ at, n }, names[i]))
				l->s->proxy_options |= 1U << i;
		at += n + (at[n] == ',');
	}
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (strstr(list, lasting[i]))
			l->s->proxy_header |= PROXY_HEADER_TLV;
	return true;
}

static bool
set_check_send_proxy(struct server_line *l)
{
	l->s->check_send_proxy = strncmp(word(l->p, l->i), "no-", 3) != 0;
	return true;
}

static bool
set_maxqueue(struct server_line *l)
{
	long maxqueue = strtol(word(l->p, l->i + 1), NULL, 10);

	l->s->maxqueue = maxqueue < 0 || maxqueue > UINT32_MAX ? 0 : (uint32_t)maxqueue;
	return true;
}

static bool
set_non_stick(struct server_line *l)
{
	l->s->non_stick = strcmp(word(l->p, l->i), "non-stick") == 0;
	return true;
}

static bool
set_slowstart(struct server_line *l)
{
	const char *text = word(l->p, l->i + 1);
	enum units result;
	int64_t ms;
	size_t bad = 0;

	result = units_duration(str_of(text), 1, &ms, &bad);
	if (!*text) /* HAProxy prints the byte at fault, which ends its message */
		server_line_fail(l, "unexpected character '.");
	else if (result == UNITS_BAD)
		server_line_fail(l,
				 "unexpected character '%c' in 'slowstart' argument of server %s..",
				 text[bad], l->name ? l->name : "default-server");
	else if (result == UNITS_RANGE)
		server_line_fail(l,
				 "overflow in argument <%s> to <slowstart> of server %s, maximum "
				 "value is 2147483647 ms (~24.8 days)..",
				 text, l->name ? l->name : "default-server");
	else
		l->s->slowstart_ms = (uint32_t)ms;
	return result == UNITS_OK;
}

/* Another server of the backend that has this id, or NULL. */
static const struct server *
find_id(const struct server_line *l, long id)
{
	const struct proxy *proxy = l->p->proxy;

	for (size_t i = 0; i < proxy->n_servers; i++)
		if (proxy->servers[i] != l->s && proxy->servers[i]->id == id)
			return proxy->servers[i];
	return NULL;
}

/* Each is of one server: of those of a template, the first. */
static bool
set_id(struct server_line *l)
{
	const char *text = word(l->p, l->i + 1);
	long id = strtol(text, NULL, 10);
	const struct server *other;

	if (!l->name) {
		server_line_fail(l, "'id' option is not accepted in default-server sections");
		return false;
	}
	if (!*text || id <= 0 || id > INT32_MAX) {
		server_line_fail(l, *text ? "'id' : custom id has to be > 0."
					  : "'id' : expects an integer argument.");
		return false;
	}
	if (l->is_copy)
		return true;
	other = find_id(l, id);
	if (other) {
		server_line_fail(l, "'id' : custom id %ld already used at %s:%d ('server %s').", id,
				 other->at.file, other->at.line, other->name);
		return false;
	}
	l->s->id = (uint32_t)id;
	return true;
}

static const struct server_option options[] = {
	{ .name = "backup", .set = set_backup },
	{ .name = "no-backup", .set = set_backup },
	{ .name = "check", .set = set_check },
	{ .name = "no-check", .set = set_check },
	{ .name = "disabled", .set = set_disabled },
	{ .name = "enabled", .set = set_disabled },
	{ .name = "maxconn", .n_args = 1, .set = set_maxconn },
	{ .name = "weight", .n_args = 1, .set = set_weight },
	{ .name = "source", .set = line_source_of_server },
	{ .name = "addr", .n_args = 1, .set = line_check_addr },
	{ .name = "agent-addr", .n_args = 1 },
	{ .name = "agent-check", .set = set_agent_check },
	{ .name = "agent-inter", .n_args = 1 },
	{ .name = "agent-port", .n_args = 1 },
	{ .name = "agent-send", .n_args = 1 },
	{ .name = "allow-0rtt" },
	{ .name = "alpn", .n_args = 1, .set = line_tls_of_server },
	{ .name = "ca-file", .n_args = 1, .set = line_tls_of_server },
	{ .name = "check-alpn", .n_args = 1, .set = line_tls_of_server },
	{ .name = "check-proto", .n_args = 1 },
	{ .name = "check-send-proxy", .set = set_check_send_proxy },
	{ .name = "check-sni", .n_args = 1, .set = line_tls_of_server },
	{ .name = "check-ssl", .set = line_tls_switch },
	{ .name = "check-via-socks4" },
	{ .name = "ciphers", .n_args = 1, .set = line_tls_of_server },
	{ .name = "ciphersuites", .n_args = 1, .set = line_tls_of_server },
	{ .name = "cookie", .n_args = 1 },
	{ .name = "crl-file", .n_args = 1, .set = line_tls_of_server },
	{ .name = "crt", .n_args = 1, .set = line_tls_of_server },
	{ .name = "downinter", .n_args = 1, .set = line_check_interval },
	{ .name = "error-limit", .n_args = 1, .set = line_check_count },
	{ .name = "fall", .n_args = 1, .set = line_check_count },
	{ .name = "fastinter", .n_args = 1, .set = line_check_interval },
	{ .name = "force-sslv3", .set = line_tls_of_server },
	{ .name = "force-tlsv10", .set = line_tls_of_server },
	{ .name = "force-tlsv11", .set = line_tls_of_server },
	{ .name = "force-tlsv12", .set = line_tls_of_server },
	{ .name = "force-tlsv13", .set = line_tls_of_server },
	{ .name = "id", .n_args = 1, .set = set_id },
	{ .name = "init-addr", .n_args = 1, .set = line_names_init_addr },
	{ .name = "inter", .n_args = 1, .set = line_check_interval },
	{ .name = "log-proto", .n_args = 1 },
	{ .name = "max-reuse", .n_args = 1 },
	{ .name = "maxqueue", .n_args = 1, .set = set_maxqueue },
	{ .name = "minconn", .n_args = 1 },
	{ .name = "namespace", .n_args = 1 },
	{ .name = "no-agent-check", .set = set_agent_check },
	{ .name = "no-check-send-proxy", .set = set_check_send_proxy },
	{ .name = "no-check-ssl", .set = line_tls_switch },
	{ .name = "no-send-proxy", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2-ssl", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2-ssl-cn", .set = set_proxy_header },
	{ .name = "no-ssl", .set = line_tls_switch },
	{ .name = "no-ssl-reuse", .set = line_tls_of_server },
	{ .name = "no-sslv3", .set = line_tls_of_server },
	{ .name = "no-tfo" },
	{ .name = "no-tls-tickets", .set = line_tls_of_server },
	{ .name = "no-tlsv10", .set = line_tls_of_server },
	{ .name = "no-tlsv11", .set = line_tls_of_server },
	{ .name = "no-tlsv12", .set = line_tls_of_server },
	{ .name = "no-tlsv13", .set = line_tls_of_server },
	{ .name = "non-stick", .set = set_non_stick },
	{ .name = "npn", .n_args = 1 },
	{ .name = "observe", .n_args = 1, .set = line_check_observe },
	{ .name = "on-error", .n_args = 1, .set = line_check_on_error },
	{ .name = "on-marked-down", .n_args = 1, .set = line_check_on_marked },
	{ .name = "on-marked-up", .n_args = 1, .set = line_check_on_marked },
	{ .name = "pool-low-conn", .n_args = 1 },
	{ .name = "pool-max-conn", .n_args = 1 },
	{ .name = "pool-purge-delay", .n_args = 1 },
	{ .name = "port", .n_args = 1, .set = line_check_port },
	{ .name = "proto", .n_args = 1 },
	{ .name = "proxy-v2-options", .n_args = 1, .set = set_header_options },
	{ .name = "redir", .n_args = 1 },
	{ .name = "resolve-net", .n_args = 1 },
	{ .name = "resolve-opts", .n_args = 1 },
	{ .name = "resolve-prefer", .n_args = 1, .set = line_names_prefer },
	{ .name = "resolvers", .n_args = 1, .set = line_names_resolvers },
	{ .name = "rise", .n_args = 1, .set = line_check_count },
	{ .name = "send-proxy", .set = set_proxy_header },
	{ .name = "send-proxy-v2", .set = set_proxy_header },
	{ .name = "send-proxy-v2-ssl", .set = set_proxy_header },
	{ .name = "send-proxy-v2-ssl-cn", .set = set_proxy_header },
	{ .name = "slowstart", .n_args = 1, .set = set_slowstart },
	{ .name = "sni", .n_args = 1, .set = line_tls_of_server },
	{ .name = "socks4", .n_args = 1 },
	{ .name = "ssl", .set = line_tls_switch },
	{ .name = "ssl-max-ver", .n_args = 1, .set = line_tls_of_server },
	{ .name = "ssl-min-ver", .n_args = 1, .set = line_tls_of_server },
	{ .name = "ssl-reuse", .set = line_tls_of_server },
	{ .name = "stick", .set = set_non_stick },
	{ .name = "tcp-ut", .n_args = 1 },
	{ .name = "tfo" },
	{ .name = "tls-tickets", .set = line_tls_of_server },
	{ .name = "track", .n_args = 1, .set = line_check_track },
	{ .name = "usesrc", .set = line_source_usesrc_alone },
	{ .name = "verify", .n_args = 1, .set = line_tls_of_server },
	{ .name = "verifyhost", .n_args = 1, .set = line_tls_of_server },
	{ .name = "ws", .n_args = 1 },
};

/* Those of later versions: stepped over like the others, but unknown to who is strict. */
static const struct server_option later_options[] = {
	{ .name = "cc", .n_args = 1 },
	{ .name = "check-pool-conn-name", .n_args = 1 },
	{ .name = "check-reuse-pool" },
	{ .name = "check-sni-auto" },
	{ .name = "client-sigalgs", .n_args = 1 },
	{ .name = "curves", .n_args = 1 },
	{ .name = "guid", .n_args = 1 },
	{ .name = "hash-key", .n_args = 1 },
	{ .name = "idle-ping", .n_args = 1 },
	{ .name = "init-state", .n_args = 1 },
	{ .name = "ktls", .n_args = 1 },
	{ .name = "log-bufsize", .n_args = 1 },
	{ .name = "no-check-reuse-pool" },
	{ .name = "no-check-sni-auto" },
	{ .name = "no-renegotiate" },
	{ .name = "no-sni-auto" },
	{ .name = "pool-conn-name", .n_args = 1 },
	{ .name = "renegotiate" },
	{ .name = "sigalgs", .n_args = 1 },
	{ .name = "sni-auto" },
	{ .name = "strict-maxconn" },
	{ .name = "tcp-md5sig", .n_args = 1 },
};

enum {
	N_OPTIONS = sizeof(options) / sizeof(options[0]),
	N_LATER = sizeof(later_options) / sizeof(later_options[0]),
};

static const struct server_option *
find_later_option(const char *name)
{
	for (size_t i = 0; i < N_LATER; i++)
		if (strcmp(name, later_options[i].name) == 0)
			return &later_options[i];
	return NULL;
}

static const struct server_option *
find_option(const struct parser *p, const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strcmp(name, options[i].name) == 0)
			return &options[i];
	return p->env->strict ? NULL : find_later_option(name);
}

/* The options from word l->i on. False, with an alert: one of them is in error. */
static bool
read_options(struct server_line *l)
{
	char hint[PARSER_HINT];

	for (; l->i < l->p->in.line.n_words; l->i++) {
		const char *name = word(l->p, l->i);
		const struct server_option *option = find_option(l->p, name);

		if (!option && !l->p->env->strict)
			continue; /* of a later version; its arguments will look so as well */
		if (!option) {
			parser_hint(name, options, N_OPTIONS, sizeof(*options), hint);
			server_line_fail(
				l, "unknown keyword '%s'%s%s%s", name, hint[0] ? hint : ".",
				l->name ? "" : " Hint: no address was expected for this server.",
				find_later_option(name) ? PARSER_LATER : "");
			return false;
		}
		if (option->set && !option->set(l))
			return false;
		l->i += (size_t)option->n_args;
	}
	return true;
}

/* ---- the lines ------------------------------------------------------------------------------- */

/* Servers have no place here: HAProxy says so in two ways, none of them like other keywords. */
static bool
may_have_servers(struct parser *p, bool also_defaults)
{
	const struct proxy *proxy = p->proxy;

	if (proxy->kind == PROXY_DEFAULTS && !also_defaults)
		parser_alert_server(p, "'%s' not allowed in 'defaults' section.", word(p, 0));
	else if (proxy->kind == PROXY_FRONTEND)
		parser_alert_server(p,
				    "parsing [%s:%d] : '%s' not allowed because frontend '%s' has "
				    "no backend capability.",
				    p->in.file, p->in.at, word(p, 0), proxy->name);
	else
		return true;
	return false;
}

static bool
check_port(struct server_line *l, const char *address)
{
	char why[ADDRESS_WHY];

	if (address_check_port(address, ADDRESS_OFFSET, why))
		return true;
	server_line_fail(l, "%s", why);
	return false;
}

void
line_server_inherit(struct server *to, const struct server *from)
{
	*to = *from;
	tls_settings_copy(&to->tls, &from->tls);
	to->init_addr = from->init_addr ? str_dup(str_of(from->init_addr)) : NULL;
	to->resolvers = from->resolvers ? str_dup(str_of(from->resolvers)) : NULL;
	to->track = from->track ? str_dup(str_of(from->track)) : NULL;
}

static struct server *
new_server(struct parser *p, const char *name, const char *address)
{
	struct proxy *proxy = p->proxy;
	struct server *s = xmalloc(sizeof(*s));

	line_server_inherit(s, &proxy->default_server);
	s->name = str_dup(str_of(name));
	s->address = str_dup(str_of(address));
	s->backend = proxy;
	s->index = (unsigned)proxy->n_servers;
	s->at = parser_place(p);
	if (addr_parse(str_of(address), false, &s->addr) != ADDR_OK)
		s->addr = (struct addr){ 0 };
	ARRAY_GROW(proxy->servers, proxy->n_servers);
	proxy->servers[proxy->n_servers++] = s;
	map_add(&proxy->server_by_name, str_of(s->name), s); /* the second of a name: resolve.c */
	return s;
}

static bool
read_server(struct server_line *l)
{
	if (!read_options(l))
		return false;
	if (!l->s->check || !l->s->track)
		return true;
	server_line_fail(l, "unable to enable checks and tracking at the same time!");
	return false;
}

/* Is there room for n more? */
static bool
check_room(struct parser *p, unsigned long n)
{
	if (n <= SERVERS_MAX - p->proxy->n_servers)
		return true;
	parser_alert_server(p, "backend '%s' has more than %d servers.", p->proxy->name,
			    SERVERS_MAX);
	return false;
}

void
line_server(struct parser *p)
{
	const char *name = word(p, 1), *address = word(p, 2);
	char bad = parser_bad_name_byte(name);
	struct server_line l = { .p = p, .i = 3, .name = name };

	if (!may_have_servers(p, false))
		return;
	if (!*name || !*address) {
		parser_alert_server(p, "'server' expects <name> and <addr>[:<port>] as arguments.");
	} else if (bad) {
		parser_alert_server(p, "character '%c' is not permitted in server name '%s'.", bad,
				    name);
	} else if (check_port(&l, address) && check_room(p, 1)) {
		l.s = new_server(p, name, address);
		(void)!read_server(&l);
	}
}

void
line_default_server(struct parser *p)
{
	struct server_line l = { .p = p, .s = &p->proxy->default_server, .i = 1 };

	if (may_have_servers(p, true))
		(void)!read_options(&l);
}

/* "3" is 1..3, "2-4" is that. */
static bool
read_range(const char *text, unsigned long *low, unsigned long *high)
{
	char *end;

	*low = 1;
	*high = strtoul(text, &end, 10);
	if (*end == '-') {
		*low = *high;
		*high = strtoul(end + 1, NULL, 10);
	}
	return *low > 0 && *low <= *high && *high <= INT32_MAX;
}

void
line_server_template(struct parser *p)
{
	const char *prefix = word(p, 1), *address = word(p, 3);
	char bad = parser_bad_name_byte(prefix), name[256];
	struct server_line l = { .p = p, .name = prefix };
	unsigned long low, high;

	if (!may_have_servers(p, false))
		return;
	if (!*prefix || !word(p, 2)[0] || !*address) {
		parser_alert_server(p, "'server-template' expects <prefix> <nb | range> "
				       "<addr>[:<port>] as arguments.");
	} else if (bad) {
		parser_alert_server(p,
				    "character '%c' is not permitted in server-template prefix "
				    "'%s'.",
				    bad, prefix);
	} else if (!read_range(word(p, 2), &low, &high)) {
		parser_alert_server(p, "Wrong server-template number or range arg '%s'.",
				    word(p, 2));
	} else if (check_port(&l, address) && check_room(p, high - low + 1)) {
		for (unsigned long n = low; n <= high; n++) {
			snprintf(name, sizeof(name), "%.200s%lu", prefix, n);
			l.s = new_server(p, name, address);
			l.i = 4;
			l.is_copy = n > low;
			if (!read_server(&l))
				return;
		}
	}
}
