/* Listening sockets: shared ports, stale and busy UNIX sockets, and accepting from them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/listener.h"
#include "tests/unit/run.h"

static char dir[64], path[100];
static struct addr at_path;

static void
set_up(void)
{
	strcpy(dir, "/tmp/usher-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	ck_assert_int_eq(addr_parse(str_of(path), false, &at_path), ADDR_OK);
}

static void
tear_down(void)
{
	unlink(path);
	rmdir(dir);
}

/* A socket of ours, unlike HAProxy's, has a port the kernel chose. */
static struct addr
any_port(void)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(STR("127.0.0.1:0"), false, &a), ADDR_OK);
	return a;
}

static int
dial(const struct addr *a, int type)
{
	int fd = socket(a->sa.sa_family, type, 0);

	if (connect(fd, &a->sa, a->len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
assert_sound(int fd)
{
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

START_TEST(test_unix)
{
	int fd = listener_bind(&at_path, 0640), client;
	struct stat st;

	assert_sound(fd);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	client = dial(&at_path, SOCK_STREAM);
	ck_assert_int_ge(client, 0);
	close(client);
	close(fd);
}
END_TEST

/* Left by a process that was killed. */
START_TEST(test_stale)
{
	int fd = _i ? datagram_bind(&at_path) : listener_bind(&at_path, 0600);

	assert_sound(fd);
	close(fd);
	ck_assert_int_eq(access(path, F_OK), 0);
	fd = _i ? datagram_bind(&at_path) : listener_bind(&at_path, 0600);
	assert_sound(fd);
	close(fd);
}
END_TEST

/* Somebody is there: it is not ours to take. */
START_TEST(test_in_use)
{
	int fd = _i ? datagram_bind(&at_path) : listener_bind(&at_path, 0600), client;

	assert_sound(fd);
	ck_assert_int_eq(_i ? datagram_bind(&at_path) : listener_bind(&at_path, 0600), -EADDRINUSE);
	client = dial(&at_path, _i ? SOCK_DGRAM : SOCK_STREAM);
	ck_assert_int_ge(client, 0);
	close(client);
	close(fd);
}
END_TEST

/* No socket at all: a file that somebody needs. */
START_TEST(test_file_in_the_way)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	struct stat st;

	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	ck_assert_int_eq(listener_bind(&at_path, 0600), -EADDRINUSE);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 1);
}
END_TEST

START_TEST(test_no_directory)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(STR("/nowhere/at/all.sock"), false, &a), ADDR_OK);
	ck_assert_int_eq(listener_bind(&a, 0600), -ENOENT);
}
END_TEST

START_TEST(test_abstract)
{
	struct addr a;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "abns@usher-test-%d", getpid());
	ck_assert_int_eq(addr_parse(str_of(name), false, &a), ADDR_OK);
	fd = listener_bind(&a, 0600);
	assert_sound(fd);
	ck_assert_int_eq(listener_bind(&a, 0600), -EADDRINUSE);
	close(fd);
}
END_TEST

/* Two ushers on one port would each get half of the questions; our own sockets may share it. */
START_TEST(test_shared_port)
{
	struct addr a = any_port();
	int one = listener_bind(&a, 0600), two;

	assert_sound(one);
	ck_assert_int_eq(getsockname(one, &a.sa, &a.len), 0);
	ck_assert_int_eq(listener_bind(&a, 0600), -EADDRINUSE);
	two = listener_join(&a);
	assert_sound(two);
	ck_assert_int_eq(listener_bind(&a, 0600), -EADDRINUSE);
	close(one);
	close(two);
	/* Free again at once. */
	one = listener_bind(&a, 0600);
	assert_sound(one);
	close(one);
}
END_TEST

enum { N_WORKERS = 3, N_CLIENTS = 200 };

static struct worker *workers[N_WORKERS];
static struct listener listeners[N_WORKERS];
static int accepted[N_WORKERS];

static void
count_accepted(struct worker *w, int fd, void *arg)
{
	assert_sound(fd);
	ck_assert_ptr_eq(arg, accepted);
	accepted[w->index]++;
	close(fd);
}

static void
start_all(const struct addr *a)
{
	for (unsigned i = 0; i < N_WORKERS; i++)
		workers[i] = worker_new(i);
	ck_assert_int_eq(
		listener_start_all(listeners, workers, N_WORKERS, a, count_accepted, accepted), 0);
}

static void
stop_all(void)
{
	for (int i = 0; i < N_WORKERS; i++) {
		assert_sound(listeners[i].fd);
		listener_stop(&listeners[i]);
		ck_assert_int_eq(listeners[i].fd, -1);
		worker_free(workers[i]);
	}
}

static struct addr
free_port(void)
{
	struct addr a = any_port();
	int fd = listener_bind(&a, 0600);

	ck_assert_int_eq(getsockname(fd, &a.sa, &a.len), 0);
	close(fd);
	return a;
}

/* Every worker has its part, a bounded number at a time, so that others have their turn. */
START_TEST(test_accept)
{
	struct addr a = _i ? at_path : free_port();
	int clients[N_CLIENTS], sum = 0;

	start_all(&a);
	for (int i = 0; i < N_CLIENTS; i++)
		ck_assert_int_ge(clients[i] = dial(&a, SOCK_STREAM), 0);
	for (int turn = 0; turn < 20; turn++)
		for (int i = 0; i < N_WORKERS; i++) {
			int before = accepted[i];

			ev_run(workers[i]->loop, EVRUN_NOWAIT);
			ck_assert_int_le(accepted[i] - before, 64);
		}
	for (int i = 0; i < N_WORKERS; i++) {
		ck_assert_int_gt(accepted[i], 0);
		sum += accepted[i];
	}
	ck_assert_int_eq(sum, N_CLIENTS);
	for (int i = 0; i < N_CLIENTS; i++)
		close(clients[i]);
	stop_all();
	ck_assert_int_eq(dial(&a, SOCK_STREAM), -1);
}
END_TEST

/* Stopped, it takes nobody in, though somebody waits. */
START_TEST(test_stopped)
{
	int client;

	start_all(&at_path);
	client = dial(&at_path, SOCK_STREAM);
	ck_assert_int_ge(client, 0);
	for (int i = 0; i < N_WORKERS; i++) {
		listener_stop(&listeners[i]);
		ev_run(workers[i]->loop, EVRUN_NOWAIT);
		worker_free(workers[i]);
	}
	ck_assert_int_eq(accepted[0] + accepted[1] + accepted[2], 0);
	close(client);
}
END_TEST

/* Another process is there: nothing is left open. */
START_TEST(test_start_fails)
{
	struct addr a = any_port();
	int other = listener_bind(&a, 0600), next;

	ck_assert_int_eq(getsockname(other, &a.sa, &a.len), 0);
	for (unsigned i = 0; i < N_WORKERS; i++)
		workers[i] = worker_new(i);
	next = dup(other);
	close(next);
	ck_assert_int_eq(
		listener_start_all(listeners, workers, N_WORKERS, &a, count_accepted, accepted),
		-EADDRINUSE);
	ck_assert_int_eq(dup(other), next);
	for (unsigned i = 0; i < N_WORKERS; i++)
		worker_free(workers[i]);
	close(other);
}
END_TEST

START_TEST(test_datagrams)
{
	struct addr a = any_port();
	int fd = datagram_bind(&a), client;
	char got[16];

	assert_sound(fd);
	ck_assert_int_eq(getsockname(fd, &a.sa, &a.len), 0);
	/* Two readers of one port would each miss half of it. */
	ck_assert_int_eq(datagram_bind(&a), -EADDRINUSE);
	client = dial(&a, SOCK_DGRAM);
	ck_assert_int_eq(send(client, "end", 3, 0), 3);
	ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 3);
	close(client);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tcase = tcase_create("listener");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_unix);
	tcase_add_loop_test(tcase, test_stale, 0, 2);
	tcase_add_loop_test(tcase, test_in_use, 0, 2);
	tcase_add_test(tcase, test_file_in_the_way);
	tcase_add_test(tcase, test_no_directory);
	tcase_add_test(tcase, test_abstract);
	tcase_add_test(tcase, test_shared_port);
	tcase_add_loop_test(tcase, test_accept, 0, 2);
	tcase_add_test(tcase, test_stopped);
	tcase_add_test(tcase, test_start_fails);
	tcase_add_test(tcase, test_datagrams);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
