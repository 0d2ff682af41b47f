/*
 * Clients that connect, read their CONNACK, say DISCONNECT and go; a number of them at a time,
 * each followed at once by the next.
 *
 *	mqtt_load -p PORT [-c at a time] [-k known clients] [-n sessions | -t seconds] [-P PID]...
 *
 * Latency is from before connect() until the CONNACK is read.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/bench.h"

enum {
	CLIENTS_MAX = 256,
	/* Source addresses in turn: one alone would run out of ports within a second's TIME_WAIT.
	 */
	SOURCES = 64,
};

/* MQTT 3.1.1, clean session, user name, keepalive 60 s. */
static const char connect_packet[] =
	"\x10\x2b\0\4MQTT\4\x82\0\x3c\0\x18" ID_PREFIX "000000000000000000\0\5meter";
static const uint8_t connack[] = { 0x20, 2, 0, 0 }, disconnect[] = { 0xe0, 0 };

_Static_assert(sizeof(connect_packet) - 1 == 2 + 0x2b && ID_LEN == 0x18, "lengths in the packet");

struct client {
	int fd;
	uint64_t began; /* ns */
};

static struct {
	int port, clients;
	uint64_t sessions, seconds, known;
	struct processes processes;
} options = { .clients = 16, .seconds = 2, .known = 1000 };

static struct {
	int epoll;
	uint64_t begun, done, refused, under_way;
	uint64_t deadline;
	struct histogram latency;
} run;

static int
dial(uint64_t n)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x10000 + (uint32_t)(n % SOURCES));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)options.port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	return fd;
}

static void
begin(struct client *c)
{
	char packet[sizeof(connect_packet)];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	uint64_t n = run.begun++;

	memcpy(packet, connect_packet, sizeof(packet));
	put_digits(packet + 14 + strlen(ID_PREFIX), shuffled(n, options.known));
	c->began = now_ns();
	c->fd = dial(n);
	if (send(c->fd, packet, sizeof(packet) - 1, MSG_NOSIGNAL) != sizeof(packet) - 1)
		die("send");
	if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die("epoll_ctl");
	run.under_way++;
}

static bool
is_over(uint64_t now)
{
	return options.sessions ? run.begun >= options.sessions : now >= run.deadline;
}

/* The CONNACK came, or an end without one. */
static void
on_readable(struct client *c)
{
	uint8_t bytes[sizeof(connack)];
	ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);
	uint64_t now = now_ns();

	if (got == sizeof(connack) && memcmp(bytes, connack, sizeof(connack)) == 0) {
		histogram_add(&run.latency, now - c->began);
		(void)!send(c->fd, disconnect, sizeof(disconnect), MSG_NOSIGNAL);
		run.done++;
	} else {
		run.refused++;
	}
	close(c->fd);
	run.under_way--;
	if (!is_over(now))
		begin(c);
}

static void
serve(struct client *clients)
{
	struct epoll_event events[CLIENTS_MAX];

	for (int i = 0; i < options.clients; i++)
		begin(&clients[i]);
	while (run.under_way) {
		int n = epoll_wait(run.epoll, events, CLIENTS_MAX, 5000);

		if (n <= 0)
			die("no answer in five seconds");
		for (int i = 0; i < n; i++)
			on_readable(events[i].data.ptr);
	}
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "p:c:k:n:t:P:")) > 0)
		switch (option) {
		case 'p':
			options.port = atoi(optarg);
			break;
		case 'c':
			options.clients = atoi(optarg);
			break;
		case 'k':
			options.known = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			options.sessions = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options.seconds = strtoull(optarg, NULL, 10);
			break;
		case 'P':
			processes_add(&options.processes, optarg);
			break;
		default:
			exit(2);
		}
	if (options.port <= 0 || options.clients < 1 || options.clients > CLIENTS_MAX) {
		fprintf(stderr, "mqtt_load: -p PORT, -c 1..%d; see the source\n", CLIENTS_MAX);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static struct client clients[CLIENTS_MAX];
	uint64_t began;
	double seconds;

	read_options(argc, argv);
	run.epoll = epoll_create1(0);
	processes_begin(&options.processes);
	began = now_ns();
	run.deadline = began + options.seconds * 1000000000;
	serve(clients);
	seconds = (double)(now_ns() - began) / 1e9;
	printf("sessions=%llu refused=%llu per_s=%.0f p50_us=%.1f p99_us=%.1f",
	       (unsigned long long)run.done, (unsigned long long)run.refused,
	       (double)run.done / seconds, histogram_us(&run.latency, 0.5),
	       histogram_us(&run.latency, 0.99));
	processes_print(&options.processes, run.done);
	putchar('\n');
	return 0;
}
