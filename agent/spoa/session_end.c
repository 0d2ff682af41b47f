/*
 * Nobody waits for what a datagram says, so they are let gather: after each look the socket rests
 * for some milliseconds, and the next look takes many by one system call. One at a time they would
 * cost more than the decisions, here and in HAProxy, which has to wake us up. A lost one is healed
 * by the entry's max_life.
 */
#include "agent/spoa/session_end.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/core/wire/syslog.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"

enum {
	BATCH = 32,
	DATAGRAM_MAX = 8192,
	ROUNDS = 16, /* batches before the loop has its turn again */
};

/* The socket's own buffer holds the datagrams of this long, at thirty thousand a second. */
static const double rest_s = 0.005;

struct receiver_socket {
	struct list list; /* in the owner's sockets */
	ev_io io;
	ev_timer rest; /* while it runs, io is stopped */
	struct session_end_receiver *owner;
	char *address; /* owned; as the world has it */
};

struct session_end_receiver {
	struct ev_loop *loop;
	struct stick_table *table; /* the engine's, the same for every world */
	struct counters *counters;
	struct sharing *sharing; /* the loop's */
	struct list sockets;	 /* owned */
	char buffers[BATCH][DATAGRAM_MAX];
};

static void
take_datagram(struct session_end_receiver *r, struct str datagram)
{
	struct session_end end;

	if (session_end_decode(datagram, &end) != PARSE_OK) {
		counters_add(r->counters, COUNTER_BAD_DATAGRAMS);
		return;
	}
	counters_add(r->counters, COUNTER_SESSION_ENDS);
	if (!end.has_key)
		return;
	log_line(LOG_DEBUG, "session end key=%016" PRIx64, end.key);
	sharing_session_end(r->sharing, r->table, end.key, worker_now());
}

static void
on_rested(struct ev_loop *loop, ev_timer *rest, int revents)
{
	ev_io_start(loop, &container_of(rest, struct receiver_socket, rest)->io);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct receiver_socket *s = container_of(io, struct receiver_socket, io);
	struct session_end_receiver *r = s->owner;
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	int got = BATCH;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ r->buffers[i], DATAGRAM_MAX };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (int round = 0; round < ROUNDS && got == BATCH; round++) {
		got = recvmmsg(io->fd, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < got; i++)
			take_datagram(r, (struct str){ r->buffers[i], messages[i].msg_len });
	}
	if (got == BATCH)
		return; /* there are more */
	ev_io_stop(loop, io);
	ev_timer_set(&s->rest, rest_s, 0);
	ev_timer_start(loop, &s->rest);
}

static void
open_socket(struct session_end_receiver *r, const struct world_agent *at)
{
	struct receiver_socket *s;
	int fd = datagram_bind(&at->addr);

	if (fd < 0) {
		log_line(LOG_ERROR, "session ends unheard address=%s reason=\"%s\"", at->text,
			 strerror(-fd));
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->owner = r;
	s->address = str_dup(str_of(at->text));
	list_append(&r->sockets, &s->list);
	ev_timer_init(&s->rest, on_rested, rest_s, 0);
	ev_io_init(&s->io, on_readable, fd, EV_READ);
	ev_io_start(r->loop, &s->io);
	log_line(LOG_INFO, "session ends heard address=%s", at->text);
}

static void
close_socket(struct receiver_socket *s)
{
	ev_timer_stop(s->owner->loop, &s->rest);
	ev_io_stop(s->owner->loop, &s->io);
	close(s->io.fd);
	list_remove(&s->list);
	free(s->address);
	free(s);
}

static bool
is_named(const struct world *world, const struct receiver_socket *s)
{
	for (size_t i = 0; i < world->n_session_ends; i++)
		if (strcmp(world->session_ends[i].text, s->address) == 0)
			return true;
	return false;
}

static bool
is_open(const struct session_end_receiver *r, const struct world_agent *at)
{
	list_for_each(node, &r->sockets)
		if (strcmp(container_of(node, struct receiver_socket, list)->address, at->text) ==
		    0)
			return true;
	return false;
}

bool
session_end_receiver_hears(const struct session_end_receiver *r, const struct world *world)
{
	for (size_t i = 0; i < world->n_session_ends; i++)
		if (!is_open(r, &world->session_ends[i]))
			return false;
	return world->n_session_ends > 0;
}

void
session_end_receiver_set_world(struct session_end_receiver *r, const struct world *world)
{
	list_for_each_safe(node, &r->sockets) {
		struct receiver_socket *s = container_of(node, struct receiver_socket, list);

		if (is_named(world, s))
			continue;
		log_line(LOG_INFO, "session ends no longer heard address=%s", s->address);
		close_socket(s);
	}
	for (size_t i = 0; i < world->n_session_ends; i++)
		if (!is_open(r, &world->session_ends[i]))
			open_socket(r, &world->session_ends[i]);
}

struct session_end_receiver *
session_end_receiver_new(struct ev_loop *loop, const struct world *world, struct counters *counters,
			 struct sharing *sharing)
{
	struct session_end_receiver *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->table = world->env.table;
	r->counters = counters;
	r->sharing = sharing;
	list_init(&r->sockets);
	session_end_receiver_set_world(r, world);
	return r;
}

void
session_end_receiver_free(struct session_end_receiver *r)
{
	list_for_each_safe(node, &r->sockets)
		close_socket(container_of(node, struct receiver_socket, list));
	free(r);
}
