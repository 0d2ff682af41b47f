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
print_tls_text(struct dump *d, const char *name, const char *text)
{
	if (!text)
		return;
	print(d, " %s", name);
	print_word(d, text);
}

static void
print_versions(struct dump *d, const struct tls_versions *v)
{
	if (v->min)
		print(d, " ssl-min-ver %s", tls_version_name(v->min));
	if (v->max)
		print(d, " ssl-max-ver %s", tls_version_name(v->max));
	for (unsigned i = TLS_VERSION_SSL3; i <= TLS_VERSION_1_3; i++)
		if (v->off & 1U << i)
			print(d, " no-%s", tls_version_name((enum tls_version)i));
}

static void
print_ignored(struct dump *d, const char *name, const struct tls_ignored *ignored)
{
	if (ignored->bits[0] == UINT64_MAX) {
		print(d, " %s all", name);
		return;
	}
	for (int i = 1; i < 128; i++)
		if (tls_is_ignored(ignored, i))
			print(d, " %s %d", name, i);
}

static void
print_tls(struct dump *d, bool ssl, const struct tls_settings *s)
{
	static const char *const verify[] = { NULL, "none", "optional", "required" };
	const struct {
		const char *name;
		bool set;
	} switches[] = {
		{ "strict-sni", s->strict_sni },
		{ "no-tls-tickets", s->no_tickets },
		{ "no-ssl-reuse", s->no_reuse },
		{ "no-ca-names", s->no_ca_names },
		{ "prefer-client-ciphers", s->prefer_client_ciphers },
	};

	print(d, "%s", ssl ? " ssl" : "");
	for (size_t i = 0; i < s->n_sources; i++)
		print_tls_text(d, s->sources[i].is_list ? "crt-list" : "crt", s->sources[i].path);
	print_tls_text(d, "verify", verify[s->verify]);
	print_tls_text(d, "ca-file", s->ca_file);
	print_tls_text(d, "ca-verify-file", s->ca_verify_file);
	print_tls_text(d, "crl-file", s->crl_file);
	print_ignored(d, "ca-ignore-err", &s->ca_ignored);
	print_ignored(d, "crt-ignore-err", &s->crt_ignored);
	print_tls_text(d, "verifyhost", s->verify_host);
	print_tls_text(d, "sni", s->sni);
	print_tls_text(d, "alpn", s->alpn);
	print_tls_text(d, "check-sni", s->check_sni);
	print_tls_text(d, "check-alpn", s->check_alpn);
	print_tls_text(d, "ciphers", s->ciphers);
	print_tls_text(d, "ciphersuites", s->ciphersuites);
	print_tls_text(d, "curves", s->curves);
	print_tls_text(d, "ecdhe", s->ecdhe);
	print_tls_text(d, "tls-ticket-keys", s->ticket_keys);
	print_versions(d, &s->versions);
	for (size_t i = 0; i < N(switches); i++)
		print(d, "%s%s", switches[i].set ? " " : "",
		      switches[i].set ? switches[i].name : "");
}

static bool
any_of_defaults(const struct tls_defaults *t)
{
	return t->ciphers || t->ciphersuites || t->curves || t->versions.min || t->versions.max ||
	       t->versions.off || t->no_tickets || t->prefer_client_ciphers;
}

static void
print_tls_defaults(struct dump *d, const char *name, const struct tls_defaults *t)
{
	if (!any_of_defaults(t))
		return;
	print(d, "\t%s", name);
	print_tls_text(d, "ciphers", t->ciphers);
	print_tls_text(d, "ciphersuites", t->ciphersuites);
	print_tls_text(d, "curves", t->curves);
	print_versions(d, &t->versions);
	print(d, "%s%s\n", t->no_tickets ? " no-tls-tickets" : "",
	      t->prefer_client_ciphers ? " prefer-client-ciphers" : "");
}

/* Bases of paths stand in the paths themselves. */
static bool
any_of_tls(const struct tls_global *g)
{
	return any_of_defaults(&g->bind) || any_of_defaults(&g->server) || g->no_server_verify ||
	       g->no_bundles || g->no_key_files || g->key_replaces_suffix || g->lifetime_s != 300;
}

static void
print_tls_global(struct dump *d, const struct tls_global *g)
{
	print_tls_defaults(d, "ssl-default-bind", &g->bind);
	print_tls_defaults(d, "ssl-default-server", &g->server);
	print(d, "%s", g->no_server_verify ? "\tssl-server-verify none\n" : "");
	print(d, "%s", g->no_bundles ? "\tno bundles\n" : "");
	print(d, "%s", g->no_key_files ? "\tno key files\n" : "");
	print(d, "%s", g->key_replaces_suffix ? "\tssl-load-extra-del-ext\n" : "");
	print_number(d, "\t", "tune.ssl.lifetime", g->lifetime_s, 300, "\n");
}

static void
print_log(struct dump *d, const char *indent, const struct log_target *t)
{
	print(d, "%slog %s%s format %s %s", indent, t->address, t->is_global ? " (global)" : "",
	      t->format ? t->format : "-", log_facility_name(t->facility));
	if (t->level != SEVERITY_DEBUG || t->min_level)
		print(d, " %s %s", log_severity_name(t->level), log_severity_name(t->min_level));
	print_number(d, " ", "len", t->len, LOG_LEN_DEFAULT, "");
	for (size_t i = 0; i < t->n_ranges; i++)
		print(d, "%s%u-%u", i ? "," : " sample ", t->ranges[i].first, t->ranges[i].last);
	if (t->n_ranges)
		print(d, ":%u", t->sample_size);
	print(d, "\n");
}

static void
print_log_text(struct dump *d, const char *keyword, const char *text)
{
	if (!text)
		return;
	print(d, "\t%s", keyword);
	print_word(d, text);
	print(d, "\n");
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
	bool any = t->n_stats_sockets > 0 || any_of_tls(&t->tls) || t->n_logs || t->log_tag ||
		   t->log_send_hostname || t->never_sends_local;

	for (size_t i = 0; i < N(numbers); i++)
		any |= numbers[i].value != 0;
	if (!any)
		return;
	print(d, "global\n");
	for (size_t i = 0; i < t->n_stats_sockets; i++)
		print(d, "\tstats socket %s\n", t->stats_sockets[i]);
	for (size_t i = 0; i < N(numbers); i++)
		print_number(d, "\t", numbers[i].name, numbers[i].value, 0, "\n");
	for (size_t i = 0; i < t->n_logs; i++)
		print_log(d, "\t", &t->logs[i]);
	print_log_text(d, "log-tag", t->log_tag);
	print_log_text(d, "log-send-hostname", t->log_send_hostname);
	if (t->never_sends_local)
		print(d, "\tpp2-never-send-local\n");
	print_tls_global(d, &t->tls);
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

/* Bind lines in TLS, and those that expect a PROXY header. */
static void
print_binds(struct dump *d, const struct proxy *p)
{
	if (p->n_binds)
		print(d, "\tbind x%zu\n", p->n_binds);
	for (size_t i = 0; i < p->n_binds; i++) {
		const struct bind *b = &p->binds[i];

		if (!b->ssl && !b->accept_proxy)
			continue;
		print(d, "\tbind");
		print_word(d, b->text);
		print(d, "%s", b->accept_proxy ? " accept-proxy" : "");
		print_tls(d, b->ssl, &b->tls);
		print(d, "\n");
	}
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
	if (s->check_tls != CHECK_TLS_AS_SERVER)
		print(d, s->check_tls == CHECK_TLS_ALWAYS ? " check-ssl" : " no-check-ssl");
	print_tls(d, s->ssl, &s->tls);
	print(d, "\n");
}

static void
print_frontend(struct dump *d, const struct proxy *p)
{
	print_binds(d, p);
	if (p->default_backend)
		print(d, "\tdefault_backend %s %s:%d\n", p->default_backend->name,
		      p->default_backend->at.file, p->default_backend->at.line);
	else if (p->default_backend_name)
		print(d, "\tdefault_backend %s not found\n", p->default_backend_name);
	for (size_t i = 0; i < p->n_filters; i++)
		print(d, "\tfilter spoe engine %s config %s\n",
		      p->filters[i].engine ? p->filters[i].engine : "-", p->filters[i].config);
}

static void
print_logs(struct dump *d, const struct proxy *p)
{
	for (size_t i = 0; i < p->n_logs; i++)
		print_log(d, "\t", &p->logs[i]);
	print_log_text(d, "log-tag", p->log_tag);
	print_log_text(d, "log-format", p->log_format);
	print_log_text(d, "log-format-sd", p->log_format_sd);
	print_log_text(d, "error-log-format", p->error_log_format);
}

static void
print_options(struct dump *d, const struct proxy *p)
{
	static const char *const names[] = {
		"clitcpka",
		"srvtcpka",
		"tcplog",
		"dontlognull",
		"logasap",
		"log-health-checks",
		"dontlog-normal",
		"redispatch",
		"persist",
		"allbackups",
		"abortonclose",
		"nolinger",
		"log-separate-errors",
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
	print_logs(d, p);
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
