/*
 * c-ares says which of its sockets it waits for; each gets an ev_io. One timer stands for the
 * nearest of all its time-outs and is set anew whenever c-ares has been at work.
 */
#include "agent/io/resolver.h"

#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/list.h"

struct resolver {
	struct ev_loop *loop;
	ares_channel channel;
	struct list sockets; /* struct resolver_socket */
	ev_timer due;
	bool as_the_system;
};

/* A socket of c-ares that it waits for. */
struct resolver_socket {
	struct list list;
	struct resolver *resolver;
	ev_io io;
};

/* ---- sockets and time ----------------------------------------------------------------------- */

static void
set_timer(struct resolver *r)
{
	struct timeval left;

	ev_timer_stop(r->loop, &r->due);
	if (!ares_timeout(r->channel, NULL, &left))
		return;
	/* The loop's notion of now may be as old as its last event. */
	ev_now_update(r->loop);
	ev_timer_set(&r->due, (double)left.tv_sec + (double)left.tv_usec / 1e6 + 0.001, 0.);
	ev_timer_start(r->loop, &r->due);
}

static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct resolver *r = container_of(timer, struct resolver, due);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

/* The socket may be gone when c-ares is done. */
static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct resolver *r = container_of(io, struct resolver_socket, io)->resolver;

	ares_process_fd(r->channel, revents & EV_READ ? io->fd : ARES_SOCKET_BAD,
			revents & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	set_timer(r);
}

static struct resolver_socket *
find_socket(struct resolver *r, int fd)
{
	list_for_each(at, &r->sockets) {
		struct resolver_socket *s = container_of(at, struct resolver_socket, list);

		if (s->io.fd == fd)
			return s;
	}
	return NULL;
}

static struct resolver_socket *
add_socket(struct resolver *r, int fd)
{
	struct resolver_socket *s = malloc(sizeof(*s));

	if (!s)
		return NULL; /* nobody hears the answer: a time-out */
	s->resolver = r;
	ev_io_init(&s->io, on_io, fd, 0);
	list_append(&r->sockets, &s->list);
	return s;
}

static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct resolver_socket *s = find_socket(r, fd);

	if (s)
		ev_io_stop(r->loop, &s->io);
	if (!readable && !writable) {
		if (s)
			list_remove(&s->list);
		free(s);
		return;
	}
	if (!s && !(s = add_socket(r, fd)))
		return;
	ev_io_set(&s->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(r->loop, &s->io);
}

/* ---- asking --------------------------------------------------------------------------------- */

struct request {
	resolver_fn *fn;
	void *arg;
};

static enum lookup_status
status_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return LOOKUP_OK;
	case ARES_ENOTFOUND:
		return LOOKUP_NX;
	case ARES_EREFUSED:
		return LOOKUP_REFUSED;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return LOOKUP_TIMEOUT;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return LOOKUP_STOPPED;
	default:
		return LOOKUP_OTHER;
	}
}

static size_t
take_addresses(const struct ares_addrinfo *info, struct ip *ips)
{
	size_t n = 0;

	for (struct ares_addrinfo_node *at = info->nodes; at && n < RESOLVER_ADDRS_MAX;
	     at = at->ai_next) {
		struct addr a = { .len = at->ai_addrlen };

		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		memcpy(&a.sa, at->ai_addr, at->ai_addrlen);
		addr_ip(&a, &ips[n++]);
	}
	return n;
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct request *request = arg;
	struct ip ips[RESOLVER_ADDRS_MAX];
	struct lookup_result result = { .status = status_of(status), .ips = ips };

	if (result.status == LOOKUP_OK) {
		result.n = take_addresses(info, ips);
		if (result.n == 0)
			result.status = LOOKUP_OTHER;
	}
	if (info)
		ares_freeaddrinfo(info);
	request->fn(request->arg, &result);
	free(request);
}

void
resolver_ask(struct resolver *r, const char *name, uint8_t family, resolver_fn *fn, void *arg)
{
	struct request *request = malloc(sizeof(*request));
	struct ares_addrinfo_hints hints = {
		.ai_family = family == 4   ? AF_INET
			     : family == 6 ? AF_INET6
					   : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		/* Sorting is for those who take the first; it connects to each address. */
		.ai_flags = r->as_the_system ? 0 : ARES_AI_NOSORT,
	};

	if (!request) {
		fn(arg, &(struct lookup_result){ .status = LOOKUP_OTHER });
		return;
	}
	*request = (struct request){ fn, arg };
	ares_getaddrinfo(r->channel, name, NULL, &hints, on_answer, request);
	set_timer(r);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

/* One name server, which is told the name as it is: no hosts file, no search list. */
static bool
ask_only(ares_channel channel, const struct addr *server)
{
	struct ares_addr_port_node node = {
		.family = server->sa.sa_family,
		.udp_port = addr_port(server),
		.tcp_port = addr_port(server),
	};

	if (node.family == AF_INET)
		node.addr.addr4 = server->in.sin_addr;
	else if (node.family == AF_INET6)
		memcpy(&node.addr.addr6, &server->in6.sin6_addr, sizeof(node.addr.addr6));
	else
		return false;
	return ares_set_servers_ports(channel, &node) == ARES_SUCCESS;
}

static bool
open_channel(struct resolver *r, const struct resolver_settings *settings)
{
	char dns_alone[] = "b";
	struct ares_options options = {
		.flags = (settings->payload_size ? ARES_FLAG_EDNS : 0) |
			 (settings->tcp ? ARES_FLAG_USEVC : 0),
		.timeout = (int)settings->timeout_ms,
		.tries = (int)settings->tries,
		.ednspsz = (int)settings->payload_size,
		.lookups = dns_alone,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;

	if (!r->as_the_system) {
		/* What the one server says is the answer, REFUSED as well. */
		options.flags |= ARES_FLAG_NOCHECKRESP;
		mask |= ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_EDNSPSZ;
	}
	if (ares_init_options(&r->channel, &options, mask) != ARES_SUCCESS)
		return false;
	if (r->as_the_system || ask_only(r->channel, &settings->server))
		return true;
	ares_destroy(r->channel);
	return false;
}

struct resolver *
resolver_new(struct ev_loop *loop, const struct resolver_settings *settings)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = loop;
	r->as_the_system = settings->server.len == 0;
	list_init(&r->sockets);
	ev_timer_init(&r->due, on_due, 0., 0.);
	if (open_channel(r, settings))
		return r;
	free(r);
	return NULL;
}

void
resolver_free(struct resolver *r)
{
	if (!r)
		return;
	ares_destroy(r->channel); /* its sockets are taken out as they close */
	ev_timer_stop(r->loop, &r->due);
	free(r);
}

/* ---- at once -------------------------------------------------------------------------------- */

enum {
	SYSTEM_TIMEOUT_MS = 1000,
	SYSTEM_TRIES = 3,
};

struct round {
	struct ev_loop *loop;
	size_t n_open; /* questions without an answer */
	ev_timer deadline;
};

struct pending {
	struct round *round;
	struct resolver_question *question;
};

static void
on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

static void
on_first_address(void *arg, const struct lookup_result *result)
{
	struct pending *p = arg;

	if (result->status == LOOKUP_STOPPED)
		return; /* it was late: LOOKUP_TIMEOUT stands */
	p->question->status = result->status;
	if (result->status == LOOKUP_OK)
		p->question->ip = result->ips[0];
	if (--p->round->n_open == 0)
		ev_break(p->round->loop, EVBREAK_ALL);
}

static void
ask_and_wait(struct round *round, struct resolver *r, struct pending *pending, size_t n)
{
	for (size_t i = 0; i < n; i++)
		resolver_ask(r, pending[i].question->name, pending[i].question->family,
			     on_first_address, &pending[i]);
	if (round->n_open)
		ev_run(round->loop, 0);
}

void
resolver_ask_all(struct resolver_question *const *questions, size_t n, uint32_t deadline_ms)
{
	const struct resolver_settings settings = {
		.timeout_ms = SYSTEM_TIMEOUT_MS,
		.tries = SYSTEM_TRIES,
	};
	struct round round = { .loop = n ? ev_loop_new(EVFLAG_AUTO) : NULL, .n_open = n };
	struct resolver *r = round.loop ? resolver_new(round.loop, &settings) : NULL;
	struct pending *pending = r ? calloc(n, sizeof(*pending)) : NULL;

	for (size_t i = 0; i < n; i++) {
		questions[i]->status = LOOKUP_TIMEOUT;
		if (pending)
			pending[i] = (struct pending){ &round, questions[i] };
	}
	if (pending) {
		ev_timer_init(&round.deadline, on_deadline, deadline_ms / 1e3, 0.);
		ev_timer_start(round.loop, &round.deadline);
		ask_and_wait(&round, r, pending, n);
	}
	resolver_free(r);
	free(pending);
	if (round.loop)
		ev_loop_destroy(round.loop);
}

static bool
take_server(const struct ares_addr_port_node *node, struct addr *a)
{
	uint16_t port = node->udp_port ? (uint16_t)node->udp_port : 53;

	*a = (struct addr){ 0 };
	if (node->family == AF_INET) {
		a->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		a->in.sin_addr = node->addr.addr4;
		a->len = sizeof(a->in);
	} else if (node->family == AF_INET6) {
		a->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&a->in6.sin6_addr, &node->addr.addr6, sizeof(a->in6.sin6_addr));
		a->len = sizeof(a->in6);
	}
	return a->len > 0;
}

size_t
resolver_system_servers(struct addr servers[RESOLVER_SERVERS_MAX])
{
	struct ares_addr_port_node *nodes = NULL;
	ares_channel channel;
	size_t n = 0;

	if (ares_init(&channel) != ARES_SUCCESS)
		return 0;
	if (ares_get_servers_ports(channel, &nodes) == ARES_SUCCESS) {
		for (const struct ares_addr_port_node *at = nodes; at; at = at->next)
			if (n < RESOLVER_SERVERS_MAX && take_server(at, &servers[n]))
				n++;
		ares_free_data(nodes);
	}
	ares_destroy(channel);
	return n;
}
