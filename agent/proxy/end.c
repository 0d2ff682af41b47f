/* What TLS waits for is kept beside it; the session computes its interest from that. */
#include "agent/proxy/end.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* As an errno: later, or broken. */
static ssize_t
not_now(enum tls_result result)
{
	errno = result == TLS_WANT_READ || result == TLS_WANT_WRITE ? EAGAIN : ECONNRESET;
	return -1;
}

ssize_t
end_recv(const struct end *e, void *p, size_t n)
{
	enum tls_result result;
	size_t got;

	if (!e->tls)
		return recv(e->fd, p, n, 0);
	result = tls_conn_read(&e->tls->conn, p, n, &got);
	e->tls->read_wants_write = result == TLS_WANT_WRITE;
	if (result == TLS_OK)
		return (ssize_t)got;
	return result == TLS_CLOSED ? 0 : not_now(result);
}

ssize_t
end_send(const struct end *e, const void *p, size_t n)
{
	enum tls_result result;
	size_t sent;

	if (!e->tls)
		return send(e->fd, p, n, MSG_NOSIGNAL);
	result = tls_conn_write(&e->tls->conn, p, n, &sent);
	e->tls->write_wants_read = result == TLS_WANT_READ;
	return result == TLS_OK ? (ssize_t)sent : not_now(result);
}

void
end_shut(const struct end *e)
{
	if (e->tls)
		(void)!tls_conn_shut(&e->tls->conn);
	shutdown(e->fd, SHUT_WR);
}

struct secured *
secured_new(void)
{
	return calloc(1, sizeof(struct secured));
}

void
secured_begin(struct secured *s, _Atomic uint32_t *under_way)
{
	s->under_way = under_way;
	atomic_fetch_add(under_way, 1);
}

void
secured_done(struct secured *s)
{
	if (s->under_way)
		atomic_fetch_sub(s->under_way, 1);
	s->under_way = NULL;
}

void
secured_free(struct secured *s)
{
	if (!s)
		return;
	secured_done(s);
	if (s->has_facts)
		tls_facts_fini(&s->facts);
	if (s->conn.ssl)
		tls_conn_close(&s->conn);
	free(s);
}
