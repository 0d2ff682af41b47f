/*
 * TLS over one connection, on either side, for an owner who has the loop.
 *
 *	tls_conn_accept(&c, server, fd)			or tls_conn_connect(&c, client, fd, sni)
 *	tls_conn_handshake(&c)				until it is TLS_OK
 *	tls_conn_read(&c, …), tls_conn_write(&c, …)
 *	tls_conn_shut(&c)
 *	tls_conn_close(&c)
 *
 * Nothing here waits or watches. A call that cannot go on answers TLS_WANT_READ or TLS_WANT_WRITE:
 * call it again when the descriptor is readable, or writable. In TLS reading may have to write and
 * writing may have to read; so watch for what the last answer of each open call was, and on either
 * event try whatever is waiting.
 *
 * Bytes may already be here when the descriptor is not readable: read until TLS_WANT_READ, or if
 * you stop before, ask tls_conn_has_more() and come back without an event.
 *
 * One thread at a time; it must not move; what it was opened with must outlive it.
 */
#ifndef USHER_TLS_CONN_H
#define USHER_TLS_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/core/base/parse.h"
#include "agent/tls/client.h"
#include "agent/tls/server.h"

enum tls_result {
	TLS_OK,
	TLS_WANT_READ,
	TLS_WANT_WRITE,
	TLS_CLOSED, /* the peer has said or sent its last byte */
	TLS_FAIL,   /* it is over, c->fail says why; close it */
};

enum tls_fail {
	TLS_FAIL_NONE,
	TLS_FAIL_CLOSED,   /* the peer left before the handshake was done */
	TLS_FAIL_NETWORK,  /* the connection broke */
	TLS_FAIL_NOT_TLS,  /* what came is something else */
	TLS_FAIL_VERSION,  /* no version of TLS that both speak */
	TLS_FAIL_CIPHER,   /* nothing else that both can do */
	TLS_FAIL_SNI,	   /* `strict-sni`: no certificate for that name, or none named */
	TLS_FAIL_NO_CERT,  /* `verify required`: it showed no certificate */
	TLS_FAIL_CERT,	   /* the certificate is not trusted, or for another name */
	TLS_FAIL_ALERT,	   /* the peer refused us */
	TLS_FAIL_PROTOCOL, /* it broke the rules of TLS */
	TLS_FAIL_MEMORY,
	N_TLS_FAILS,
};

struct tls_conn {
	SSL *ssl; /* owned */
	enum tls_fail fail;
	long verify;   /* X509_V_…; set when `fail` is TLS_FAIL_CERT */
	bool is_open;  /* the handshake is done */
	bool has_more; /* see tls_conn_has_more() */
	bool has_choice;
	struct tls_choice choice; /* certificates for the client's name; of server.c */
};

/* 0, or -ENOMEM: then there is nothing to close. fd stays the caller's, and must not block. */
int tls_conn_accept(struct tls_conn *c, const struct tls_server *server, int fd) MUST_USE;
/*
 * `sni` is told to the server, and its certificate must be for that name; NULL: `verifyhost`
 * counts, or if there is none no name. -EINVAL: no server can have that name.
 */
int tls_conn_connect(struct tls_conn *c, struct tls_client *client, int fd, const char *sni)
	MUST_USE;
/* Free it, and say nothing to the peer. */
void tls_conn_close(struct tls_conn *c);

enum tls_result tls_conn_handshake(struct tls_conn *c) MUST_USE;

/* TLS_OK: *n > 0 bytes, at most size, are in p. */
enum tls_result tls_conn_read(struct tls_conn *c, void *p, size_t size, size_t *n) MUST_USE;

/*
 * TLS_OK: *n > 0 of the bytes are sent, maybe not all. After TLS_WANT_… the next call must begin
 * with the same bytes, wherever they are then, and must not have fewer.
 */
enum tls_result tls_conn_write(struct tls_conn *c, const void *p, size_t size, size_t *n) MUST_USE;

/* Say that nothing more will be written. TLS_OK: said, or nobody is there to hear it. */
enum tls_result tls_conn_shut(struct tls_conn *c) MUST_USE;

/* May a read succeed although the descriptor is not readable? */
static inline bool
tls_conn_has_more(const struct tls_conn *c)
{
	return c->has_more;
}

/* "not_trusted", …: for usher's log and its metrics. */
const char *tls_fail_name(enum tls_fail fail);
/* "SSL handshake failure", …: what HAProxy logs where the session has not begun. */
const char *tls_fail_text(enum tls_fail fail);

#endif
