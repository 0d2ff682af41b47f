/*
 * Our side towards clients: what one bind line presents, as one worker's own context.
 */
#ifndef USHER_TLS_SERVER_H
#define USHER_TLS_SERVER_H

#include <openssl/ssl.h>

#include "agent/core/topology/tls_settings.h"
#include "agent/tls/names.h"
#include "agent/tls/sources.h"
#include "agent/tls/ticket.h"

/* What the workers' contexts of one line have in common. All borrowed but names. */
struct tls_server_plan {
	const struct tls_settings *settings;
	const struct tls_global *global;
	const struct tls_sources *sources;
	struct tls_tickets *tickets; /* NULL: none are given */
	STACK_OF(X509_NAME) *
		ca_names; /* told to clients that shall show a certificate; NULL: none */
	unsigned char session_context[32]; /* tickets are good where this is the same */
	struct tls_names names; /* filled by the first worker's context; lent to the others */
};

struct tls_server {
	SSL_CTX *ctx; /* owned */
	const struct tls_server_plan *plan;
	struct tls_certificate *certificates; /* owned */
	size_t n;
	struct tls_choice usual; /* for who names none of them */
	unsigned char *alpn;	 /* owned; NULL: none */
	unsigned n_alpn;
};

/*
 * Make the next worker's context; the first one fills plan->names. False: why[] says what is
 * wrong; is_file says whether a file is at fault, or the terms of the line.
 */
bool tls_server_init(struct tls_server *s, struct tls_server_plan *plan, X509_STORE *trust,
		     bool is_first, bool *is_file, char why[TLS_WHY]) MUST_USE;
void tls_server_fini(struct tls_server *s);

#endif
