/*
 * From a place at a server to the server's first word: QUEUE, PAUSE, DIAL, ANSWER.
 *
 * As long as the session has an opening, whatever a server does wrong costs the client nothing but
 * the time: the next one is dialled, and the CONNECT, which is kept, is sent again.
 */
#include <errno.h>
#include <sys/socket.h>

#include "agent/core/mqtt/connack.h"
#include "agent/core/mqtt/reason.h"
#include "agent/io/dial.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

enum { ANSWER_MAX = 64 << 10 }; /* bytes of a server's first packet that are looked at */

/* Nobody takes this client. What the last server said goes to it; or that there is none. */
enum step
session_give_up(struct session *s, enum close_reason reason)
{
	const struct opening *o = s->opening;
	unsigned level = o->greeting.level;

	if (o->last_code) {
		server_refused(s, o->refused_by);
		return session_refuse(s, reason, level, o->last_code);
	}
	if (o->asked)
		return session_refuse(s, reason, level,
				      refusal_code(REFUSAL_SERVER_UNAVAILABLE, level));
	return session_end(s, reason);
}

enum step
session_placed(struct session *s, enum placed placed)
{
	switch (placed) {
	case PLACED:
		return session_enter(s, SESSION_DIAL);
	case QUEUED:
		return session_enter(s, SESSION_QUEUE);
	case NOT_PLACED_NO_SERVER:
		return session_give_up(s, CLOSE_NO_SERVER);
	case NOT_PLACED_QUEUE_FULL:
		return session_give_up(s, CLOSE_QUEUE_FULL);
	case NOT_PLACED_MEMORY:
		break;
	}
	return session_end(s, CLOSE_MEMORY);
}

static bool
is_placed(enum placed placed)
{
	return placed == PLACED || placed == QUEUED;
}

enum step
dialling_end_queue(struct session *s)
{
	server_stop_waiting(s);
	return session_give_up(s, CLOSE_QUEUE_LATE);
}

enum step
dialling_end_pause(struct session *s)
{
	return session_enter(s, SESSION_DIAL);
}

/*
 * May the next attempt go to another server? usher's own way is always; HAProxy's is `option
 * redispatch N`: each Nth retry, or the Nth before the last.
 */
static bool
may_redispatch(const struct session *s)
{
	int retry = (int)s->opening->n_retries, last = (int)s->backend->retries;
	int n = s->backend->redispatch_after, every = n > 0 ? n : last + 1 + n;

	if (!policy_as_haproxy(&s->world->policy, DIFFERENCE_RETRY_ELSEWHERE))
		return true;
	return s->backend->options & OPTION_REDISPATCH && every > 0 && retry % every == 0;
}

/* A negative errno that the other side is to blame for; the others are ours: ports, descriptors. */
static bool
is_of_the_server(int error)
{
	switch (-error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT: /* of a UNIX socket */
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
		return true;
	default:
		return false;
	}
}

static void
note_connect(const struct session *s, bool ok)
{
	const struct carrier *c = s->carrier;

	if (c->note_connect)
		c->note_connect(c->note_arg, s->backend->servers[s->index], ok);
}

/* It refused, or did not answer in time, or we could not even ask: then it is not its fault. */
static enum step
dial_failed(struct session *s, int error)
{
	enum placed placed;

	session_close_side(s, &s->server);
	record_dial_failed(s, error == -ETIMEDOUT);
	if (is_of_the_server(error))
		note_connect(s, false);
	if (s->opening->n_retries >= s->backend->retries)
		return session_give_up(s, CLOSE_CONNECT_FAILED);
	s->opening->n_retries++;
	placed = may_redispatch(s) ? server_choose_other(s) : NOT_PLACED_NO_SERVER;
	account_behind(s, is_placed(placed) ? TRAFFIC_REDISPATCHES : TRAFFIC_RETRIES);
	record_retry(s, is_placed(placed));
	if (is_placed(placed))
		return session_placed(s, placed);
	return session_enter(s, error == -ETIMEDOUT ? SESSION_DIAL : SESSION_PAUSE);
}

enum step
dialling_end_dial(struct session *s)
{
	return dial_failed(s, -ETIMEDOUT);
}

/* HAProxy: a server without port gets the client's own. */
static bool
find_address(const struct session *s, struct addr *a)
{
	struct ends ends;

	if (!pool_addr(s->world->pools[s->backend->index], s->index, a))
		return false;
	if (a->sa.sa_family != AF_UNIX && addr_port(a) == 0) {
		session_ends(s, &ends);
		addr_default_port(a, ends.self_port);
	}
	return true;
}

static void
set_server_options(const struct session *s, int fd)
{
	const struct topology *t = &s->world->topology;
	const struct keepalive_probes *p = &s->backend->server_probes;

	if (s->backend->options & OPTION_SRVTCPKA)
		socket_keepalive(fd, &(struct keepalive){ p->count, p->idle_s, p->interval_s });
	socket_buffers(fd, t->rcvbuf_server, t->sndbuf_server);
}

static void
note_dial(struct session *s)
{
	struct opening *o = s->opening;

	account_dial(s, o->dialled != s->index);
	o->dialled = s->index;
	o->since = session_now(s);
}

static enum step
dial_start_here(struct session *s)
{
	const struct source *source = &s->backend->servers[s->index]->source;
	struct dial_source from = { source->addr, source->port_min, source->port_max };
	struct addr a = { 0 };
	int fd;

	note_dial(s);
	fd = find_address(s, &a) ? dial_start_from(&a, &from) : -EDESTADDRREQ;
	record_dial(s, fd, &a);
	if (fd < 0)
		return dial_failed(s, fd);
	set_server_options(s, fd);
	opening_drop_head(s->opening);
	s->opening->n_sent = 0;
	ev_io_set(&s->server, fd, 0);
	return STEP_WAIT;
}

/* The server's first byte is waited for only where there is a CONNECT to try elsewhere. */
static enum step
server_reached(struct session *s)
{
	note_connect(s, true);
	record_connected(s);
	account_time(s, TRAFFIC_TIME_CONNECT, session_now(s) - s->opening->since);
	if (s->opening->greeting.len)
		return session_enter(s, SESSION_ANSWER);
	server_accepted(s);
	opening_drop(s);
	return session_enter(s, SESSION_RELAY);
}

/* The server takes connections; where MQTT comes in WebSocket that is not all it must take. */
static enum step
server_greeted(struct session *s)
{
	return s->opening->edge ? upgrade_server_begin(s) : server_reached(s);
}

enum step
dialling_switch(struct session *s)
{
	switch (upgrade_server(s)) {
	case STEP_WAIT:
		return STEP_WAIT;
	case STEP_NEXT:
		return s->state == SESSION_REFUSED ? STEP_NEXT : server_reached(s);
	case STEP_END:
		break;
	}
	return dial_failed(s, -ECONNRESET);
}

enum step
dialling_dial(struct session *s)
{
	int error;

	if (s->server.fd < 0)
		return dial_start_here(s);
	error = dial_result(s->server.fd);
	if (error)
		return dial_failed(s, error);
	return greeting_is_due(s) ? session_enter(s, SESSION_GREET) : server_greeted(s);
}

/* A server that does not take the greeting is one that refuses. */
enum step
dialling_greet(struct session *s)
{
	switch (greeting_run(s)) {
	case STEP_WAIT:
		return STEP_WAIT;
	case STEP_NEXT:
		return server_greeted(s);
	case STEP_END:
		break;
	}
	return dial_failed(s, greeting_error(s));
}

/* ---- its answer ----------------------------------------------------------------------------- */

/* What was sent of the client's bytes is done with; the rest follows. */
static enum step
begin_relay(struct session *s)
{
	size_t sent = s->opening->n_sent;

	buf_consume(s->up.rest, sent);
	s->up.n_bytes += sent;
	account_bytes(s, sent, 0);
	if (buf_len(s->up.rest) == 0)
		relay_fini(&s->up);
	opening_drop(s);
	return session_enter(s, SESSION_RELAY);
}

/*
 * The server says "not here, not now", or closed without a word: the same CONNECT for another one,
 * as long as there is one and not too many are sent around.
 */
static bool
try_elsewhere(struct session *s)
{
	struct backend_load *load = server_load_of(s)->backend;
	enum placed placed;

	if (s->opening->n_retries >= s->backend->retries || !load_may_replay(load, session_now(s)))
		return false;
	placed = server_choose_other(s);
	if (!is_placed(placed)) {
		load_give_replay_back(load);
		return false;
	}
	s->opening->n_retries++;
	account_behind(s, TRAFFIC_REPLAYS);
	record_retry(s, true);
	session_close_side(s, &s->server);
	relay_fini(&s->down);
	s->down.eof = false;
	session_placed(s, placed);
	return true;
}

/* Twice the keepalive the two agreed on, rounded up to one of few values, within the cap. */
static void
set_idle(struct session *s, const struct mqtt_connack *c)
{
	const struct frontend_policy *policy =
		policy_frontend(&s->world->policy, str_of(s->frontend->name));
	int64_t cap = policy ? policy->idle_cap_ms : 0, step = 1000;
	int64_t ms = 2000 * (int64_t)(c->has_server_keepalive ? c->server_keepalive
							      : s->opening->greeting.keepalive);

	if (cap <= 0)
		return;
	while (step * 4 < ms)
		step *= 2;
	ms = (ms + step - 1) / step * step;
	s->idle_ms = (uint32_t)(ms > 0 && ms < cap ? ms : cap);
}

/* A broker may answer MQTT 5 in the words of 3.1.1: "not here, not now" is 3 there. */
static uint8_t
in_clients_version(uint8_t code, unsigned level)
{
	bool is_5 = (level & ~(unsigned)MQTT_LEVEL_BRIDGE) >= 5;

	if (is_5 != (code >= 0x80))
		return refusal_code(REFUSAL_SERVER_UNAVAILABLE, level);
	return code;
}

static enum step
take_connack(struct session *s, const struct mqtt_connack *c)
{
	uint32_t target = server_target(s);

	if (c->code == 0) {
		set_idle(s, c);
		server_accepted(s);
		return begin_relay(s);
	}
	if (!connack_means_elsewhere(c->code, c->level))
		return begin_relay(s);
	s->opening->last_code = in_clients_version(c->code, s->opening->greeting.level);
	s->opening->refused_by = target;
	if (try_elsewhere(s))
		return STEP_NEXT;
	server_refused(s, target);
	return begin_relay(s);
}

/* It has said its last, and nothing of MQTT. */
static enum step
server_lost(struct session *s)
{
	return try_elsewhere(s) ? STEP_NEXT : session_give_up(s, CLOSE_SERVER_GONE);
}

/* The server's MQTT so far. *is_over: there will be no more of it. */
static struct str
read_mqtt(struct session *s, bool *is_over)
{
	*is_over = s->down.eof;
	if (!s->opening->edge)
		return (struct str){ (const char *)buf_front(s->down.rest), buf_len(s->down.rest) };
	*is_over |= edge_read_server(s->opening->edge, s->down.rest) != EDGE_OPEN;
	return edge_server_mqtt(s->opening->edge);
}

/* The server's first packet is in down.rest, or the beginning of it. */
static enum step
read_answer(struct session *s)
{
	bool is_over;
	struct str mqtt = read_mqtt(s, &is_over);
	struct mqtt_connack c;
	enum mqtt_fault fault;

	switch (mqtt_connack_decode((const uint8_t *)mqtt.p, mqtt.n, ANSWER_MAX, &c, &fault)) {
	case PARSE_OK:
		return take_connack(s, &c);
	case PARSE_MORE:
		if (is_over && mqtt.n == 0)
			return server_lost(s);
		return is_over ? begin_relay(s) : STEP_WAIT;
	case PARSE_BAD:
		break;
	}
	server_accepted(s); /* AUTH, or none of our business */
	return begin_relay(s);
}

/* Send the CONNECT, which is kept. False: the server takes nothing more. */
static bool
send_connect(struct session *s)
{
	struct opening *o = s->opening;
	struct end server = session_server(s);
	ssize_t n;

	if (o->n_sent == o->greeting.len)
		return true;
	n = end_send(&server, buf_front(s->up.rest) + o->n_sent, o->greeting.len - o->n_sent);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	o->n_sent += (size_t)n;
	return true;
}

enum step
dialling_await_answer(struct session *s)
{
	struct worker *w = s->carrier->worker;
	bool sent = send_connect(s);
	struct end server;
	ssize_t got;

	if (!session_read_request(s))
		return session_unread(s);
	server = session_server(s);
	got = end_recv(&server, w->read_buffer, ANSWER_MAX);
	if (got < 0 && (errno == EAGAIN || errno == EINTR) && sent && s->down.rest)
		return read_answer(s); /* it may have come right behind the upgrade */
	if (got < 0 && (errno == EAGAIN || errno == EINTR) && sent)
		return s->up.eof && buf_len(s->up.rest) == s->opening->n_sent ? begin_relay(s)
									      : STEP_WAIT;
	if (got > 0) {
		if (!relay_keep(&s->down, w->read_buffer, (size_t)got))
			return session_end(s, CLOSE_MEMORY);
		return read_answer(s);
	}
	s->down.eof = true;
	return s->down.rest ? read_answer(s) : server_lost(s);
}
