/* Addresses, networks, and HAProxy's notation of sockets. */
#include <arpa/inet.h>

#include "agent/core/base/addr.h"
#include "tests/unit/run.h"

static const struct {
	const char *text;
	int family; /* 0: no address */
	const char *printed;
} ips[] = {
	{ "192.0.2.1", 4, "192.0.2.1" },
	{ "0.0.0.0", 4, "0.0.0.0" },
	{ "2001:DB8:0::1", 6, "2001:db8::1" },
	{ "::ffff:192.0.2.1", 6, "::ffff:192.0.2.1" },
	{ "::", 6, "::" },
	{ "", 0, NULL },
	{ "192.0.2", 0, NULL },
	{ "192.0.2.256", 0, NULL },
	{ "192.0.2.1 ", 0, NULL },
	{ "[::1]", 0, NULL },
	{ "localhost", 0, NULL },
	{ "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999", 0, NULL },
};

START_TEST(test_ip)
{
	char out[IP_TEXT];
	struct ip ip = { 0 };

	ck_assert_int_eq(ip_parse(str_of(ips[_i].text), &ip), ips[_i].family != 0);
	if (!ips[_i].family)
		return;
	ck_assert_int_eq(ip.family, ips[_i].family);
	ck_assert_str_eq(ip_format(&ip, out), ips[_i].printed);
}
END_TEST

START_TEST(test_unknown_ip)
{
	char out[IP_TEXT];
	struct ip ip = { 0 };

	ck_assert_str_eq(ip_format(&ip, out), "-");
	ck_assert(!ip_parse((struct str){ "1.2.3.4\0x", 9 }, &ip));
}
END_TEST

static const struct {
	const char *network, *ip;
	bool parses, has;
} networks[] = {
	{ "10.0.0.0/8", "10.255.0.1", true, true },
	{ "10.0.0.0/8", "11.0.0.1", true, false },
	{ "10.1.2.3/8", "10.9.9.9", true, true }, /* host bits do not count */
	{ "10.1.2.3", "10.1.2.3", true, true },
	{ "10.1.2.3", "10.1.2.2", true, false },
	{ "10.128.0.0/9", "10.127.255.255", true, false },
	{ "10.128.0.0/9", "10.128.0.0", true, true },
	{ "0.0.0.0/0", "255.255.255.255", true, true },
	{ "0.0.0.0/0", "2001:db8::1", true, false },
	{ "0.0.0.0/0", "::ffff:10.0.0.1", true, true },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true, true },
	{ "::ffff:10.0.0.0/104", "10.9.9.9", true, true },
	{ "::ffff:10.0.0.0/104", "11.9.9.9", true, false },
	{ "::ffff:10.0.0.1", "10.0.0.1", true, true },
	{ "::ffff:0:0/96", "192.0.2.1", true, true },
	{ "::/0", "2001:db8::1", true, true },
	{ "::/0", "10.0.0.1", true, false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true, true },
	{ "2001:db8::/33", "2001:db8:8000::1", true, false },
	{ "2001:db8::1/128", "2001:db8::1", true, true },
	{ "10.0.0.0/33", "10.0.0.1", false, false },
	{ "2001:db8::/129", "::", false, false },
	{ "10.0.0.0/", "10.0.0.1", false, false },
	{ "10.0.0.0/8x", "10.0.0.1", false, false },
	{ "10.0.0.0/-1", "10.0.0.1", false, false },
	{ "/8", "10.0.0.1", false, false },
	{ "", "10.0.0.1", false, false },
};

START_TEST(test_network)
{
	struct cidr network;
	struct ip ip;

	ck_assert(ip_parse(str_of(networks[_i].ip), &ip));
	ck_assert_msg(cidr_parse(str_of(networks[_i].network), &network) == networks[_i].parses,
		      "%s", networks[_i].network);
	if (networks[_i].parses)
		ck_assert_msg(cidr_has(&network, &ip) == networks[_i].has, "%s in %s",
			      networks[_i].ip, networks[_i].network);
}
END_TEST

static const struct {
	const char *text;
	bool need_port;
	enum addr_result result;
	const char *printed;
} addrs[] = {
	{ "127.0.0.1:1883", true, ADDR_OK, "127.0.0.1:1883" },
	{ ":1883", true, ADDR_OK, "0.0.0.0:1883" },
	{ "*:1883", true, ADDR_OK, "0.0.0.0:1883" },
	{ "[::1]:1883", true, ADDR_OK, "[::1]:1883" },
	{ "::1:1883", true, ADDR_OK, "[::1]:1883" }, /* the last colon is the port's */
	{ ":::1883", true, ADDR_OK, "[::]:1883" },
	{ "ipv4@10.0.0.1:1", true, ADDR_OK, "10.0.0.1:1" },
	{ "ipv6@:1883", true, ADDR_OK, "[::]:1883" },
	{ "ipv6@10.0.0.1:1", true, ADDR_BAD, NULL },
	{ "ipv4@[::1]:1", true, ADDR_BAD, NULL },
	{ "/run/x.sock", true, ADDR_OK, "unix@/run/x.sock" },
	{ "unix@/run/x.sock", true, ADDR_OK, "unix@/run/x.sock" },
	{ "abns@name", true, ADDR_OK, "abns@name" },
	{ "unix@", true, ADDR_BAD, NULL },
	{ "127.0.0.1", false, ADDR_OK, "127.0.0.1:0" },
	{ "[::1]", false, ADDR_OK, "[::1]:0" },
	{ "127.0.0.1", true, ADDR_NO_PORT, NULL },
	{ "[::1]", true, ADDR_NO_PORT, NULL },
	{ "127.0.0.1:", true, ADDR_NO_PORT, NULL },
	{ "127.0.0.1:0", true, ADDR_BAD_PORT, NULL },
	{ "127.0.0.1:65536", true, ADDR_BAD_PORT, NULL },
	{ "127.0.0.1:18x", true, ADDR_BAD_PORT, NULL },
	{ "127.0.0.1:65535", true, ADDR_OK, "127.0.0.1:65535" },
	{ "broker.example:1883", true, ADDR_NAME, NULL },
	{ "300.0.0.1:1883", true, ADDR_NAME, NULL },
};

START_TEST(test_addr)
{
	char out[ADDR_TEXT];
	struct addr addr;
	enum addr_result result = addr_parse(str_of(addrs[_i].text), addrs[_i].need_port, &addr);

	ck_assert_msg(result == addrs[_i].result, "%s: %d", addrs[_i].text, result);
	if (result == ADDR_OK) {
		struct addr again;

		ck_assert_str_eq(addr_format(&addr, out), addrs[_i].printed);
		ck_assert_int_eq(addr_parse(str_of(out), false, &again), ADDR_OK);
		ck_assert_uint_eq(again.len, addr.len);
		ck_assert_mem_eq(&again.sa, &addr.sa, addr.len);
	}
}
END_TEST

START_TEST(test_path_of_a_socket_is_bounded)
{
	char path[200];
	struct addr addr;

	memset(path, '/', sizeof(path));
	ck_assert_int_eq(addr_parse((struct str){ path, sizeof(addr.un.sun_path) }, true, &addr),
			 ADDR_BAD);
	ck_assert_int_eq(
		addr_parse((struct str){ path, sizeof(addr.un.sun_path) - 2 }, true, &addr),
		ADDR_OK);
}
END_TEST

START_TEST(test_no_addr)
{
	struct addr addr = { 0 };
	char out[ADDR_TEXT];

	ck_assert_str_eq(addr_format(&addr, out), "-");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base addr");
	TCase *tcase = tcase_create("addr");

	tcase_add_loop_test(tcase, test_ip, 0, N_ROWS(ips));
	tcase_add_test(tcase, test_unknown_ip);
	tcase_add_loop_test(tcase, test_network, 0, N_ROWS(networks));
	tcase_add_loop_test(tcase, test_addr, 0, N_ROWS(addrs));
	tcase_add_test(tcase, test_path_of_a_socket_is_bounded);
	tcase_add_test(tcase, test_no_addr);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
