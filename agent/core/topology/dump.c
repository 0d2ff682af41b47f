/* One line per thing. A buffer that is full stays full: only the end asks. */
#include "agent/core/topology/dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct dump {
	struct buf *out;
	bool full;
};

static void PRINTF_LIKE(2, 3) print(struct dump *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	d->full |= !buf_vprintf(d->out, fmt, args);
	va_end(args);
}

/* A word as it could stand in the file. */
static void
print_word(struct dump *d, const char *word)
{
	char text[512];
	bool plain = *word != '\0';

	for (const char *c = word; *c; c++)
		plain &= *c > ' ' && *c <= '~' && !strchr("\"'\\#", *c);
	if (plain)
		print(d, " %s", word);
	else
		print(d, " \"%s\"", str_escape(str_of(word), text, sizeof(text)));
}

/* A number that is not the usual one. */
static void
print_number(struct dump *d, const char *before, const char *name, uint32_t value, uint32_t usual,
	     const char *after)
{
	if (value != usual)
		print(d, "%s%s %u%s", before, name, value, after);
}

static void
print_global(struct dump *d, const struct topology *t)
{
	const struct {
		const char *name;
		uint32_t value;
	} numbers[] = {
		{ "nbthread", t->nbthread },
		{ "maxconn", t->maxconn },
		{ "ulimit-n", t->ulimit_n },
		{ "maxconnrate", t->maxconnrate },
		{ "maxsessrate", t->maxsessrate },
		{ "spread-checks", t->spread_checks },
		{ "hard-stop-after", (uint32_t)t->hard_stop_after_ms },
		{ "tune.rcvbuf.client", t->rcvbuf_client },
		{ "tune.rcvbuf.server", t->rcvbuf_server },
		{ "tune.sndbuf.client", t->sndbuf_client },
		{ "tune.sndbuf.server", t->sndbuf_server },
	};
	bool any = t->n_stats_sockets > 0;

	for (size_t i = 0; i < N(numbers); i++)
		any |= numbers[i].value != 0;
	if (!any)
		return;
	print(d, "global\n");
	for (size_t i = 0; i < t->n_stats_sockets; i++)
		print(d, "\tstats socket %s\n", t->stats_sockets[i]);
	for (size_t i = 0; i < N(numbers); i++)
		print_number(d, "\t", numbers[i].name, numbers[i].value, 0, "\n");
}

static void
print_resolvers(struct dump *d, const struct resolvers *r)
{
	char text[ADDR_TEXT];

	print(d, "resolvers %s %s:%d%s\n", r->name, r->at.file, r->at.line,
	      r->parse_resolv_conf ? " parse-resolv-conf" : "");
	for (size_t i = 0; i < r->n_nameservers; i++)
		print(d, "\tnameserver %s %s%s\n", r->nameservers[i].name,
		      r->nameservers[i].tcp ? "tcp@" : "",
		      addr_format(&r->nameservers[i].addr, text));
	print_number(d, "\t", "resolve_retries", r->retries, 3, "\n");
	print_number(d, "\t", "accepted_payload_size", r->accepted_payload_size, 512, "\n");
	print_number(d, "\t", "timeout resolve", r->timeout_resolve_ms, 1000, "\n");
	print_number(d, "\t", "timeout retry", r->timeout_retry_ms, 1000, "\n");
	print_number(d, "\t", "hold valid", r->hold_valid_ms, 10000, "\n");
	print_number(d, "\t", "hold obsolete", r->hold_obsolete_ms, 0, "\n");
	print_number(d, "\t", "hold nx", r->hold_nx_ms, 30000, "\n");
	print_number(d, "\t", "hold refused", r->hold_refused_ms, 30000, "\n");
	print_number(d, "\t", "hold other", r->hold_other_ms, 30000, "\n");
	print_number(d, "\t", "hold timeout", r->hold_timeout_ms, 30000, "\n");
}

static void
print_source(struct dump *d, const char *before, const struct source *s, const char *after)
{
	char text[ADDR_TEXT];

	if (!s->addr.len)
		return;
	print(d, "%ssource %s", before, addr_format(&s->addr, text));
	if (s->port_min)
		print(d, " ports %u-%u", s->port_min, s->port_max);
	print(d, "%s", after);
}

static void
print_checking(struct dump *d, const struct check_settings *c)
{
	static const char *const actions[] = {
		[ERROR_FAIL_CHECK] = NULL,
		[ERROR_FASTINTER] = "fastinter",
		[ERROR_SUDDEN_DEATH] = "sudden-death",
		[ERROR_MARK_DOWN] = "mark-down",
	};
	char text[ADDR_TEXT];

	print_number(d, " ", "inter", c->inter_ms, 2000, "");
	print_number(d, " ", "fastinter", c->fastinter_ms, 0, "");
	print_number(d, " ", "downinter", c->downinter_ms, 0, "");
	print_number(d, " ", "rise", c->rise, 2, "");
	print_number(d, " ", "fall", c->fall, 3, "");
	if (c->addr.len)
		print(d, " addr %s", addr_format(&c->addr, text));
	print_number(d, " ", "port", c->port, 0, "");
	if (c->observe_layer4)
		print(d, " observe layer4");
	print_number(d, " ", "error-limit", c->error_limit, 10, "");
	if (actions[c->on_error])
		print(d, " on-error %s", actions[c->on_error]);
}

static void
print_server_text(struct dump *d, const char *name, const char *text)
{
	if (!text)
		return;
	print(d, " %s", name);
	print_word(d, text);
}

static void
print_server(struct dump *d, const struct server *s)
{
	char text[ADDR_TEXT];

	print(d, "\tserver %s %s", s->name, s->addr.len ? addr_format(&s->addr, text) : "name");
	if (!s->addr.len)
		print_word(d, s->address);
	print(d, " weight %u", s->weight);
	if (s->maxconn)
		print(d, " maxconn %u", s->maxconn);
	print(d, "%s%s%s", s->check ? " check" : "", s->backup ? " backup" : "",
	      s->disabled ? " disabled" : "");
	print_checking(d, &s->checking);
	print_number(d, " ", "maxqueue", s->maxqueue, 0, "");
	print_number(d, " ", "slowstart", s->slowstart_ms, 0, "");
	print_number(d, " ", "id", s->id, s->index + 1, "");
	if (s->on_down)
		print(d, " on-marked-down shutdown-sessions");
	if (s->on_up)
		print(d, " on-marked-up shutdown-backup-sessions");
	print_source(d, " ", &s->source, "");
	if (s->non_stick)
		print(d, " non-stick");
	print_server_text(d, "init-addr", s->init_addr);
	print_server_text(d, "resolvers", s->resolvers);
	if (s->resolve_prefer)
		print(d, " resolve-prefer ipv%u", s->resolve_prefer);
	if (s->tracked)
		print(d, " track %s/%s", s->tracked->backend->name, s->tracked->name);
	print(d, "\n");
}

static void
print_frontend(struct dump *d, const struct proxy *p)
{
	if (p->n_binds)
		print(d, "\tbind x%zu\n", p->n_binds);
	if (p->default_backend)
		print(d, "\tdefault_backend %s %s:%d\n", p->default_backend->name,
		      p->default_backend->at.file, p->default_backend->at.line);
	else if (p->default_backend_name)
		print(d, "\tdefault_backend %s not found\n", p->default_backend_name);
	for (size_t i = 0; i < p->n_filters; i++)
		print(d, "\tfilter spoe engine %s config %s\n",
		      p->filters[i].engine ? p->filters[i].engine : "-", p->filters[i].config);
	for (size_t i = 0; i < p->n_logs; i++)
		print(d, "\tlog %s format %s\n", p->logs[i].address,
		      p->logs[i].format ? p->logs[i].format : "-");
	if (p->log_format) {
		print(d, "\tlog-format");
		print_word(d, p->log_format);
		print(d, "\n");
	}
	if (p->log_format_sd) {
		print(d, "\tlog-format-sd");
		print_word(d, p->log_format_sd);
		print(d, "\n");
	}
}

static void
print_options(struct dump *d, const struct proxy *p)
{
	static const char *const names[] = {
		"clitcpka", "srvtcpka",		 "tcplog",	   "dontlognull",
		"logasap",  "log-health-checks", "dontlog-normal", "redispatch",
		"persist",  "allbackups",	 "abortonclose",   "nolinger",
	};

	for (size_t i = 0; i < N(names); i++) {
		bool redispatch = 1u << i == OPTION_REDISPATCH && p->redispatch_after != -1;

		if (!(p->options & (1u << i)))
			continue;
		print(d, "\toption %s", names[i]);
		if (redispatch)
			print(d, " %d", p->redispatch_after);
		print(d, "\n");
	}
}

static void
print_probes(struct dump *d, const char *side, const struct keepalive_probes *k)
{
	if (k->count || k->idle_s || k->interval_s)
		print(d, "\t%stcpka cnt %u idle %us intvl %us\n", side, k->count, k->idle_s,
		      k->interval_s);
}

static void
print_numbers(struct dump *d, const struct proxy *p)
{
	print_number(d, "\t", "id", p->id, 0, "\n");
	print_number(d, "\t", "maxconn", p->maxconn, 0, "\n");
	print_number(d, "\t", "rate-limit sessions", p->rate_limit_sessions, 0, "\n");
	print_number(d, "\t", "fullconn", p->fullconn, 0, "\n");
	print_probes(d, "cli", &p->client_probes);
	print_probes(d, "srv", &p->server_probes);
}

static void
print_balance(struct dump *d, const struct proxy *p)
{
	static const char *const methods[] = {
		[HASH_MAP_BASED] = "map-based", [HASH_CONSISTENT] = "consistent"
	};
	static const char *const functions[] = { [HASH_SDBM] = "sdbm",
						 [HASH_DJB2] = "djb2",
						 [HASH_WT6] = "wt6",
						 [HASH_CRC32] = "crc32",
						 [HASH_NONE] = "none" };
	static const char *const checks[] = { [CHECK_CONNECT] = NULL,
					      [CHECK_HTTP] = "http",
					      [CHECK_SCRIPT] = "script",
					      [CHECK_OTHER] = "other" };

	print(d, "\tbalance %s", balance_name(p->balance));
	if (p->balance_by)
		print_word(d, p->balance_by);
	print(d, "\n");
	if (p->hash.method || p->hash.function || p->hash.avalanche)
		print(d, "\thash-type %s %s%s\n", methods[p->hash.method],
		      functions[p->hash.function], p->hash.avalanche ? " avalanche" : "");
	print_number(d, "\t", "hash-balance-factor", p->hash_balance_factor, 0, "\n");
	if (checks[p->check])
		print(d, "\tchecks %s\n", checks[p->check]);
	print_source(d, "\t", &p->source, "\n");
}

static void
print_proxy(struct dump *d, const struct proxy *p)
{
	print(d, "%s %s %s:%d\n\tmode %s\n", proxy_kind_name(p->kind), p->name, p->at.file,
	      p->at.line, p->mode == PROXY_HTTP ? "http" : "tcp");
	if (p->disabled)
		print(d, "\tdisabled\n");
	print_options(d, p);
	print_numbers(d, p);
	print_frontend(d, p);
	for (size_t i = 0; i < p->n_lines; i++) {
		print(d, "\tline %d:", p->lines[i].at.line);
		for (size_t w = 0; w < p->lines[i].n; w++)
			print_word(d, p->lines[i].words[w]);
		print(d, "\n");
	}
	if (!(p->kind & PROXY_BACKEND))
		return;
	print_balance(d, p);
	for (size_t i = 0; i < p->n_servers; i++)
		print_server(d, p->servers[i]);
}

bool
topology_dump(const struct topology *t, struct buf *out)
{
	struct dump d = { .out = out };

	print_global(&d, t);
	for (size_t i = 0; i < t->n_resolvers; i++)
		print_resolvers(&d, t->resolvers[i]);
	for (size_t i = 0; i < t->n_proxies; i++)
		print_proxy(&d, t->proxies[i]);
	return !d.full;
}
