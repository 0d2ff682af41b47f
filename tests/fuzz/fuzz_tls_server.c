/*
 * What strangers send to a bind line in TLS. The bytes arrive in pieces of a size that the first
 * one says, and then the stranger leaves; whatever comes of it, nothing is read that is not there,
 * and an end has a reason.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/tls/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { BYTES_MAX = 64 << 10 }; /* a socket takes as much without anybody reading */

/* For this test alone; it is good for a hundred years. */
static const char certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBojCCAUigAwIBAgIUMNeDCncbqFthSQ0BVX52g6Gh+ikwCgYIKoZIzj0EAwIw\n"
	"FDESMBAGA1UEAwwJZnV6ei50ZXN0MCAXDTI2MTEyMjExMjE1MFoYDzIxMjYxMDI5\n"
	"MTEyMTUwWjAUMRIwEAYDVQQDDAlmdXp6LnRlc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
	"PQMBBwNCAAQCNAVD3Eqc2upFnikzxenyQtIuqS8dMVo1vVx3PzZNoQiVn3hs8dkz\n"
	"xSkvkCvrSQKZKRT+gAaZcyPTvhpy89IHo3YwdDAdBgNVHQ4EFgQUaHGJ1cbmldEX\n"
	"pQzGteALWNLSj+owHwYDVR0jBBgwFoAUaHGJ1cbmldEXpQzGteALWNLSj+owDwYD\n"
	"VR0TAQH/BAUwAwEB/zAhBgNVHREEGjAYgglmdXp6LnRlc3SCCyouZnV6ei50ZXN0\n"
	"MAoGCCqGSM49BAMCA0gAMEUCIQCSF4tdwp5sBhANx4VaDS6uLLzcJz/zITPJSoSw\n"
	"VtdaGAIgIi6ivL4plHRooCSugdi2E1Xs4MGJzspceHuc8ugm2sk=\n"
	"-----END CERTIFICATE-----\n"
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzd+caSMhTcofkJPf\n"
	"7t7KyiKytJ9rVFWGuK5yPHwZNpKhRANCAAQCNAVD3Eqc2upFnikzxenyQtIuqS8d\n"
	"MVo1vVx3PzZNoQiVn3hs8dkzxSkvkCvrSQKZKRT+gAaZcyPTvhpy89IH\n"
	"-----END PRIVATE KEY-----\n";

/* The same keys each time, so that a ticket of the corpus stays good. */
#define TICKET_KEY "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"

static struct tls_server server;

static void
start(void)
{
	static struct tls_settings settings = { .verify = TLS_VERIFY_OPTIONAL };
	static struct tls_global global = { .lifetime_s = 300 };
	static struct tls_source_file file;
	static struct tls_sources sources = { &file, 1 };
	static struct tls_server_plan plan;
	static char alpn[] = "mqtt,http/1.1";
	char why[TLS_WHY];
	bool is_file;

	settings.alpn = alpn;
	file.pem = (struct tls_pem){ .path = strdup("fuzz.pem"),
				     .text = strdup(certificate),
				     .n = sizeof(certificate) - 1 };
	plan = (struct tls_server_plan){ .settings = &settings,
					 .global = &global,
					 .sources = &sources };
	plan.tickets = tls_tickets_read(STR(TICKET_KEY "\n" TICKET_KEY "\n" TICKET_KEY "\n"), why);
	tls_names_init(&plan.names);
	if (!plan.tickets || !tls_server_init(&server, &plan, NULL, true, &is_file, why)) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
}

/* Go as far as the bytes go. */
static enum tls_result
go_on(struct tls_conn *c)
{
	enum tls_result r = c->is_open ? TLS_OK : tls_conn_handshake(c);
	char bytes[512];
	size_t n;

	while (r == TLS_OK)
		r = tls_conn_read(c, bytes, sizeof(bytes), &n);
	assert((r == TLS_FAIL) == (c->fail != TLS_FAIL_NONE));
	assert(tls_fail_name(c->fail) && tls_fail_text(c->fail));
	assert(r != TLS_WANT_READ || !tls_conn_has_more(c));
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum tls_result r = TLS_WANT_READ;
	struct tls_conn c;
	size_t piece;
	int fds[2];

	if (n < 2 || n > BYTES_MAX)
		return 0;
	if (!server.ctx)
		start();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0 ||
	    tls_conn_accept(&c, &server, fds[0]) < 0)
		abort();
	piece = p[0] ? p[0] : n; /* 0: all at once */
	for (size_t at = 1; at < n && r == TLS_WANT_READ; at += piece) {
		size_t length = piece < n - at ? piece : n - at;

		if (send(fds[1], p + at, length, MSG_NOSIGNAL) != (ssize_t)length)
			abort();
		r = go_on(&c);
	}
	shutdown(fds[1], SHUT_WR);
	r = go_on(&c);
	assert(r == TLS_FAIL || r == TLS_CLOSED);
	tls_conn_close(&c);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
