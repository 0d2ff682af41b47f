/*
 * A frame is decoded, its flags and its place in the conversation are judged, then the function
 * of its type takes it. Whatever is wrong ends in refuse().
 */
#include "spoe/conn.h"

#include <assert.h>

#include "spoe/hello.h"

void
spop_conn_init(struct spop_conn *c, uint32_t max_frame_size)
{
	assert(max_frame_size >= SPOP_FRAME_SIZE_MIN);
	*c = (struct spop_conn){ .max_frame_size = max_frame_size };
}

bool
spop_conn_bye(struct spop_conn *c, enum spop_status status, struct spop_writer *out)
{
	const char *text = spop_status_text(status);

	if (c->state == SPOP_CONN_CLOSED)
		return true;
	if (!spop_agent_disconnect_encode(
		    out, &(struct spop_disconnect){ status, { text, strlen(text) } }))
		return false;
	c->state = SPOP_CONN_CLOSED;
	c->status = status;
	return true;
}

/* There is room in out: spop_conn_next() looked before it took the frame. */
static enum spop_event
refuse(struct spop_conn *c, enum spop_status status, struct spop_writer *out)
{
	bool said = spop_conn_bye(c, status, out);

	assert(said);
	return SPOP_EVENT_CLOSE;
}

static size_t
min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The version is exactly "2.0" and the frame size the offered one: HAProxy refuses other versions
 * and, for a smaller size, fails every bigger NOTIFY. Less is said only if we cannot take as much.
 * Neither "async" nor "fragmentation" is ever said: both are gone since HAProxy 3.1.
 */
static enum spop_event
on_hello(struct spop_conn *c, const struct spop_frame *f, struct spop_writer *out)
{
	struct spop_haproxy_hello hello;
	enum spop_status status;
	bool said;

	if (c->state != SPOP_CONN_HELLO || f->stream_id || f->frame_id)
		return refuse(c, SPOP_STATUS_INVALID, out);
	status = spop_haproxy_hello_decode(f->payload, &hello);
	if (status != SPOP_STATUS_NORMAL)
		return refuse(c, status, out);

	c->state = SPOP_CONN_READY;
	c->max_frame_size = (uint32_t)min(c->max_frame_size, hello.max_frame_size);
	c->healthcheck = hello.healthcheck;
	c->pipelining = spop_capability_in(hello.capabilities, "pipelining");
	c->engine_id_len = min(hello.engine_id.n, sizeof(c->engine_id));
	memcpy(c->engine_id, hello.engine_id.p, c->engine_id_len);
	said = spop_agent_hello_encode(
		out, &(struct spop_agent_hello){
			     .version = SPOP_STR("2.0"),
			     .max_frame_size = c->max_frame_size,
			     .capabilities = c->pipelining ? SPOP_STR("pipelining") : SPOP_STR(""),
		     });
	assert(said);
	return SPOP_EVENT_HELLO;
}

static enum spop_event
on_notify(struct spop_conn *c, const struct spop_frame *f, struct spop_notify *notify,
	  struct spop_writer *out)
{
	if (c->state != SPOP_CONN_READY || !spop_notify_open(notify, f))
		return refuse(c, SPOP_STATUS_INVALID, out);
	return SPOP_EVENT_NOTIFY;
}

/* As text for a log: bounded, on one line, harmless on a terminal. */
static void
keep_message(struct spop_conn *c, struct spop_str message)
{
	size_t n = min(message.n, SPOP_MESSAGE_MAX);

	for (size_t i = 0; i < n; i++)
		c->message[i] = message.p[i] >= ' ' && message.p[i] <= '~' ? message.p[i] : '?';
	c->message[n] = '\0';
}

static enum spop_event
on_disconnect(struct spop_conn *c, const struct spop_frame *f, struct spop_writer *out)
{
	struct spop_disconnect bye;

	if (spop_disconnect_decode(f->payload, &bye) != SPOP_STATUS_NORMAL)
		return refuse(c, SPOP_STATUS_INVALID, out);
	refuse(c, SPOP_STATUS_NORMAL, out);
	c->status = bye.status;
	c->closed_by_peer = true;
	keep_message(c, bye.message);
	return SPOP_EVENT_CLOSE;
}

static bool
is_known(uint8_t type)
{
	return type <= SPOP_FRAME_NOTIFY ||
	       (type >= SPOP_FRAME_AGENT_HELLO && type <= SPOP_FRAME_ACK);
}

static bool
is_fragment(const struct spop_frame *f)
{
	return f->type == SPOP_FRAME_UNSET ||
	       (f->flags & (SPOP_FLAG_FIN | SPOP_FLAG_ABORT)) != SPOP_FLAG_FIN;
}

static enum spop_event
on_frame(struct spop_conn *c, const struct spop_frame *f, struct spop_notify *notify,
	 struct spop_writer *out)
{
	if (is_fragment(f))
		return refuse(c, SPOP_STATUS_FRAGMENTED, out);
	switch (f->type) {
	case SPOP_FRAME_NOTIFY:
		return on_notify(c, f, notify, out);
	case SPOP_FRAME_HAPROXY_HELLO:
		return on_hello(c, f, out);
	case SPOP_FRAME_HAPROXY_DISCONNECT:
		return on_disconnect(c, f, out);
	default:
		return refuse(c, SPOP_STATUS_INVALID, out); /* that is for an agent to say */
	}
}

enum spop_event
spop_conn_next(struct spop_conn *c, const uint8_t *p, size_t n, size_t *used,
	       struct spop_notify *notify, struct spop_writer *out)
{
	enum spop_event event = SPOP_EVENT_CLOSE;
	enum spop_parse parse;
	enum spop_status fault;
	struct spop_frame f;

	*used = 0;
	if (c->state == SPOP_CONN_CLOSED) {
		*used = n;
		return event;
	}
	if (out->overflow || out->cap - out->n < SPOP_CONTROL_MAX)
		return SPOP_EVENT_NONE;

	while ((parse = spop_frame_decode(p + *used, n - *used, c->max_frame_size, &f, &fault)) ==
	       SPOP_OK) {
		*used += f.size;
		if (is_known(f.type))
			break;
	}
	if (parse == SPOP_MORE)
		return SPOP_EVENT_NONE;
	event = parse == SPOP_OK ? on_frame(c, &f, notify, out) : refuse(c, fault, out);
	if (event == SPOP_EVENT_CLOSE)
		*used = n;
	return event;
}
