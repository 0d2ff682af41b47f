/*
 * Each question goes to all name servers of the section at once and the first sound answer counts;
 * that is why each of them has a resolver of its own.
 */
#include "agent/names/lookup.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"
#include "agent/names/server_name.h"

/* ---- what servers take ---------------------------------------------------------------------- */

static const char *
ip_text(const struct ip *ip, char *out)
{
	return ip->family ? ip_format(ip, out) : "(none)";
}

static void
present_ip(const struct client_server *c, struct ip *ip)
{
	struct addr a;

	*ip = (struct ip){ 0 };
	if (pool_addr(c->pool, c->server->index, &a))
		addr_ip(&a, ip);
}

/* Addresses of the backend's other servers. */
static size_t
find_taken(struct lookup *l, const struct client_server *self)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_servers; i++) {
		if (&l->servers[i] == self || l->servers[i].pool != self->pool)
			continue;
		present_ip(&l->servers[i], &l->taken[n]);
		n += l->taken[n].family != 0;
	}
	return n;
}

/* HAProxy's words, which its users grep. */
static void
log_change(const struct client_server *c, const struct lookup *l, const struct ip *from,
	   const struct ip *to, const char *by)
{
	const char *backend = c->server->backend->name, *server = c->server->name;
	char a[IP_TEXT], b[IP_TEXT];

	log_line(LOG_WARNING, "%s/%s changed its IP from %s to %s by %s", backend, server,
		 ip_text(from, a), ip_text(to, b), by);
	if (from->family)
		return;
	log_line(LOG_WARNING, "Server %s/%s ('%s') is UP/READY (resolves again).", backend, server,
		 l->host);
	log_line(LOG_WARNING, "Server %s/%s administratively READY thanks to valid DNS answer.",
		 backend, server);
}

/* Without an address nobody is sent there. */
static void
lose_address(const struct client_server *c, const char *why)
{
	if (pool_set_addr(c->pool, c->server->index, &(struct addr){ 0 }))
		log_line(LOG_WARNING, "Server %s/%s is going DOWN for maintenance (%s)",
			 c->server->backend->name, c->server->name, why);
}

static void
serve(struct lookup *l, struct client_server *c, const char *by)
{
	const struct ip *ip;
	struct addr a;

	present_ip(c, &c->wish.present);
	c->wish.taken = l->taken;
	c->wish.n_taken = find_taken(l, c);
	ip = answer_choose(&l->answer, &c->wish);
	if (!ip) {
		lose_address(c, "No IP for server ");
		return;
	}
	a = addr_of_ip(ip, c->port);
	if (pool_set_addr(c->pool, c->server->index, &a))
		log_change(c, l, &c->wish.present, ip, by);
}

/* The first server has the answer from its name server, the others from what it left. */
static void
serve_all(struct lookup *l, const struct informant *from)
{
	char by[256];

	snprintf(by, sizeof(by), "%s/%s", l->section->from->name, from->name);
	for (size_t i = 0; i < l->n_servers; i++)
		serve(l, &l->servers[i], i == 0 ? by : "DNS cache");
}

static uint32_t
hold_of(const struct resolvers *r, enum lookup_status error)
{
	switch (error) {
	case LOOKUP_NX:
		return r->hold_nx_ms;
	case LOOKUP_REFUSED:
		return r->hold_refused_ms;
	case LOOKUP_TIMEOUT:
		return r->hold_timeout_ms;
	default:
		return r->hold_other_ms;
	}
}

static void
report_error(struct lookup *l)
{
	static const char *const words[] = {
		[LOOKUP_NX] = "DNS NX status",
		[LOOKUP_REFUSED] = "DNS refused status",
		[LOOKUP_TIMEOUT] = "DNS timeout status",
		[LOOKUP_OTHER] = "unspecified DNS error",
	};

	if (!answer_is_stale(&l->answer, worker_now(), hold_of(l->section->from, l->error)))
		return;
	for (size_t i = 0; i < l->n_servers; i++)
		lose_address(&l->servers[i], words[l->error]);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* On its way to one name server; owned by the answer. */
struct question {
	struct lookup *lookup;
	const struct informant *informant;
	uint32_t serial;
};

static void on_answer(void *arg, const struct lookup_result *result);

static void
wait_ms(struct lookup *l, double ms)
{
	ev_timer_stop(l->loop, &l->due);
	ev_timer_set(&l->due, ms > 1 ? ms / 1e3 : 0.001, 0.);
	ev_timer_start(l->loop, &l->due);
}

static void
begin_round(struct lookup *l)
{
	l->tries = 0;
	wait_ms(l, l->section->from->timeout_resolve_ms);
}

/* What is left of `timeout retry` since the question was put. */
static void
wait_for_retry(struct lookup *l)
{
	wait_ms(l, l->section->from->timeout_retry_ms - (ev_now(l->loop) - l->asked_at) * 1e3);
}

/* False: memory is out, and the name server counts as one that does not answer. */
static bool
ask_one(struct lookup *l, const struct informant *informant)
{
	struct question *q = malloc(sizeof(*q));

	if (!q)
		return false;
	*q = (struct question){ l, informant, l->serial };
	resolver_ask(informant->resolver, l->host, l->family, on_answer, q);
	return true;
}

static void ask_failed(struct lookup *l, enum lookup_status error);

static void
ask(struct lookup *l, uint8_t family)
{
	uint32_t serial = ++l->serial;

	l->family = family;
	l->asked_at = ev_now(l->loop);
	l->n_open = l->section->n_informants;
	l->error = LOOKUP_TIMEOUT;
	/* An answer may come at once and end the question. */
	for (size_t i = 0; i < l->section->n_informants && serial == l->serial; i++)
		if (!ask_one(l, &l->section->informants[i]))
			ask_failed(l, LOOKUP_OTHER);
}

/* No name server had an address of this family. */
static void
try_again(struct lookup *l)
{
	uint8_t other = l->prefer == 4 ? 6 : 4;

	if (l->error != LOOKUP_TIMEOUT && l->family == l->prefer && !l->only) {
		ask(l, other);
		return;
	}
	if (++l->tries < l->section->from->retries) {
		wait_for_retry(l);
		return;
	}
	report_error(l);
	begin_round(l);
}

static void
ask_failed(struct lookup *l, enum lookup_status error)
{
	if (error != LOOKUP_TIMEOUT)
		l->error = error; /* a word from one weighs more than the silence of others */
	if (--l->n_open == 0)
		try_again(l);
}

static void
on_answer(void *arg, const struct lookup_result *result)
{
	struct question q = *(struct question *)arg;
	struct lookup *l = q.lookup;

	free(arg);
	if (result->status == LOOKUP_STOPPED || q.serial != l->serial)
		return;
	if (result->status != LOOKUP_OK) {
		ask_failed(l, result->status);
		return;
	}
	l->serial++;
	answer_take(&l->answer, result->ips, result->n, worker_now(),
		    l->section->from->hold_obsolete_ms);
	serve_all(l, q.informant);
	begin_round(l);
}

static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct lookup *l = container_of(timer, struct lookup, due);

	ask(l, l->prefer);
}

void
lookup_start(struct lookup *l)
{
	ev_timer_init(&l->due, on_due, 0., 0.);
	answer_init(&l->answer, worker_now());
	if (l->section->n_informants)
		wait_ms(l, 0);
}

void
lookup_stop(struct lookup *l)
{
	ev_timer_stop(l->loop, &l->due);
}
