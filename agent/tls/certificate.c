/* PEM files hold leaf, chain and key in any order of keys and certificates; the leaf comes first.
 */
#include "agent/tls/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/core/base/mem.h"
#include "agent/io/file.h"

static bool PRINTF_LIKE(2, 3) fail(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, TLS_WHY, fmt, args);
	va_end(args);
	return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* FILE.key, or with ssl-load-extra-del-ext FILE with ".key" instead of ".crt". */
static char *
key_path(const char *path, const struct tls_global *g)
{
	struct str base = str_of(path);
	char *whole;

	if (g->key_replaces_suffix && str_has_suffix(base, STR(".crt")))
		base.n -= 4;
	if (asprintf(&whole, "%.*s.key", STR_ARG(base)) < 0)
		abort();
	return whole;
}

static bool
has_key(const char *text)
{
	return strstr(text, "PRIVATE KEY-----") != NULL;
}

bool
tls_pem_read(struct tls_pem *pem, const char *path, const struct tls_global *g, char why[TLS_WHY])
{
	struct stat st = { 0 };
	char *beside;

	*pem = (struct tls_pem){ .path = str_dup(str_of(path)) };
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return fail(why, "unable to stat SSL certificate from file '%s' : %s.", path,
			    S_ISDIR(st.st_mode) ? "Success" : strerror(errno));
	if (file_read(path, &pem->text, &pem->n) < 0)
		return fail(why, "unable to load certificate from file '%s'.", path);
	if (has_key(pem->text) || g->no_key_files)
		return true;
	beside = key_path(path, g);
	if (file_read(beside, &pem->key_text, &pem->key_n) < 0)
		pem->key_text = NULL; /* said when the key is looked for */
	free(beside);
	return true;
}

static void
free_secret(char *text, size_t n)
{
	if (text)
		OPENSSL_cleanse(text, n);
	free(text);
}

void
tls_pem_fini(struct tls_pem *pem)
{
	free_secret(pem->text, pem->n);
	free_secret(pem->key_text, pem->key_n);
	free(pem->path);
	*pem = (struct tls_pem){ 0 };
}

/* ---- objects --------------------------------------------------------------------------------- */

/* Nobody is there to type a password. */
static int
no_password(char *out, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *
read_key(const char *text, size_t n)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	return key;
}

/* Every certificate of the text; false when there is none, or one is damaged. */
static bool
read_certificates(struct tls_certificate *c, const struct tls_pem *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->text, (int)pem->n);
	unsigned long last;
	X509 *x = NULL;

	c->chain = sk_X509_new_null();
	ERR_clear_error();
	if (bio && c->chain)
		c->leaf = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
	while (c->leaf && (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
		if (!sk_X509_push(c->chain, x))
			abort(); /* as xmalloc() */
	last = ERR_peek_last_error();
	BIO_free(bio);
	ERR_clear_error();
	return c->leaf && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static enum tls_key_type
type_of(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return TLS_KEY_RSA;
	case EVP_PKEY_EC:
		return TLS_KEY_EC;
	default:
		return TLS_KEY_OTHER;
	}
}

bool
tls_certificate_make(struct tls_certificate *c, const struct tls_pem *pem,
		     const struct tls_global *g, char why[TLS_WHY])
{
	char *beside;

	*c = (struct tls_certificate){ 0 };
	if (!read_certificates(c, pem))
		return fail(why, "unable to load certificate from file '%s'.", pem->path);
	c->key = read_key(pem->text, pem->n);
	if (!c->key && pem->key_text)
		c->key = read_key(pem->key_text, pem->key_n);
	ERR_clear_error();
	if (!c->key) {
		beside = key_path(pem->path, g);
		fail(why, "No Private Key found in '%s'.", g->no_key_files ? pem->path : beside);
		free(beside);
		return false;
	}
	c->type = type_of(c->key);
	if (X509_check_private_key(c->leaf, c->key) == 1)
		return true;
	ERR_clear_error();
	return fail(why, "inconsistencies between private key and certificate loaded '%s'.",
		    pem->path);
}

void
tls_certificate_fini(struct tls_certificate *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	*c = (struct tls_certificate){ 0 };
}

int64_t
tls_certificate_expiry(const struct tls_certificate *c)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(c->leaf), &tm) != 1)
		return 0;
	return timegm(&tm);
}

/* ---- names ----------------------------------------------------------------------------------- */

bool
tls_name_is_clean(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	return name.n > 0;
}

static void
take_string(const ASN1_STRING *s, void (*take)(void *arg, struct str name), void *arg)
{
	unsigned char *utf8;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	struct str name = { (const char *)utf8, (size_t)n };

	if (n < 0)
		return;
	if (tls_name_is_clean(name))
		take(arg, name);
	OPENSSL_free(utf8);
}

void
tls_certificate_names(const struct tls_certificate *c, void (*take)(void *arg, struct str name),
		      void *arg)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	X509_NAME *subject = X509_get_subject_name(c->leaf);
	int i = -1;

	for (int j = 0; j < sk_GENERAL_NAME_num(names); j++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, j);

		if (name->type == GEN_DNS)
			take_string(name->d.dNSName, take, arg);
	}
	GENERAL_NAMES_free(names);
	while ((i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0)
		take_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), take, arg);
	ERR_clear_error();
}
