/*
 * What stands before the first byte of either side: the PROXY header and the TLS of a client that
 * arrives, and those that a server is greeted with.
 *
 * A header is read no further than it goes: what is behind it belongs to the next layer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/core/wire/proxy_header.h"
#include "agent/engine/counters.h"
#include "agent/engine/session_line.h"
#include "agent/io/dial.h"
#include "agent/io/log.h"
#include "agent/proxy/state.h"
#include "agent/tls/store.h"

enum {
	HEADER_MAX = 4096,     /* bytes of a client's PROXY header */
	SERVER_NAME_MAX = 255, /* bytes of a name in TLS */
};

/* ---- who is there --------------------------------------------------------------------------- */

struct extra *
session_extra(struct session *s)
{
	if (!s->extra)
		s->extra = calloc(1, sizeof(*s->extra));
	return s->extra;
}

void
extra_drop(struct session *s)
{
	if (!s->extra)
		return;
	secured_free(s->extra->client_tls);
	secured_free(s->extra->server_tls);
	free(s->extra->authority);
	free(s->extra);
	s->extra = NULL;
}

void
session_socket_ends(int fd, struct ends *e)
{
	struct addr a;

	if (socket_peer(fd, &a)) {
		addr_ip(&a, &e->peer);
		e->peer_port = addr_port(&a);
	}
	if (socket_self(fd, &a)) {
		addr_ip(&a, &e->self);
		e->self_port = addr_port(&a);
	}
}

void
session_ends(const struct session *s, struct ends *e)
{
	struct opening *o = s->opening;

	*e = (struct ends){ 0 };
	if (s->extra && s->extra->is_presented) {
		*e = s->extra->presented;
	} else if (o && o->has_ends) {
		*e = o->ends;
	} else {
		session_socket_ends(s->client.fd, e);
		if (o) {
			o->ends = *e;
			o->has_ends = true;
		}
	}
}

/* ---- a client's PROXY header ---------------------------------------------------------------- */

static void
log_refused(struct session *s, const char *what)
{
	struct log_fields fields = { .accepted_us = 0 };
	struct expr_context x;

	context_fill(s, &x);
	fields.accepted_us = x.now_us;
	fields.termination = STR("PR");
	session_line_write_refused(s->world->data_path, s->frontend, &x, &fields, what);
}

static enum step
bad_header(struct session *s)
{
	log_refused(s, "Received an invalid PROXY protocol header");
	return session_end(s, CLOSE_BAD_HEADER);
}

/* It says who the client is, if it is one that HAProxy takes. */
static bool
take_header(struct session *s, const struct proxy_header *h)
{
	struct extra *extra = session_extra(s);

	if (h->command == PROXY_LOCAL || (h->version == 1 && h->family == PROXY_UNSPEC))
		return true; /* the balancer's own: by the addresses of the connection itself */
	if (!extra || h->is_datagram || (h->family != PROXY_INET && h->family != PROXY_INET6))
		return false;
	extra->is_presented = true;
	addr_ip(&h->source, &extra->presented.peer);
	extra->presented.peer_port = addr_port(&h->source);
	addr_ip(&h->destination, &extra->presented.self);
	extra->presented.self_port = addr_port(&h->destination);
	if (h->authority.n)
		extra->authority = strndup(h->authority.p, h->authority.n);
	return true;
}

/* Into what follows the header, or the connection rules. */
static enum step
begin_session(struct session *s)
{
	const struct bind *bind = s->opening->bind;
	const struct tls_server *server;
	struct extra *extra;

	if (!bind->ssl)
		return route_admit(s);
	server = tls_store_server(s->world->data_path->tls, bind, s->carrier->worker->index);
	extra = session_extra(s);
	if (!extra || !(extra->client_tls = secured_new()) ||
	    tls_conn_accept(&extra->client_tls->conn, server, s->client.fd) < 0)
		return session_end(s, CLOSE_MEMORY);
	secured_begin(extra->client_tls, &s->world->data_path->process->n_handshakes);
	return session_enter(s, SESSION_HANDSHAKE);
}

enum step
arrival_begin(struct session *s)
{
	bool expects_header;
	enum step step = route_connection(s, &expects_header);

	if (step != STEP_NEXT)
		return step;
	return expects_header || s->opening->bind->accept_proxy ? session_enter(s, SESSION_HEADER)
								: begin_session(s);
}

enum step
arrival_header(struct session *s)
{
	struct worker *w = s->carrier->worker;
	size_t kept = s->up.rest ? buf_len(s->up.rest) : 0;
	ssize_t got = recv(s->client.fd, w->read_buffer, HEADER_MAX, MSG_PEEK);
	struct proxy_header h;
	enum proxy_fault fault;
	enum parse parse;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAIT;
	if (got <= 0)
		return session_end(s, CLOSE_CLIENT_GONE);
	if (!relay_keep(&s->up, w->read_buffer, (size_t)got))
		return session_end(s, CLOSE_MEMORY);
	parse = proxy_header_decode(buf_front(s->up.rest), buf_len(s->up.rest), HEADER_MAX, &h,
				    &fault);
	if (parse == PARSE_BAD || (parse == PARSE_OK && !take_header(s, &h)))
		return bad_header(s);
	if (parse == PARSE_OK)
		got = (ssize_t)(h.len - kept);
	if (recv(s->client.fd, w->read_buffer, (size_t)got, 0) != got)
		return session_end(s, CLOSE_CLIENT_GONE);
	if (parse == PARSE_MORE)
		return STEP_WAIT;
	relay_fini(&s->up);
	return begin_session(s);
}

/* ---- a client's TLS ------------------------------------------------------------------------- */

static enum step
handshake_failed(struct session *s)
{
	enum tls_fail fail = s->extra->client_tls->conn.fail;

	counters_add(s->carrier->worker->counters, COUNTER_HANDSHAKES_FAILED);
	log_refused(s, tls_fail_text(fail));
	if (log_wants(LOG_DEBUG))
		log_line(LOG_DEBUG, "handshake failed frontend=%s reason=%s", s->frontend->name,
			 tls_fail_name(fail));
	return session_end(s, CLOSE_HANDSHAKE);
}

/* One turn of a handshake. STEP_END: it failed. */
static enum step
shake_hands(struct secured *tls)
{
	enum tls_result result = tls_conn_handshake(&tls->conn);

	tls->read_wants_write = result == TLS_WANT_WRITE;
	if (result == TLS_WANT_READ || result == TLS_WANT_WRITE)
		return STEP_WAIT;
	return result == TLS_OK ? STEP_NEXT : STEP_END;
}

enum step
arrival_handshake(struct session *s)
{
	struct secured *tls = s->extra->client_tls;
	enum step step = shake_hands(tls);

	if (step == STEP_END)
		return handshake_failed(s);
	if (step == STEP_WAIT)
		return STEP_WAIT;
	secured_done(tls);
	counters_add(s->carrier->worker->counters, COUNTER_HANDSHAKES);
	tls->has_facts = tls_facts_init(&tls->facts, &tls->conn) == 0;
	return tls->has_facts ? route_admit(s) : session_end(s, CLOSE_MEMORY);
}

enum step
arrival_end(struct session *s)
{
	bool in_header = s->state == SESSION_HEADER;

	if (!in_header)
		counters_add(s->carrier->worker->counters, COUNTER_HANDSHAKES_FAILED);
	log_refused(s, in_header ? "Timeout while waiting for PROXY protocol header"
				 : "Timeout during SSL handshake");
	return session_end(s, in_header ? CLOSE_BAD_HEADER : CLOSE_HANDSHAKE);
}

/* ---- greeting a server ---------------------------------------------------------------------- */

static const struct server *
server_of(const struct session *s)
{
	return s->backend->servers[s->index];
}

bool
greeting_is_due(const struct session *s)
{
	return server_of(s)->ssl ||
	       server_of(s)->proxy_header & (PROXY_HEADER_V1 | PROXY_HEADER_V2);
}

static void
address_of(struct addr *a, const struct ip *ip, uint16_t port)
{
	char text[IP_TEXT + 16];
	char host[IP_TEXT];

	*a = (struct addr){ 0 };
	if (!ip->family)
		return;
	snprintf(text, sizeof(text), ip->family == 6 ? "[%s]:%u" : "%s:%u", ip_format(ip, host),
		 port);
	if (addr_parse(str_of(text), true, a) != ADDR_OK)
		*a = (struct addr){ 0 };
}

static void
tell_tls(const struct session *s, struct proxy_header *h)
{
	const struct secured *tls = s->extra ? s->extra->client_tls : NULL;
	const struct expr_tls *from = tls && tls->has_facts ? &tls->facts.tls : NULL;

	if (s->extra && s->extra->authority)
		h->authority = str_of(s->extra->authority);
	if (!from)
		return;
	h->has_ssl = true;
	h->ssl.client = PROXY_CLIENT_TLS;
	h->ssl.version = from->protocol;
	h->ssl.cipher = from->cipher;
	h->ssl.verify = (uint32_t)from->verify;
	h->alpn = from->alpn;
	if (!h->authority.n)
		h->authority = from->sni;
	if (!from->certificate_used)
		return;
	h->ssl.client |= PROXY_CLIENT_CERT_SESS;
	if (from->certificate_is_new)
		h->ssl.client |= PROXY_CLIENT_CERT_CONN;
	h->ssl.cn = tls->facts.cn;
}

/* False: no memory, or texts too long for a header. */
static bool
write_header(struct session *s)
{
	uint8_t bytes[PROXY_HEADER_ROOM];
	struct proxy_header h = { .command = PROXY_CARRIED, .unique_id = STR("") };
	unsigned send = server_of(s)->proxy_options;
	struct ends e;
	size_t n;

	session_ends(s, &e);
	h.version = server_of(s)->proxy_header & PROXY_HEADER_V2 ? 2 : 1;
	address_of(&h.source, &e.peer, e.peer_port);
	address_of(&h.destination, &e.self, e.self_port);
	tell_tls(s, &h);
	if (policy_as_haproxy(&s->world->policy, DIFFERENCE_BARE_LOCAL))
		send |= PROXY_SEND_BARE_LOCAL;
	n = proxy_header_encode(&h, send, bytes, sizeof(bytes));
	s->opening->head = n ? malloc(sizeof(*s->opening->head)) : NULL;
	if (!s->opening->head)
		return false;
	buf_init(s->opening->head, sizeof(bytes));
	return buf_put(s->opening->head, bytes, n);
}

/* STEP_NEXT: it is on its way. */
static enum step
send_header(struct session *s)
{
	struct buf *head = s->opening->head;
	ssize_t n;

	if (buf_len(head) == 0)
		return STEP_NEXT;
	n = send(s->server.fd, buf_front(head), buf_len(head), MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_WAIT : STEP_END;
	buf_consume(head, (size_t)n);
	return buf_len(head) ? STEP_WAIT : STEP_NEXT;
}

/*
 * The name that `sni` makes, for the server; "": none. False: no server can have that name.
 */
static bool
make_server_name(struct session *s, char out[SERVER_NAME_MAX + 1])
{
	const struct rules *rules = s->world->data_path->rules[s->backend->index];
	struct expr_context x;
	struct sample name;

	out[0] = '\0';
	context_fill(s, &x);
	if (!rules_server_name(rules, server_of(s), &x, &name))
		return true;
	if (name.bytes.n > SERVER_NAME_MAX || !tls_name_is_clean(name.bytes))
		return false;
	memcpy(out, name.bytes.p, name.bytes.n);
	out[name.bytes.n] = '\0';
	return true;
}

static bool
start_tls(struct session *s)
{
	char name[SERVER_NAME_MAX + 1];
	struct tls_client *client =
		tls_store_client(s->world->data_path->tls, server_of(s), s->carrier->worker->index);
	struct extra *extra = session_extra(s);

	if (!extra || !make_server_name(s, name) || !(extra->server_tls = secured_new()))
		return false;
	return tls_conn_connect(&extra->server_tls->conn, client, s->server.fd,
				*name ? name : NULL) == 0;
}

enum step
greeting_run(struct session *s)
{
	const struct server *server = server_of(s);
	enum step step = STEP_NEXT;

	if (server->proxy_header & (PROXY_HEADER_V1 | PROXY_HEADER_V2)) {
		if (!s->opening->head && !write_header(s))
			return STEP_END;
		step = send_header(s);
	}
	if (step != STEP_NEXT || !server->ssl)
		return step;
	if ((!s->extra || !s->extra->server_tls) && !start_tls(s))
		return STEP_END;
	return shake_hands(s->extra->server_tls);
}

int
greeting_error(const struct session *s)
{
	const struct secured *tls = s->extra ? s->extra->server_tls : NULL;
	enum tls_fail fail = tls ? tls->conn.fail : TLS_FAIL_NONE;
	bool has_begun = tls || (s->opening->head && buf_len(s->opening->head) > 0);
	bool is_judged = fail == TLS_FAIL_CERT || fail == TLS_FAIL_ALERT;

	return server_of(s)->tls.sni && (!has_begun || is_judged) ? -EPROTO : -ECONNRESET;
}
