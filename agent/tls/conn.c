/*
 * OpenSSL leaves errors of one connection in the thread's queue, where the next connection's would
 * find them: the queue is emptied before each call, and after each failure.
 */
#include "agent/tls/conn.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/core/base/str.h"

static const struct {
	const char *name, *text;
} fails[N_TLS_FAILS] = {
	[TLS_FAIL_NONE] = { "none", "Success" },
	[TLS_FAIL_CLOSED] = { "closed", "Connection closed during SSL handshake" },
	[TLS_FAIL_NETWORK] = { "network", "Connection error during SSL handshake" },
	[TLS_FAIL_NOT_TLS] = { "not_tls", "SSL handshake failure" },
	[TLS_FAIL_VERSION] = { "version", "SSL handshake failure" },
	[TLS_FAIL_CIPHER] = { "cipher", "SSL handshake failure" },
	[TLS_FAIL_SNI] = { "unknown_name", "SSL handshake failure" },
	[TLS_FAIL_NO_CERT] = { "no_certificate", "SSL handshake failure" },
	[TLS_FAIL_CERT] = { "not_trusted", "SSL client certificate not trusted" },
	[TLS_FAIL_ALERT] = { "refused", "SSL handshake failure" },
	[TLS_FAIL_PROTOCOL] = { "protocol", "SSL handshake failure" },
	[TLS_FAIL_MEMORY] = { "memory", "Out of memory when initializing an SSL connection" },
};

const char *
tls_fail_name(enum tls_fail fail)
{
	return fails[fail].name;
}

const char *
tls_fail_text(enum tls_fail fail)
{
	return fails[fail].text;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

static enum tls_fail
fail_of_error(unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (reason == ERR_R_MALLOC_FAILURE)
		return TLS_FAIL_MEMORY;
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return TLS_FAIL_PROTOCOL;
	switch (reason) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return TLS_FAIL_NOT_TLS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
		return TLS_FAIL_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
		return TLS_FAIL_CIPHER;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return TLS_FAIL_NO_CERT;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return TLS_FAIL_CERT;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return TLS_FAIL_CLOSED;
	default:
		return reason > SSL_AD_REASON_OFFSET ? TLS_FAIL_ALERT : TLS_FAIL_PROTOCOL;
	}
}

static enum tls_result
fail(struct tls_conn *c, enum tls_fail why)
{
	if (!c->fail)
		c->fail = why; /* unless a callback knows better */
	if (c->fail == TLS_FAIL_CERT)
		c->verify = SSL_get_verify_result(c->ssl);
	c->has_more = false;
	ERR_clear_error();
	return TLS_FAIL;
}

/* The answer to a call of OpenSSL that returned `ret`, which is no success. */
static enum tls_result
answer(struct tls_conn *c, int ret)
{
	int error = errno;

	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		c->has_more = false;
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		c->has_more = false;
		return c->is_open ? TLS_CLOSED : fail(c, TLS_FAIL_CLOSED);
	case SSL_ERROR_SSL:
		return fail(c, fail_of_error(ERR_peek_error()));
	default:
		return fail(c, c->is_open || error ? TLS_FAIL_NETWORK : TLS_FAIL_CLOSED);
	}
}

/* Before each call. */
static void
prepare(void)
{
	ERR_clear_error();
	errno = 0;
}

/* ---- open and close -------------------------------------------------------------------------- */

static int
open_conn(struct tls_conn *c, SSL_CTX *ctx, int fd)
{
	ERR_clear_error();
	*c = (struct tls_conn){ .ssl = SSL_new(ctx) };
	if (c->ssl && SSL_set_fd(c->ssl, fd) == 1 && SSL_set_app_data(c->ssl, c) == 1)
		return 0;
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
	return -ENOMEM;
}

int
tls_conn_accept(struct tls_conn *c, const struct tls_server *server, int fd)
{
	int error = open_conn(c, server->ctx, fd);

	if (!error)
		SSL_set_accept_state(c->ssl);
	return error;
}

/*
 * The name that the server's certificate must be for, as HAProxy compares it: with DNS names and
 * common names alone, also where it looks like an address.
 */
static bool
expect_name(SSL *ssl, const char *name)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), name, 0) == 1;
}

/* The last session goes on, if it was with the same name. */
static void
offer_session(struct tls_conn *c, const struct tls_client *client, const char *sni)
{
	const char *name;

	if (!client->session || !SSL_SESSION_is_resumable(client->session))
		return;
	name = SSL_SESSION_get0_hostname(client->session);
	if (sni ? name && strcmp(name, sni) == 0 : !name)
		SSL_set_session(c->ssl, client->session);
}

int
tls_conn_connect(struct tls_conn *c, struct tls_client *client, int fd, const char *sni)
{
	const char *name = sni ? sni : client->settings->verify_host;
	int error = open_conn(c, client->ctx, fd);

	if (error)
		return error;
	SSL_set_connect_state(c->ssl);
	if ((!sni || SSL_set_tlsext_host_name(c->ssl, sni) == 1) &&
	    (!name || !client->verifies || expect_name(c->ssl, name))) {
		offer_session(c, client, sni);
		return 0;
	}
	tls_conn_close(c);
	return -EINVAL;
}

void
tls_conn_close(struct tls_conn *c)
{
	/* Else OpenSSL takes a missing goodbye for an attack, and the session may not go on. */
	if (c->ssl && c->is_open && !c->fail)
		SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
}

/* ---- bytes ----------------------------------------------------------------------------------- */

enum tls_result
tls_conn_handshake(struct tls_conn *c)
{
	int ret;

	if (c->fail)
		return TLS_FAIL;
	prepare();
	ret = SSL_do_handshake(c->ssl);
	if (ret != 1)
		return answer(c, ret);
	c->is_open = true;
	if (!SSL_is_server(c->ssl))
		tls_client_keep_session(c->ssl);
	c->has_more = SSL_has_pending(c->ssl);
	return TLS_OK;
}

enum tls_result
tls_conn_read(struct tls_conn *c, void *p, size_t size, size_t *n)
{
	*n = 0;
	if (c->fail)
		return TLS_FAIL;
	prepare();
	if (SSL_read_ex(c->ssl, p, size, n) != 1)
		return answer(c, 0);
	c->has_more = SSL_has_pending(c->ssl);
	return TLS_OK;
}

enum tls_result
tls_conn_write(struct tls_conn *c, const void *p, size_t size, size_t *n)
{
	*n = 0;
	if (c->fail)
		return TLS_FAIL;
	prepare();
	return SSL_write_ex(c->ssl, p, size, n) == 1 ? TLS_OK : answer(c, 0);
}

enum tls_result
tls_conn_shut(struct tls_conn *c)
{
	int ret;

	if (c->fail || !c->is_open || (SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN))
		return TLS_OK;
	prepare();
	ret = SSL_shutdown(c->ssl);
	return ret >= 0 ? TLS_OK : answer(c, ret);
}
