/* Lines leave at once or not at all: UDP, UNIX sockets, descriptors; and the wall clock. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/io/clock.h"
#include "agent/io/outlet.h"
#include "tests/unit/run.h"

static char got[512];

static const char *
received(int fd)
{
	ssize_t n = read(fd, got, sizeof(got) - 1);

	got[n < 0 ? 0 : n] = '\0';
	return got;
}

/* A receiver at a free place of this family; its address in *a. */
static int
listen_at(const char *where, struct addr *a)
{
	int fd;

	ck_assert_int_eq(addr_parse(str_of(where), false, a), ADDR_OK);
	fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (a->sa.sa_family == AF_UNIX)
		unlink(a->un.sun_path);
	ck_assert_int_eq(bind(fd, &a->sa, a->len), 0);
	ck_assert_int_eq(getsockname(fd, &a->sa, &a->len), 0);
	return fd;
}

static const char *const places[] = { "127.0.0.1:0", "[::1]:0", "/tmp/usher-outlet-test.sock" };

START_TEST(datagrams)
{
	struct outlet o;
	struct addr a;
	int fd = listen_at(places[_i], &a);

	ck_assert_int_eq(outlet_open(&o, &a), 0);
	ck_assert_int_eq(outlet_send(&o, "one\n", 4), 0);
	ck_assert_int_eq(outlet_send(&o, "two\n", 4), 0);
	ck_assert_str_eq(received(fd), "one\n");
	ck_assert_str_eq(received(fd), "two\n");
	outlet_close(&o);
	close(fd);
}
END_TEST

/* A log daemon that comes later, or goes and comes again. */
START_TEST(nobody_there_yet)
{
	struct outlet o;
	struct addr a;
	int fd = listen_at(places[2], &a);

	close(fd);
	unlink(places[2]);
	ck_assert_int_eq(outlet_open(&o, &a), 0);
	ck_assert_int_eq(outlet_send(&o, "lost\n", 5), -ENOENT);
	fd = listen_at(places[2], &a);
	ck_assert_int_eq(outlet_send(&o, "heard\n", 6), 0);
	ck_assert_str_eq(received(fd), "heard\n");
	outlet_close(&o);
	close(fd);
	unlink(places[2]);
}
END_TEST

START_TEST(full_socket_loses)
{
	struct outlet o;
	struct addr a;
	int fd = listen_at(places[2], &a), error = 0;

	ck_assert_int_eq(outlet_open(&o, &a), 0);
	for (int i = 0; i < 100000 && !error; i++)
		error = outlet_send(&o, "line\n", 5);
	ck_assert_int_eq(error, -EAGAIN);
	outlet_close(&o);
	close(fd);
	unlink(places[2]);
}
END_TEST

START_TEST(full_pipe_loses_whole_lines)
{
	char line[1000], bytes[2000];
	struct outlet o;
	int fds[2], error = 0;
	size_t n_sent = 0, n_read = 0;
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	memset(line, 'x', sizeof(line));
	outlet_open_descriptor(&o, fds[1]);
	while (!error) {
		error = outlet_send(&o, line, sizeof(line));
		n_sent += error ? 0 : sizeof(line);
	}
	ck_assert_int_eq(error, -EAGAIN);
	ck_assert_int_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	outlet_close(&o);
	close(fds[1]); /* the outlet did not: the descriptor is somebody else's */
	while ((n = read(fds[0], bytes, sizeof(bytes))) > 0)
		n_read += (size_t)n;
	ck_assert_uint_eq(n_read, n_sent);
	close(fds[0]);
}
END_TEST

START_TEST(closed_descriptor_loses)
{
	struct outlet o;

	outlet_open_descriptor(&o, 999);
	ck_assert_int_lt(outlet_send(&o, "line\n", 5), 0);
	outlet_close(&o);
}
END_TEST

START_TEST(clock_of_the_wall)
{
	time_t before = time(NULL);
	struct wall_clock now;

	setenv("TZ", "XXX-1:30", 1);
	tzset();
	now = wall_clock_now();
	ck_assert_int_ge(now.us / 1000000, before);
	ck_assert_int_le(now.us / 1000000, before + 60);
	ck_assert_int_eq(now.utc_offset_s, 5400);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("outlet");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, datagrams, 0, N_ROWS(places));
	tcase_add_test(all, nobody_there_yet);
	tcase_add_test(all, full_socket_loses);
	tcase_add_test(all, full_pipe_loses_whole_lines);
	tcase_add_test(all, closed_descriptor_loses);
	tcase_add_test(all, clock_of_the_wall);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
