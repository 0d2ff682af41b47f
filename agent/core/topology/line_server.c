/*
 * server, default-server, server-template (configuration manual, 5.2). Options are one table with
 * their number of arguments, so that those of no use to usher are stepped over rightly.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

/* HAProxy's roundrobin takes no more in one backend; a template must not eat all memory. */
enum { SERVERS_MAX = 4095, WEIGHT_MAX = 256 };

/* A server line being read. */
struct server_line {
	struct parser *p;
	struct server *s;
	size_t i;	  /* the word at hand */
	const char *name; /* for messages; NULL: default-server */
};

struct server_option {
	const char *name;
	int n_args; /* -1: read_source() counts them */
	bool (*set)(struct server_line *l);
};

/* "[file:line] : 'server b/s' : what", or without the server for default-server. */
static void PRINTF_LIKE(2, 3) fail(struct server_line *l, const char *fmt, ...)
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
		fail(l, "weight of server %s is not within 0 and 256 (%ld)..",
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
	unsigned bits = PROXY_HEADER_V1;

	if (str_has_suffix(name, STR("-v2")))
		bits = PROXY_HEADER_V2;
	else if (str_has_suffix(name, STR("-ssl")) || str_has_suffix(name, STR("-cn")))
		bits = PROXY_HEADER_V2 | PROXY_HEADER_TLV;
	if (no)
		l->s->proxy_header &= ~bits;
	else
		l->s->proxy_header |= bits;
	return true;
}

/* Of the options only these make a TLV in a header that speaks of no client. */
static bool
set_header_options(struct server_line *l)
{
	static const char *const lasting[] = { "ssl", "cert-", "crc32c" };
	const char *list = word(l->p, l->i + 1);

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
set_check_elsewhere(struct server_line *l)
{
	l->s->check_elsewhere = true;
	return true;
}

/* `source ADDRESS [usesrc WHAT] [interface NAME]` */
static bool
read_source(struct server_line *l)
{
	if (!word(l->p, l->i + 1)[0]) {
		fail(l,
		     "'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, "
		     "and 'interface' <name> as argument..");
		return false;
	}
	l->i++;
	while (strcmp(word(l->p, l->i + 1), "usesrc") == 0 ||
	       strcmp(word(l->p, l->i + 1), "interface") == 0)
		l->i += 2;
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
	{ .name = "source", .n_args = -1, .set = read_source },
	{ .name = "addr", .n_args = 1, .set = set_check_elsewhere },
	{ .name = "agent-addr", .n_args = 1 },
	{ .name = "agent-check" },
	{ .name = "agent-inter", .n_args = 1 },
	{ .name = "agent-port", .n_args = 1 },
	{ .name = "agent-send", .n_args = 1 },
	{ .name = "allow-0rtt" },
	{ .name = "alpn", .n_args = 1 },
	{ .name = "ca-file", .n_args = 1 },
	{ .name = "check-alpn", .n_args = 1 },
	{ .name = "check-proto", .n_args = 1 },
	{ .name = "check-send-proxy", .set = set_check_send_proxy },
	{ .name = "check-sni", .n_args = 1 },
	{ .name = "check-ssl" },
	{ .name = "check-via-socks4" },
	{ .name = "ciphers", .n_args = 1 },
	{ .name = "ciphersuites", .n_args = 1 },
	{ .name = "cookie", .n_args = 1 },
	{ .name = "crl-file", .n_args = 1 },
	{ .name = "crt", .n_args = 1 },
	{ .name = "downinter", .n_args = 1 },
	{ .name = "error-limit", .n_args = 1 },
	{ .name = "fall", .n_args = 1 },
	{ .name = "fastinter", .n_args = 1 },
	{ .name = "force-sslv3" },
	{ .name = "force-tlsv10" },
	{ .name = "force-tlsv11" },
	{ .name = "force-tlsv12" },
	{ .name = "force-tlsv13" },
	{ .name = "id", .n_args = 1 },
	{ .name = "init-addr", .n_args = 1 },
	{ .name = "inter", .n_args = 1 },
	{ .name = "log-proto", .n_args = 1 },
	{ .name = "max-reuse", .n_args = 1 },
	{ .name = "maxqueue", .n_args = 1 },
	{ .name = "minconn", .n_args = 1 },
	{ .name = "namespace", .n_args = 1 },
	{ .name = "no-agent-check" },
	{ .name = "no-check-send-proxy", .set = set_check_send_proxy },
	{ .name = "no-check-ssl" },
	{ .name = "no-send-proxy", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2-ssl", .set = set_proxy_header },
	{ .name = "no-send-proxy-v2-ssl-cn", .set = set_proxy_header },
	{ .name = "no-ssl" },
	{ .name = "no-ssl-reuse" },
	{ .name = "no-sslv3" },
	{ .name = "no-tfo" },
	{ .name = "no-tls-tickets" },
	{ .name = "no-tlsv10" },
	{ .name = "no-tlsv11" },
	{ .name = "no-tlsv12" },
	{ .name = "no-tlsv13" },
	{ .name = "non-stick" },
	{ .name = "npn", .n_args = 1 },
	{ .name = "observe", .n_args = 1 },
	{ .name = "on-error", .n_args = 1 },
	{ .name = "on-marked-down", .n_args = 1 },
	{ .name = "on-marked-up", .n_args = 1 },
	{ .name = "pool-low-conn", .n_args = 1 },
	{ .name = "pool-max-conn", .n_args = 1 },
	{ .name = "pool-purge-delay", .n_args = 1 },
	{ .name = "port", .n_args = 1, .set = set_check_elsewhere },
	{ .name = "proto", .n_args = 1 },
	{ .name = "proxy-v2-options", .n_args = 1, .set = set_header_options },
	{ .name = "redir", .n_args = 1 },
	{ .name = "resolve-net", .n_args = 1 },
	{ .name = "resolve-opts", .n_args = 1 },
	{ .name = "resolve-prefer", .n_args = 1 },
	{ .name = "resolvers", .n_args = 1 },
	{ .name = "rise", .n_args = 1 },
	{ .name = "send-proxy", .set = set_proxy_header },
	{ .name = "send-proxy-v2", .set = set_proxy_header },
	{ .name = "send-proxy-v2-ssl", .set = set_proxy_header },
	{ .name = "send-proxy-v2-ssl-cn", .set = set_proxy_header },
	{ .name = "slowstart", .n_args = 1 },
	{ .name = "sni", .n_args = 1 },
	{ .name = "socks4", .n_args = 1 },
	{ .name = "ssl" },
	{ .name = "ssl-max-ver", .n_args = 1 },
	{ .name = "ssl-min-ver", .n_args = 1 },
	{ .name = "ssl-reuse" },
	{ .name = "stick" },
	{ .name = "tcp-ut", .n_args = 1 },
	{ .name = "tfo" },
	{ .name = "tls-tickets" },
	{ .name = "track", .n_args = 1 },
	{ .name = "usesrc" },
	{ .name = "verify", .n_args = 1 },
	{ .name = "verifyhost", .n_args = 1 },
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
find_option(const struct parser *p, const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strcmp(name, options[i].name) == 0)
			return &options[i];
	for (size_t i = 0; i < N_LATER && !p->env->strict; i++)
		if (strcmp(name, later_options[i].name) == 0)
			return &later_options[i];
	return NULL;
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
			fail(l, "unknown keyword '%s'%s%s", name, hint[0] ? hint : ".",
			     l->name ? "" : " Hint: no address was expected for this server.");
			return false;
		}
		if (option->set && !option->set(l))
			return false;
		if (option->n_args > 0)
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

/* HAProxy's notion of a port, which addr_parse() does not share: "+10" is an offset. */
static bool
check_port(struct server_line *l, const char *address)
{
	const char *port = strrchr(address, ':');
	char *end;
	long value;

	if (!port || address[0] == '/' || strchr(port, ']') || strchr(address, '@'))
		return true;
	port++;
	value = strtol(port + (*port == '+' || *port == '-'), &end, 10);
	if (*end == '-') {
		fail(l, "port range not permitted here in '%s'", address);
	} else if (*end) {
		fail(l, "invalid character '%c' in port number '%s' in '%s'", *end, port, address);
	} else if (value > 65535 || value < 0) {
		fail(l, "invalid port '%s'", port);
	} else {
		return true;
	}
	return false;
}

static struct server *
new_server(struct parser *p, const char *name, const char *address)
{
	struct proxy *proxy = p->proxy;
	struct server *s = xmalloc(sizeof(*s));

	*s = proxy->default_server;
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
		(void)!read_options(&l);
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
			if (!read_options(&l))
				return;
		}
	}
}
