/*
 * Whom a line trusts: the CAs of its ca-file and ca-verify-file, the lists of its crl-file.
 *
 * Files are read once, and lines that name the same ones share what comes of them, workers
 * included: a store is locked for a search, which is nothing beside the verification.
 */
#ifndef USHER_TLS_TRUST_H
#define USHER_TLS_TRUST_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "agent/core/base/report.h"
#include "agent/core/topology/tls_settings.h"

/* A path and what stands in its files; `@system-ca` is left to OpenSSL. */
struct tls_ca_file {
	char *path; /* owned */
	STACK_OF(X509) * certificates;
	STACK_OF(X509_CRL) * lists;
	unsigned char digest[32]; /* of all of it */
};

/* All those read so far, and the stores made of them. */
struct tls_ca_files {
	struct tls_ca_file **files; /* owned, and so is each */
	size_t n;
	struct tls_trust *trusts; /* owned */
	size_t n_trusts;
};

void tls_ca_files_fini(struct tls_ca_files *files);

/*
 * The file or directory at path, which is read at most once. NULL: why[TLS_WHY] says what is
 * wrong. Directories that hold none are a warning.
 */
const struct tls_ca_file *tls_ca_file(struct tls_ca_files *files, const char *path,
				      struct report *r, char *why);

/*
 * The store of what the settings name, all of which tls_ca_file() has read before; whoever keeps
 * it longer than `files` takes a reference.
 */
X509_STORE *tls_trust_of(struct tls_ca_files *files, const struct tls_settings *s);

/* A fingerprint of it and of how strictly it is gone by: sessions are resumed under the same. */
void tls_trust_digest(struct tls_ca_files *files, const struct tls_settings *s, const char *subject,
		      unsigned char out[32]);

#endif
