/*
 * TCP_NODELAY: MQTT's packets are small and wanted now.
 *
 * A source port may serve once for each place that is dialled: bind() takes it with SO_REUSEADDR,
 * and connect() finds out whether those two ends are connected already.
 */
#include "agent/io/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* A dial must not hold up the others, however full a range is. */
enum { PORTS_TRIED = 64 };

static void
set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

static int
open_socket(const struct addr *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (to->sa.sa_family != AF_UNIX)
		set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return fd;
}

static int
begin(int fd, const struct addr *to)
{
	int error;

	if (connect(fd, &to->sa, to->len) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int
dial_start(const struct addr *to)
{
	int fd = open_socket(to);

	return fd < 0 ? fd : begin(fd, to);
}

static void
set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
}

/*
 * Without a port of ours the kernel picks one at connect(), when it knows the other end. With one,
 * connect() says EADDRNOTAVAIL where bind() would say EADDRINUSE.
 */
static int
dial_from_port(const struct addr *to, const struct addr *source, uint16_t port)
{
	struct addr from = *source;
	int fd = open_socket(to), error;

	if (fd < 0)
		return fd;
	set_port(&from, port);
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (port == 0)
		set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (bind(fd, &from.sa, from.len) == 0) {
		fd = begin(fd, to);
		return port && fd == -EADDRNOTAVAIL ? -EADDRINUSE : fd;
	}
	error = errno;
	close(fd);
	return -error;
}

/* A source port alone: any address of the family that is dialled. */
static void
default_address(struct addr *from, const struct addr *to)
{
	if (from->len)
		return;
	from->sa.sa_family = to->sa.sa_family;
	from->len = to->len;
}

/*
 * In turn, while they are free. Sessions are long: after one turn through a wide range those still
 * in use stand side by side, so whoever meets one leaps instead of going on to its neighbour.
 */
static uint32_t
next_turn(uint32_t turn, uint32_t n_ports)
{
	return turn + 1 + (n_ports > PORTS_TRIED ? (turn * 2654435761u >> 8) % n_ports : 0);
}

static int
dial_from_range(const struct addr *to, const struct dial_source *from, const struct addr *source)
{
	static _Atomic uint32_t turns;
	uint32_t n_ports = (uint32_t)from->port_max - from->port_min + 1;
	uint32_t turn = atomic_fetch_add(&turns, 1);

	for (uint32_t i = 0; i < n_ports && i < PORTS_TRIED; i++) {
		uint16_t port = (uint16_t)(from->port_min + turn % n_ports);
		int fd = dial_from_port(to, source, port);

		if (fd != -EADDRINUSE)
			return fd;
		turn = next_turn(turn, n_ports);
	}
	return -EADDRINUSE;
}

int
dial_start_from(const struct addr *to, const struct dial_source *from)
{
	struct addr source = from->addr;

	if (to->sa.sa_family == AF_UNIX || (!source.len && !from->port_min))
		return dial_start(to);
	default_address(&source, to);
	if (from->port_min && from->port_max >= from->port_min)
		return dial_from_range(to, from, &source);
	return dial_from_port(to, &source, from->port_min);
}

int
dial_result(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

void
socket_keepalive(int fd, const struct keepalive *k)
{
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (k->count)
		set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)k->count);
	if (k->idle_s)
		set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)k->idle_s);
	if (k->interval_s)
		set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)k->interval_s);
}

void
socket_buffers(int fd, uint32_t receive, uint32_t send)
{
	if (receive)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, (int)receive);
	if (send)
		set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)send);
}

bool
socket_peer(int fd, struct addr *a)
{
	a->len = sizeof(*a) - offsetof(struct addr, sa);
	return getpeername(fd, &a->sa, &a->len) == 0;
}

bool
socket_self(int fd, struct addr *a)
{
	a->len = sizeof(*a) - offsetof(struct addr, sa);
	return getsockname(fd, &a->sa, &a->len) == 0;
}
