/*
 * Arguments are found by name, so their order and number in the user's file are free; since they
 * nearly always come in the order of our table, the search goes on from the last hit.
 *
 * HAProxy sends an MQTT field as bytes even where it is a number, and a number of its own as an
 * integer: both are taken everywhere. An argument that makes no sense is an unknown fact.
 */
#include "agent/spoa/request.h"

#include <string.h>

#include "agent/core/mqtt/reason.h"
#include "agent/core/wire/syslog.h"
#include "agent/engine/route.h"
#include "agent/engine/verdict_log.h"
#include "agent/engine/verdict_vars.h"
#include "spoe/ack.h"

/* The most that one ACK takes, names of ordinary length assumed; see request_answer(). */
enum { ACK_ROOM = 8192 };

/* Bits of the CONNECT flags byte (MQTT 3.1.1, 3.1.2.3). */
enum { CONNECT_CLEAN_START = 0x02 };

/* What arguments say that is not a fact by itself. */
struct asked {
	struct facts facts;
	const struct fact_names *names; /* headers that the policy asks for */
	unsigned level;			/* MQTT protocol level; 0: unknown */
	bool tls, ws, certificate, verify_ok;
	/* of the CONNACK group */
	struct str key, server;
	uint64_t code;
	bool has_code;
	const struct route_fetch *fetch; /* NULL: none */
};

static struct str
bytes(const struct spop_value *v)
{
	if (v->type != SPOP_TYPE_STRING && v->type != SPOP_TYPE_BINARY)
		return (struct str){ 0 };
	return (struct str){ v->str.p, v->str.n };
}

static bool
number(const struct spop_value *v, uint64_t *value)
{
	switch (v->type) {
	case SPOP_TYPE_BOOL:
		*value = v->boolean;
		return true;
	case SPOP_TYPE_INT32:
	case SPOP_TYPE_INT64:
		*value = (uint64_t)v->i;
		return v->i >= 0;
	case SPOP_TYPE_UINT32:
	case SPOP_TYPE_UINT64:
		*value = v->u;
		return true;
	default:
		return str_u64(bytes(v), value);
	}
}

static void
take_fact(struct asked *a, enum fact fact, const struct spop_value *v)
{
	struct ip ip = { 0 };
	uint64_t n;

	switch (fact_type(fact)) {
	case FACT_TYPE_STRING:
		facts_set_str(&a->facts, fact, bytes(v));
		break;
	case FACT_TYPE_IP:
		if (v->type != SPOP_TYPE_IPV4 && v->type != SPOP_TYPE_IPV6)
			break;
		ip.family = v->type == SPOP_TYPE_IPV4 ? 4 : 6;
		memcpy(ip.bytes, v->ip, ip.family == 4 ? 4 : 16);
		facts_set_ip(&a->facts, fact, &ip);
		break;
	case FACT_TYPE_NUMBER:
	case FACT_TYPE_BOOL:
		if (number(v, &n))
			facts_set_number(&a->facts, fact, n);
		break;
	}
}

static void
take_level(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t level;

	if (!number(v, &level) || level > 255)
		return;
	a->level = (unsigned)level;
	facts_set_str(&a->facts, FACT_PROTOCOL, fact_protocol(a->level));
}

static void
take_flags(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t flags;

	if (number(v, &flags))
		facts_set_number(&a->facts, FACT_CLEAN_START, flags & CONNECT_CLEAN_START);
}

static void
take_tls(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t tls;

	a->tls = number(v, &tls) && tls;
}

static void
take_ws(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t ws;

	a->ws = number(v, &ws) && ws;
}

/* ssl_c_used: without it ssl_c_verify is 0, "fine", for a client that showed no certificate. */
static void
take_certificate(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t used;

	a->certificate = number(v, &used) && used;
}

static void
take_verify(struct asked *a, enum fact fact, const struct spop_value *v)
{
	uint64_t result;

	a->verify_ok = number(v, &result) && result == 0;
}

static void
take_key(struct asked *a, enum fact fact, const struct spop_value *v)
{
	a->key = bytes(v);
}

static void
take_server(struct asked *a, enum fact fact, const struct spop_value *v)
{
	a->server = bytes(v);
}

static void
take_code(struct asked *a, enum fact fact, const struct spop_value *v)
{
	a->has_code = number(v, &a->code);
}

static const struct argument {
	struct spop_str name;
	void (*take)(struct asked *a, enum fact fact, const struct spop_value *v);
	enum fact fact;
} arguments[] = {
#define NAMED(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
	{ NAMED("client_id"), take_fact, FACT_CLIENT_ID },
	{ NAMED("username"), take_fact, FACT_USERNAME },
	{ NAMED("level"), take_level, 0 },
	{ NAMED("flags"), take_flags, 0 },
	{ NAMED("keepalive"), take_fact, FACT_KEEPALIVE },
	{ NAMED("session_expiry"), take_fact, FACT_SESSION_EXPIRY },
	{ NAMED("source"), take_fact, FACT_SOURCE },
	{ NAMED("source_port"), take_fact, FACT_SOURCE_PORT },
	{ NAMED("destination"), take_fact, FACT_DESTINATION },
	{ NAMED("destination_port"), take_fact, FACT_DESTINATION_PORT },
	{ NAMED("frontend"), take_fact, FACT_FRONTEND },
	{ NAMED("tls"), take_tls, 0 },
	{ NAMED("tls_version"), take_fact, FACT_TLS_VERSION },
	{ NAMED("sni"), take_fact, FACT_SNI },
	{ NAMED("alpn"), take_fact, FACT_ALPN },
	{ NAMED("certificate"), take_certificate, 0 },
	{ NAMED("verify"), take_verify, 0 },
	{ NAMED("cn"), take_fact, FACT_CN },
	{ NAMED("ws"), take_ws, 0 },
	{ NAMED("path"), take_fact, FACT_PATH },
	{ NAMED("query"), take_fact, FACT_QUERY },
	{ NAMED("host"), take_fact, FACT_HOST },
	{ NAMED("key"), take_key, 0 },
	{ NAMED("server"), take_server, 0 },
	{ NAMED("code"), take_code, 0 },
#undef NAMED
};

enum { N_ARGUMENTS = sizeof(arguments) / sizeof(arguments[0]) };

/* "header.x-region": told of by that name, if the policy asks for it. */
static void
take_named(struct asked *a, struct spop_str argument, const struct spop_value *v)
{
	enum fact_family family;
	enum fact fact;
	struct str name;

	if (!a->names->n ||
	    !fact_family_split((struct str){ argument.p, argument.n }, &family, &name))
		return;
	fact = fact_names_find(a->names, family, name);
	if (fact != FACT_NONE)
		take_fact(a, fact, v);
}

static void
take_arguments(struct asked *a, struct spop_args args)
{
	struct spop_str name;
	struct spop_value value;
	size_t at = 0, tried;

	while (spop_notify_arg(&args, &name, &value)) {
		for (tried = 0; tried < N_ARGUMENTS; tried++, at++) {
			if (at == N_ARGUMENTS)
				at = 0;
			if (!spop_str_eq(name, arguments[at].name))
				continue;
			arguments[at].take(a, arguments[at].fact, &value);
			at++;
			break;
		}
		if (tried == N_ARGUMENTS)
			take_named(a, name, &value);
	}
}

/* Facts that follow from several arguments. */
static void
complete(struct asked *a)
{
	static const struct str transports[2][2] = {
		{ { "tcp", 3 }, { "tls", 3 } },
		{ { "ws", 2 }, { "wss", 3 } },
	};

	facts_set_str(&a->facts, FACT_TRANSPORT, transports[a->ws][a->tls]);
	if (a->tls)
		facts_set_number(&a->facts, FACT_VERIFIED, a->certificate && a->verify_ok);
}

static void
write_verdict(const struct verdict *v, unsigned level, struct spop_writer *out)
{
	struct verdict_vars vars;

	verdict_vars(v, level, &vars);
	for (size_t i = 0; i < vars.n; i++) {
		const struct verdict_var *var = &vars.vars[i];

		if (var->is_number)
			spop_ack_set_int(out, SPOP_SCOPE_TXN, var->name, var->number);
		else
			spop_ack_set_str(out, SPOP_SCOPE_TXN, var->name,
					 (struct spop_str){ var->text.p, var->text.n });
	}
}

/* Messages usher-connect and usher-http: a client asks to be let in. */
static void
answer_connect(struct worker *w, const struct asked *a, struct spop_writer *out)
{
	struct verdict v;

	if (a->fetch)
		route_ask_fetched(w, w->world, &a->facts, a->fetch, &v);
	else
		route_ask(w, w->world, &a->facts, &v);
	if (v.has_place) /* HAProxy carries whom it asks for, even while usher stands in for it */
		load_leave(pool_load(v.pool, v.ranking.server[0]));
	write_verdict(&v, a->level, out);
	verdict_log(&v, &a->facts, worker_ms(w));
}

/* Message usher-connack: a broker answered. */
static void
answer_connack(struct worker *w, const struct asked *a, struct spop_writer *out)
{
	const struct world *world = w->world;
	uint32_t target = world_target(world, a->server);
	uint64_t key;

	counters_add(w->counters, COUNTER_CONNACKS);
	if (!a->has_code || target == STICK_NO_TARGET || !session_key_parse(a->key, &key))
		return;
	if (a->code == 0) {
		sharing_accept(w->sharing, world->env.table, key, target, worker_ms(w));
	} else if (connack_means_elsewhere((unsigned)a->code, a->level)) {
		counters_add(w->counters, COUNTER_CONNACKS_ELSEWHERE);
		sharing_drop(w->sharing, world->env.table, key, target, worker_ms(w));
	}
}

static const struct message {
	const char *name;
	void (*answer)(struct worker *w, const struct asked *a, struct spop_writer *out);
} messages[] = {
	{ "usher-connect", answer_connect },
	{ "usher-http", answer_connect },
	{ "usher-connack", answer_connack },
};

/* The next message that is ours, its arguments read; NULL: no more. */
static const struct message *
next_message(const struct worker *w, struct spop_notify *notify, struct asked *a)
{
	const struct world *world = w->world;
	struct spop_str name;
	struct spop_args args;

	while (spop_notify_message(notify, &name, &args))
		for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
			if (!spop_str_is(name, messages[i].name))
				continue;
			*a = (struct asked){ .names = &world->policy.named };
			take_arguments(a, args);
			complete(a);
			return &messages[i];
		}
	return NULL;
}

static void
answer_messages(struct worker *w, struct spop_notify *notify, const struct route_fetch *fetch,
		struct spop_writer *out)
{
	const struct message *message;
	struct asked asked;
	bool known = false;

	while ((message = next_message(w, notify, &asked))) {
		asked.fetch = fetch;
		message->answer(w, &asked, out);
		known = true;
	}
	if (!known)
		counters_add(w->counters, COUNTER_UNKNOWN_MESSAGES);
}

bool
request_fetch(struct worker *w, struct spop_notify notify, struct route_fetch *fetch,
	      void (*ready)(void *arg), void *arg)
{
	const struct message *message;
	struct asked asked;

	while ((message = next_message(w, &notify, &asked)))
		if (message->answer == answer_connect)
			return route_fetch(w, w->world, &asked.facts, fetch, ready, arg);
	return false;
}

bool
request_answer(struct worker *w, const struct spop_conn *c, struct spop_notify notify,
	       int64_t since, const struct route_fetch *fetch, struct spop_writer *out)
{
	const struct world *world = w->world;

	if (out->cap - out->n < ACK_ROOM)
		return false;
	spop_ack_begin(out, c, notify.stream_id, notify.frame_id);
	if (worker_ms(w) - since > world->policy.max_delay_ms)
		/* HAProxy has given this client up or is about to: no answer is the quickest. */
		counters_add(w->counters, COUNTER_OVERLOADED);
	else
		answer_messages(w, &notify, fetch, out);
	if (spop_ack_end(out))
		return true;
	/* Names longer than HAProxy's frame: it goes on as without a verdict. */
	spop_ack_begin(out, c, notify.stream_id, notify.frame_id);
	return spop_ack_end(out);
}
