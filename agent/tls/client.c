/* OpenSSL tells of a session when the server has sent its ticket, which may be after the handshake.
 */
#include "agent/tls/client.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/tls/context.h"

/* 1: the reference is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

void
tls_client_keep_session(SSL *ssl)
{
	struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (c->settings->no_reuse || !SSL_session_reused(ssl) ||
	    SSL_get_session(ssl) == c->session || SSL_version(ssl) >= TLS1_3_VERSION)
		return;
	SSL_SESSION_free(c->session);
	c->session = SSL_get1_session(ssl);
}

bool
tls_client_verifies(const struct tls_settings *settings, const struct tls_global *g)
{
	return settings->verify ? settings->verify == TLS_VERIFY_REQUIRED : !g->no_server_verify;
}

static bool
use_certificate(struct tls_client *c, const struct tls_pem *pem, const struct tls_global *g,
		char *why)
{
	struct tls_certificate x;
	bool ok = tls_certificate_make(&x, pem, g, why);

	if (ok && SSL_CTX_use_cert_and_key(c->ctx, x.leaf, x.key, x.chain, 1) != 1) {
		ERR_clear_error();
		snprintf(why, TLS_WHY, "unable to load SSL certificate into SSL Context '%s'.",
			 pem->path);
		ok = false;
	}
	tls_certificate_fini(&x);
	return ok;
}

static bool
set_alpn(SSL_CTX *ctx, const char *list)
{
	unsigned n;
	unsigned char *wire = tls_alpn_make(list, &n);
	bool ok = !wire || SSL_CTX_set_alpn_protos(ctx, wire, n) == 0;

	free(wire);
	return ok;
}

bool
tls_client_init(struct tls_client *c, const struct tls_settings *settings,
		const struct tls_global *g, const char *alpn, const struct tls_pem *pem,
		X509_STORE *trust, char why[TLS_WHY])
{
	struct tls_terms terms = { settings, &g->server, false };

	*c = (struct tls_client){ .settings = settings,
				  .verifies = tls_client_verifies(settings, g) };
	c->ctx = tls_context_make(&terms, why);
	if (!c->ctx || (pem && !use_certificate(c, pem, g, why)))
		return false;
	SSL_CTX_set_verify(c->ctx, c->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (trust)
		SSL_CTX_set1_cert_store(c->ctx, trust);
	SSL_CTX_set_app_data(c->ctx, c);
	if (!settings->no_reuse) {
		SSL_CTX_set_session_cache_mode(c->ctx,
					       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	}
	snprintf(why, TLS_WHY, "unable to allocate ssl context");
	return !alpn || set_alpn(c->ctx, alpn);
}

void
tls_client_fini(struct tls_client *c)
{
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ctx);
}
