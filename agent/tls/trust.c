/* Failing to make a store is running out of memory, which ends a start or reload. */
#include "agent/tls/trust.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/str.h"
#include "agent/io/file.h"
#include "agent/tls/certificate.h"

#define SYSTEM_CA "@system-ca"

struct tls_trust {
	const struct tls_ca_file *files[3]; /* as source_files() gives them */
	X509_STORE *store;		    /* owned: a reference */
};

/* ---- reading --------------------------------------------------------------------------------- */

static void
free_file(struct tls_ca_file *f)
{
	sk_X509_pop_free(f->certificates, X509_free);
	sk_X509_CRL_pop_free(f->lists, X509_CRL_free);
	free(f->path);
	free(f);
}

void
tls_ca_files_fini(struct tls_ca_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free_file(files->files[i]);
	free(files->files);
	for (size_t i = 0; i < files->n_trusts; i++)
		X509_STORE_free(files->trusts[i].store);
	free(files->trusts);
}

/* Move what one piece of PEM holds to the file's stacks. */
static bool
take(struct tls_ca_file *f, X509_INFO *info)
{
	if (info->x509) {
		if (!sk_X509_push(f->certificates, info->x509))
			return false;
		info->x509 = NULL;
	}
	if (info->crl) {
		if (!sk_X509_CRL_push(f->lists, info->crl))
			return false;
		info->crl = NULL;
	}
	return true;
}

/* Certificates and lists of the text; the rest of it does no harm. */
static bool
read_text(struct tls_ca_file *f, const char *text, size_t n)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	STACK_OF(X509_INFO) *infos = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
	bool ok = infos != NULL;

	for (int i = 0; ok && i < sk_X509_INFO_num(infos); i++)
		ok = take(f, sk_X509_INFO_value(infos, i));
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	return ok;
}

/* The digest goes on over each file: what it was and the new bytes. */
static void
add_to_digest(struct tls_ca_file *f, const char *text, size_t n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(md, f->digest, sizeof(f->digest)) || !EVP_DigestUpdate(md, text, n) ||
	    !EVP_DigestFinal_ex(md, f->digest, NULL))
		abort(); /* as xmalloc(): without it sessions would be resumed that must not be */
	EVP_MD_CTX_free(md);
}

/* False: it cannot be read, errno says why, 0 when it holds none. */
static bool
read_one(struct tls_ca_file *f, const char *path)
{
	int before = sk_X509_num(f->certificates) + sk_X509_CRL_num(f->lists);
	char *text;
	size_t n;
	int error = file_read(path, &text, &n);

	if (error < 0) {
		errno = -error;
		return false;
	}
	add_to_digest(f, text, n);
	errno = 0;
	(void)!read_text(f, text, n);
	free(text);
	return sk_X509_num(f->certificates) + sk_X509_CRL_num(f->lists) > before;
}

static int
is_wanted(const struct dirent *entry)
{
	static const char *const suffixes[] = { ".pem", ".crt", ".cer", ".crl" };
	struct str name = str_of(entry->d_name);

	for (size_t i = 0; name.p[0] != '.' && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (str_has_suffix(name, str_of(suffixes[i])))
			return 1;
	return 0;
}

/* Those of a directory that cannot be read are left out, with a warning. */
static void
read_directory(struct tls_ca_file *f, struct report *r)
{
	struct dirent **entries;
	int n = scandir(f->path, &entries, is_wanted, alphasort);

	for (int i = 0; i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", f->path, entries[i]->d_name) < 0)
			abort();
		if (!read_one(f, path))
			report_cfg(r, FINDING_WARNING, "ca-file: '%s' couldn't load '%s'", f->path,
				   path);
		free(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (sk_X509_num(f->certificates) + sk_X509_CRL_num(f->lists) == 0)
		report_cfg(r, FINDING_WARNING, "ca-file: 0 CA were loaded from '%s'", f->path);
}

static bool
read_path(struct tls_ca_file *f, struct report *r)
{
	struct stat st;

	f->certificates = sk_X509_new_null();
	f->lists = sk_X509_CRL_new_null();
	if (!f->certificates || !f->lists)
		abort(); /* as xmalloc() */
	if (strcmp(f->path, SYSTEM_CA) == 0)
		return true;
	if (stat(f->path, &st) == 0 && S_ISDIR(st.st_mode))
		read_directory(f, r);
	else
		return read_one(f, f->path);
	return true;
}

const struct tls_ca_file *
tls_ca_file(struct tls_ca_files *files, const char *path, struct report *r, char *why)
{
	struct tls_ca_file *f;

	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->files[i]->path, path) == 0)
			return files->files[i];
	f = xcalloc(1, sizeof(*f));
	f->path = str_dup(str_of(path));
	if (!read_path(f, r)) {
		snprintf(why, TLS_WHY, "Couldn't open the ca-file '%s' (%s).", path,
			 errno ? strerror(errno) : "no certificate or crl found");
		free_file(f);
		return NULL;
	}
	ARRAY_GROW(files->files, files->n);
	return files->files[files->n++] = f;
}

/* ---- using ----------------------------------------------------------------------------------- */

static const struct tls_ca_file *
find(const struct tls_ca_files *files, const char *path)
{
	for (size_t i = 0; path && i < files->n; i++)
		if (strcmp(files->files[i]->path, path) == 0)
			return files->files[i];
	return NULL;
}

/* Those that the settings name, NULL for what they do not. */
static void
source_files(const struct tls_ca_files *files, const struct tls_settings *s,
	     const struct tls_ca_file *out[3])
{
	out[0] = find(files, s->ca_file);
	out[1] = find(files, s->ca_verify_file);
	out[2] = find(files, s->crl_file);
}

static bool
add_file(X509_STORE *store, const struct tls_ca_file *f)
{
	bool ok = true;

	if (strcmp(f->path, SYSTEM_CA) == 0)
		return X509_STORE_set_default_paths(store) == 1;
	for (int i = 0; ok && i < sk_X509_num(f->certificates); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(f->certificates, i)) == 1;
	for (int i = 0; ok && i < sk_X509_CRL_num(f->lists); i++)
		ok = X509_STORE_add_crl(store, sk_X509_CRL_value(f->lists, i)) == 1;
	return ok;
}

X509_STORE *
tls_trust_of(struct tls_ca_files *files, const struct tls_settings *s)
{
	struct tls_trust trust;

	source_files(files, s, trust.files);
	for (size_t i = 0; i < files->n_trusts; i++)
		if (memcmp(files->trusts[i].files, trust.files, sizeof(trust.files)) == 0)
			return files->trusts[i].store;
	trust.store = X509_STORE_new();
	for (size_t i = 0; i < 3; i++)
		if (!trust.store || (trust.files[i] && !add_file(trust.store, trust.files[i])))
			abort(); /* as xmalloc() */
	if (s->crl_file)
		X509_STORE_set_flags(trust.store,
				     X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	ARRAY_GROW(files->trusts, files->n_trusts);
	files->trusts[files->n_trusts++] = trust;
	return trust.store;
}

void
tls_trust_digest(struct tls_ca_files *files, const struct tls_settings *s, const char *subject,
		 unsigned char out[32])
{
	const struct tls_ca_file *sources[3];
	struct tls_ca_file sum = { 0 };
	unsigned char verify = (unsigned char)s->verify;

	add_to_digest(&sum, subject, strlen(subject) + 1);
	add_to_digest(&sum, (const char *)&verify, 1);
	add_to_digest(&sum, (const char *)&s->ca_ignored, sizeof(s->ca_ignored));
	add_to_digest(&sum, (const char *)&s->crt_ignored, sizeof(s->crt_ignored));
	source_files(files, s, sources);
	for (size_t i = 0; i < 3; i++) {
		if (sources[i])
			add_to_digest(&sum, (const char *)sources[i]->digest,
				      sizeof(sources[i]->digest));
		add_to_digest(&sum, sources[i] ? "+" : "-", 1);
	}
	memcpy(out, sum.digest, sizeof(sum.digest));
}
