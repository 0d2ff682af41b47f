/* One connection: bytes both ways, however they arrive, and how it ends. */
#include "tests/unit/tls/tls_lab.h"

#define CFG                                                                                        \
	"listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem alpn mqtt,mqtts\n"                   \
	" server plain 127.0.0.1:1 ssl verify none\n"                                              \
	" server v12 127.0.0.1:1 ssl verify none ssl-max-ver TLSv1.2\n"                            \
	" server mqtt 127.0.0.1:1 ssl verify none alpn x,mqtts,mqtt\n"                             \
	" server other 127.0.0.1:1 ssl verify none alpn h2\n"

static struct lab lab;
static struct tls_tickets *tickets;

static void
begin(void)
{
	lab_begin();
	tickets = tls_tickets_new(3600);
	lab_open(&lab, tickets, CFG);
}

static void
end(void)
{
	lab_close(&lab);
	tls_tickets_free(tickets);
	lab_end();
}

static const char *const versions[] = { "plain", "v12" };

START_TEST(test_bytes_go_both_ways)
{
	struct pair p;
	char got[16];
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	ck_assert_int_eq(tls_conn_write(&p.client, "hello", 5, &n), TLS_OK);
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(tls_conn_read(&p.server, got, sizeof(got), &n), TLS_OK);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(got, "hello", 5);
	ck_assert_int_eq(tls_conn_write(&p.server, "there", 5, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.client, got, sizeof(got), &n), TLS_OK);
	ck_assert_mem_eq(got, "there", 5);
	ck_assert_int_eq(tls_conn_read(&p.client, got, sizeof(got), &n), TLS_WANT_READ);
	pair_close(&p);
}
END_TEST

START_TEST(test_an_idle_one_keeps_no_buffers)
{
	struct pair p;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	ck_assert(SSL_get_mode(p.server.ssl) & SSL_MODE_RELEASE_BUFFERS);
	ck_assert(SSL_get_mode(p.client.ssl) & SSL_MODE_RELEASE_BUFFERS);
	pair_close(&p);
}
END_TEST

START_TEST(test_what_is_here_already_is_told)
{
	struct pair p;
	char got[4];
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	ck_assert_int_eq(tls_conn_write(&p.client, "hello", 5, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_write(&p.client, "again", 5, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.server, got, 4, &n), TLS_OK);
	ck_assert(tls_conn_has_more(&p.server));
	ck_assert_int_eq(tls_conn_read(&p.server, got, 4, &n), TLS_OK);
	ck_assert_mem_eq(got, "o", 1);
	ck_assert(tls_conn_has_more(&p.server)); /* the second record came with the first */
	ck_assert_int_eq(tls_conn_read(&p.server, got, 4, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.server, got, 4, &n), TLS_OK);
	ck_assert(!tls_conn_has_more(&p.server));
	ck_assert_int_eq(tls_conn_read(&p.server, got, 4, &n), TLS_WANT_READ);
	ck_assert(!tls_conn_has_more(&p.server));
	pair_close(&p);
}
END_TEST

START_TEST(test_half_a_record_is_not_more)
{
	struct pair p;
	char got[64];
	uint8_t record[64];
	ssize_t length;
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	ck_assert_int_eq(tls_conn_write(&p.client, "hello", 5, &n), TLS_OK);
	length = recv(p.fds[0], record, sizeof(record), 0);
	ck_assert_int_gt(length, 7);
	ck_assert_int_eq(send(p.fds[1], record, 7, 0), 7);
	ck_assert_int_eq(tls_conn_read(&p.server, got, sizeof(got), &n), TLS_WANT_READ);
	ck_assert(!tls_conn_has_more(&p.server));
	ck_assert_int_eq(send(p.fds[1], record + 7, (size_t)length - 7, 0), length - 7);
	ck_assert_int_eq(tls_conn_read(&p.server, got, sizeof(got), &n), TLS_OK);
	ck_assert_mem_eq(got, "hello", 5);
	pair_close(&p);
}
END_TEST

START_TEST(test_a_full_socket_is_waited_for)
{
	enum { TOTAL = 4 << 20 };
	char *sent = malloc(TOTAL), *got = malloc(TOTAL);
	size_t n_sent = 0, n_got = 0, n;
	bool waited = false;
	struct pair p;

	for (size_t i = 0; i < TOTAL; i++)
		sent[i] = (char)(i * 7 >> 3);
	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	while (n_got < TOTAL) {
		enum tls_result r = TLS_OK;

		while (n_sent < TOTAL && r == TLS_OK) {
			r = tls_conn_write(&p.server, sent + n_sent, TOTAL - n_sent, &n);
			n_sent += n;
		}
		waited |= r == TLS_WANT_WRITE;
		ck_assert(r == TLS_OK || r == TLS_WANT_WRITE);
		while ((r = tls_conn_read(&p.client, got + n_got, TOTAL - n_got, &n)) == TLS_OK)
			if ((n_got += n) == TOTAL)
				break;
		ck_assert(r == TLS_OK || r == TLS_WANT_READ);
	}
	ck_assert(waited);
	ck_assert_mem_eq(sent, got, TOTAL);
	pair_close(&p);
	free(sent);
	free(got);
}
END_TEST

/* The client's bytes reach the server one by one, each in an event of its own. */
START_TEST(test_one_byte_at_a_time)
{
	int link[2];
	struct pair p;
	enum tls_result client = TLS_WANT_READ, server = TLS_WANT_READ;
	uint8_t byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, link), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.fds), 0);
	ck_assert_int_eq(tls_conn_accept(&p.server, lab_server(&lab, 0), link[0]), 0);
	ck_assert_int_eq(
		tls_conn_connect(&p.client, lab_client(&lab, versions[_i]), p.fds[1], NULL), 0);
	while (client != TLS_OK || server != TLS_OK) {
		uint8_t flight[8192];
		ssize_t n;

		client = tls_conn_handshake(&p.client);
		ck_assert_int_ne(client, TLS_FAIL);
		while (recv(p.fds[0], &byte, 1, 0) == 1) {
			ck_assert_int_eq(send(link[1], &byte, 1, 0), 1);
			server = tls_conn_handshake(&p.server);
			ck_assert_int_ne(server, TLS_FAIL);
		}
		while ((n = recv(link[1], flight, sizeof(flight), 0)) > 0)
			ck_assert_int_eq(send(p.fds[0], flight, (size_t)n, 0), n);
	}
	pair_close(&p);
	close(link[0]);
	close(link[1]);
}
END_TEST

START_TEST(test_goodbye_is_heard)
{
	struct pair p;
	char byte;
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	ck_assert_int_eq(tls_conn_shut(&p.client), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.server, &byte, 1, &n), TLS_CLOSED);
	/* The other half goes on. */
	ck_assert_int_eq(tls_conn_write(&p.server, "x", 1, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.client, &byte, 1, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_shut(&p.client), TLS_OK); /* twice is once */
	pair_close(&p);
}
END_TEST

START_TEST(test_a_connection_cut_off_is_an_end)
{
	struct pair p;
	char byte;
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, versions[_i]), NULL);
	shutdown(p.fds[1], SHUT_RDWR);
	ck_assert_int_eq(tls_conn_read(&p.server, &byte, 1, &n), TLS_CLOSED);
	pair_close(&p);
}
END_TEST

/* What comes instead of a ClientHello. */
static const struct {
	const char *name, *bytes;
	size_t n;
	bool then_end;
	enum tls_fail fail;
} garbage[] = {
	{ "a CONNECT", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", 14, false,
	  TLS_FAIL_NOT_TLS },
	{ "HTTP", "GET / HTTP/1.1\r\n\r\n", 18, false, TLS_FAIL_NOT_TLS },
	{ "zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, false, TLS_FAIL_NOT_TLS },
	{ "a record of another kind", "\x17\x03\x01\x00\x05hello", 10, false, TLS_FAIL_PROTOCOL },
	{ "a record that is too long", "\x16\x03\x01\xff\xff\x01\x00\x00\x01", 9, false,
	  TLS_FAIL_PROTOCOL },
	{ "a ClientHello that is cut", "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\x00\x00", 13,
	  false, TLS_FAIL_PROTOCOL },
	{ "an alert", "\x15\x03\x01\x00\x02\x02\x28", 7, false, TLS_FAIL_PROTOCOL },
	{ "nothing", "", 0, true, TLS_FAIL_CLOSED },
	{ "half a record", "\x16\x03\x01\x00\x80\x01", 6, true, TLS_FAIL_CLOSED },
};

START_TEST(test_garbage_ends_the_handshake)
{
	struct tls_conn c;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(tls_conn_accept(&c, lab_server(&lab, 0), fds[0]), 0);
	ck_assert_int_eq(send(fds[1], garbage[_i].bytes, garbage[_i].n, 0), (ssize_t)garbage[_i].n);
	if (garbage[_i].then_end)
		shutdown(fds[1], SHUT_WR);
	ck_assert_int_eq(tls_conn_handshake(&c), TLS_FAIL);
	ck_assert_msg(c.fail == garbage[_i].fail, "%s: %s", garbage[_i].name,
		      tls_fail_name(c.fail));
	ck_assert_int_eq(tls_conn_handshake(&c), TLS_FAIL); /* and stays so */
	ck_assert_int_eq(tls_conn_shut(&c), TLS_OK);
	tls_conn_close(&c);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* OpenSSL keeps errors per thread: those of one connection must not end another. */
START_TEST(test_one_ones_errors_are_not_anothers)
{
	struct pair p;
	struct tls_conn bad;
	int fds[2];
	char byte;
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, "plain"), NULL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(tls_conn_accept(&bad, lab_server(&lab, 0), fds[0]), 0);
	ck_assert_int_eq(send(fds[1], "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	ck_assert_int_eq(tls_conn_handshake(&bad), TLS_FAIL);
	ck_assert_int_eq(tls_conn_read(&p.server, &byte, 1, &n), TLS_WANT_READ);
	tls_conn_close(&bad);
	pair_close(&p);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static const struct {
	const char *client;
	const char *alpn; /* NULL: none */
} alpns[] = {
	{ "plain", NULL },
	{ "mqtt", "mqtt" }, /* the first of ours that the client knows */
	{ "other", NULL },
};

START_TEST(test_alpn)
{
	const unsigned char *name;
	struct pair p;
	unsigned n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, alpns[_i].client), NULL);
	SSL_get0_alpn_selected(p.server.ssl, &name, &n);
	ck_assert_uint_eq(n, alpns[_i].alpn ? strlen(alpns[_i].alpn) : 0);
	if (n)
		ck_assert_mem_eq(name, alpns[_i].alpn, n);
	pair_close(&p);
}
END_TEST

START_TEST(test_renegotiation_is_refused)
{
	struct pair p;
	char byte;
	size_t n;

	pair_join(&p, lab_server(&lab, 0), lab_client(&lab, "v12"), NULL);
	SSL_clear_options(p.client.ssl, SSL_OP_NO_RENEGOTIATION);
	ck_assert_int_eq(SSL_renegotiate(p.client.ssl), 1);
	(void)SSL_do_handshake(p.client.ssl);
	(void)!tls_conn_read(&p.server, &byte, 1, &n);
	(void)SSL_do_handshake(p.client.ssl);
	ck_assert_int_eq(SSL_renegotiate_pending(p.client.ssl), 1); /* it never came to that */
	pair_close(&p);
}
END_TEST

START_TEST(test_every_fail_has_words)
{
	ck_assert_ptr_nonnull(tls_fail_name((enum tls_fail)_i));
	ck_assert_ptr_nonnull(tls_fail_text((enum tls_fail)_i));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls conn");
	TCase *tcase = tcase_create("conn");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_bytes_go_both_ways, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_an_idle_one_keeps_no_buffers, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_what_is_here_already_is_told, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_half_a_record_is_not_more, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_a_full_socket_is_waited_for, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_one_byte_at_a_time, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_goodbye_is_heard, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_a_connection_cut_off_is_an_end, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_garbage_ends_the_handshake, 0, N_ROWS(garbage));
	tcase_add_test(tcase, test_one_ones_errors_are_not_anothers);
	tcase_add_loop_test(tcase, test_alpn, 0, N_ROWS(alpns));
	tcase_add_test(tcase, test_renegotiation_is_refused);
	tcase_add_loop_test(tcase, test_every_fail_has_words, 0, N_TLS_FAILS);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
