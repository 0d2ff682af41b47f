/* The header goes first, in the clear; then the handshake; both may take several turns. */
#include "agent/health/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/core/topology/model.h"
#include "agent/io/dial.h"

void
link_init(struct link *l)
{
	*l = (struct link){ .fd = -1 };
}

void
link_begin(struct link *l, int fd)
{
	*l = (struct link){ .fd = fd };
}

static enum link_result
wait(struct link *l, int events)
{
	l->events = events;
	return LINK_WAIT;
}

static enum link_result
fail(struct link *l, int error)
{
	l->error = error;
	return LINK_FAIL;
}

static enum link_result
answer_of_tls(struct link *l, enum tls_result result)
{
	switch (result) {
	case TLS_OK:
		return LINK_OK;
	case TLS_WANT_READ:
		return wait(l, EV_READ);
	case TLS_WANT_WRITE:
		return wait(l, EV_WRITE);
	case TLS_CLOSED:
		return LINK_CLOSED;
	case TLS_FAIL:
		break;
	}
	return fail(l, 0);
}

/* ---- the greeting --------------------------------------------------------------------------- */

/* HAProxy's: of no client, so LOCAL, but version 1 and `pp2-never-send-local` name our own ends. */
static bool
write_header(struct link *l, const struct link_terms *terms)
{
	struct proxy_header h = { .version = terms->proxy_header & PROXY_HEADER_V2 ? 2 : 1,
				  .command = PROXY_LOCAL };

	if (h.version == 1 || terms->never_local) {
		h.command = PROXY_CARRIED;
		(void)!socket_self(l->fd, &h.source);
		(void)!socket_peer(l->fd, &h.destination);
	}
	l->n_header = proxy_header_encode(&h, terms->proxy_send, l->header, sizeof(l->header));
	return l->n_header > 0;
}

static enum link_result
send_header(struct link *l, const struct link_terms *terms)
{
	if (!l->n_header && !write_header(l, terms))
		return fail(l, ENOMEM);
	while (l->n_sent < l->n_header) {
		ssize_t n =
			send(l->fd, l->header + l->n_sent, l->n_header - l->n_sent, MSG_NOSIGNAL);

		if (n >= 0)
			l->n_sent += (size_t)n;
		else if (errno == EAGAIN)
			return wait(l, EV_WRITE);
		else if (errno != EINTR)
			return fail(l, errno);
	}
	return LINK_OK;
}

enum link_result
link_greet(struct link *l, const struct link_terms *terms)
{
	enum link_result result = terms->proxy_header ? send_header(l, terms) : LINK_OK;
	int error;

	if (result != LINK_OK || !terms->tls)
		return result;
	if (!l->has_tls) {
		error = tls_conn_connect(&l->tls, terms->tls, l->fd, terms->sni);
		if (error)
			return fail(l, -error);
		l->has_tls = true;
	}
	return answer_of_tls(l, tls_conn_handshake(&l->tls));
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static enum link_result
answer_of_socket(struct link *l, ssize_t got, int events, size_t *n)
{
	if (got > 0) {
		*n = (size_t)got;
		return LINK_OK;
	}
	if (got == 0)
		return LINK_CLOSED;
	return errno == EAGAIN || errno == EINTR ? wait(l, events) : fail(l, errno);
}

enum link_result
link_send(struct link *l, const void *p, size_t size, size_t *n)
{
	*n = 0;
	if (l->has_tls)
		return answer_of_tls(l, tls_conn_write(&l->tls, p, size, n));
	return answer_of_socket(l, send(l->fd, p, size, MSG_NOSIGNAL), EV_WRITE, n);
}

enum link_result
link_recv(struct link *l, void *p, size_t size, size_t *n)
{
	*n = 0;
	if (l->has_tls)
		return answer_of_tls(l, tls_conn_read(&l->tls, p, size, n));
	return answer_of_socket(l, recv(l->fd, p, size, 0), EV_READ, n);
}

void
link_close(struct link *l, bool lingers)
{
	const struct linger reset = { .l_onoff = 1 };

	if (l->fd < 0)
		return;
	if (l->has_tls) {
		if (lingers)
			(void)!tls_conn_shut(&l->tls);
		tls_conn_close(&l->tls);
	}
	if (!lingers)
		setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(l->fd);
	link_init(l);
}

/* In HAProxy's words. */
const char *
link_error(const struct link *l)
{
	if (l->error)
		return strerror(l->error);
	if (l->tls.fail == TLS_FAIL_CERT && l->tls.verify == X509_V_ERR_HOSTNAME_MISMATCH)
		return SSL_get_servername(l->tls.ssl, TLSEXT_NAMETYPE_host_name)
			       ? "Server presented an SSL certificate different from the expected "
				 "one"
			       : "Server presented an SSL certificate different from the "
				 "configured one";
	if (l->tls.is_open)
		return "TLS connection broke"; /* HAProxy has no words for it */
	return tls_fail_text(TLS_FAIL_PROTOCOL);
}
