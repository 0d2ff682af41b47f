/*
 * The least a broker can do: CONNACK 0 to every CONNECT, PINGRESP to every PINGREQ, and one byte
 *when what it reads ends in 1, on each of the ports given. So that the broker is not what is
 *measured.
 *
 *	connack PORT...
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/bench.h"

enum {
	EVENTS = 256,
	CONNECT_FIRST = 0x10, /* MQTT 3.1.1, 3.1.1 */
	PINGREQ_FIRST = 0xc0,
	LAST_OF_BULK = 1,
	READ_SIZE = 256 << 10,
};

static int epoll;

static void
watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void
listen_on(int port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	watch(fd);
}

static void
accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		watch(fd);
}

static void
answer(int fd)
{
	static const uint8_t connack[] = { 0x20, 2, 0, 0 }, pingresp[] = { 0xd0, 0 };
	static uint8_t bytes[READ_SIZE];
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && bytes[0] == CONNECT_FIRST)
		(void)!send(fd, connack, sizeof(connack), MSG_NOSIGNAL);
	else if (got > 0 && bytes[0] == PINGREQ_FIRST)
		(void)!send(fd, pingresp, sizeof(pingresp), MSG_NOSIGNAL);
	else if (got > 0 && bytes[got - 1] == LAST_OF_BULK)
		(void)!send(fd, "!", 1, MSG_NOSIGNAL);
	else if (got <= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int last_listener;

	epoll = epoll_create1(0);
	last_listener = epoll + argc - 1; /* descriptors are numbered in the order they are made */
	for (int i = 1; i < argc; i++)
		listen_on(atoi(argv[i]));
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd <= last_listener)
				accept_all(fd);
			else
				answer(fd);
		}
	}
}
