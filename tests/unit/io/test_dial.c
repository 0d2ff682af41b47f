/* Where connections come from, and what the kernel is told about them. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/io/dial.h"
#include "agent/io/listener.h"
#include "tests/unit/run.h"

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(str_of(text), true, &a), ADDR_OK);
	return a;
}

static int
listen_any(struct addr *at)
{
	struct addr any = { 0 };
	int fd;

	any.in = (struct sockaddr_in){ .sin_family = AF_INET };
	any.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	any.len = sizeof(any.in);
	fd = listener_bind(&any, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert(socket_self(fd, at));
	return fd;
}

static void
assert_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert_int_eq(dial_result(fd), 0);
}

START_TEST(test_source_address)
{
	struct dial_source from = { .addr = addr_of("127.0.0.9:1") };
	struct addr to, self;
	struct ip ip, expected;
	int listener = listen_any(&to), fd = dial_start_from(&to, &from);

	assert_connected(fd);
	ck_assert(socket_self(fd, &self));
	addr_ip(&self, &ip);
	addr_ip(&from.addr, &expected);
	ck_assert_mem_eq(&ip, &expected, sizeof(ip));
	ck_assert_int_ne(addr_port(&self), 1); /* the port of the address does not count */
	close(fd);
	close(listener);
}
END_TEST

START_TEST(test_no_source)
{
	struct dial_source from = { 0 };
	struct addr to;
	int listener = listen_any(&to), fd = dial_start_from(&to, &from);

	assert_connected(fd);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(test_address_that_is_not_ours)
{
	struct dial_source from = { .addr = addr_of("192.0.2.1:1"),
				    .port_min = 40000,
				    .port_max = 40001 };
	struct addr to;
	int listener = listen_any(&to);

	ck_assert_int_eq(dial_start_from(&to, &from), -EADDRNOTAVAIL);
	close(listener);
}
END_TEST

/* A range of the kernel's own choice, so that nobody else is there. */
static struct dial_source
range_of(unsigned n)
{
	struct addr at;
	int fd = listen_any(&at);
	uint16_t first = addr_port(&at);

	close(fd);
	if (first > UINT16_MAX - n)
		first = (uint16_t)(UINT16_MAX - n);
	return (struct dial_source){ .addr = addr_of("127.0.0.8:1"),
				     .port_min = first,
				     .port_max = (uint16_t)(first + n - 1) };
}

static const struct {
	const char *what;
	unsigned ports;
} ranges[] = {
	{ "one port", 1 },
	{ "some ports", 3 },
	{ "as many as are tried", 64 },
};

START_TEST(test_each_port_serves_once_for_each_place)
{
	unsigned n = ranges[_i].ports;
	struct dial_source from = range_of(n);
	struct addr to, elsewhere, self;
	int listener = listen_any(&to), other = listen_any(&elsewhere), fds[64], fd;
	bool seen[64] = { false };

	for (unsigned i = 0; i < n; i++) {
		fds[i] = dial_start_from(&to, &from);
		assert_connected(fds[i]);
		ck_assert(socket_self(fds[i], &self));
		ck_assert_uint_ge(addr_port(&self), from.port_min);
		ck_assert_uint_le(addr_port(&self), from.port_max);
		ck_assert_msg(!seen[addr_port(&self) - from.port_min], "%s", ranges[_i].what);
		seen[addr_port(&self) - from.port_min] = true;
	}
	ck_assert_int_eq(dial_start_from(&to, &from), -EADDRINUSE);
	fd = dial_start_from(&elsewhere, &from);
	assert_connected(fd);
	close(fd);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
	close(other);
}
END_TEST

START_TEST(test_wide_range_in_use_is_leapt_over)
{
	enum { WIDE = 1000, USED = 500 };
	struct dial_source from = range_of(WIDE), low = from;
	struct addr to;
	int listener = listen_any(&to), fds[USED], later[USED / 4];

	low.port_max = (uint16_t)(from.port_min + USED - 1);
	for (unsigned i = 0; i < USED; i++) {
		struct dial_source one = { from.addr, (uint16_t)(low.port_min + i),
					   (uint16_t)(low.port_min + i) };

		fds[i] = dial_start_from(&to, &one);
		ck_assert_int_ge(fds[i], 0);
	}
	for (unsigned i = 0; i < USED / 4; i++) {
		later[i] = dial_start_from(&to, &from);
		ck_assert_int_ge(later[i], 0);
	}
	for (unsigned i = 0; i < USED; i++)
		close(fds[i]);
	for (unsigned i = 0; i < USED / 4; i++)
		close(later[i]);
	close(listener);
}
END_TEST

static int
option_of(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

START_TEST(test_keepalive)
{
	struct addr to;
	int listener = listen_any(&to), fd = dial_start(&to);
	int idle = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);

	ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	socket_keepalive(fd, &(struct keepalive){ .count = 3, .interval_s = 7 });
	ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), idle);
	socket_keepalive(fd, &(struct keepalive){ .idle_s = 11 });
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 11);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	close(fd);
	close(listener);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dial");
	TCase *tc = tcase_create("dial");

	tcase_add_test(tc, test_source_address);
	tcase_add_test(tc, test_no_source);
	tcase_add_test(tc, test_address_that_is_not_ours);
	tcase_add_loop_test(tc, test_each_port_serves_once_for_each_place, 0, N_ROWS(ranges));
	tcase_add_test(tc, test_wide_range_in_use_is_leapt_over);
	tcase_add_test(tc, test_keepalive);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
