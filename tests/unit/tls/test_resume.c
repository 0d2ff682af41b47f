/*
 * Sessions that go on: between workers, over reloads, over new keys; and those that must not.
 *
 * Time passes by `later_s`: the clocks that usher and OpenSSL ask are defined here.
 */
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/tls/tls_lab.h"

#define SERVERS                                                                                    \
	" server v13 127.0.0.1:1 ssl verify none\n"                                                \
	" server v12 127.0.0.1:1 ssl verify none ssl-max-ver TLSv1.2\n"                            \
	" server c13 127.0.0.1:1 ssl verify none crt DIR/device.pem\n"                             \
	" server c12 127.0.0.1:1 ssl verify none crt DIR/device.pem ssl-max-ver TLSv1.2\n"         \
	" server once 127.0.0.1:1 ssl verify none no-ssl-reuse\n"
#define PLAIN "listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem\n" SERVERS
#define MUTUAL                                                                                     \
	"listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem ca-file DIR/ca.pem verify "          \
	"optional\n" SERVERS

static struct tls_tickets *tickets;
static time_t later_s;

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int result = (int)syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += later_s;
	return result;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

static void
begin(void)
{
	lab_begin();
	tickets = tls_tickets_new(3600);
}

static void
end(void)
{
	tls_tickets_free(tickets);
	lab_end();
}

/* Connect and leave; did the session go on? */
static bool
is_resumed(const struct tls_server *server, struct tls_client *client, const char *sni)
{
	struct pair p;
	bool resumed;

	pair_join(&p, server, client, sni);
	resumed = SSL_session_reused(p.server.ssl);
	ck_assert_int_eq(resumed, SSL_session_reused(p.client.ssl));
	pair_close(&p);
	return resumed;
}

static const char *const clients[] = { "v13", "v12", "c13", "c12" };

START_TEST(test_with_another_worker)
{
	struct lab lab;

	lab_open(&lab, tickets, MUTUAL);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	ck_assert(is_resumed(lab_server(&lab, 1), lab_client(&lab, clients[_i]), NULL));
	ck_assert(is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	lab_close(&lab);
}
END_TEST

START_TEST(test_after_a_reload)
{
	struct lab old, new;

	lab_open(&old, tickets, MUTUAL);
	ck_assert(!is_resumed(lab_server(&old, 0), lab_client(&old, clients[_i]), NULL));
	lab_make(&(struct lab_cert){ .file = "server.pem", .issuer = "ca.pem", .cn = "new" });
	lab_open(&new, tickets, MUTUAL);
	ck_assert(is_resumed(lab_server(&new, 0), lab_client(&old, clients[_i]), NULL));
	lab_close(&new);
	lab_close(&old);
}
END_TEST

/* Those who connected before the reload notice nothing of it. */
START_TEST(test_a_reload_cuts_nobody)
{
	struct lab old, new;
	struct pair p;
	char byte;
	size_t n;

	lab_open(&old, tickets, MUTUAL);
	pair_join(&p, lab_server(&old, 0), lab_client(&old, clients[_i]), NULL);
	lab_open(&new, tickets, MUTUAL);
	ck_assert(is_resumed(lab_server(&new, 0), lab_client(&old, clients[_i]), NULL));
	ck_assert_int_eq(tls_conn_write(&p.client, "x", 1, &n), TLS_OK);
	ck_assert_int_eq(tls_conn_read(&p.server, &byte, 1, &n), TLS_OK);
	pair_close(&p);
	lab_close(&new);
	lab_close(&old);
}
END_TEST

START_TEST(test_two_new_keys_later)
{
	struct lab lab;

	lab_open(&lab, tickets, PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	tls_tickets_rotate(tickets);
	tls_tickets_rotate(tickets);
	ck_assert(is_resumed(lab_server(&lab, 1), lab_client(&lab, clients[_i]), NULL));
	tls_tickets_rotate(tickets); /* the ticket was replaced by one under the newest key */
	tls_tickets_rotate(tickets);
	ck_assert(is_resumed(lab_server(&lab, 1), lab_client(&lab, clients[_i]), NULL));
	lab_close(&lab);
}
END_TEST

START_TEST(test_three_new_keys_later)
{
	struct lab lab;

	lab_open(&lab, tickets, PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	for (int i = 0; i < 3; i++)
		tls_tickets_rotate(tickets);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	lab_close(&lab);
}
END_TEST

/* One client comes back all the time; the other too late, when its key is three keys back. */
START_TEST(test_keys_rotate_by_time)
{
	struct tls_tickets *hasty = tls_tickets_new(100);
	struct lab lab;

	lab_open(&lab, hasty, "global\n tune.ssl.lifetime 1h\n" PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v12"), NULL));
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), NULL));
	for (int i = 0; i < 4; i++) {
		later_s += 101;
		ck_assert(is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), NULL));
	}
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v12"), NULL));
	lab_close(&lab);
	tls_tickets_free(hasty);
}
END_TEST

/* A first handshake with one file and the next with another. */
static const struct {
	const char *name, *first, *second;
	bool resumes;
} pairs[] = {
	{ "the same", PLAIN, PLAIN, true },
	{ "who was not asked for a certificate is now", PLAIN, MUTUAL, false },
	{ "another frontend", PLAIN,
	  "listen m\n mode tcp\n bind :1 ssl crt DIR/server.pem\n" SERVERS, false },
	{ "other CAs", MUTUAL,
	  "listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem ca-file DIR/ca.pem ca-verify-file "
	  "DIR/other-ca.pem verify optional\n" SERVERS,
	  false },
	{ "stricter", MUTUAL,
	  "listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem ca-file DIR/ca.pem verify "
	  "required\n" SERVERS,
	  false },
	{ "no tickets", PLAIN,
	  "listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem no-tls-tickets\n" SERVERS, false },
	{ "no tickets in global", PLAIN, "global\n ssl-default-bind-options no-tls-tickets\n" PLAIN,
	  false },
};

START_TEST(test_what_has_changed)
{
	struct lab first, second;

	for (int i = 2; i < N_ROWS(clients); i++) {
		lab_open(&first, tickets, pairs[_i].first);
		lab_open(&second, tickets, pairs[_i].second);
		ck_assert(!is_resumed(lab_server(&first, 0), lab_client(&first, clients[i]), NULL));
		ck_assert_msg(is_resumed(lab_server(&second, 0), lab_client(&first, clients[i]),
					 NULL) == pairs[_i].resumes,
			      "%s, %s", pairs[_i].name, clients[i]);
		lab_close(&second);
		lab_close(&first);
	}
}
END_TEST

/* The bytes of the CA's file count, not its name. */
START_TEST(test_a_new_ca_in_the_same_file)
{
	struct lab old, new;

	lab_open(&old, tickets, MUTUAL);
	ck_assert(!is_resumed(lab_server(&old, 0), lab_client(&old, "v13"), NULL));
	lab_make(&(struct lab_cert){ .file = "ca.pem", .cn = "CA" });
	lab_open(&new, tickets, MUTUAL);
	ck_assert(!is_resumed(lab_server(&new, 0), lab_client(&old, "v13"), NULL));
	lab_close(&new);
	lab_close(&old);
}
END_TEST

START_TEST(test_a_certificate_expires_meanwhile)
{
	static const char *const both[] = { "c13", "c12" };
	struct lab lab;
	struct pair p;

	lab_make(&(struct lab_cert){ .file = "device.pem",
				     .issuer = "ca.pem",
				     .cn = "device-1",
				     .from_s = -LAB_DAY,
				     .to_s = 60 });
	lab_open(&lab, tickets, MUTUAL);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, both[_i]), NULL));
	ck_assert(is_resumed(lab_server(&lab, 0), lab_client(&lab, both[_i]), NULL));
	later_s = 61;
	pair_open(&p, lab_server(&lab, 0), lab_client(&lab, both[_i]), NULL);
	pair_shake(&p);
	ck_assert_int_eq(p.server_result, TLS_FAIL);
	ck_assert_int_eq(p.server.fail, TLS_FAIL_CERT);
	ck_assert_int_eq(p.server.verify, X509_V_ERR_CERT_HAS_EXPIRED);
	pair_close(&p);
	lab_close(&lab);
}
END_TEST

START_TEST(test_the_lifetime_ends)
{
	struct lab lab;

	lab_open(&lab, tickets, "global\n tune.ssl.lifetime 2m\n" PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	later_s = 110;
	ck_assert(is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	later_s = 240;
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, clients[_i]), NULL));
	lab_close(&lab);
}
END_TEST

START_TEST(test_another_name_begins_anew)
{
	struct lab lab;

	lab_open(&lab, tickets, PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), "a.test"));
	ck_assert(is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), "a.test"));
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), "b.test"));
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "v13"), NULL));
	lab_close(&lab);
}
END_TEST

START_TEST(test_who_does_not_want_it)
{
	struct lab lab;

	lab_open(&lab, tickets, PLAIN);
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "once"), NULL));
	ck_assert(!is_resumed(lab_server(&lab, 0), lab_client(&lab, "once"), NULL));
	lab_close(&lab);
}
END_TEST

/* A handshake ends with one ticket, not with OpenSSL's usual two. */
START_TEST(test_one_ticket)
{
	struct lab lab;

	lab_open(&lab, tickets, PLAIN);
	ck_assert_uint_eq(SSL_CTX_get_num_tickets(lab_server(&lab, 0)->ctx), 1);
	lab_close(&lab);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls resume");
	TCase *tcase = tcase_create("resume");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_with_another_worker, 0, N_ROWS(clients));
	tcase_add_loop_test(tcase, test_after_a_reload, 0, N_ROWS(clients));
	tcase_add_loop_test(tcase, test_a_reload_cuts_nobody, 0, N_ROWS(clients));
	tcase_add_loop_test(tcase, test_two_new_keys_later, 0, N_ROWS(clients));
	tcase_add_loop_test(tcase, test_three_new_keys_later, 0, N_ROWS(clients));
	tcase_add_test(tcase, test_keys_rotate_by_time);
	tcase_add_loop_test(tcase, test_what_has_changed, 0, N_ROWS(pairs));
	tcase_add_test(tcase, test_a_new_ca_in_the_same_file);
	tcase_add_loop_test(tcase, test_a_certificate_expires_meanwhile, 0, 2);
	tcase_add_loop_test(tcase, test_the_lifetime_ends, 0, 2);
	tcase_add_test(tcase, test_another_name_begins_anew);
	tcase_add_test(tcase, test_who_does_not_want_it);
	tcase_add_test(tcase, test_one_ticket);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
