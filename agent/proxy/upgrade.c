/*
 * Where MQTT comes in WebSocket and usher looks into it: the client's upgrade before its CONNECT,
 * and the same upgrade with its server. The client has its 101 long before there is a server, so
 * whatever a server says to the upgrade is told in a close frame.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "agent/core/mqtt/reason.h"
#include "agent/io/log.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

/* RFC 6455, 7.4.1. */
enum {
	CLOSE_CODE_NORMAL = 1000,
	CLOSE_CODE_GOING_AWAY = 1001,
	CLOSE_CODE_PROTOCOL = 1002,
	CLOSE_CODE_POLICY = 1008,
	CLOSE_CODE_LATER = 1013,
};

bool
upgrade_is_due(const struct session *s)
{
	const struct frontend_policy *f =
		policy_frontend(&s->world->policy, str_of(s->frontend->name));

	return f && f->websocket;
}

/* ---- the client ----------------------------------------------------------------------------- */

static enum step
refuse_request(struct session *s, enum close_reason reason, unsigned status, const char *fault)
{
	char out[HTTP1_REFUSAL_ROOM];
	size_t n = http1_refusal_encode(status, out, sizeof(out));

	if (log_wants(LOG_DEBUG))
		log_line(LOG_DEBUG, "upgrade refused frontend=%s status=%u reason=%s",
			 s->frontend->name, status, fault);
	return session_say_last(s, reason, out, n);
}

enum step
upgrade_deny(struct session *s, unsigned status)
{
	return refuse_request(s, CLOSE_REJECTED, status, "denied");
}

/* Frames may have come behind the head already. */
static enum step
accept_request(struct session *s)
{
	char *out = s->carrier->scratch;
	size_t n = http1_switch_encode(edge_upgrade(s->opening->edge), out,
				       sizeof(s->carrier->scratch));
	struct end client = session_client(s);

	if (n == 0)
		return refuse_request(s, CLOSE_NOT_WEBSOCKET, 431, "protocol_too_long");
	if (end_send(&client, out, n) != (ssize_t)n)
		return session_end(s, CLOSE_CLIENT_GONE);
	if (s->up.rest && buf_len(s->up.rest) == 0)
		relay_fini(&s->up);
	if (!session_read_frames(s))
		return session_unread(s);
	return session_enter(s, SESSION_FRONT);
}

/* What rules say of it comes first. */
static enum step
pass_request(struct session *s)
{
	enum step step = route_request(s);

	return step == STEP_NEXT && s->state == SESSION_UPGRADE ? accept_request(s) : step;
}

enum step
upgrade_client(struct session *s)
{
	unsigned status;
	const char *fault;

	if (!s->opening->edge)
		s->opening->edge = edge_new();
	if (!s->opening->edge)
		return session_end(s, CLOSE_MEMORY);
	if (!session_read_request(s))
		return session_unread(s);
	if (!s->up.rest)
		return s->up.eof ? session_end(s, CLOSE_CLIENT_GONE) : STEP_WAIT;
	switch (edge_take_request(s->opening->edge, s->up.rest, &status, &fault)) {
	case PARSE_OK:
		return pass_request(s);
	case PARSE_MORE:
		return s->up.eof ? session_end(s, CLOSE_NOT_WEBSOCKET) : STEP_WAIT;
	case PARSE_BAD:
		break;
	}
	return refuse_request(s, CLOSE_NOT_WEBSOCKET, status, fault);
}

enum step
upgrade_end(struct session *s)
{
	return refuse_request(s, CLOSE_NOT_WEBSOCKET, 408, "late");
}

/* ---- the client's frames -------------------------------------------------------------------- */

/* A close frame, and the session's reason. False: nothing is to be read any more. */
static bool
close_client(struct session *s, enum close_reason reason, uint16_t code)
{
	uint8_t out[EDGE_FAREWELL_MAX];
	size_t n = edge_write_farewell(STR(""), code, out);

	(void)!session_say_last(s, reason, out, n);
	return false;
}

/*
 * Has the client said more than its CONNECT, and waits for no answer? Then that is for a server,
 * with the close frame behind it; a CONNECT alone is nothing that anybody waits for.
 */
static bool
has_said_all(struct session *s)
{
	struct mqtt_connect c;
	enum mqtt_fault fault;

	return opening_read(s, &c, &fault) == PARSE_OK && opening_mqtt(s).n > c.len;
}

bool
session_read_frames(struct session *s)
{
	uint16_t code;

	if (!s->opening->edge || !edge_upgrade(s->opening->edge))
		return true;
	switch (edge_read_client(s->opening->edge, s->up.rest, &code)) {
	case EDGE_OPEN:
		return true;
	case EDGE_CLOSED:
		return has_said_all(s) || close_client(s, CLOSE_CLIENT_GONE, code);
	case EDGE_BAD:
		return close_client(s, CLOSE_NOT_WEBSOCKET, code);
	case EDGE_MEMORY:
		break;
	}
	s->reason = CLOSE_MEMORY;
	return false;
}

static uint16_t
close_code(enum close_reason reason)
{
	switch (reason) {
	case CLOSE_NOT_MQTT:
		return CLOSE_CODE_PROTOCOL;
	case CLOSE_REFUSED:
	case CLOSE_REJECTED:
		return CLOSE_CODE_POLICY;
	case CLOSE_STOPPING:
	case CLOSE_SHUT:
		return CLOSE_CODE_GOING_AWAY;
	case CLOSE_DONE:
	case CLOSE_CLIENT_GONE:
		return CLOSE_CODE_NORMAL;
	default:
		return CLOSE_CODE_LATER;
	}
}

size_t
upgrade_wrap(enum close_reason reason, struct str connack, uint8_t *out)
{
	return edge_write_farewell(connack, close_code(reason), out);
}

/* ---- the server ----------------------------------------------------------------------------- */

static bool
write_request(struct session *s)
{
	struct opening *o = s->opening;
	uint64_t random[2] = { worker_random(s->carrier->worker),
			       worker_random(s->carrier->worker) };
	struct ends ends;
	uint8_t *room;
	size_t n;

	session_ends(s, &ends);
	opening_drop_head(o);
	o->head = malloc(sizeof(*o->head));
	if (!o->head)
		return false;
	buf_init(o->head, HTTP1_FORWARD_ROOM);
	room = buf_reserve(o->head, HTTP1_FORWARD_ROOM);
	n = room ? edge_write_request(o->edge, &ends.peer, (const uint8_t *)random, (char *)room,
				      HTTP1_FORWARD_ROOM)
		 : 0;
	if (n)
		buf_commit(o->head, n);
	return n > 0;
}

enum step
upgrade_server_begin(struct session *s)
{
	relay_fini(&s->down); /* a former server's words */
	return write_request(s) ? session_enter(s, SESSION_SWITCH) : session_end(s, CLOSE_MEMORY);
}

/* STEP_NEXT: it is on its way. STEP_END: it is not, for good. */
static enum step
send_request(struct session *s)
{
	struct buf *head = s->opening->head;
	struct end server = session_server(s);
	ssize_t n;

	if (buf_len(head) == 0)
		return STEP_NEXT;
	n = end_send(&server, buf_front(head), buf_len(head));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_WAIT : STEP_END;
	buf_consume(head, (size_t)n);
	return buf_len(head) ? STEP_WAIT : STEP_NEXT;
}

/* STEP_END: the server is gone, or memory. */
static enum step
read_answer(struct session *s)
{
	struct worker *w = s->carrier->worker;
	struct end server = session_server(s);
	ssize_t got = end_recv(&server, w->read_buffer, HTTP1_HEAD_MAX);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAIT;
	if (got <= 0 || !relay_keep(&s->down, w->read_buffer, (size_t)got))
		return STEP_END;
	return STEP_NEXT;
}

/* It is about this request, so every other server would say the same. */
static bool
is_final(unsigned status)
{
	return status >= 400 && status < 500 && status != 408 && status != 421 && status != 429;
}

static enum step
refused_by_server(struct session *s, unsigned status, const char *fault)
{
	log_line(LOG_INFO, "server refused upgrade backend=%s server=%s status=%u reason=%s",
		 s->backend->name, s->backend->servers[s->index]->name, status, fault);
	if (!is_final(status))
		return STEP_END;
	return session_refuse(s, CLOSE_REFUSED, s->opening->greeting.level,
			      refusal_code(REFUSAL_NOT_AUTHORIZED, s->opening->greeting.level));
}

enum step
upgrade_server(struct session *s)
{
	enum step step = send_request(s);
	const char *fault;
	unsigned status;

	if (step == STEP_NEXT)
		step = read_answer(s);
	if (step != STEP_NEXT)
		return step;
	switch (edge_take_answer(s->opening->edge, s->down.rest, &status, &fault)) {
	case PARSE_OK:
		if (buf_len(s->down.rest) == 0)
			relay_fini(&s->down);
		return STEP_NEXT;
	case PARSE_MORE:
		return STEP_WAIT;
	case PARSE_BAD:
		break;
	}
	return refused_by_server(s, status, fault);
}
