/*
 * hiredis has the protocol and the buffers, the clock is ours: one timer beats four times a second
 * (pings, time-outs, new attempts), another one looks at the question that waits longest.
 *
 *	REST ──▶ RESOLVE ──▶ CONNECT ──▶ LOGIN ──▶ READY
 *	  ▲  (a name only)   │             │          │
 *	  └──────────────────┴─────────────┴──────────┘ a fault, or silence
 *
 * hiredis calls back once for each command, in their order; without a reply when the connection
 * ended. It takes no commands any more while it does the latter, so callbacks may ask and write.
 */
#include "agent/store/store.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/list.h"
#include "agent/core/store/breaker.h"
#include "agent/io/log.h"
#include "agent/io/resolver.h"
#include "agent/io/worker.h"
#include "agent/store/command.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <hiredis/adapters/libev.h>
#pragma GCC diagnostic pop

#define BEAT_S 0.25

enum {
	REST_MS = 500,	   /* between two attempts */
	REFUSED_MS = 5000, /* after it said that we may not */
	LOGIN_MS = 2000,   /* from the name to the first pong */
	SILENCE_MS = 3000, /* then it is another connection's turn */
};

enum link_state {
	LINK_REST,
	LINK_RESOLVE,
	LINK_CONNECT,
	LINK_LOGIN,
	LINK_READY,
};

/* What was said of it last; it is said again only when it differs. */
enum said {
	SAID_NOTHING,
	SAID_UP,
	SAID_AWAY,
	SAID_REFUSED,
};

struct store {
	struct ev_loop *loop;
	struct store_settings settings;
	char name[STORE_URL_TEXT]; /* for the log */
	enum link_state state;
	int64_t since;	 /* in this state */
	int64_t rest_ms; /* how long LINK_REST lasts */
	struct breaker breaker;
	enum said said;
	bool is_pinged;
	redisAsyncContext *redis;  /* hiredis' own; NULL: none */
	struct resolver *resolver; /* owned; NULL while the host is an address, or never needed */
	ev_timer beat;
	ev_timer deadline; /* of the first in waiting */

	struct list waiting;  /* questions somebody waits for, in the order they were put */
	unsigned n_questions; /* unanswered ones */

	struct list unsent, sent; /* writes, in their order */
	unsigned n_writes;
	size_t n_bytes;
};

struct store_question {
	struct list list; /* in waiting, while somebody does */
	struct store *store;
	store_answer_fn *fn;
	void *arg;
	int64_t due;
};

struct queued {
	struct list list;
	size_t len;
	char command[];
};

/* ---- up and away ---------------------------------------------------------------------------- */

static void
say(struct store *s, enum store_event event)
{
	s->settings.on_event(s->settings.arg, event);
}

static void
set_up(struct store *s)
{
	if (s->said == SAID_UP)
		return;
	s->said = SAID_UP;
	say(s, STORE_UP);
	if (s->settings.speaks)
		log_line(LOG_INFO, "store up url=%s", s->name);
}

static void
set_away(struct store *s, const char *why)
{
	if (s->said == SAID_UP)
		say(s, STORE_AWAY);
	if (s->settings.speaks && s->said <= SAID_UP)
		log_line(LOG_WARNING,
			 "store away url=%s reason=\"%s\" consequence=\"each usher decides from "
			 "its own table\"",
			 s->name, why);
	if (s->said <= SAID_UP)
		s->said = SAID_AWAY;
}

static void
enter(struct store *s, enum link_state state)
{
	s->state = state;
	s->since = worker_now();
}

/* Writes that were not answered are unsent again, before those that never were sent. */
static void
unsend(struct store *s)
{
	while (!list_is_empty(&s->sent)) {
		struct list *last = s->sent.prev;

		list_remove(last);
		list_append(s->unsent.next, last); /* in front of the first */
	}
}

/* The connection is no more. */
static void
lost(struct store *s, const char *why)
{
	breaker_reset(&s->breaker);
	s->is_pinged = false;
	unsend(s);
	enter(s, LINK_REST);
	set_away(s, why);
}

/* End it ourselves. */
static void
drop(struct store *s, const char *why)
{
	redisAsyncContext *redis = s->redis;

	s->redis = NULL;
	enter(s, LINK_REST); /* those who are told now may ask and write */
	if (redis)
		redisAsyncFree(redis);
	s->rest_ms = REST_MS;
	lost(s, why);
}

/* ---- writes --------------------------------------------------------------------------------- */

static void
forget_write(struct store *s, struct queued *w)
{
	list_remove(&w->list);
	s->n_writes--;
	s->n_bytes -= w->len;
	free(w);
}

static void
on_written(redisAsyncContext *redis, void *r, void *arg)
{
	static struct log_limit limit;
	struct store *s = arg;
	const redisReply *reply = r;
	char why[128];
	uint32_t left_out;

	if (!reply)
		return; /* to be sent again */
	forget_write(s, container_of(s->sent.next, struct queued, list));
	if (reply->type != REDIS_REPLY_ERROR) {
		breaker_answered(&s->breaker, worker_now());
		say(s, STORE_WRITTEN);
		return;
	}
	say(s, STORE_DROPPED);
	if (log_limit_pass(&limit, &left_out))
		log_line(LOG_WARNING, "store write refused url=%s reason=\"%s\" left_out=%u",
			 s->name,
			 str_escape((struct str){ reply->str, reply->len }, why, sizeof(why)),
			 left_out);
}

static void
send_writes(struct store *s)
{
	while (s->state == LINK_READY && !list_is_empty(&s->unsent)) {
		struct queued *w = container_of(s->unsent.next, struct queued, list);

		if (redisAsyncFormattedCommand(s->redis, on_written, s, w->command, w->len) !=
		    REDIS_OK)
			return; /* it is about to end */
		list_remove(&w->list);
		list_append(&s->sent, &w->list);
	}
}

/* Room for so many bytes more; the oldest unsent ones make it. */
static bool
make_room(struct store *s, size_t n)
{
	while (s->n_writes == STORE_WRITES_MAX || s->n_bytes + n > STORE_BYTES_MAX) {
		if (list_is_empty(&s->unsent))
			return false;
		forget_write(s, container_of(s->unsent.next, struct queued, list));
		say(s, STORE_DROPPED);
	}
	return true;
}

void
store_write(struct store *s, const struct store_write *write)
{
	struct queued *w;
	char *command;
	int len = command_format(&command, write);

	w = len > 0 && make_room(s, (size_t)len) ? malloc(sizeof(*w) + (size_t)len) : NULL;
	if (w) {
		w->len = (size_t)len;
		memcpy(w->command, command, w->len);
		list_append(&s->unsent, &w->list);
		s->n_writes++;
		s->n_bytes += w->len;
		send_writes(s);
	} else {
		say(s, STORE_DROPPED);
	}
	if (len > 0)
		redisFreeCommand(command);
}

/* ---- questions ------------------------------------------------------------------------------ */

/* Look again when the first one is due, or never. */
static void
watch_deadline(struct store *s)
{
	const struct store_question *first;

	ev_timer_stop(s->loop, &s->deadline);
	if (list_is_empty(&s->waiting))
		return;
	first = container_of(s->waiting.next, struct store_question, list);
	ev_now_update(s->loop);
	ev_timer_set(&s->deadline, (double)(first->due - worker_now()) / 1000., 0.);
	ev_timer_start(s->loop, &s->deadline);
}

static void
tell(struct store_question *q, enum store_answer answer, struct str value)
{
	if (list_is_empty(&q->list))
		return; /* nobody waits any more */
	list_remove(&q->list);
	q->fn(q->arg, answer, value);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct store *s = container_of(timer, struct store, deadline);
	int64_t now = worker_now();

	while (!list_is_empty(&s->waiting)) {
		struct store_question *q =
			container_of(s->waiting.next, struct store_question, list);

		if (q->due > now)
			break;
		tell(q, STORE_LATE, (struct str){ 0 });
	}
	watch_deadline(s);
}

static void
on_answer(redisAsyncContext *redis, void *r, void *arg)
{
	struct store_question *q = arg;
	struct store *s = q->store;
	const redisReply *reply = r;

	s->n_questions--;
	if (!reply || reply->type != REDIS_REPLY_STRING) {
		tell(q, STORE_GONE, (struct str){ 0 });
	} else {
		breaker_answered(&s->breaker, worker_now());
		tell(q, reply->len ? STORE_FOUND : STORE_ABSENT,
		     (struct str){ reply->str, reply->len });
	}
	free(q);
}

bool
store_is_up(const struct store *s)
{
	return s->state == LINK_READY && breaker_allows(&s->breaker, worker_now());
}

/* GETRANGE, not GET: whatever stands there, this much of it comes back and no more. */
struct store_question *
store_ask(struct store *s, struct str key, store_answer_fn *fn, void *arg)
{
	static const char last[] = { '0' + STORE_VALUE_MAX / 100, '0' + STORE_VALUE_MAX / 10 % 10,
				     '0' + STORE_VALUE_MAX % 10, '\0' };
	const char *words[] = { "GETRANGE", key.p, "0", last };
	const size_t lengths[] = { 8, key.n, 1, 3 };
	struct store_question *q;

	if (!store_is_up(s) || s->n_questions == STORE_QUESTIONS_MAX)
		return NULL;
	q = malloc(sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct store_question){
		.store = s,
		.fn = fn,
		.arg = arg,
		.due = worker_now() + s->settings.deadline_ms,
	};
	if (redisAsyncCommandArgv(s->redis, on_answer, q, 4, words, lengths) != REDIS_OK) {
		free(q);
		return NULL;
	}
	s->n_questions++;
	list_append(&s->waiting, &q->list);
	if (!ev_is_active(&s->deadline))
		watch_deadline(s);
	return q;
}

void
store_cancel(struct store_question *q)
{
	list_remove(&q->list);
}

/* ---- the connection ------------------------------------------------------------------------- */

/* It said that we may not: a wrong password, a database it does not have. */
static void
refused(struct store *s, const redisReply *reply)
{
	char why[128];

	str_escape((struct str){ reply->str, reply->len }, why, sizeof(why));
	if (s->settings.speaks && s->said != SAID_REFUSED)
		log_line(LOG_ERROR,
			 "store refused url=%s reason=\"%s\" cure=\"user, password and database of "
			 "stickiness.store in usher.json\"",
			 s->name, why);
	s->said = SAID_REFUSED;
	drop(s, why);
	s->rest_ms = REFUSED_MS;
}

static void
on_login(redisAsyncContext *redis, void *r, void *arg)
{
	struct store *s = arg;
	const redisReply *reply = r;

	if (reply && reply->type == REDIS_REPLY_ERROR && s->redis == redis)
		refused(s, reply);
}

static void
on_pong(redisAsyncContext *redis, void *r, void *arg)
{
	struct store *s = arg;
	const redisReply *reply = r;

	if (!reply || s->redis != redis)
		return;
	s->is_pinged = false;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (s->state == LINK_LOGIN)
			refused(s, reply);
		return; /* LOADING, MASTERDOWN: it is there, but has nothing to say */
	}
	breaker_answered(&s->breaker, worker_now());
	if (s->state == LINK_LOGIN)
		enter(s, LINK_READY);
	set_up(s);
	send_writes(s);
}

static void
ping(struct store *s)
{
	if (!s->is_pinged)
		s->is_pinged = redisAsyncCommand(s->redis, on_pong, s, "PING") == REDIS_OK;
}

static void
on_connected(const redisAsyncContext *redis, int status)
{
	struct store *s = redis->data;
	const struct store_url *url = s->settings.url;

	if (s->redis != redis)
		return;
	if (status != REDIS_OK) {
		s->redis = NULL; /* hiredis frees it */
		s->rest_ms = REST_MS;
		lost(s, redis->errstr);
		return;
	}
	enter(s, LINK_LOGIN);
	if (url->user[0])
		redisAsyncCommand(s->redis, on_login, s, "AUTH %s %s", url->user, url->password);
	else if (url->password[0])
		redisAsyncCommand(s->redis, on_login, s, "AUTH %s", url->password);
	if (url->db)
		redisAsyncCommand(s->redis, on_login, s, "SELECT %u", url->db);
	ping(s);
}

static void
on_disconnected(const redisAsyncContext *redis, int status)
{
	struct store *s = redis->data;

	if (s->redis != redis)
		return; /* we ended it */
	s->redis = NULL;
	s->rest_ms = REST_MS;
	lost(s, redis->err ? redis->errstr : "closed");
}

static void
connect_to(struct store *s, const char *host)
{
	const struct store_url *url = s->settings.url;
	redisAsyncContext *redis = url->path[0] ? redisAsyncConnectUnix(url->path)
						: redisAsyncConnect(host, url->port);

	say(s, STORE_DIALLED);
	s->rest_ms = REST_MS;
	if (!redis || redis->err) {
		lost(s, redis ? redis->errstr : "out of memory");
		if (redis)
			redisAsyncFree(redis);
		return;
	}
	redis->data = s;
	s->redis = redis;
	enter(s, LINK_CONNECT);
	redisLibevAttach(s->loop, redis);
	redisAsyncSetConnectCallback(redis, on_connected);
	redisAsyncSetDisconnectCallback(redis, on_disconnected);
}

static void
on_resolved(void *arg, const struct lookup_result *result)
{
	struct store *s = arg;
	char text[IP_TEXT];

	if (result->status == LOOKUP_STOPPED || s->state != LINK_RESOLVE)
		return;
	if (result->status == LOOKUP_OK)
		connect_to(s, ip_format(&result->ips[0], text));
	else
		lost(s, "its name has no address");
}

static void
dial(struct store *s)
{
	static const struct resolver_settings settings = { .timeout_ms = 1000, .tries = 1 };
	const struct store_url *url = s->settings.url;
	struct ip ip;

	if (url->path[0] || ip_parse(str_of(url->host), &ip)) {
		connect_to(s, url->host);
		return;
	}
	if (!s->resolver)
		s->resolver = resolver_new(s->loop, &settings);
	enter(s, LINK_RESOLVE);
	if (s->resolver)
		resolver_ask(s->resolver, url->host, 0, on_resolved, s);
}

static void
on_beat(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct store *s = container_of(timer, struct store, beat);
	int64_t now = worker_now();

	switch (s->state) {
	case LINK_REST:
		if (now - s->since >= s->rest_ms)
			dial(s);
		break;
	case LINK_RESOLVE:
	case LINK_CONNECT:
	case LINK_LOGIN:
		if (now - s->since >= LOGIN_MS)
			drop(s, "no answer");
		break;
	case LINK_READY:
		if (!breaker_allows(&s->breaker, now))
			set_away(s, "no answer");
		if (breaker_silence_ms(&s->breaker, now) >= SILENCE_MS)
			drop(s, "no answer");
		else
			ping(s);
		break;
	}
}

struct store *
store_open(struct ev_loop *loop, const struct store_settings *settings)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->settings = *settings;
	store_url_format(settings->url, s->name);
	list_init(&s->waiting);
	list_init(&s->unsent);
	list_init(&s->sent);
	enter(s, LINK_REST);
	ev_timer_init(&s->beat, on_beat, 0., BEAT_S);
	ev_timer_start(loop, &s->beat);
	ev_timer_init(&s->deadline, on_deadline, 0., 0.);
	/* Answers that came in the same turn are read first. */
	ev_set_priority(&s->deadline, EV_MINPRI);
	return s;
}

void
store_close(struct store *s)
{
	redisAsyncContext *redis = s->redis;

	ev_timer_stop(s->loop, &s->beat);
	if (s->state == LINK_READY)
		redisAsyncHandleWrite(redis);
	redis = s->redis; /* that may have been its end */
	s->redis = NULL;
	enter(s, LINK_REST);
	if (redis)
		redisAsyncFree(redis);
	ev_timer_stop(s->loop, &s->deadline);
	if (s->said == SAID_UP)
		say(s, STORE_AWAY);
	if (s->resolver)
		resolver_free(s->resolver);
	unsend(s);
	while (!list_is_empty(&s->unsent))
		forget_write(s, container_of(s->unsent.next, struct queued, list));
	free(s);
}
