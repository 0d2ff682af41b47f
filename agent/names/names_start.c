/*
 * Names at load: first all that have to be looked up are collected, each once; then they are asked
 * side by side under one deadline; then every server and bind line takes what came of it, in the
 * order of the file, so that the alerts stand in that order too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/io/resolver.h"
#include "agent/names/names.h"
#include "agent/names/server_name.h"

struct start {
	struct world *world;
	struct report *report;
	struct resolver_question **questions; /* owned, and so is each */
	char **keys;			      /* owned, and so is each; theirs */
	size_t n_questions;
	struct map by_key; /* key → question */
	size_t n_failed;
};

/* ---- questions ------------------------------------------------------------------------------ */

/* "4broker.example": the same name may be wanted of either family. The caller's to free. */
static char *
key_of(const struct host *h)
{
	char *key = xmalloc(h->name.n + 2);

	key[0] = (char)('0' + h->family);
	memcpy(key + 1, h->name.p, h->name.n);
	key[h->name.n + 1] = '\0';
	return key;
}

static void
want(struct start *st, const struct host *h)
{
	char *key = key_of(h);
	struct resolver_question *q;

	if (map_get(&st->by_key, str_of(key))) {
		free(key);
		return;
	}
	q = xcalloc(1, sizeof(*q));
	*q = (struct resolver_question){ .name = key + 1, .family = h->family };
	map_add(&st->by_key, str_of(key), q);
	ARRAY_GROW(st->questions, st->n_questions);
	ARRAY_GROW(st->keys, st->n_questions);
	st->keys[st->n_questions] = key;
	st->questions[st->n_questions++] = q;
}

static const struct resolver_question *
answer_of(const struct start *st, const struct host *h)
{
	char *key = key_of(h);
	const struct resolver_question *q = map_get(&st->by_key, str_of(key));

	free(key);
	return q;
}

static void
drop_questions(struct start *st)
{
	for (size_t i = 0; i < st->n_questions; i++) {
		free(st->questions[i]);
		free(st->keys[i]);
	}
	free(st->questions);
	free(st->keys);
	map_fini(&st->by_key);
}

/* ---- servers -------------------------------------------------------------------------------- */

static struct pool *
pool_of(const struct start *st, const struct server *s)
{
	return st->world->pools[s->backend->index];
}

/* What `init-addr` says, one method after another. */
static struct str
next_method(const char **list)
{
	struct str method = { *list, strcspn(*list, ",") };

	*list += method.n + ((*list)[method.n] == ',');
	return method;
}

static const char *
methods_of(const struct server *s)
{
	return s->init_addr ? s->init_addr : "last,libc";
}

/*
 * One that is looked up all the time is where it was last seen; the world before this one knew.
 * HAProxy has that from its server state file.
 */
static bool
is_known(const struct start *st, const struct server *s)
{
	struct addr a;

	return s->resolvers && pool_addr(pool_of(st, s), s->index, &a);
}

static bool
wants_lookup(const struct server *s)
{
	for (const char *list = methods_of(s); *list;) {
		struct str method = next_method(&list);

		if (str_is(method, "libc"))
			return true;
		if (!str_is(method, "last"))
			return false;
	}
	return false;
}

static void
set_addr(const struct start *st, const struct server *s, const struct ip *ip, uint16_t port)
{
	struct addr a = addr_of_ip(ip, port);

	pool_set_addr(pool_of(st, s), s->index, &a);
}

static void PRINTF_LIKE(4, 5) tell(struct start *st, const struct server *s,
				   enum finding_level level, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	report_cfg(st->report, level, "[%s:%d] : 'server %s/%s' : %s", s->at.file, s->at.line,
		   s->backend->name, s->name, what);
	st->n_failed += level == FINDING_ALERT;
}

/* The address of a server by the first method that has one. */
static void
start_server(struct start *st, const struct server *s, const struct host *h)
{
	const struct resolver_question *q;
	bool failed = false;
	struct ip ip;

	if (is_known(st, s))
		return;
	for (const char *list = methods_of(s); *list;) {
		struct str method = next_method(&list);

		if (str_is(method, "last"))
			continue;
		if (str_is(method, "libc")) {
			q = answer_of(st, h);
			failed = q->status != LOOKUP_OK;
			if (failed)
				continue;
			set_addr(st, s, &q->ip, h->port);
			return;
		}
		if (failed)
			tell(st, s, FINDING_WARNING, "could not resolve address '%.*s', %s",
			     STR_ARG(h->name),
			     str_is(method, "none") ? "disabling server."
						    : "falling back to configured address.");
		if (!ip_parse(method, &ip))
			ip = (struct ip){ 0 };
		set_addr(st, s, &ip, h->port);
		return;
	}
	tell(st, s, FINDING_ALERT,
	     failed ? "could not resolve address '%.*s'."
		    : "no method found to resolve address '%.*s'.",
	     STR_ARG(h->name));
}

/* HAProxy asks for SRV records of such a name. */
static bool
is_service(const struct server *s, const struct host *h)
{
	return s->resolvers && h->name.p[0] == '_';
}

static void
want_server(struct start *st, const struct server *s)
{
	struct host h;

	if (server_name_of(s, &h) && !is_service(s, &h) && !is_known(st, s) && wants_lookup(s))
		want(st, &h);
}

static void
place_server(struct start *st, const struct server *s)
{
	struct host h;

	if (s->addr.len)
		return;
	if (!server_name_of(s, &h))
		tell(st, s, FINDING_ALERT, "address '%s' is not carried out by usher proxy",
		     s->address);
	else if (is_service(s, &h))
		tell(st, s, FINDING_ALERT,
		     "SRV records ('%.*s') are not carried out by usher proxy", STR_ARG(h.name));
	else
		start_server(st, s, &h);
}

static void
each_server(struct start *st, void (*fn)(struct start *st, const struct server *s))
{
	const struct topology *t = &st->world->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0;
		     server_name_counts(t->proxies[i]) && j < t->proxies[i]->n_servers; j++)
			fn(st, t->proxies[i]->servers[j]);
}

/* ---- bind lines ----------------------------------------------------------------------------- */

static bool
has_binds(const struct proxy *p)
{
	return p->kind & PROXY_FRONTEND && proxy_is_carried(p);
}

/* The address in it, or that of any interface. False: it is a name. */
static bool
literal_ip(const struct host *h, struct ip *ip)
{
	*ip = (struct ip){ .family = h->family == 6 ? 6 : 4 };
	return h->name.n == 0 || str_is(h->name, "*") || ip_parse(h->name, ip);
}

static void
want_binds(struct start *st)
{
	const struct topology *t = &st->world->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; has_binds(t->proxies[i]) && j < t->proxies[i]->n_binds; j++) {
			const struct bind *b = &t->proxies[i]->binds[j];
			struct host h;
			struct ip ip;

			if (!b->addr.len && host_parse(str_of(b->text), &h) && !literal_ip(&h, &ip))
				want(st, &h);
		}
}

/* Another address of the line that `from` has been read from. */
static void
add_bind(struct proxy *p, const char *text, const struct addr *a, const struct bind *from)
{
	struct bind *b;

	ARRAY_GROW(p->binds, p->n_binds);
	b = &p->binds[p->n_binds++];
	*b = (struct bind){
		.text = str_dup(str_of(text)),
		.addr = *a,
		.at = from->at,
		.ssl = from->ssl,
		.accept_proxy = from->accept_proxy,
	};
	tls_settings_copy(&b->tls, &from->tls);
}

/* One for each port. The text of a range becomes that of each of its ports. */
static void
add_ports(struct proxy *p, const struct bind *b, const struct host *h, const struct ip *ip)
{
	char text[ADDR_TEXT];

	for (unsigned port = h->port; port <= h->port_end; port++) {
		struct addr a = addr_of_ip(ip, (uint16_t)port);
		const char *shown = h->port == h->port_end ? b->text : addr_format(&a, text);

		add_bind(p, shown, &a, b);
	}
}

static void PRINTF_LIKE(3, 4)
	tell_bind(struct start *st, const struct bind *b, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	report_cfg(st->report, FINDING_ALERT, "parsing [%s:%d] : 'bind' : %s", b->at.file,
		   b->at.line, what);
}

/* What has an address, or is nothing of ours, stays as it is. */
static void
place_bind(struct start *st, struct proxy *p, const struct bind *b)
{
	const struct resolver_question *q;
	struct host h;
	struct ip ip;

	if (b->addr.len || !host_parse(str_of(b->text), &h) || h.port == 0) {
		add_bind(p, b->text, &b->addr, b);
	} else if (h.port > h.port_end) {
		tell_bind(st, b, "invalid port range '%u-%u'", h.port, h.port_end);
	} else if (literal_ip(&h, &ip)) {
		add_ports(p, b, &h, &ip);
	} else {
		q = answer_of(st, &h);
		if (q->status == LOOKUP_OK)
			add_ports(p, b, &h, &q->ip);
		else
			tell_bind(st, b, "invalid address: '%.*s' in '%s'", STR_ARG(h.name),
				  b->text);
	}
}

static void
place_binds(struct start *st, struct proxy *p)
{
	struct bind *before = p->binds;
	size_t n = p->n_binds;

	p->binds = NULL;
	p->n_binds = 0;
	for (size_t i = 0; i < n; i++) {
		place_bind(st, p, &before[i]);
		free(before[i].text);
		tls_settings_fini(&before[i].tls);
	}
	free(before);
}

bool
names_start(struct world *w, struct report *r)
{
	struct start st = { .world = w, .report = r };
	size_t n_alerts = r->n_alerts;

	map_init(&st.by_key);
	want_binds(&st);
	each_server(&st, want_server);
	resolver_ask_all(st.questions, st.n_questions, NAMES_START_MS);
	for (size_t i = 0; i < w->topology.n_proxies; i++)
		if (has_binds(w->topology.proxies[i]))
			place_binds(&st, w->topology.proxies[i]);
	each_server(&st, place_server);
	if (st.n_failed)
		report_cfg(r, FINDING_ALERT, "Failed to initialize server(s) addr.");
	drop_questions(&st);
	return r->n_alerts == n_alerts;
}
