/*
 * State is one enum, written by session_enter(), described by the table `states`; a step does all
 * it can and waits, goes on, or ends the session. A session dies in one place: the driver.
 */
#include "agent/proxy/session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/core/mqtt/connack.h"
#include "agent/core/mqtt/reason.h"
#include "agent/io/dial.h"
#include "agent/io/log.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

enum {
	HELD_MAX = 64 << 10, /* of them behind the CONNECT, before more is read */
	ARRIVAL_MS = 10000,  /* at most, each, for a PROXY header, TLS, and an upgrade */
	FAREWELL_MS = 2000,  /* for a refused client to read its CONNACK and go */
	PAUSE_MS = 1000,     /* HAProxy's, before the same server is tried again */
};

static enum step inspect_front(struct session *s);
static enum step inspect_back(struct session *s);
static enum step watch_client(struct session *s);
static enum step relay_bytes(struct session *s);
static enum step await_farewell(struct session *s);

static enum step end_delay(struct session *s);
static enum step end_idle(struct session *s);
static enum step end_farewell(struct session *s);

static const struct {
	const char *name;
	enum step (*step)(struct session *s);
	enum step (*late)(struct session *s); /* its time is over */
} states[] = {
	[SESSION_HEADER] = { "header", arrival_header, arrival_end },
	[SESSION_HANDSHAKE] = { "handshake", arrival_handshake, arrival_end },
	[SESSION_UPGRADE] = { "upgrade", upgrade_client, upgrade_end },
	[SESSION_FRONT] = { "front", inspect_front, end_delay },
	[SESSION_BACK] = { "back", inspect_back, end_delay },
	[SESSION_QUEUE] = { "queue", watch_client, dialling_end_queue },
	[SESSION_PAUSE] = { "pause", watch_client, dialling_end_pause },
	[SESSION_DIAL] = { "dial", dialling_dial, dialling_end_dial },
	[SESSION_GREET] = { "greet", dialling_greet, dialling_end_dial },
	[SESSION_SWITCH] = { "switch", dialling_switch, dialling_end_dial },
	[SESSION_ANSWER] = { "answer", dialling_await_answer, end_idle },
	[SESSION_RELAY] = { "relay", relay_bytes, end_idle },
	[SESSION_REFUSED] = { "refused", await_farewell, end_farewell },
};

/* ---- the wheel ------------------------------------------------------------------------------ */

static int64_t
shorter(int64_t a, int64_t b)
{
	return a > 0 && (b <= 0 || a < b) ? a : b;
}

/*
 * How long nothing may move. Each side has its own time in HAProxy, and any byte moves both, so the
 * shorter one ends it.
 */
static int64_t
idle_allowed(const struct session *s)
{
	const int64_t *client = s->frontend->timeout_ms, *server = s->backend->timeout_ms;
	bool is_half_closed = s->up.shut || s->down.shut;

	if (is_half_closed)
		return shorter(client[TIMEOUT_CLIENT_FIN] > 0 ? client[TIMEOUT_CLIENT_FIN]
							      : client[TIMEOUT_CLIENT],
			       server[TIMEOUT_SERVER_FIN] > 0 ? server[TIMEOUT_SERVER_FIN]
							      : server[TIMEOUT_SERVER]);
	if (s->idle_ms)
		return s->idle_ms;
	if (s->state == SESSION_RELAY && server[TIMEOUT_TUNNEL] > 0)
		return server[TIMEOUT_TUNNEL];
	return shorter(client[TIMEOUT_CLIENT], server[TIMEOUT_SERVER]);
}

static int64_t
time_allowed(const struct session *s)
{
	const int64_t *times = s->backend ? s->backend->timeout_ms : NULL;

	switch ((enum session_state)s->state) {
	case SESSION_FRONT:
	case SESSION_BACK:
		return route_delay(s);
	case SESSION_QUEUE:
		return times[TIMEOUT_QUEUE] > 0 ? times[TIMEOUT_QUEUE] : times[TIMEOUT_CONNECT];
	case SESSION_PAUSE:
		return shorter(PAUSE_MS, times[TIMEOUT_CONNECT]);
	case SESSION_DIAL:
	case SESSION_GREET:
	case SESSION_SWITCH:
		return times[TIMEOUT_CONNECT];
	case SESSION_UPGRADE:
		if (s->frontend->mode == PROXY_HTTP &&
		    s->frontend->timeout_ms[TIMEOUT_HTTP_REQUEST] > 0)
			return s->frontend->timeout_ms[TIMEOUT_HTTP_REQUEST];
		/* fall through */
	case SESSION_HEADER:
	case SESSION_HANDSHAKE:
		return shorter(s->frontend->timeout_ms[TIMEOUT_CLIENT], ARRIVAL_MS);
	case SESSION_ANSWER:
	case SESSION_RELAY:
		return idle_allowed(s);
	case SESSION_REFUSED:
		break;
	}
	return FAREWELL_MS;
}

enum step
session_enter(struct session *s, enum session_state state)
{
	s->state = state;
	if (s->opening)
		s->opening->delay_over =
			(state == SESSION_FRONT || state == SESSION_BACK) && route_delay(s) == 0;
	bounds_wait(&s->carrier->bounds, &s->bounded, time_allowed(s));
	return STEP_NEXT;
}

enum step
session_end(struct session *s, enum close_reason reason)
{
	s->reason = reason;
	return STEP_END;
}

void
session_close_side(struct session *s, ev_io *side)
{
	if (side->fd < 0)
		return;
	ev_io_stop(s->carrier->worker->loop, side);
	if (s->extra) {
		struct secured **tls =
			side == &s->client ? &s->extra->client_tls : &s->extra->server_tls;

		secured_free(*tls);
		*tls = NULL;
	}
	close(side->fd);
	ev_io_set(side, -1, 0);
}

static void
log_end(const struct session *s)
{
	if (!log_wants(LOG_INFO))
		return;
	log_line(LOG_INFO,
		 "session closed frontend=%s backend=%s server=%s reason=%s state=%s in=%llu "
		 "out=%llu ms=%lld",
		 s->frontend->name, s->backend ? s->backend->name : "-",
		 s->backend && s->index != NO_SERVER ? s->backend->servers[s->index]->name : "-",
		 close_reason_name(s->reason), states[s->state].name,
		 (unsigned long long)s->up.n_bytes, (unsigned long long)s->down.n_bytes,
		 (long long)(session_now(s) - s->started));
}

/* It is nobody's any more: what counts it is told so. */
static void
let_go(struct session *s)
{
	if (s->has_entry)
		sharing_session_end(s->carrier->worker->sharing, s->world->env.table, s->key,
				    session_now(s));
	s->has_entry = false;
	if (s->quota)
		quota_leave(s->quota);
	s->quota = NULL;
	if (s->has_place)
		load_leave(server_load_of(s));
	s->has_place = false;
}

static void
session_free(struct session *s)
{
	struct carrier *c = s->carrier;

	log_end(s);
	record_counts(s);
	let_go(s);
	record_end(s);
	tracks_drop(s);
	opening_drop(s);
	account_end(s);
	bounds_leave(&s->bounded);
	session_close_side(s, &s->client);
	session_close_side(s, &s->server);
	relay_fini(&s->up);
	relay_fini(&s->down);
	extra_drop(s);
	world_unref(s->world);
	list_remove(&s->list);
	list_append(&c->idle, &s->list);
	c->n_sessions--;
}

/* Bytes that OpenSSL has taken from the socket already; a refused client's are read past it. */
static bool
has_read_ahead(const struct session *s, const struct end *e)
{
	return end_has_more(e) && !e->tls->read_wants_write && s->state != SESSION_REFUSED;
}

/* Interest follows from state and buffers; the loop is told only of changes. */
static void
watch_side(struct session *s, ev_io *side, bool read, bool write)
{
	struct ev_loop *loop = s->carrier->worker->loop;
	struct end e = side == &s->client ? session_client(s) : session_server(s);
	/* In TLS reading may have to write, and writing to read. */
	bool reads = read || (e.tls && write && e.tls->write_wants_read);
	bool writes = write || (e.tls && read && e.tls->read_wants_write);
	int interest = (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0);

	if (side->fd < 0)
		return;
	if ((side->events & (EV_READ | EV_WRITE)) != interest) {
		ev_io_stop(loop, side);
		ev_io_set(side, side->fd, interest);
		if (interest)
			ev_io_start(loop, side);
	}
	if (read && has_read_ahead(s, &e)) /* no event will say so, and a stop takes back one fed */
		ev_feed_event(loop, side, EV_READ);
}

static size_t
n_kept(const struct session *s)
{
	return s->up.rest ? buf_len(s->up.rest) : 0;
}

/* A client that is waiting for its server is read a little further, so that its end is seen. */
static bool
may_hold_more(const struct session *s)
{
	size_t n = n_kept(s);

	return !s->up.eof && n < REQUEST_MAX && n < s->opening->greeting.len + HELD_MAX;
}

static void
session_watch(struct session *s)
{
	switch ((enum session_state)s->state) {
	case SESSION_UPGRADE:
	case SESSION_FRONT:
	case SESSION_BACK:
		watch_side(s, &s->client, !s->up.eof && n_kept(s) < REQUEST_MAX, false);
		return;
	case SESSION_HEADER:
	case SESSION_HANDSHAKE:
	case SESSION_REFUSED:
		watch_side(s, &s->client, true, false);
		return;
	case SESSION_GREET:
	case SESSION_SWITCH:
		watch_side(s, &s->client, false, false);
		watch_side(s, &s->server, true, s->opening->head && buf_len(s->opening->head));
		return;
	case SESSION_QUEUE:
	case SESSION_PAUSE:
		watch_side(s, &s->client, may_hold_more(s), false);
		return;
	case SESSION_DIAL:
		watch_side(s, &s->client, may_hold_more(s), false);
		watch_side(s, &s->server, false, true);
		return;
	case SESSION_ANSWER:
		watch_side(s, &s->client, may_hold_more(s), false);
		watch_side(s, &s->server, true, s->opening->n_sent < s->opening->greeting.len);
		return;
	case SESSION_RELAY:
		break;
	}
	watch_side(s, &s->client, relay_wants_read(&s->up), relay_wants_write(&s->down));
	watch_side(s, &s->server, relay_wants_read(&s->down), relay_wants_write(&s->up));
}

static void
turn(struct session *s, enum step step)
{
	while (step == STEP_NEXT)
		step = states[s->state].step(s);

	if (step == STEP_END)
		session_free(s);
	else
		session_watch(s);
}

void
session_run(struct session *s)
{
	turn(s, STEP_NEXT);
}

void
session_shut(struct session *s)
{
	turn(s, session_end(s, CLOSE_SHUT));
}

/* While a server is dialled only the server's own event says how that went. */
static void
on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct session *s = container_of(io, struct session, client);

	turn(s, s->state == SESSION_DIAL ? watch_client(s) : STEP_NEXT);
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

	turn(s, states[s->state].late(s));
}

/* ---- the request ---------------------------------------------------------------------------- */

/* Keep what the client has sent. False: it ended for the reason given. */
bool
session_read_request(struct session *s)
{
	struct worker *w = s->carrier->worker;
	size_t room = REQUEST_MAX > n_kept(s) ? REQUEST_MAX - n_kept(s) : 0;
	struct end end;
	ssize_t got;

	if (s->up.eof || room == 0)
		return true;
	end = session_client(s);
	got = end_recv(&end, w->read_buffer, room);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	s->up.eof = got == 0;
	s->reason = got < 0 ? CLOSE_CLIENT_GONE : CLOSE_MEMORY;
	return got >= 0 && relay_keep(&s->up, w->read_buffer, (size_t)got) &&
	       session_read_frames(s);
}

static enum step
inspect_front(struct session *s)
{
	return session_read_request(s) ? route_front(s) : session_unread(s);
}

static enum step
inspect_back(struct session *s)
{
	return session_read_request(s) ? route_back(s) : session_unread(s);
}

static enum step
end_delay(struct session *s)
{
	s->opening->delay_over = true;
	return STEP_NEXT;
}

/*
 * In a queue, or between two attempts: nothing to do but to see the client go. One that has said
 * something, and its last, may still wait for an answer; `option abortonclose` takes it for gone.
 */
static enum step
watch_client(struct session *s)
{
	if (!session_read_request(s))
		return session_unread(s);
	if (s->up.eof && (n_kept(s) == 0 || s->backend->options & OPTION_ABORTONCLOSE))
		return session_end(s, CLOSE_CLIENT_GONE);
	return STEP_WAIT;
}

/* HAProxy's silent-drop: no FIN and no RST; where that is not allowed, none that gets far. */
enum step
session_drop(struct session *s)
{
	int on = 1;

	if (setsockopt(s->client.fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		setsockopt(s->client.fd, IPPROTO_IP, IP_TTL, &on, sizeof(on));
	return session_end(s, CLOSE_REJECTED);
}

enum step
session_refuse(struct session *s, enum close_reason reason, unsigned level, uint8_t code)
{
	uint8_t connack[MQTT_CONNACK_MAX], framed[EDGE_FAREWELL_MAX];
	size_t n = code ? mqtt_connack_encode(level, code, connack, sizeof(connack)) : 0;

	if (s->opening->edge) {
		n = upgrade_wrap(reason, (struct str){ (const char *)connack, n }, framed);
		return session_say_last(s, reason, framed, n);
	}
	return n ? session_say_last(s, reason, connack, n) : session_end(s, reason);
}

enum step
session_say_last(struct session *s, enum close_reason reason, const void *p, size_t n)
{
	struct end end = session_client(s);

	if (end_send(&end, p, n) != (ssize_t)n)
		return session_end(s, CLOSE_CLIENT_GONE);
	end_shut(&end);
	session_close_side(s, &s->server);
	let_go(s);
	tracks_drop(s);
	opening_drop(s);
	s->reason = reason;
	return session_enter(s, SESSION_REFUSED);
}

static enum step
await_farewell(struct session *s)
{
	/* Once a turn: whoever sends without end would have the worker to itself. */
	ssize_t got = recv(s->client.fd, s->carrier->worker->read_buffer, WORKER_BUFFER, 0);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)) ? STEP_WAIT : STEP_END;
}

static enum step
end_farewell(struct session *s)
{
	return STEP_END; /* it has its reason already */
}

/* ---- relay ---------------------------------------------------------------------------------- */

static enum step
end_idle(struct session *s)
{
	return session_end(s, CLOSE_CLIENT_TIMEOUT);
}

/* Something moved, or one direction ended, which has a time of its own. */
static void
note_progress(struct session *s, uint64_t up, uint64_t down, bool was_half_closed)
{
	if (!was_half_closed && (s->up.shut || s->down.shut))
		bounds_wait(&s->carrier->bounds, &s->bounded, idle_allowed(s));
	else if (up || down)
		bounds_touch(&s->carrier->bounds, &s->bounded);
	account_bytes(s, up, down);
}

/* How the session ends, if one of the two directions says so. */
static enum step
judge_relay(struct session *s, enum relay_result up, enum relay_result down)
{
	if (up == RELAY_MEMORY || down == RELAY_MEMORY)
		return session_end(s, CLOSE_MEMORY);
	if (up == RELAY_BROKEN_FROM || down == RELAY_BROKEN_TO)
		return session_end(s, CLOSE_CLIENT_GONE);
	if (up == RELAY_BROKEN_TO || down == RELAY_BROKEN_FROM)
		return session_end(s, CLOSE_SERVER_GONE);
	if (up == RELAY_DONE && down == RELAY_DONE)
		return session_end(s, CLOSE_DONE);
	return STEP_WAIT;
}

static enum step
relay_bytes(struct session *s)
{
	struct worker *w = s->carrier->worker;
	uint64_t up_before = s->up.n_bytes, down_before = s->down.n_bytes;
	bool was_half_closed = s->up.shut || s->down.shut;
	struct end client = session_client(s), server = session_server(s);
	enum relay_result up = relay_run(&s->up, w, &client, &server);
	/* A server that takes nothing more may have said why: that still goes to the client. */
	enum relay_result down = up == RELAY_MEMORY || up == RELAY_BROKEN_FROM
					 ? RELAY_OPEN
					 : relay_run(&s->down, w, &server, &client);

	note_progress(s, s->up.n_bytes - up_before, s->down.n_bytes - down_before, was_half_closed);
	return judge_relay(s, up, down);
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

void
carrier_server_down(struct carrier *c, struct str backend, struct str server, bool shutdown)
{
	list_for_each_safe(at, &c->sessions) {
		struct session *s = container_of(at, struct session, list);

		if (!s->backend || s->index == NO_SERVER || !str_is(backend, s->backend->name) ||
		    !str_is(server, s->backend->servers[s->index]->name))
			continue;
		if (s->state == SESSION_QUEUE) {
			server_stop_waiting(s);
			turn(s, session_placed(s, server_choose_other(s)));
		} else if (shutdown && (s->state == SESSION_ANSWER || s->state == SESSION_RELAY)) {
			turn(s, session_end(s, CLOSE_SERVER_DOWN));
		}
	}
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

/* `option clitcpka`, `tune.rcvbuf.client` and its kin. */
static void
set_client_options(const struct session *s)
{
	const struct topology *t = &s->world->topology;
	const struct keepalive_probes *p = &s->frontend->client_probes;

	if (s->frontend->options & OPTION_CLITCPKA)
		socket_keepalive(s->client.fd,
				 &(struct keepalive){ p->count, p->idle_s, p->interval_s });
	socket_buffers(s->client.fd, t->rcvbuf_client, t->sndbuf_client);
}

void
session_start(struct carrier *c, const struct proxy *frontend, const struct bind *bind, int fd)
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
		.index = NO_SERVER,
		.started = worker_ms(c->worker),
	};
	bounded_init(&s->bounded);
	list_init(&s->list);
	list_append(&c->sessions, &s->list);
	c->n_sessions++;
	account_accepted(s);
	ev_io_init(&s->client, on_client, fd, 0);
	ev_io_init(&s->server, on_server, -1, 0);
	set_client_options(s);
	if (!opening_make(s)) {
		turn(s, session_end(s, CLOSE_MEMORY));
		return;
	}
	s->opening->bind = bind;
	turn(s, arrival_begin(s));
}
