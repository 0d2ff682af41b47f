/* One ev_io for the life of the stream; it is touched only when the interest really changes. */
#include "agent/io/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* A peer that takes nothing may let this much wait; it is not read from meanwhile. */
	OUT_MAX = 4 * WORKER_BUFFER,
};

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct stream *s = container_of(io, struct stream, io);

	if (revents & EV_WRITE)
		stream_flush(s);
	s->on_event(s);
}

void
stream_open(struct stream *s, struct worker *w, int fd, const struct stream_owner *owner)
{
	s->worker = w;
	s->fd = fd;
	s->eof = s->broken = false;
	s->on_event = owner->on_event;
	s->on_stop = owner->on_stop;
	buf_init(&s->in, WORKER_BUFFER);
	buf_init(&s->out, OUT_MAX);
	list_append(&w->streams, &s->list);
	ev_io_init(&s->io, on_io, fd, EV_READ);
	ev_io_start(w->loop, &s->io);
}

void
stream_close(struct stream *s)
{
	ev_io_stop(s->worker->loop, &s->io);
	list_remove(&s->list);
	buf_fini(&s->in);
	buf_fini(&s->out);
	close(s->fd);
	s->fd = -1;
}

void
stream_read(struct stream *s, const uint8_t **p, size_t *n)
{
	uint8_t *buffer = s->worker->read_buffer;
	size_t kept = buf_len(&s->in);
	ssize_t got;

	/* Kept bytes are few: moving them in front of the new ones keeps all contiguous. */
	if (kept)
		memcpy(buffer, buf_front(&s->in), kept);
	buf_consume(&s->in, kept);
	buf_release(&s->in);

	*p = buffer;
	*n = kept;
	/* Without room to read into, read() would say 0, which is what it says at the end. */
	if (buf_len(&s->out) || s->broken || s->eof || kept == WORKER_BUFFER)
		return;
	do
		got = read(s->fd, buffer + kept, WORKER_BUFFER - kept);
	while (got < 0 && errno == EINTR);
	worker_tick(s->worker);
	if (got > 0)
		*n += (size_t)got;
	else if (got == 0)
		s->eof = true;
	else if (errno != EAGAIN)
		s->broken = true;
}

bool
stream_keep(struct stream *s, const uint8_t *p, size_t n)
{
	return buf_put(&s->in, p, n);
}

void
stream_flush(struct stream *s)
{
	while (buf_len(&s->out) && !s->broken) {
		ssize_t sent = send(s->fd, buf_front(&s->out), buf_len(&s->out), MSG_NOSIGNAL);

		if (sent >= 0)
			buf_consume(&s->out, (size_t)sent);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			s->broken = true;
	}
	buf_release(&s->out);
}

bool
stream_write(struct stream *s, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n && buf_len(&s->out) == 0 && !s->broken) {
		ssize_t sent = send(s->fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0 && errno != EINTR)
			s->broken = true;
		if (sent > 0) {
			at += sent;
			n -= (size_t)sent;
		}
	}
	return s->broken || buf_put(&s->out, at, n);
}

void
stream_watch(struct stream *s)
{
	int interest = buf_len(&s->out) ? EV_WRITE : EV_READ;

	if ((s->io.events & (EV_READ | EV_WRITE)) == interest)
		return;
	ev_io_stop(s->worker->loop, &s->io);
	ev_io_modify(&s->io, interest);
	ev_io_start(s->worker->loop, &s->io);
}
