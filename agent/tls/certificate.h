/*
 * A certificate with its chain and its key, as a PEM file of haproxy.cfg's `crt` holds them.
 *
 * Files are read once; each worker then makes objects of its own from the bytes, because OpenSSL
 * locks what threads share, its keys most of all.
 */
#ifndef USHER_TLS_CERTIFICATE_H
#define USHER_TLS_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/str.h"
#include "agent/core/topology/tls_settings.h"

enum { TLS_WHY = 512 }; /* room for what is wrong, in HAProxy's words */

/* The bytes of a `crt` and, if it has no key, of the file beside it that has. */
struct tls_pem {
	char *path; /* owned */
	char *text, *key_text;
	size_t n, key_n;
};

/* False: why[] says what is wrong. Ended by the caller anyway. */
bool tls_pem_read(struct tls_pem *pem, const char *path, const struct tls_global *g,
		  char why[TLS_WHY]) MUST_USE;
void tls_pem_fini(struct tls_pem *pem);

enum tls_key_type { TLS_KEY_RSA, TLS_KEY_EC, TLS_KEY_OTHER, N_TLS_KEY_TYPES };

struct tls_certificate {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
	enum tls_key_type type;
};

/* False: why[] says what is wrong. Ended by the caller anyway. */
bool tls_certificate_make(struct tls_certificate *c, const struct tls_pem *pem,
			  const struct tls_global *g, char why[TLS_WHY]) MUST_USE;
void tls_certificate_fini(struct tls_certificate *c);

/* Seconds since 1970 from which on it is no longer valid. */
int64_t tls_certificate_expiry(const struct tls_certificate *c);

/*
 * Call `take` for each name it is for: DNS names and common names, which may begin with "*.".
 * Names with bytes that names do not have are left out.
 */
void tls_certificate_names(const struct tls_certificate *c,
			   void (*take)(void *arg, struct str name), void *arg);

/*
 * Is this a name that can be compared, logged and handed on? Not empty, and without NUL and other
 * control characters, behind which another name could hide.
 */
bool tls_name_is_clean(struct str name);

#endif
