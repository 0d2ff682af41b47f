/* The glue between c-ares and the loop: a name server that is a socket of this test. */
#include <sys/socket.h>
#include <unistd.h>

#include "agent/io/dial.h"
#include "agent/io/listener.h"
#include "agent/io/resolver.h"
#include "tests/unit/run.h"

enum { ANSWER_IN_FLAGS = 2, HEADER = 12 };

static struct ev_loop *loop;
static int server; /* the name server's socket */
static struct addr server_at;
static ev_io server_io;
static int code;	 /* of its answers; -1: it does not answer */
static unsigned n_asked; /* questions that it got */

static struct result {
	unsigned n_calls;
	enum lookup_status status;
	struct ip ip;
	size_t n;
} result;

/* The question again, with a code, and for code 0 one address. */
static void
on_question(struct ev_loop *l, ev_io *io, int revents)
{
	static const uint8_t address[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 0, 7 };
	uint8_t message[600];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recvfrom(io->fd, message, 512, 0, (struct sockaddr *)&peer, &len);

	ck_assert_int_gt(n, HEADER);
	n_asked++;
	if (code < 0)
		return;
	message[ANSWER_IN_FLAGS] |= 0x80;
	message[3] = (uint8_t)code;
	if (code == 0) {
		message[7] = 1;
		memcpy(message + n, address, sizeof(address));
		n += (ssize_t)sizeof(address);
	}
	ck_assert_int_eq(sendto(io->fd, message, (size_t)n, 0, (struct sockaddr *)&peer, len), n);
}

static void
set_up(void)
{
	struct addr any = { .len = sizeof(any.in) };

	any.in = (struct sockaddr_in){ .sin_family = AF_INET };
	any.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = datagram_bind(&any);
	ck_assert_int_ge(server, 0);
	ck_assert(socket_self(server, &server_at));
	loop = ev_loop_new(EVFLAG_AUTO);
	ev_io_init(&server_io, on_question, server, EV_READ);
	ev_io_start(loop, &server_io);
	result = (struct result){ 0 };
	n_asked = 0;
	code = 0;
}

static void
tear_down(void)
{
	ev_loop_destroy(loop);
	close(server);
}

static void
on_result(void *arg, const struct lookup_result *r)
{
	struct result *to = arg;

	to->n_calls++;
	to->status = r->status;
	to->n = r->n;
	if (r->n)
		to->ip = r->ips[0];
	ev_break(loop, EVBREAK_ALL);
}

static struct resolver *
new_resolver(void)
{
	struct resolver_settings settings = { .server = server_at, .timeout_ms = 100, .tries = 2 };
	struct resolver *r = resolver_new(loop, &settings);

	ck_assert_ptr_nonnull(r);
	return r;
}

static const struct {
	const char *what;
	int code;
	enum lookup_status status;
	unsigned n_asked;
} answers[] = {
	{ "an address", 0, LOOKUP_OK, 1 },
	{ "server failure", 2, LOOKUP_OTHER, 1 },
	{ "no such name", 3, LOOKUP_NX, 1 },
	{ "refused", 5, LOOKUP_REFUSED, 1 },
	{ "silence, after all tries", -1, LOOKUP_TIMEOUT, 2 },
};

START_TEST(test_answers)
{
	struct resolver *r = new_resolver();

	code = answers[_i].code;
	resolver_ask(r, "broker.test", 4, on_result, &result);
	if (result.n_calls == 0)
		ev_run(loop, 0);
	ck_assert_uint_eq(result.n_calls, 1);
	ck_assert_msg(result.status == answers[_i].status, "%s: %d", answers[_i].what,
		      result.status);
	ck_assert_uint_eq(n_asked, answers[_i].n_asked);
	ck_assert_uint_eq(result.n, answers[_i].code == 0);
	if (answers[_i].code == 0)
		ck_assert_mem_eq(result.ip.bytes, "\x0a\x00\x00\x07", 4);
	resolver_free(r);
}
END_TEST

START_TEST(test_freed_while_a_question_is_under_way)
{
	struct resolver *r = new_resolver();

	code = -1;
	resolver_ask(r, "broker.test", 4, on_result, &result);
	resolver_ask(r, "other.test", 6, on_result, &result);
	ev_run(loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(result.n_calls, 0);
	resolver_free(r);
	ck_assert_uint_eq(result.n_calls, 2);
	ck_assert_int_eq(result.status, LOOKUP_STOPPED);
	ev_run(loop, EVRUN_NOWAIT); /* no watcher of its own is left */
}
END_TEST

START_TEST(test_one_server_alone_has_no_hosts_file)
{
	struct resolver *r = new_resolver();
	char name[256];

	/* A name that /etc/hosts has on any machine, but for "localhost", which never asks. */
	ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
	if (strcmp(name, "localhost") != 0) {
		resolver_ask(r, name, 4, on_result, &result);
		if (result.n_calls == 0)
			ev_run(loop, 0);
		ck_assert_uint_eq(n_asked, 1);
	}
	resolver_free(r);
}
END_TEST

START_TEST(test_all_at_once)
{
	struct resolver_question local = { .name = "localhost", .family = 4 };
	struct resolver_question address = { .name = "192.0.2.7" };
	struct resolver_question *both[] = { &local, &address };

	resolver_ask_all(both, 2, 5000);
	ck_assert_int_eq(local.status, LOOKUP_OK);
	ck_assert_mem_eq(local.ip.bytes, "\x7f\x00\x00\x01", 4);
	ck_assert_int_eq(address.status, LOOKUP_OK);
	ck_assert_mem_eq(address.ip.bytes, "\xc0\x00\x02\x07", 4);
	resolver_ask_all(NULL, 0, 5000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tc = tcase_create("resolver");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_answers, 0, N_ROWS(answers));
	tcase_add_test(tc, test_freed_while_a_question_is_under_way);
	tcase_add_test(tc, test_one_server_alone_has_no_hosts_file);
	tcase_add_test(tc, test_all_at_once);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
