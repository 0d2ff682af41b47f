/* One read and one write a turn, several turns while there is more: then others have theirs. */
#include "agent/proxy/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 << 10, /* four times HAProxy's: what doubles bulk throughput */
	TURNS = 4,
};

_Static_assert((int)READ_SIZE <= (int)WORKER_BUFFER, "it is the worker's buffer");

void
relay_fini(struct relay *r)
{
	if (!r->rest)
		return;
	buf_fini(r->rest);
	free(r->rest);
	r->rest = NULL;
}

bool
relay_keep(struct relay *r, const uint8_t *p, size_t n)
{
	if (n == 0)
		return true;
	if (!r->rest) {
		r->rest = malloc(sizeof(*r->rest));
		if (!r->rest)
			return false;
		buf_init(r->rest, WORKER_BUFFER);
	}
	return buf_put(r->rest, p, n);
}

/* send() as much as is taken; -1 when that fails for good. */
static ssize_t
send_some(const struct end *to, const uint8_t *p, size_t n)
{
	ssize_t sent;

	do
		sent = end_send(to, p, n);
	while (sent < 0 && errno == EINTR);
	return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static enum relay_result
send_rest(struct relay *r, const struct end *to)
{
	ssize_t sent = send_some(to, buf_front(r->rest), buf_len(r->rest));

	if (sent < 0)
		return RELAY_BROKEN_TO;
	r->n_bytes += (uint64_t)sent;
	buf_consume(r->rest, (size_t)sent);
	if (buf_len(r->rest) == 0)
		relay_fini(r);
	return RELAY_OPEN;
}

/* Read once and write it on. *more: the socket may have some yet. */
static enum relay_result
move_once(struct relay *r, struct worker *w, const struct end *from, const struct end *to,
	  bool *more)
{
	ssize_t sent, got = end_recv(from, w->read_buffer, READ_SIZE);

	*more = got == READ_SIZE || (from->tls && got > 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? RELAY_OPEN : RELAY_BROKEN_FROM;
	r->eof = got == 0;
	sent = got ? send_some(to, w->read_buffer, (size_t)got) : 0;
	if (sent < 0)
		return RELAY_BROKEN_TO;
	r->n_bytes += (uint64_t)sent;
	return relay_keep(r, w->read_buffer + sent, (size_t)(got - sent)) ? RELAY_OPEN
									  : RELAY_MEMORY;
}

enum relay_result
relay_run(struct relay *r, struct worker *w, const struct end *from, const struct end *to)
{
	enum relay_result result = r->rest ? send_rest(r, to) : RELAY_OPEN;
	bool more = true;

	for (int turn = 0; turn < TURNS && more && result == RELAY_OPEN && relay_wants_read(r);
	     turn++)
		result = move_once(r, w, from, to, &more);
	if (result != RELAY_OPEN || !r->eof || r->rest)
		return result;
	if (!r->shut)
		end_shut(to);
	r->shut = true;
	return RELAY_DONE;
}
