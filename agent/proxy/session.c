/*
 * State is one enum, written by session_enter(), described by the table `states`; a step does all
 * it can and waits, goes on, or ends the session. A session dies in one place: the driver.
 */
#include "agent/proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/core/decide/decide.h"
#include "agent/core/mqtt/connack.h"
#include "agent/core/mqtt/connect.h"
#include "agent/core/mqtt/facts.h"
#include "agent/engine/quota.h"
#include "agent/engine/route.h"
#include "agent/engine/verdict_log.h"
#include "agent/io/dial.h"
#include "agent/io/log.h"
#include "agent/proxy/relay.h"

enum {
	CONNECT_MAX = 128 << 10, /* bytes; brokers take more, but nobody says hello that long */
	INSPECT_MS = 10000,	 /* where the file sets no inspect-delay */
	FAREWELL_MS = 2000,	 /* for a refused client to read its CONNACK and go */
};

enum session_state {
	SESSION_CONNECT,
	SESSION_DIAL,
	SESSION_RELAY,
	SESSION_REFUSED,
};

struct session {
	struct bounded bounded; /* the wait of the present state */
	struct list list;	/* in the carrier's sessions, or its idle slots */
	ev_io client, server;	/* fd -1: not open */
	struct relay up, down;	/* client → server, server → client */
	struct carrier *carrier;
	struct world *world;	      /* ref; the one it was accepted in */
	const struct proxy *frontend; /* of that world, and so is */
	const struct proxy *backend;
	int64_t started;	  /* monotonic ms */
	uint8_t state;		  /* enum session_state */
	uint8_t reason;		  /* enum close_reason, once it ends or is refused */
	uint16_t servers[RANKED]; /* to try, best first; indexes into the backend */
	uint8_t n_servers;
	uint8_t tried; /* how many of them were dialled */
	bool answered; /* the broker's first packet has been looked at */
	bool sticky;   /* `key` names the entry that learns when this session ends */
	uint64_t key;
	struct quota *quota; /* the tenant's count that this session is part of; NULL: none */
};

_Static_assert(sizeof(struct session) <= 256, "a session is small: there are millions");

enum step {
	STEP_WAIT,
	STEP_NEXT,
	STEP_END,
};

static enum step await_connect(struct session *s);
static enum step dial_server(struct session *s);
static enum step relay_bytes(struct session *s);
static enum step await_farewell(struct session *s);

static const struct {
	const char *name;
	enum step (*step)(struct session *s);
	enum close_reason late; /* why it ends when its time is over */
} states[] = {
	[SESSION_CONNECT] = { "connect", await_connect, CLOSE_CONNECT_LATE },
	[SESSION_DIAL] = { "dial", dial_server, CLOSE_CONNECT_FAILED },
	[SESSION_RELAY] = { "relay", relay_bytes, CLOSE_CLIENT_TIMEOUT },
	[SESSION_REFUSED] = { "refused", await_farewell, CLOSE_REFUSED },
};

const char *
close_reason_name(enum close_reason reason)
{
	static const char *const names[N_CLOSE_REASONS] = {
		[CLOSE_DONE] = "done",
		[CLOSE_CLIENT_GONE] = "client_gone",
		[CLOSE_SERVER_GONE] = "server_gone",
		[CLOSE_CLIENT_TIMEOUT] = "client_timeout",
		[CLOSE_NOT_MQTT] = "not_mqtt",
		[CLOSE_CONNECT_LATE] = "connect_late",
		[CLOSE_REFUSED] = "refused",
		[CLOSE_NO_SERVER] = "no_server",
		[CLOSE_CONNECT_FAILED] = "connect_failed",
		[CLOSE_MEMORY] = "memory",
		[CLOSE_STOPPING] = "stopping",
	};

	return names[reason];
}

/* ---- the wheel ------------------------------------------------------------------------------ */

/* How long the present state may last; RELAY: without a byte. */
static int64_t
time_allowed(const struct session *s)
{
	int64_t delay = s->frontend->inspect_delay_ms;
	int64_t client = s->frontend->timeout_ms[TIMEOUT_CLIENT];
	int64_t server = s->backend ? s->backend->timeout_ms[TIMEOUT_SERVER] : 0;

	switch ((enum session_state)s->state) {
	case SESSION_CONNECT:
		return delay > 0 ? delay : INSPECT_MS;
	case SESSION_DIAL:
		return s->backend->timeout_ms[TIMEOUT_CONNECT];
	case SESSION_REFUSED:
		return FAREWELL_MS;
	case SESSION_RELAY:
		break;
	}
	return client > 0 && (server <= 0 || client < server) ? client : server;
}

static enum step
session_enter(struct session *s, enum session_state state)
{
	s->state = (uint8_t)state;
	bounds_wait(&s->carrier->bounds, &s->bounded, time_allowed(s));
	return STEP_NEXT;
}

static enum step
session_end(struct session *s, enum close_reason reason)
{
	s->reason = (uint8_t)reason;
	return STEP_END;
}

static void
close_side(struct session *s, ev_io *side)
{
	if (side->fd < 0)
		return;
	ev_io_stop(s->carrier->worker->loop, side);
	close(side->fd);
	ev_io_set(side, -1, 0);
}

static void
log_end(const struct session *s)
{
	if (!log_wants(LOG_INFO))
		return;
	log_line(LOG_INFO,
		 "session closed frontend=%s backend=%s server=%.*s reason=%s state=%s in=%llu "
		 "out=%llu ms=%lld",
		 s->frontend->name, s->backend ? s->backend->name : "-",
		 STR_ARG(s->tried ? str_of(s->backend->servers[s->servers[s->tried - 1]]->name)
				  : STR("-")),
		 close_reason_name(s->reason), states[s->state].name,
		 (unsigned long long)s->up.n_bytes, (unsigned long long)s->down.n_bytes,
		 (long long)(worker_now() - s->started));
}

static void
session_free(struct session *s)
{
	struct carrier *c = s->carrier;

	log_end(s);
	if (s->sticky)
		stick_table_session_end(s->world->env.table, s->key, worker_now());
	if (s->quota)
		quota_leave(s->quota);
	bounds_leave(&s->bounded);
	close_side(s, &s->client);
	close_side(s, &s->server);
	relay_fini(&s->up);
	relay_fini(&s->down);
	world_unref(s->world);
	list_remove(&s->list);
	list_append(&c->idle, &s->list);
	c->n_sessions--;
}

/* Interest follows from state and buffers; the loop is told only of changes. */
static void
watch_side(struct session *s, ev_io *side, bool read, bool write)
{
	int interest = (read ? EV_READ : 0) | (write ? EV_WRITE : 0);

	if (side->fd < 0 || (side->events & (EV_READ | EV_WRITE)) == interest)
		return;
	ev_io_stop(s->carrier->worker->loop, side);
	ev_io_set(side, side->fd, interest);
	if (interest)
		ev_io_start(s->carrier->worker->loop, side);
}

static void
session_watch(struct session *s)
{
	switch ((enum session_state)s->state) {
	case SESSION_CONNECT:
	case SESSION_REFUSED:
		watch_side(s, &s->client, true, false);
		return;
	case SESSION_DIAL:
		watch_side(s, &s->client, false, false);
		watch_side(s, &s->server, false, true);
		return;
	case SESSION_RELAY:
		break;
	}
	watch_side(s, &s->client, relay_wants_read(&s->up), relay_wants_write(&s->down));
	watch_side(s, &s->server, relay_wants_read(&s->down), relay_wants_write(&s->up));
}

static void
session_run(struct session *s)
{
	enum step step;

	do
		step = states[s->state].step(s);
	while (step == STEP_NEXT);

	if (step == STEP_END)
		session_free(s);
	else
		session_watch(s);
}

static void
on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	session_run(container_of(io, struct session, client));
}

static void
on_server(struct ev_loop *loop, ev_io *io, int revents)
{
	session_run(container_of(io, struct session, server));
}

static void
on_due(struct bounded *b)
{
	struct session *s = container_of(b, struct session, bounded);

	if (s->state == SESSION_DIAL) {
		/* This server does not answer: the next one, as if it had refused. */
		close_side(s, &s->server);
		session_run(s);
		return;
	}
	if (s->state != SESSION_REFUSED) /* that has its reason already */
		s->reason = (uint8_t)states[s->state].late;
	session_free(s);
}

/* ---- the CONNECT ---------------------------------------------------------------------------- */

/* Tell a client that can read it, then wait for it to go: a close now could overtake the words. */
static enum step
refuse(struct session *s, enum close_reason reason, unsigned level, uint8_t code)
{
	uint8_t connack[MQTT_CONNACK_MAX];
	size_t n = mqtt_connack_encode(level, code, connack, sizeof(connack));

	if (send(s->client.fd, connack, n, MSG_NOSIGNAL) != (ssize_t)n)
		return session_end(s, CLOSE_CLIENT_GONE);
	shutdown(s->client.fd, SHUT_WR);
	s->reason = (uint8_t)reason;
	return session_enter(s, SESSION_REFUSED);
}

static enum step
await_farewell(struct session *s)
{
	/* Once a turn: whoever sends without end would have the worker to itself. */
	ssize_t got = recv(s->client.fd, s->carrier->worker->read_buffer, WORKER_BUFFER, 0);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)) ? STEP_WAIT : STEP_END;
}

static void
socket_facts(const struct session *s, struct facts *f)
{
	struct addr a;
	struct ip ip;

	facts_set_str(f, FACT_FRONTEND, str_of(s->frontend->name));
	facts_set_str(f, FACT_TRANSPORT, STR("tcp"));
	if (socket_peer(s->client.fd, &a)) {
		addr_ip(&a, &ip);
		facts_set_ip(f, FACT_SOURCE, &ip);
		facts_set_number(f, FACT_SOURCE_PORT, addr_port(&a));
	}
	if (socket_self(s->client.fd, &a)) {
		addr_ip(&a, &ip);
		facts_set_ip(f, FACT_DESTINATION, &ip);
		facts_set_number(f, FACT_DESTINATION_PORT, addr_port(&a));
	}
}

static void
take_ranking(struct session *s, const struct ranking *r)
{
	s->n_servers = r->n;
	memcpy(s->servers, r->server, sizeof(s->servers));
}

/* The verdict's servers become the session's; its entry and its tenant's quota count it. */
static enum step
obey(struct session *s, const struct verdict *v, unsigned level)
{
	struct quota *quota = v->tenant ? s->world->quotas[v->tenant->index] : NULL;

	s->backend = v->backend;
	take_ranking(s, &v->ranking);
	s->sticky = v->effects.stick;
	s->key = v->effects.key.hash;
	if (!s->backend)
		return session_end(s, CLOSE_NO_SERVER);
	if (quota && !quota_enter(quota, v->tenant->max_connections))
		return refuse(s, CLOSE_REFUSED, level, refusal_code(REFUSAL_QUOTA_EXCEEDED, level));
	s->quota = quota;
	return session_enter(s, SESSION_DIAL);
}

static enum step
ask(struct session *s, const struct mqtt_connect *c)
{
	struct facts facts = { 0 };
	struct verdict v;

	mqtt_facts(c, &facts);
	socket_facts(s, &facts);
	route_ask(s->carrier->worker, s->world, &facts, &v);
	verdict_log(&v, &facts, worker_ms(s->carrier->worker));
	if (v.action == VERDICT_REJECT)
		return refuse(s, CLOSE_REFUSED, c->level, refusal_code(v.refusal, c->level));
	return obey(s, &v, c->level);
}

/* Look at what is there of the CONNECT; the bytes stay, to be sent on. */
static enum step
inspect(struct session *s)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;
	uint8_t code;

	switch (mqtt_connect_decode(buf_front(s->up.rest), buf_len(s->up.rest), CONNECT_MAX, &c,
				    &fault)) {
	case PARSE_OK:
		return ask(s, &c);
	case PARSE_MORE:
		return s->up.eof ? session_end(s, CLOSE_NOT_MQTT) : STEP_WAIT;
	case PARSE_BAD:
		break;
	}
	code = mqtt_fault_code(fault, c.level);
	return code ? refuse(s, CLOSE_NOT_MQTT, c.level, code) : session_end(s, CLOSE_NOT_MQTT);
}

static enum step
await_connect(struct session *s)
{
	struct worker *w = s->carrier->worker;
	ssize_t got = recv(s->client.fd, w->read_buffer, CONNECT_MAX, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_WAIT
							 : session_end(s, CLOSE_CLIENT_GONE);
	s->up.eof = got == 0;
	if (!relay_keep(&s->up, w->read_buffer, (size_t)got))
		return session_end(s, CLOSE_MEMORY);
	if (!s->up.rest)
		return session_end(s, CLOSE_CLIENT_GONE);
	return inspect(s);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* Begin to connect to the next server of the ranking. */
static enum step
dial_next(struct session *s)
{
	while (s->tried < s->n_servers && s->tried <= s->backend->retries) {
		const struct server *server = s->backend->servers[s->servers[s->tried++]];
		int fd = server->addr.len ? dial_start(&server->addr) : -EDESTADDRREQ;

		if (fd < 0)
			continue;
		ev_io_set(&s->server, fd, 0);
		bounds_wait(&s->carrier->bounds, &s->bounded, time_allowed(s));
		return STEP_WAIT;
	}
	return session_end(s, CLOSE_CONNECT_FAILED);
}

static enum step
dial_server(struct session *s)
{
	if (s->server.fd < 0)
		return dial_next(s);
	if (dial_result(s->server.fd) == 0)
		return session_enter(s, SESSION_RELAY);
	close_side(s, &s->server);
	return dial_next(s);
}

/*
 * The broker's first packet tells whether the client is really there: CONNACK 0 makes the entry
 * real, at the server that took it in the end; "not here, not now" lets it go.
 */
static void
note_answer(struct session *s)
{
	uint32_t target = pool_target(s->world->pools[s->backend->index], s->servers[s->tried - 1]);
	struct stick_table *table = s->world->env.table;
	uint8_t head[4]; /* type, remaining length, flags, code */
	unsigned level;

	if (recv(s->server.fd, head, sizeof(head), MSG_PEEK) != sizeof(head))
		return;
	s->answered = true;
	level = head[1] > 2 ? 5 : 4;
	if (head[0] != 0x20)
		return;
	if (head[3] == 0)
		stick_table_accept(table, s->key, target, worker_ms(s->carrier->worker));
	else if (connack_means_elsewhere(head[3], level))
		stick_table_drop(table, s->key, target);
}

static enum step
relay_bytes(struct session *s)
{
	struct worker *w = s->carrier->worker;
	uint64_t before = s->up.n_bytes + s->down.n_bytes;
	enum relay_result up = relay_run(&s->up, w, s->client.fd, s->server.fd);
	enum relay_result down;

	if (s->sticky && !s->answered)
		note_answer(s);
	if (up == RELAY_MEMORY)
		return session_end(s, CLOSE_MEMORY);
	if (up == RELAY_BROKEN_FROM)
		return session_end(s, CLOSE_CLIENT_GONE);
	/* A server that takes nothing more may have said why: that still goes to the client. */
	down = relay_run(&s->down, w, s->server.fd, s->client.fd);
	if (down == RELAY_MEMORY)
		return session_end(s, CLOSE_MEMORY);
	if (down == RELAY_BROKEN_TO)
		return session_end(s, CLOSE_CLIENT_GONE);
	if (up == RELAY_BROKEN_TO || down == RELAY_BROKEN_FROM)
		return session_end(s, CLOSE_SERVER_GONE);
	if (up == RELAY_DONE && down == RELAY_DONE)
		return session_end(s, CLOSE_DONE);
	if (s->up.n_bytes + s->down.n_bytes != before)
		bounds_touch(&s->carrier->bounds, &s->bounded);
	return STEP_WAIT;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

void
carrier_init(struct carrier *c, struct worker *w)
{
	c->worker = w;
	c->n_sessions = 0;
	list_init(&c->sessions);
	list_init(&c->idle);
	bounds_init(&c->bounds, w, on_due);
}

void
carrier_fini(struct carrier *c)
{
	list_for_each_safe(at, &c->sessions) {
		struct session *s = container_of(at, struct session, list);

		s->reason = CLOSE_STOPPING;
		session_free(s);
	}
	list_for_each_safe(slot, &c->idle)
		free(container_of(slot, struct session, list));
	bounds_fini(&c->bounds);
}

static struct session *
take_slot(struct carrier *c)
{
	struct list *slot = c->idle.next;

	if (slot == &c->idle)
		return malloc(sizeof(struct session));
	list_remove(slot);
	return container_of(slot, struct session, list);
}

/* The backend's own algorithm, as HAProxy would without a verdict. */
static bool
choose_servers(struct session *s)
{
	struct pool *pool = s->backend ? s->world->pools[s->backend->index] : NULL;
	struct ranking ranking;
	struct ip source = { 0 };
	struct addr peer;
	struct pick pick = { .source = &source, .random = worker_random(s->carrier->worker) };

	if (!pool)
		return false;
	if (socket_peer(s->client.fd, &peer))
		addr_ip(&peer, &source);
	do
		pool_rank(pool, &pick, &ranking);
	while (ranking.n && !pool_commit(pool, &ranking));
	take_ranking(s, &ranking);
	return ranking.n > 0;
}

void
session_start(struct carrier *c, const struct proxy *frontend, int fd)
{
	struct session *s = take_slot(c);

	if (!s) {
		close(fd);
		return;
	}
	*s = (struct session){
		.carrier = c,
		.world = world_ref(c->worker->world),
		.frontend = frontend,
		.backend = frontend->default_backend,
		.started = worker_now(),
	};
	bounded_init(&s->bounded);
	list_init(&s->list);
	list_append(&c->sessions, &s->list);
	c->n_sessions++;
	ev_io_init(&s->client, on_client, fd, 0);
	ev_io_init(&s->server, on_server, -1, 0);
	if (world_governs(s->world, frontend)) {
		session_enter(s, SESSION_CONNECT);
		session_run(s);
		return;
	}
	if (!choose_servers(s)) {
		s->reason = CLOSE_NO_SERVER;
		session_free(s);
		return;
	}
	session_enter(s, SESSION_DIAL);
	session_run(s);
}
