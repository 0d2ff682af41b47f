/*
 * Lines come, are taken apart into commands, and each is answered before the next is looked at. A
 * peer that does not read its answer is not read from, which is the back-pressure.
 *
 * HAProxy's habits: without a prompt the connection ends when a line is answered and nothing else
 * has been sent yet; every answer ends in an empty line; with a prompt that is followed by "> ".
 */
#include "agent/runtime/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 << 20 };

static void work(struct cli *c);

void
cli_say(struct cli *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!buf_vprintf(&c->out, fmt, args))
		c->closes = true; /* cut short is better than wrong */
	va_end(args);
}

void
cli_close(struct cli *c)
{
	ev_io_stop(c->service->loop, &c->io);
	ev_timer_stop(c->service->loop, &c->idle);
	if (c->gather)
		gather_forget(c->gather);
	list_remove(&c->list);
	c->service->n_connections--;
	buf_fini(&c->in);
	buf_fini(&c->out);
	close(c->fd);
	free(c);
}

/* ---- reading and writing --------------------------------------------------------------------- */

static void
flush(struct cli *c)
{
	while (buf_len(&c->out)) {
		ssize_t n = send(c->fd, buf_front(&c->out), buf_len(&c->out), MSG_NOSIGNAL);

		if (n > 0) {
			buf_consume(&c->out, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			c->closes = true;
			buf_consume(&c->out, buf_len(&c->out));
		}
		return;
	}
	buf_release(&c->out);
}

static void
read_more(struct cli *c)
{
	uint8_t *room = buf_reserve(&c->in, 4096);
	ssize_t n;

	if (!room) {
		c->closes = true; /* a line without end */
		return;
	}
	n = recv(c->fd, room, 4096, 0);
	if (n > 0)
		buf_commit(&c->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->eof = true;
}

/* The loop's interest follows from the state; it ends here, too. */
static void
watch(struct cli *c)
{
	int interest = buf_len(&c->out) ? EV_WRITE : c->waits ? 0 : EV_READ;

	if (buf_len(&c->out) == 0 && !c->waits && c->closes) {
		cli_close(c);
		return;
	}
	ev_io_stop(c->service->loop, &c->io);
	ev_io_set(&c->io, c->fd, interest);
	if (interest)
		ev_io_start(c->service->loop, &c->io);
	c->idle.repeat = c->waits ? 0. : c->timeout_s;
	ev_timer_again(c->service->loop, &c->idle);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The next line into c->line, without its end. */
static bool
take_line(struct cli *c)
{
	size_t n = buf_len(&c->in);
	const uint8_t *front = n ? buf_front(&c->in) : NULL;
	const uint8_t *end = n ? memchr(front, '\n', n) : NULL;
	size_t len;

	if (!end) {
		c->closes = c->closes || c->eof || n > COMMAND_LINE_MAX;
		return false;
	}
	len = (size_t)(end - front);
	if (len > COMMAND_LINE_MAX) {
		c->closes = true;
		return false;
	}
	memcpy(c->line, front, len);
	buf_consume(&c->in, len + 1);
	buf_release(&c->in);
	c->rest = (struct str){ c->line, len };
	return true;
}

static bool
is_empty_line(struct str line)
{
	return line.n == 0 || (line.n == 1 && line.p[0] == '\r');
}

static void
run(struct cli *c)
{
	commands_run(c);
	if (!c->waits && !c->closes)
		cli_say(c, "\n%s", c->prompts ? "> " : "");
}

/* False: there is nothing to do until more bytes come. */
static bool
work_once(struct cli *c)
{
	if (!c->rest.p && !take_line(c))
		return false;
	if (c->in_payload) {
		c->in_payload = !is_empty_line(c->rest);
		c->rest = (struct str){ 0 };
		if (!c->in_payload)
			run(c);
		return true;
	}
	if (!command_next(&c->rest, c->words, &c->command))
		return true;
	c->in_payload = c->command.has_payload;
	if (c->in_payload)
		c->rest = (struct str){ 0 };
	else
		run(c);
	return true;
}

static void
work(struct cli *c)
{
	while (!c->closes && !c->waits && buf_len(&c->out) == 0 && work_once(c)) {
		bool is_over = !c->rest.p && !c->in_payload && !c->waits;

		if (is_over && !c->prompts && buf_len(&c->in) == 0)
			c->closes = true;
		flush(c);
	}
	flush(c);
	watch(c);
}

void
cli_resume(struct cli *c)
{
	c->waits = false;
	c->gather = NULL;
	cli_say(c, "\n%s", c->prompts ? "> " : "");
	if (!c->rest.p && !c->prompts && buf_len(&c->in) == 0)
		c->closes = true;
	work(c);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct cli *c = container_of(io, struct cli, io);

	if (revents & EV_WRITE)
		flush(c);
	if (revents & EV_READ)
		read_more(c);
	work(c);
}

static void
on_idle(struct ev_loop *loop, ev_timer *timer, int revents)
{
	cli_close(container_of(timer, struct cli, idle));
}

void
cli_open(struct runtime_service *s, int fd, enum runtime_level level)
{
	struct cli *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->service = s;
	c->o = s->o;
	c->fd = fd;
	c->level = level;
	c->timeout_s = (double)s->limits.timeout_ms / 1000;
	buf_init(&c->in, 2 * COMMAND_LINE_MAX);
	buf_init(&c->out, ANSWER_MAX);
	list_append(&s->connections, &c->list);
	s->n_connections++;
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_init(&c->idle, on_idle);
	watch(c);
}
