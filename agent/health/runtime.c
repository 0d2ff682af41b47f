/*
 * One question at a time: connect, send, read to the end, apply. A question that is not answered
 * when the next is due is given up, so a hung HAProxy costs nothing but fresh news.
 *
 *	IDLE ──timer──▶ ASKING ──EOF──▶ IDLE
 *	                  └── error, or the timer again ──▶ IDLE
 */
#include "agent/health/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/core/base/buf.h"
#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/core/wire/runtime.h"
#include "agent/io/log.h"

#define INTERVAL 0.2 /* s */

enum {
	ANSWER_MAX = 64 << 20, /* 4,000 servers take about 1 MB */
	READ_SIZE = 65536,
	SILENT_ROUNDS = 10, /* questions without an answer until it is said */
};

struct runtime_poller {
	struct ev_loop *loop;
	struct world *world; /* ref */
	ev_timer due;
	ev_io io;
	int fd; /* -1: not asking */
	bool sent;
	struct buf answer;
	unsigned silent; /* rounds without an answer; stops counting at SILENT_ROUNDS */
	bool answered;	 /* ever, by this socket */
	bool is_ignored; /* what it says of servers */
	void (*on_process)(void *arg, uint64_t pid); /* NULL: nobody hears */
	void *arg;
	struct runtime_haproxy haproxy;
	uint64_t named;	   /* the process that on_process() heard of last; 0: none */
	uint64_t *decided; /* owned; of each server of each pool when the question was put */
};

/* Pools in order, servers in order: the index into `decided` of a pool's first server. */
static size_t
first_of(const struct world *w, const struct pool *pool)
{
	size_t at = 0;

	for (size_t i = 0; i < w->topology.n_proxies && w->pools[i] != pool; i++)
		at += w->topology.proxies[i]->n_servers;
	return at;
}

static void
note_decided(struct runtime_poller *p)
{
	const struct world *w = p->world;
	size_t at = 0;

	for (size_t i = 0; i < w->topology.n_proxies; i++)
		for (size_t j = 0; j < w->topology.proxies[i]->n_servers; j++, at++)
			p->decided[at] = w->pools[i] ? pool_decided(w->pools[i], (unsigned)j) : 0;
}

static enum server_status
status_of(enum runtime_state state)
{
	switch (state) {
	case RUNTIME_UP:
		return SERVER_UP;
	case RUNTIME_DOWN:
		return SERVER_DOWN;
	case RUNTIME_MAINT:
		return SERVER_MAINT;
	case RUNTIME_DRAIN:
		break;
	}
	return SERVER_DRAIN;
}

/* The state comes in one table, the sessions in another. */
static void
apply_server(struct runtime_poller *p, const struct runtime_server *s)
{
	struct pool *pool = world_pool(p->world, s->backend);
	const struct server *server = pool ? proxy_server(pool_backend(pool), s->server) : NULL;

	if (!server || p->is_ignored)
		return;
	if (s->has_sessions)
		pool_set_sessions(pool, server->index, s->sessions,
				  p->decided[first_of(p->world, pool) + server->index]);
	if (s->has_state && pool_set_state(pool, server->index, status_of(s->state), s->weight))
		log_line(LOG_INFO, "server changed backend=%.*s server=%.*s state=%s weight=%u",
			 STR_ARG(s->backend), STR_ARG(s->server),
			 server_status_name(status_of(s->state)), s->weight);
}

static void
apply_info(struct runtime_poller *p, struct str answer)
{
	struct runtime_haproxy *h = &p->haproxy;

	(void)str_u64(runtime_info(answer, "Pid"), &h->pid);
	(void)str_u64(runtime_info(answer, "Uptime_sec"), &h->uptime_s);
	str_escape(runtime_info(answer, "Version"), h->version, sizeof(h->version));
	if (h->pid == p->named || !p->on_process)
		return;
	p->named = h->pid;
	p->on_process(p->arg, h->pid);
}

/* False: it says nothing of any server, so it is none. */
static bool
apply_answer(struct runtime_poller *p)
{
	struct str answer = { (const char *)buf_front(&p->answer), buf_len(&p->answer) };
	struct runtime_reader reader;
	struct runtime_server server;
	bool any = false;

	runtime_reader_init(&reader, answer);
	while (runtime_reader_next(&reader, &server)) {
		apply_server(p, &server);
		any = true;
	}
	if (!any)
		return false;
	if (!p->answered || p->silent == SILENT_ROUNDS)
		log_line(LOG_INFO, "runtime socket answers address=%s",
			 p->world->stats_sockets[0].text);
	p->answered = true;
	p->silent = 0;
	p->haproxy.answers = true;
	p->haproxy.is_hung = false;
	apply_info(p, answer);
	return true;
}

static void
stop_asking(struct runtime_poller *p)
{
	if (p->fd < 0)
		return;
	ev_io_stop(p->loop, &p->io);
	close(p->fd);
	p->fd = -1;
	buf_fini(&p->answer);
}

static void
no_answer(struct runtime_poller *p, int error)
{
	/* The backlog of a socket that nobody serves is full after some questions. */
	bool is_taken = error == ETIMEDOUT || error == EAGAIN;

	stop_asking(p);
	p->haproxy.is_hung &= is_taken;
	if (p->silent == SILENT_ROUNDS || ++p->silent < SILENT_ROUNDS)
		return;
	p->haproxy.answers = false;
	p->haproxy.is_hung = p->answered && is_taken;
	log_line(LOG_WARNING,
		 "runtime socket silent address=%s reason=\"%s\" consequence=\"server states stay "
		 "as last known\"",
		 p->world->stats_sockets[0].text, strerror(error));
}

static void
read_answer(struct runtime_poller *p)
{
	for (;;) {
		uint8_t *room = buf_reserve(&p->answer, READ_SIZE);
		ssize_t got = room ? read(p->fd, room, READ_SIZE) : -1;

		if (got > 0) {
			buf_commit(&p->answer, (size_t)got);
		} else if (got == 0) {
			if (apply_answer(p))
				stop_asking(p);
			else
				no_answer(p, EPROTO);
			return;
		} else if (!room || errno != EINTR) {
			if (!room || errno != EAGAIN)
				no_answer(p, room ? errno : ENOMEM);
			return;
		}
	}
}

static void
send_question(struct runtime_poller *p)
{
	const struct str command = STR(RUNTIME_COMMAND);

	note_decided(p);
	if (send(p->fd, command.p, command.n, MSG_NOSIGNAL) != (ssize_t)command.n) {
		no_answer(p, errno);
		return;
	}
	p->sent = true;
	ev_io_stop(p->loop, &p->io);
	ev_io_set(&p->io, p->fd, EV_READ);
	ev_io_start(p->loop, &p->io);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct runtime_poller *p = container_of(io, struct runtime_poller, io);

	if (p->sent)
		read_answer(p);
	else
		send_question(p);
}

static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct runtime_poller *p = container_of(timer, struct runtime_poller, due);
	const struct addr *a;

	if (p->fd >= 0)
		no_answer(p, ETIMEDOUT);
	if (p->world->n_stats_sockets == 0)
		return;
	a = &p->world->stats_sockets[0].addr;
	p->fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		no_answer(p, errno);
		return;
	}
	buf_init(&p->answer, ANSWER_MAX);
	p->sent = false;
	ev_io_set(&p->io, p->fd, EV_WRITE);
	ev_io_start(loop, &p->io);
	if (connect(p->fd, &a->sa, a->len) < 0 && errno != EINPROGRESS)
		no_answer(p, errno);
}

void
runtime_poller_set_world(struct runtime_poller *p, struct world *world)
{
	size_t n_servers = 0;

	stop_asking(p);
	world_ref(world);
	world_unref(p->world);
	p->world = world;
	for (size_t i = 0; i < world->topology.n_proxies; i++)
		n_servers += world->topology.proxies[i]->n_servers;
	p->decided = xrealloc(p->decided, (n_servers + 1) * sizeof(*p->decided));
	if (world->n_stats_sockets)
		return;
	p->haproxy = (struct runtime_haproxy){ 0 };
	p->answered = false;
	log_line(LOG_WARNING,
		 "runtime socket missing consequence=\"server states and weights are taken "
		 "from haproxy.cfg alone\" cure=\"global: stats socket /run/haproxy/"
		 "admin.sock mode 660 level operator\"");
}

const struct runtime_haproxy *
runtime_poller_haproxy(const struct runtime_poller *p)
{
	return &p->haproxy;
}

void
runtime_poller_observe(struct runtime_poller *p, void (*on_process)(void *arg, uint64_t pid),
		       void *arg)
{
	p->on_process = on_process;
	p->arg = arg;
	p->named = 0;
}

void
runtime_poller_forget_process(struct runtime_poller *p)
{
	stop_asking(p);
	p->haproxy.is_hung = false;
	p->named = 0;
}

void
runtime_poller_set_counts(struct runtime_poller *p, bool counts)
{
	p->is_ignored = !counts;
}

struct runtime_poller *
runtime_poller_new(struct ev_loop *loop, struct world *world)
{
	struct runtime_poller *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->fd = -1;
	ev_init(&p->io, on_io);
	ev_timer_init(&p->due, on_due, 0., INTERVAL);
	runtime_poller_set_world(p, world);
	ev_timer_start(loop, &p->due);
	return p;
}

void
runtime_poller_free(struct runtime_poller *p)
{
	stop_asking(p);
	ev_timer_stop(p->loop, &p->due);
	world_unref(p->world);
	free(p->decided);
	free(p);
}
