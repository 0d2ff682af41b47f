/*
 * The files that a line's `crt` and `crt-list` name: in their order, directories and bundles taken
 * apart.
 */
#ifndef USHER_TLS_SOURCES_H
#define USHER_TLS_SOURCES_H

#include "agent/tls/certificate.h"

struct tls_source_file {
	struct tls_pem pem;
	char **filters; /* owned, and so is each; of a crt-list: instead of the certificate's names;
			   those that begin with "!" exclude */
	size_t n_filters;
};

struct tls_sources {
	struct tls_source_file *files; /* owned */
	size_t n;
};

/* Read them all. False: why[] says what is wrong. Ended by the caller anyway. */
bool tls_sources_read(struct tls_sources *s, const struct tls_settings *settings,
		      const struct tls_global *g, char why[TLS_WHY]) MUST_USE;
void tls_sources_fini(struct tls_sources *s);

/*
 * Is there a file beside that HAProxy would have taken more from (FILE.ocsp, FILE.sctl)? The
 * suffix, or NULL.
 */
const char *tls_source_leaves_out(const struct tls_source_file *f);

#endif
