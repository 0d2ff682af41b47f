/* Who listens where, as the kernel tells it by netlink and by /proc; and sockets that stand by. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/io/listener.h"
#include "agent/io/sock_diag.h"
#include "tests/unit/run.h"

static const char *const hosts[] = { "127.0.0.1:0", "127.9.8.7:0", "[::1]:0" };

/*
 * An address with a port that is free. One that the kernel has chosen for a socket would be given
 * up when it stops listening; frontends have ports that are said. False: no such address here.
 */
static bool
free_address(const char *text, struct addr *a)
{
	int fd;

	ck_assert_int_eq(addr_parse(str_of(text), false, a), ADDR_OK);
	fd = socket(a->sa.sa_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, &a->sa, a->len) < 0) {
		close(fd);
		return false;
	}
	ck_assert_int_eq(getsockname(fd, &a->sa, &a->len), 0);
	close(fd);
	return true;
}

struct search {
	struct addr addr;
	uint64_t inode;
	uid_t uid;
	int n;
};

static void
see(void *arg, const struct listening *l)
{
	struct search *s = arg;

	if (l->inode != s->inode)
		return;
	s->n++;
	s->uid = l->uid;
	ck_assert(addr_same_port(&l->addr, &s->addr));
}

static int
count(struct sock_diag *d, struct search *s)
{
	s->n = 0;
	ck_assert_int_eq(sock_diag_listening(d, s->addr.sa.sa_family, see, s), 0);
	return s->n;
}

/* A row for each host, asked by netlink and by /proc. */
START_TEST(test_who_listens)
{
	struct search s = { 0 };
	struct sock_diag d;
	int fd;

	if (!free_address(hosts[_i % 3], &s.addr))
		return; /* no IPv6 here */
	fd = listener_stand(&s.addr, geteuid());
	ck_assert_int_ge(fd, 0);
	s.inode = sock_inode(fd);
	sock_diag_open(&d);
	if (_i >= 3)
		sock_diag_close(&d);
	ck_assert_int_eq(count(&d, &s), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(listener_listen(fd), 0);
		ck_assert_int_eq(count(&d, &s), 1);
		ck_assert_uint_eq(s.uid, geteuid());
		listener_rest(fd);
		ck_assert_int_eq(count(&d, &s), 0);
	}
	sock_diag_close(&d);
	close(fd);
}
END_TEST

static int
dial(const struct addr *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM, 0), error = 0;

	if (connect(fd, &a->sa, a->len) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* Nobody comes to it but while it listens, and it is in nobody's way but then. */
START_TEST(test_stand)
{
	struct addr a;
	int fds[2], another;

	ck_assert(free_address(hosts[0], &a));
	fds[0] = listener_stand(&a, geteuid());
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_eq(listener_stand_all(&fds[1], 1, &a, geteuid()), 0);
	ck_assert_int_eq(dial(&a), -ECONNREFUSED);
	ck_assert_int_eq(listener_listen(fds[0]), 0);
	ck_assert_int_eq(dial(&a), 0);
	listener_rest(fds[0]);
	ck_assert_int_eq(dial(&a), -ECONNREFUSED);
	another = listener_bind(&a, 0);
	ck_assert_int_ge(another, 0);
	close(another);
	ck_assert_int_eq(listener_listen(fds[0]), 0);
	ck_assert_int_eq(listener_bind(&a, 0), -EADDRINUSE);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Of another user: only with the power to make such, and then beside that user's alone. */
START_TEST(test_another_users)
{
	const uid_t other = 4711;
	struct search s = { 0 };
	struct sock_diag d;
	int fd, mine;

	ck_assert(free_address(hosts[0], &s.addr));
	fd = listener_stand(&s.addr, other);
	if (geteuid() != 0) {
		ck_assert_int_eq(fd, -EPERM);
		return;
	}
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listener_listen(fd), 0);
	s.inode = sock_inode(fd);
	sock_diag_open(&d);
	ck_assert_int_eq(count(&d, &s), 1);
	ck_assert_uint_eq(s.uid, other);
	ck_assert_int_eq(listener_stand(&s.addr, geteuid()), -EADDRINUSE);
	mine = listener_stand(&s.addr, other);
	ck_assert_int_ge(mine, 0);
	sock_diag_close(&d);
	close(fd);
	close(mine);
}
END_TEST

START_TEST(test_no_socket)
{
	ck_assert_uint_eq(sock_inode(-1), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sock_diag");
	TCase *tc = tcase_create("sockets");

	tcase_add_loop_test(tc, test_who_listens, 0, 2 * N_ROWS(hosts));
	tcase_add_test(tc, test_stand);
	tcase_add_test(tc, test_another_users);
	tcase_add_test(tc, test_no_socket);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
