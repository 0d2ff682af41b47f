/* TCP_NODELAY: MQTT's packets are small and wanted now. */
#include "agent/io/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int
dial_start(const struct addr *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, error;

	if (fd < 0)
		return -errno;
	if (to->sa.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &to->sa, to->len) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	return -error;
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
