/*
 * Lines of the file are worked on one after the other; each leaves a plan, and from the plan a
 * context for each worker. Bind lines with several addresses are one line here.
 */
#include "agent/tls/store.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/io/file.h"
#include "agent/io/log.h"
#include "agent/tls/context.h"
#include "agent/tls/trust.h"

/* A bind line. */
struct listen_line {
	const struct bind *bind; /* its first address */
	const struct proxy *frontend;
	char *addresses; /* owned; as written, for messages */
	struct tls_sources sources;
	struct tls_tickets *own_tickets; /* owned; of `tls-ticket-keys` */
	struct tls_server_plan plan;
	struct tls_server *workers; /* owned; one each */
	unsigned n_workers;
};

/* A server line. */
struct server_line {
	const struct server *server;
	struct tls_client *clients; /* owned; one for each worker, and the last for checks */
	unsigned n_clients;
};

struct tls_store {
	struct listen_line **listens; /* owned, and so is each */
	size_t n_listens;
	struct server_line **servers; /* owned, and so is each; by address of the server */
	size_t n_servers;
};

/* What the lines have in common while they are read. */
struct loading {
	struct tls_store *store;
	const struct tls_global *global;
	struct tls_tickets *tickets;
	unsigned n_workers;
	struct tls_ca_files ca_files;
	struct report *r;
};

/* ---- words ----------------------------------------------------------------------------------- */

/* As HAProxy speaks of a bind line while it reads it. */
static bool PRINTF_LIKE(3, 4)
	refuse_word(struct loading *l, const struct listen_line *line, const char *fmt, ...)
{
	char why[TLS_WHY];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	report_cfg(l->r, FINDING_ALERT, "parsing [%s:%d] : 'bind %s' in section '%s' : %s",
		   line->bind->at.file, line->bind->at.line, line->addresses,
		   proxy_kind_name(line->frontend->kind), why);
	return false;
}

/* As it speaks of one when it uses it. */
static bool
say(struct loading *l, enum finding_level level, const struct listen_line *line, const char *what,
    const char *more)
{
	report_cfg(l->r, level, "Proxy '%s': %s for bind '%s' at [%s:%d]%s", line->frontend->name,
		   what, line->addresses, line->bind->at.file, line->bind->at.line, more);
	return false;
}

static bool PRINTF_LIKE(3, 4)
	refuse_server(struct loading *l, const struct server *s, const char *fmt, ...)
{
	char why[TLS_WHY + 512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	report_cfg(l->r, FINDING_ALERT, "[%s:%d] : 'server %s/%s' : %s", s->at.file, s->at.line,
		   s->backend->name, s->name, why);
	return false;
}

/* ---- whom a line trusts ---------------------------------------------------------------------- */

struct ca_word {
	const char *name, *path;
};

/* The word whose file cannot be read, NULL: all can. why[] says why not. */
static const struct ca_word *
read_ca_files(struct loading *l, const struct ca_word *words, size_t n, char *why)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].path && !tls_ca_file(&l->ca_files, words[i].path, l->r, why))
			return &words[i];
	return NULL;
}

static bool
read_trust_of_listen(struct loading *l, const struct listen_line *line)
{
	const struct tls_settings *s = &line->bind->tls;
	const struct ca_word words[] = { { "ca-file", s->ca_file },
					 { "ca-verify-file", s->ca_verify_file },
					 { "crl-file", s->crl_file } };
	char why[TLS_WHY];
	const struct ca_word *bad = read_ca_files(l, words, 3, why);

	if (!bad)
		return true;
	report_cfg(l->r, FINDING_ALERT, "%s", why);
	return refuse_word(l, line, "'%s' : unable to load %s", bad->name, bad->path);
}

static bool
read_trust_of_server(struct loading *l, const struct server *s)
{
	const struct ca_word words[] = { { "ca-file", s->tls.ca_file },
					 { "crl-file", s->tls.crl_file } };
	char why[TLS_WHY];
	const struct ca_word *bad = read_ca_files(l, words, 2, why);

	if (!bad)
		return true;
	refuse_server(l, s, "%s", why);
	report_cfg(l->r, FINDING_ALERT, "'%s' : unable to load %s.", bad->name, bad->path);
	return false;
}

/* ---- bind lines ------------------------------------------------------------------------------ */

static void
free_listen(struct listen_line *line)
{
	for (unsigned i = 0; i < line->n_workers; i++)
		tls_server_fini(&line->workers[i]);
	free(line->workers);
	tls_names_fini(&line->plan.names);
	sk_X509_NAME_pop_free(line->plan.ca_names, X509_NAME_free);
	tls_sources_fini(&line->sources);
	tls_tickets_free(line->own_tickets);
	free(line->addresses);
	free(line);
}

static bool
is_same_line(const struct bind *a, const struct bind *b)
{
	return a->at.file == b->at.file && a->at.line == b->at.line;
}

/* "A,B": the addresses of the line that begins at bind i. */
static char *
join_addresses(const struct proxy *p, size_t i)
{
	char *all = str_dup(str_of(p->binds[i].text));

	for (size_t j = i + 1; j < p->n_binds && is_same_line(&p->binds[i], &p->binds[j]); j++) {
		char *longer;

		if (asprintf(&longer, "%s,%s", all, p->binds[j].text) < 0)
			abort();
		free(all);
		all = longer;
	}
	return all;
}

static bool
read_ticket_keys(struct loading *l, struct listen_line *line)
{
	const char *path = line->bind->tls.ticket_keys;
	char why[TLS_TICKETS_WHY];
	struct str keys = { 0 };
	char *text;

	if (!path)
		return true;
	if (file_read(path, &text, &keys.n) < 0)
		return refuse_word(l, line, "'%s' : unable to load ssl tickets keys file", path);
	keys.p = text;
	line->own_tickets = tls_tickets_read(keys, why);
	OPENSSL_cleanse(text, keys.n);
	free(text);
	return line->own_tickets || refuse_word(l, line, "'%s' : %s", path, why);
}

/* Clients are told whose certificates are taken: those of ca-file. */
static void
take_ca_names(struct loading *l, struct listen_line *line)
{
	struct tls_server_plan *plan = &line->plan;
	const struct tls_settings *s = plan->settings;
	const struct tls_ca_file *f;
	char why[TLS_WHY];

	f = s->ca_file && !s->no_ca_names ? tls_ca_file(&l->ca_files, s->ca_file, l->r, why) : NULL;
	if (!f)
		return;
	plan->ca_names = sk_X509_NAME_new_null();
	for (int i = 0; i < sk_X509_num(f->certificates); i++) {
		const X509 *x = sk_X509_value(f->certificates, i);
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x));

		if (!name || !sk_X509_NAME_push(plan->ca_names, name))
			abort(); /* as xmalloc() */
	}
}

/* Only files of OCSP and of transparency lists are known and not used. */
static void
say_what_is_left_out(struct loading *l, const struct listen_line *line)
{
	for (size_t i = 0; i < line->sources.n; i++) {
		const char *suffix = tls_source_leaves_out(&line->sources.files[i]);

		if (suffix)
			report_cfg(l->r, FINDING_WARNING,
				   "[%s:%d] : '%s%s' is ignored by usher proxy: clients are not "
				   "sent what it holds",
				   line->bind->at.file, line->bind->at.line,
				   line->sources.files[i].pem.path, suffix);
	}
}

static void
say_of_versions(struct loading *l, const struct listen_line *line)
{
	struct tls_terms terms = { line->plan.settings, &l->global->bind, true };
	enum tls_versions_warning warning;
	struct tls_versions v = tls_terms_versions(&terms, &warning);
	char more[256];

	if (warning == TLS_VERSIONS_IGNORED)
		say(l, FINDING_WARNING, line, "no-sslv3/no-tlsv1x are ignored",
		    ". Use only 'ssl-min-ver' and 'ssl-max-ver' to fix.");
	if (warning != TLS_VERSIONS_AMBIGUOUS || !v.min)
		return;
	snprintf(more, sizeof(more),
		 ": the ssl-min-ver value is not configured and the ssl-max-ver value is lower "
		 "than the default ssl-min-ver value (TLSv1.2). Setting the ssl-min-ver to %s. Use "
		 "'ssl-min-ver' to fix this.",
		 tls_version_name(v.min));
	say(l, FINDING_WARNING, line, "Ambiguous configuration", more);
}

/* Files first, as HAProxy does, then what the line asks for. */
static bool
read_listen(struct loading *l, struct listen_line *line)
{
	const struct tls_settings *s = line->plan.settings;
	char why[TLS_WHY];

	if (!tls_sources_read(&line->sources, s, l->global, why))
		return refuse_word(l, line, "%s", why);
	if (!read_trust_of_listen(l, line) || !read_ticket_keys(l, line))
		return false;
	say_what_is_left_out(l, line);
	if (!line->sources.n && !s->strict_sni)
		return say(l, FINDING_ALERT, line, "no SSL certificate specified", " (use 'crt').");
	if (!line->sources.n)
		say(l, FINDING_WARNING, line, "no SSL certificate specified",
		    ", ssl connections will fail (use 'crt').");
	if (s->verify > TLS_VERIFY_NONE && !s->ca_file && !s->ca_verify_file)
		return say(l, FINDING_ALERT, line, "verify is enabled but no CA file specified",
			   ".");
	say_of_versions(l, line);
	return true;
}

static void
make_plan(struct loading *l, struct listen_line *line)
{
	struct tls_server_plan *plan = &line->plan;
	bool has_tickets = !plan->settings->no_tickets && !l->global->bind.no_tickets;

	plan->sources = &line->sources;
	plan->tickets = !has_tickets ? NULL : line->own_tickets ? line->own_tickets : l->tickets;
	take_ca_names(l, line);
	tls_trust_digest(&l->ca_files, plan->settings, line->frontend->name, plan->session_context);
}

static bool
make_servers(struct loading *l, struct listen_line *line)
{
	char why[TLS_WHY];
	bool is_file, ok = true;

	line->workers = xcalloc(l->n_workers, sizeof(*line->workers));
	for (unsigned i = 0; ok && i < l->n_workers; i++) {
		X509_STORE *trust = tls_trust_of(&l->ca_files, line->plan.settings);

		ok = tls_server_init(&line->workers[i], &line->plan, trust, i == 0, &is_file, why);
		line->n_workers++;
	}
	if (ok)
		return true;
	return is_file ? refuse_word(l, line, "%s", why) : say(l, FINDING_ALERT, line, why, ".");
}

static void
load_listen(struct loading *l, const struct proxy *p, size_t i)
{
	struct listen_line *line = xcalloc(1, sizeof(*line));

	*line = (struct listen_line){
		.bind = &p->binds[i],
		.frontend = p,
		.addresses = join_addresses(p, i),
		.plan = { .settings = &p->binds[i].tls, .global = l->global },
	};
	tls_names_init(&line->plan.names);
	ARRAY_GROW(l->store->listens, l->store->n_listens);
	l->store->listens[l->store->n_listens++] = line;
	if (!read_listen(l, line))
		return;
	make_plan(l, line);
	(void)!make_servers(l, line);
}

/* ---- server lines ---------------------------------------------------------------------------- */

static void
free_server(struct server_line *line)
{
	for (unsigned i = 0; i < line->n_clients; i++)
		tls_client_fini(&line->clients[i]);
	free(line->clients);
	free(line);
}

static bool
check_server(struct loading *l, const struct server *s)
{
	struct tls_terms terms = { &s->tls, &l->global->server, false };
	enum tls_versions_warning warning;

	(void)tls_terms_versions(&terms, &warning);
	if (warning == TLS_VERSIONS_IGNORED)
		report_cfg(l->r, FINDING_WARNING,
			   "[%s:%d] : 'server %s/%s' : no-sslv3/no-tlsv1x are ignored for this "
			   "server. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix.",
			   s->at.file, s->at.line, s->backend->name, s->name);
	if (!tls_client_verifies(&s->tls, l->global) || s->tls.ca_file)
		return true;
	if (l->global->no_server_verify)
		return refuse_server(l, s, "verify is enabled but no CA file specified.");
	return refuse_server(l, s,
			     "verify is enabled by default but no CA file specified. If you're "
			     "running on a LAN where you're certain to trust the server's "
			     "certificate, please set an explicit 'verify none' statement on the "
			     "'server' line, or use 'ssl-server-verify none' in the global section "
			     "to disable server-side verifications by default.");
}

/* Texts that end in a full stop already are of files. */
static bool
refuse_client(struct loading *l, const struct server *s, const char *why)
{
	if (strcmp(why, TLS_NO_VERSION) == 0)
		return refuse_server(l, s, "proxy '%s': %s for server '%s'.", s->backend->name, why,
				     s->name);
	return refuse_server(l, s, "%s%s", why, str_has_suffix(str_of(why), STR(".")) ? "" : ".");
}

static bool
make_clients(struct loading *l, struct server_line *line, const struct tls_pem *pem)
{
	const struct server *s = line->server;
	char why[TLS_WHY];
	bool ok = true;

	line->clients = xcalloc(l->n_workers + 1, sizeof(*line->clients));
	for (unsigned i = 0; ok && i <= l->n_workers; i++) {
		X509_STORE *trust = tls_trust_of(&l->ca_files, &s->tls);
		bool checks = i == l->n_workers && s->tls.check_alpn;
		const char *alpn = checks ? s->tls.check_alpn : s->tls.alpn;

		ok = tls_client_init(&line->clients[i], &s->tls, l->global, alpn, pem, trust, why);
		line->n_clients++;
	}
	return ok || refuse_client(l, s, why);
}

static void
load_server(struct loading *l, const struct server *s)
{
	struct server_line *line = xcalloc(1, sizeof(*line));
	struct tls_pem pem = { 0 };
	char why[TLS_WHY];
	bool has_pem = s->tls.n_sources > 0;

	line->server = s;
	ARRAY_GROW(l->store->servers, l->store->n_servers);
	l->store->servers[l->store->n_servers++] = line;
	if (has_pem && !tls_pem_read(&pem, s->tls.sources[0].path, l->global, why))
		refuse_client(l, s, why);
	else if (read_trust_of_server(l, s) && check_server(l, s))
		(void)!make_clients(l, line, has_pem ? &pem : NULL);
	tls_pem_fini(&pem);
}

/* ---- the whole file -------------------------------------------------------------------------- */

static void
load_proxy(struct loading *l, const struct proxy *p)
{
	if (!proxy_is_carried(p))
		return;
	for (size_t i = 0; i < p->n_binds; i++)
		if (p->binds[i].ssl && (i == 0 || !is_same_line(&p->binds[i - 1], &p->binds[i])))
			load_listen(l, p, i);
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i]->ssl || server_check_is_tls(p->servers[i]))
			load_server(l, p->servers[i]);
}

static int
compare_servers(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)(*(struct server_line *const *)a)->server;
	uintptr_t y = (uintptr_t)(*(struct server_line *const *)b)->server;

	return (x > y) - (x < y);
}

struct tls_store *
tls_store_load(const struct topology *t, struct tls_tickets *tickets, unsigned n_workers,
	       struct report *r)
{
	struct loading l = {
		.global = &t->tls, .tickets = tickets, .n_workers = n_workers, .r = r
	};
	size_t alerts_before = r->n_alerts;

	l.store = xcalloc(1, sizeof(*l.store));
	for (size_t i = 0; i < t->n_proxies; i++)
		load_proxy(&l, t->proxies[i]);
	if (l.store->n_servers)
		qsort(l.store->servers, l.store->n_servers, sizeof(*l.store->servers),
		      compare_servers);
	tls_ca_files_fini(&l.ca_files);
	ERR_clear_error();
	if (r->n_alerts == alerts_before)
		return l.store;
	tls_store_free(l.store);
	return NULL;
}

void
tls_store_free(struct tls_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_listens; i++)
		free_listen(s->listens[i]);
	free(s->listens);
	for (size_t i = 0; i < s->n_servers; i++)
		free_server(s->servers[i]);
	free(s->servers);
	free(s);
}

const struct tls_server *
tls_store_server(const struct tls_store *s, const struct bind *b, unsigned worker)
{
	for (size_t i = 0; i < s->n_listens; i++)
		if (is_same_line(s->listens[i]->bind, b))
			return &s->listens[i]->workers[worker];
	return NULL;
}

static const struct server_line *
find_server(const struct tls_store *s, const struct server *server)
{
	struct server_line key = { .server = server }, *wanted = &key, **found;

	if (!s->n_servers)
		return NULL;
	found = bsearch(&wanted, s->servers, s->n_servers, sizeof(*s->servers), compare_servers);
	return found ? *found : NULL;
}

struct tls_client *
tls_store_client(const struct tls_store *s, const struct server *server, unsigned worker)
{
	const struct server_line *line = find_server(s, server);

	return line ? &line->clients[worker] : NULL;
}

struct tls_client *
tls_store_checker(const struct tls_store *s, const struct server *server)
{
	const struct server_line *line = find_server(s, server);

	return line ? &line->clients[line->n_clients - 1] : NULL;
}

/* ---- expiry ---------------------------------------------------------------------------------- */

size_t
tls_store_n_presented(const struct tls_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_listens; i++)
		n += s->listens[i]->sources.n;
	return n;
}

/* A common name comes last; with a wildcard in front it is as good. */
static void
take_first_name(void *arg, struct str name)
{
	struct tls_presented *c = arg;

	if (!c->name[0])
		snprintf(c->name, sizeof(c->name), "%.*s", STR_ARG(name));
}

struct tls_presented
tls_store_presented(const struct tls_store *s, size_t i)
{
	const struct listen_line *const *line = (const struct listen_line *const *)s->listens;

	const struct tls_certificate *x;
	struct tls_presented c;

	while (i >= (*line)->sources.n)
		i -= (*line++)->sources.n;
	x = &(*line)->workers[0].certificates[i];
	c = (struct tls_presented){
		.file = (*line)->sources.files[i].pem.path,
		.frontend = (*line)->frontend->name,
		.expires_at = tls_certificate_expiry(x),
	};
	tls_certificate_names(x, take_first_name, &c);
	return c;
}

bool
tls_store_is_repeated(const struct tls_store *s, size_t i)
{
	const struct tls_source_file *files;
	const char *file, *frontend;
	size_t line = 0;

	for (; i >= s->listens[line]->sources.n; line++)
		i -= s->listens[line]->sources.n;
	file = s->listens[line]->sources.files[i].pem.path;
	frontend = s->listens[line]->frontend->name;
	for (size_t k = 0; k <= line; k++) {
		files = s->listens[k]->sources.files;
		for (size_t j = 0; s->listens[k]->frontend->name == frontend &&
				   j < (k < line ? s->listens[k]->sources.n : i);
		     j++)
			if (strcmp(files[j].pem.path, file) == 0)
				return true;
	}
	return false;
}

void
tls_store_log_expiry(const struct tls_store *s, int64_t now_s)
{
	for (size_t i = 0; i < tls_store_n_presented(s); i++) {
		struct tls_presented c = tls_store_presented(s, i);
		int64_t days = (c.expires_at - now_s) / 86400;

		if (c.expires_at <= now_s)
			log_line(LOG_ERROR, "certificate expired file=%s frontend=%s days_ago=%lld",
				 c.file, c.frontend, (long long)-days);
		else if (days < TLS_EXPIRY_DAYS)
			log_line(LOG_WARNING,
				 "certificate expires file=%s frontend=%s in_days=%lld", c.file,
				 c.frontend, (long long)days);
	}
}
