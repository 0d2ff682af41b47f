/*
 * Everything that one read brought is answered with one write: frames are decoded in the worker's
 * read buffer, ACKs are collected in its write buffer.
 *
 * A NOTIFY whose answer waits for the shared store is copied and stands in a list; its ACK goes out
 * by itself, perhaps behind those of later ones, which the protocol allows.
 *
 * HAProxy ends connections as it likes (a RST after a health check or above its pool's size is
 * normal), so an end is no event worth more than a debug line, unless we ended it for a fault.
 */
#include "agent/spoa/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/engine/counters.h"
#include "agent/engine/route.h"
#include "agent/engine/world.h"
#include "agent/io/log.h"
#include "agent/io/stream.h"
#include "agent/spoa/engines.h"
#include "agent/spoa/request.h"
#include "spoe/conn.h"

/* A frame this long and the next one's head still fit into the worker's buffer. */
enum { FRAME_MAX = WORKER_BUFFER / 2 };

/* A longer NOTIFY does not wait for the store; those of the shipped file have some 500 bytes. */
enum { HELD_MAX = 8192 };

/* HAProxy's own `timeout hello` is far below it; who says nothing must not hold a descriptor. */
#define HELLO_S 5.

struct session {
	struct stream stream;
	struct spop_conn conn;
	uint64_t n_notifies;
	bool listed;	/* among the engines that are connected */
	ev_timer hello; /* runs until the peer has said HELLO */
	struct list held;
};

/* A NOTIFY that waits for the store. At most STORE_QUESTIONS_MAX of them on a worker. */
struct held {
	struct list list; /* in its session's */
	struct session *session;
	struct route_fetch fetch;
	int64_t since;		   /* when the loop woke for it */
	struct spop_notify notify; /* views `messages` */
	uint8_t messages[];
};

static struct str
engine_of(const struct session *s)
{
	return (struct str){ s->conn.engine_id, s->conn.engine_id_len };
}

static void
let_go(struct held *h)
{
	route_fetch_cancel(&h->fetch);
	list_remove(&h->list);
	free(h);
}

static void
close_session(struct session *s)
{
	list_for_each_safe(at, &s->held)
		let_go(container_of(at, struct held, list));
	ev_timer_stop(s->stream.worker->loop, &s->hello);
	if (s->listed)
		engines_remove(engine_of(s));
	log_line(LOG_DEBUG, "spop closed notifies=%llu status=%d by=%s",
		 (unsigned long long)s->n_notifies, (int)s->conn.status,
		 s->conn.closed_by_peer || s->stream.eof || s->stream.broken ? "haproxy" : "usher");
	stream_close(&s->stream);
	free(s);
}

static void
on_hello(struct session *s)
{
	struct counters *counters = s->stream.worker->counters;
	char engine[4 * SPOP_ENGINE_ID_MAX + 1];

	ev_timer_stop(s->stream.worker->loop, &s->hello);
	s->listed = !s->conn.healthcheck;
	if (s->listed)
		engines_add(engine_of(s));
	else
		counters_add(counters, COUNTER_HEALTHCHECKS);
	if (log_wants(LOG_DEBUG))
		log_line(LOG_DEBUG, "spop hello engine=\"%s\" healthcheck=%d frame=%u",
			 str_escape(engine_of(s), engine, sizeof(engine)), s->conn.healthcheck,
			 s->conn.max_frame_size);
}

/* The peer broke the protocol; it was told so. */
static void
on_fault(struct session *s)
{
	static struct log_limit limit;
	uint32_t left_out;

	counters_add(s->stream.worker->counters, COUNTER_PROTOCOL_ERRORS);
	if (log_limit_pass(&limit, &left_out))
		log_line(LOG_WARNING, "spop refused status=%d reason=\"%s\" left_out=%u",
			 (int)s->conn.status, spop_status_text(s->conn.status), left_out);
}

/* Send what is collected and begin anew. */
static bool
send_out(struct session *s, struct spop_writer *out)
{
	bool kept = stream_write(&s->stream, out->p, out->n);

	out->n = 0;
	return kept;
}

/* Answers may have to leave first when many came at once. */
static bool
answer(struct session *s, const struct spop_notify *notify, int64_t since,
       const struct route_fetch *fetch, struct spop_writer *out)
{
	while (!request_answer(s->stream.worker, &s->conn, *notify, since, fetch, out))
		if (!send_out(s, out))
			return false;
	return true;
}

/* Answer it with what is known now. */
static bool
answer_held(struct held *h, struct spop_writer *out)
{
	bool kept = answer(h->session, &h->notify, h->since, &h->fetch, out);

	let_go(h);
	return kept;
}

static void
on_fetched(void *arg)
{
	struct held *h = arg;
	struct session *s = h->session;
	struct spop_writer out = { .p = s->stream.worker->write_buffer, .cap = WORKER_BUFFER };

	if (!answer_held(h, &out) || !send_out(s, &out) || s->stream.broken)
		close_session(s);
	else
		stream_watch(&s->stream);
}

/* True: the store is asked first, and the answer goes out when it said something. */
static bool
hold(struct session *s, const struct spop_notify *notify)
{
	struct worker *w = s->stream.worker;
	size_t n = (size_t)(notify->rest.end - notify->rest.p);
	struct held *h;

	if (!sharing_is_on(w->sharing) || n > HELD_MAX)
		return false;
	h = malloc(sizeof(*h) + n);
	if (!h)
		return false;
	h->fetch = (struct route_fetch){ 0 };
	if (!request_fetch(w, *notify, &h->fetch, on_fetched, h)) {
		free(h);
		return false;
	}
	memcpy(h->messages, notify->rest.p, n);
	h->session = s;
	h->since = w->awake_at;
	h->notify = *notify;
	h->notify.rest = (struct spop_reader){ .p = h->messages, .end = h->messages + n };
	list_append(&s->held, &h->list);
	return true;
}

static bool
on_notify(struct session *s, const struct spop_notify *notify, struct spop_writer *out)
{
	s->n_notifies++;
	return hold(s, notify) || answer(s, notify, s->stream.worker->awake_at, NULL, out);
}

/* Answer the frames in [p, p + n) and keep what is left of the last one. False: the end. */
static bool
answer_frames(struct session *s, const uint8_t *p, size_t n)
{
	struct spop_writer out = { .p = s->stream.worker->write_buffer, .cap = WORKER_BUFFER };
	struct spop_notify notify;
	size_t used;

	for (;;) {
		switch (spop_conn_next(&s->conn, p, n, &used, &notify, &out)) {
		case SPOP_EVENT_NOTIFY:
			if (!on_notify(s, &notify, &out))
				return false;
			break;
		case SPOP_EVENT_HELLO:
			on_hello(s);
			break;
		case SPOP_EVENT_CLOSE:
			if (!s->conn.closed_by_peer)
				on_fault(s);
			(void)send_out(s, &out);
			return false;
		case SPOP_EVENT_NONE:
			p += used;
			n -= used;
			if (out.n == 0)
				return stream_keep(&s->stream, p, n);
			if (!send_out(s, &out))
				return false;
			/* It may have been room that was missing, so look once more. */
			used = 0;
			break;
		}
		p += used;
		n -= used;
		/* Answers are asked for faster than they are taken: the rest waits unanswered. */
		if (buf_len(&s->stream.out))
			return send_out(s, &out) && stream_keep(&s->stream, p, n);
	}
}

static void
on_event(struct stream *stream)
{
	struct session *s = container_of(stream, struct session, stream);
	const uint8_t *p;
	size_t n;

	if (buf_len(&stream->out) && !stream->broken) {
		stream_watch(stream); /* the answers it has not taken yet come first */
		return;
	}
	stream_read(stream, &p, &n);
	if (!answer_frames(s, p, n) || stream->eof || stream->broken)
		close_session(s);
	else
		stream_watch(stream);
}

/* The service ends: what has arrived is answered, then goodbye. */
static void
on_stop(struct stream *stream)
{
	struct session *s = container_of(stream, struct session, stream);
	struct spop_writer out = { .p = stream->worker->write_buffer, .cap = WORKER_BUFFER };
	const uint8_t *p;
	size_t n;
	bool kept;

	stream_read(stream, &p, &n);
	kept = answer_frames(s, p, n);
	list_for_each_safe(at, &s->held)
		kept = kept && answer_held(container_of(at, struct held, list), &out);
	if (kept && s->conn.state == SPOP_CONN_READY &&
	    spop_conn_bye(&s->conn, SPOP_STATUS_NORMAL, &out))
		(void)send_out(s, &out);
	close_session(s);
}

static void
on_hello_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
	close_session(container_of(timer, struct session, hello));
}

static const struct stream_owner owner = { on_event, on_stop };

void
session_open(struct worker *w, int fd, void *arg)
{
	struct session *s = malloc(sizeof(*s));

	if (!s) {
		close(fd);
		return;
	}
	s->n_notifies = 0;
	s->listed = false;
	list_init(&s->held);
	ev_timer_init(&s->hello, on_hello_late, HELLO_S, 0.);
	ev_timer_start(w->loop, &s->hello);
	spop_conn_init(&s->conn, FRAME_MAX);
	stream_open(&s->stream, w, fd, &owner);
	counters_add(w->counters, COUNTER_CONNECTIONS);
}
