/*
 * What contexts of both sides have in common: versions, ciphers, groups, ALPN, whom they trust.
 */
#ifndef USHER_TLS_CONTEXT_H
#define USHER_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "agent/core/base/parse.h"
#include "agent/core/topology/tls_settings.h"
#include "agent/tls/certificate.h"

/* What a line says, and `global` for what it does not. */
struct tls_terms {
	const struct tls_settings *settings;
	const struct tls_defaults *defaults;
	bool is_server; /* we are: of a bind line */
};

/*
 * The versions that a line allows. Zeros: none at all. *warning is one of TLS_VERSIONS_…, for the
 * caller's words.
 */
enum tls_versions_warning {
	TLS_VERSIONS_FINE,
	TLS_VERSIONS_AMBIGUOUS, /* only a maximum is given, below the usual minimum: it is both */
	TLS_VERSIONS_IGNORED,	/* no-tlsv1x beside a minimum or maximum */
};
struct tls_versions tls_terms_versions(const struct tls_terms *t,
				       enum tls_versions_warning *warning);

/*
 * A context by these terms, without certificates. NULL: why[] says which of them is wrong, in
 * HAProxy's words without full stop; TLS_NO_VERSION when no version is left.
 */
SSL_CTX *tls_context_make(const struct tls_terms *t, char why[TLS_WHY]);
#define TLS_NO_VERSION "all SSL/TLS versions are disabled"

/* Protocols with commas between them, as ALPN writes them: each behind its length. Owned by the
 * caller, *n bytes; NULL: none, or one is longer than 255 bytes. */
unsigned char *tls_alpn_make(const char *list, unsigned *n);

#endif
