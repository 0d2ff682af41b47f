/*
 * In HAProxy's place: connections that always have a number of questions under way, each answer
 * followed by the next question. Questions have the eighteen arguments of haproxy/spoe-usher.conf
 * with the types and lengths that HAProxy 2.6 sends.
 *
 *	spop_load -p PORT [-c connections] [-m in flight on each] [-n questions | -t seconds]
 *	          [-k known clients | -b first new client] [-a] [-P PID]...
 *
 * Clients are known (-k: in no order, each comes again and again) or all new (-b: numbered from
 * there). With -a each verdict is followed by the report of CONNACK 0, which makes its entry real.
 *
 * A frame is encoded once for each place in flight; from then on only the digits of its client id
 * change, so that the generator is faster than what it asks.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "spoe/ack.h"
#include "spoe/hello.h"
#include "spoe/notify.h"
#include "tests/bench/bench.h"

enum {
	FRAME_SIZE = 16380, /* what HAProxy offers with its default tune.bufsize */
	CONNECTIONS_MAX = 64,
	IN_FLIGHT_MAX = 256,
	QUESTION_MAX = 512,
	BUFFER = 256 << 10,
};

/* One of the questions that a connection has under way; its number is the stream-id. */
struct place {
	uint64_t asked_at; /* ns */
	size_t len;
	char *digits; /* of the client id, in frame */
	uint8_t frame[QUESTION_MAX];
};

struct peer {
	int fd;
	size_t n_in; /* bytes of an unfinished frame */
	uint8_t in[BUFFER];
	struct place places[IN_FLIGHT_MAX];
};

static struct {
	int port, connections, in_flight;
	uint64_t questions, seconds, known, base;
	bool accept;
	struct processes processes;
} options = { .connections = 4, .in_flight = 32, .seconds = 2 };

static struct {
	uint64_t asked, answered, empty, under_way;
	uint64_t deadline;
	struct histogram latency;
} run;

/* ---- questions ------------------------------------------------------------------------------ */

#define BYTES(literal)                                                                             \
	{                                                                                          \
		.type = SPOP_TYPE_BINARY, .str = { literal, sizeof(literal) - 1 }                  \
	}
#define TEXT(literal)                                                                              \
	{                                                                                          \
		.type = SPOP_TYPE_STRING, .str = { literal, sizeof(literal) - 1 }                  \
	}
#define NAME(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/* An MQTT 3.1.1 client over plain TCP, as HAProxy 2.6 shows it: what TLS would say is NULL. */
static const struct spop_arg arguments[] = {
	{ NAME("client_id"), BYTES(ID_PREFIX "000000000000000000") },
	{ NAME("username"), BYTES("meter") },
	{ NAME("level"), BYTES("4") },
	{ NAME("flags"), BYTES("130") },
	{ NAME("keepalive"), BYTES("60") },
	{ NAME("session_expiry"), { .type = SPOP_TYPE_NULL } },
	{ NAME("source"), { .type = SPOP_TYPE_IPV4, .ip = { 203, 0, 113, 7 } } },
	{ NAME("source_port"), { .type = SPOP_TYPE_INT64, .i = 50123 } },
	{ NAME("destination"), { .type = SPOP_TYPE_IPV4, .ip = { 192, 0, 2, 1 } } },
	{ NAME("destination_port"), { .type = SPOP_TYPE_INT64, .i = 1883 } },
	{ NAME("frontend"), TEXT("mqtt") },
	{ NAME("tls"), { .type = SPOP_TYPE_BOOL, .boolean = false } },
	{ NAME("tls_version"), { .type = SPOP_TYPE_NULL } },
	{ NAME("sni"), { .type = SPOP_TYPE_NULL } },
	{ NAME("alpn"), { .type = SPOP_TYPE_NULL } },
	{ NAME("certificate"), { .type = SPOP_TYPE_NULL } },
	{ NAME("verify"), { .type = SPOP_TYPE_NULL } },
	{ NAME("cn"), { .type = SPOP_TYPE_NULL } },
};

static void
prepare_place(struct place *at, uint64_t stream_id)
{
	struct spop_writer w = { .p = at->frame, .cap = sizeof(at->frame) };

	spop_notify_begin(&w, FRAME_SIZE, stream_id, 1);
	spop_notify_put(&w, SPOP_STR("usher-connect"), arguments,
			sizeof(arguments) / sizeof(arguments[0]));
	if (!spop_notify_end(&w))
		die("a question does not fit");
	at->len = w.n;
	at->digits = (char *)memmem(w.p, w.n, ID_PREFIX, strlen(ID_PREFIX)) + strlen(ID_PREFIX);
}

static void
put_question(struct place *at, struct spop_writer *out, uint64_t now)
{
	uint64_t n = run.asked++;

	put_digits(at->digits, options.known ? shuffled(n, options.known) : options.base + n);
	spop_write_bytes(out, at->frame, at->len);
	at->asked_at = now;
	run.under_way++;
}

/* ---- answers -------------------------------------------------------------------------------- */

struct answer {
	struct spop_str action; /* empty: usher was late, and left the client to HAProxy */
	struct spop_str key, server;
};

static struct answer
read_answer(struct spop_ack ack)
{
	struct answer answer = { 0 };
	struct spop_action a;

	while (spop_ack_action(&ack, &a)) {
		if (spop_str_is(a.name, "action"))
			answer.action = a.value.str;
		else if (spop_str_is(a.name, "key"))
			answer.key = a.value.str;
		else if (spop_str_is(a.name, "srv1"))
			answer.server = a.value.str;
	}
	return answer;
}

/* The broker that was named let the client in. */
static void
put_report(const struct answer *answer, uint64_t stream_id, struct spop_writer *out)
{
	const struct spop_arg report[] = {
		{ NAME("key"), { .type = SPOP_TYPE_STRING, .str = answer->key } },
		{ NAME("server"), { .type = SPOP_TYPE_STRING, .str = answer->server } },
		{ NAME("level"), BYTES("4") },
		{ NAME("code"), BYTES("0") },
	};

	spop_notify_begin(out, FRAME_SIZE, stream_id, 2);
	spop_notify_put(out, SPOP_STR("usher-connack"), report, 4);
	if (!spop_notify_end(out))
		die("a report does not fit");
	run.under_way++;
}

static bool
is_over(uint64_t now)
{
	return options.questions ? run.asked >= options.questions : now >= run.deadline;
}

/* An ACK: frame-id 1 is a verdict, 2 the answer to a report. Its place asks the next question. */
static void
take_ack(struct peer *peer, const struct spop_ack *ack, struct spop_writer *out, uint64_t now)
{
	struct place *at = &peer->places[ack->stream_id];

	run.under_way--;
	if (ack->frame_id == 1) {
		struct answer answer = read_answer(*ack);

		if (answer.action.n && !spop_str_is(answer.action, "accept"))
			die("a client was refused");
		run.empty += answer.action.n == 0;
		run.answered++;
		histogram_add(&run.latency, now - at->asked_at);
		if (options.accept && answer.key.n) {
			put_report(&answer, ack->stream_id, out);
			return;
		}
	}
	if (!is_over(now))
		put_question(at, out, now);
}

/* What is sent is bounded by what is in flight, so that it always finds room. */
static void
send_all(struct peer *peer, const struct spop_writer *out)
{
	if (out->n && send(peer->fd, out->p, out->n, MSG_NOSIGNAL) != (ssize_t)out->n)
		die("send");
}

static void
on_readable(struct peer *peer)
{
	static uint8_t memory[BUFFER];
	struct spop_writer out = { .p = memory, .cap = sizeof(memory) };
	ssize_t got = recv(peer->fd, peer->in + peer->n_in, BUFFER - peer->n_in, 0);
	uint64_t now = now_ns();
	size_t used = 0;
	struct spop_frame frame;
	struct spop_ack ack;
	enum spop_status fault;

	if (got <= 0)
		die("usher closed");
	peer->n_in += (size_t)got;
	while (spop_frame_decode(peer->in + used, peer->n_in - used, FRAME_SIZE, &frame, &fault) ==
	       SPOP_OK) {
		if (frame.type != SPOP_FRAME_ACK || !spop_ack_open(&ack, &frame) ||
		    ack.stream_id >= (uint64_t)options.in_flight)
			die("no sound ACK");
		take_ack(peer, &ack, &out, now);
		used += frame.size;
	}
	peer->n_in -= used;
	memmove(peer->in, peer->in + used, peer->n_in);
	send_all(peer, &out);
}

/* ---- the run -------------------------------------------------------------------------------- */

static void
say_hello(struct peer *peer)
{
	struct spop_haproxy_hello hello = {
		.versions = SPOP_STR("2.0"),
		.max_frame_size = FRAME_SIZE,
		.capabilities = SPOP_STR("pipelining,async"),
		.engine_id = SPOP_STR("spop-load"),
	};
	struct spop_writer out = { .p = peer->in, .cap = BUFFER };

	if (!spop_haproxy_hello_encode(&out, &hello))
		die("HELLO does not fit");
	send_all(peer, &out);
	if (recv(peer->fd, peer->in, BUFFER, 0) <= SPOP_LENGTH_SIZE ||
	    peer->in[SPOP_LENGTH_SIZE] != SPOP_FRAME_AGENT_HELLO)
		die("no AGENT-HELLO");
}

static struct peer *
open_peer(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct peer *peer = calloc(1, sizeof(*peer));
	int on = 1;

	peer->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	say_hello(peer);
	for (int i = 0; i < options.in_flight; i++)
		prepare_place(&peer->places[i], (uint64_t)i);
	return peer;
}

static void
begin(struct peer *peer)
{
	static uint8_t memory[BUFFER];
	struct spop_writer out = { .p = memory, .cap = sizeof(memory) };
	uint64_t now = now_ns();

	for (int i = 0; i < options.in_flight && !is_over(now); i++)
		put_question(&peer->places[i], &out, now);
	send_all(peer, &out);
}

/* Until the last answer is there. */
static void
ask(struct peer **peers)
{
	int epoll = epoll_create1(0);
	struct epoll_event events[CONNECTIONS_MAX];

	for (int i = 0; i < options.connections; i++) {
		events[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = peers[i] };
		epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i]->fd, events);
		begin(peers[i]);
	}
	while (run.under_way) {
		int n = epoll_wait(epoll, events, CONNECTIONS_MAX, 5000);

		if (n <= 0)
			die("no answer in five seconds");
		for (int i = 0; i < n; i++)
			on_readable(events[i].data.ptr);
	}
	close(epoll);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "p:c:m:n:t:k:b:aP:")) > 0)
		switch (option) {
		case 'p':
			options.port = atoi(optarg);
			break;
		case 'c':
			options.connections = atoi(optarg);
			break;
		case 'm':
			options.in_flight = atoi(optarg);
			break;
		case 'n':
			options.questions = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options.seconds = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			options.known = strtoull(optarg, NULL, 10);
			break;
		case 'b':
			options.base = strtoull(optarg, NULL, 10);
			break;
		case 'a':
			options.accept = true;
			break;
		case 'P':
			processes_add(&options.processes, optarg);
			break;
		default:
			exit(2);
		}
	if (options.port <= 0 || options.connections < 1 || options.connections > CONNECTIONS_MAX ||
	    options.in_flight < 1 || options.in_flight > IN_FLIGHT_MAX) {
		fprintf(stderr, "spop_load: -p PORT, -c 1..%d, -m 1..%d; see the source\n",
			CONNECTIONS_MAX, IN_FLIGHT_MAX);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct peer *peers[CONNECTIONS_MAX];
	uint64_t began;
	double seconds;

	read_options(argc, argv);
	for (int i = 0; i < options.connections; i++)
		peers[i] = open_peer();
	processes_begin(&options.processes);
	began = now_ns();
	run.deadline = began + options.seconds * 1000000000;
	ask(peers);
	seconds = (double)(now_ns() - began) / 1e9;
	printf("decisions=%llu empty=%llu per_s=%.0f p50_us=%.1f p99_us=%.1f",
	       (unsigned long long)run.answered, (unsigned long long)run.empty,
	       (double)run.answered / seconds, histogram_us(&run.latency, 0.5),
	       histogram_us(&run.latency, 0.99));
	processes_print(&options.processes, run.answered);
	putchar('\n');
	return 0;
}
