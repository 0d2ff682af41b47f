/*
 * Our side towards a server: how one worker speaks TLS to one server line. It remembers the last
 * session, so that the next connection needs no handshake in full.
 */
#ifndef USHER_TLS_CLIENT_H
#define USHER_TLS_CLIENT_H

#include <openssl/ssl.h>

#include "agent/core/topology/tls_settings.h"
#include "agent/tls/certificate.h"

struct tls_client {
	SSL_CTX *ctx; /* owned */
	const struct tls_settings *settings;
	bool verifies;
	SSL_SESSION *session; /* owned; the last that may go on, NULL: none */
};

/*
 * `pem` is the server line's `crt`, NULL: it has none. `alpn` is what is offered, with commas,
 * NULL: nothing. `trust` is taken a reference of; NULL with `verify none` alone. False: why[] says
 * what is wrong.
 */
bool tls_client_init(struct tls_client *c, const struct tls_settings *settings,
		     const struct tls_global *g, const char *alpn, const struct tls_pem *pem,
		     X509_STORE *trust, char why[TLS_WHY]) MUST_USE;
void tls_client_fini(struct tls_client *c);

/*
 * A handshake as client is done: keep its session if it went on with a new ticket, of which
 * OpenSSL tells nobody before TLS 1.3.
 */
void tls_client_keep_session(SSL *ssl);

/* What `verify` comes to, with what `global` says where the line does not. */
bool tls_client_verifies(const struct tls_settings *settings, const struct tls_global *g);

#endif
