/* Distinguished names are copied, value by value, into two blocks: parts, and their text. */
#include "agent/tls/facts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdlib.h>

struct filling {
	struct tls_facts *facts;
	size_t n_entries, n_text;
	size_t text_max;
	bool is_bad;
};

/* Add one part; a value that is not clean spoils the whole name. */
static void
add_entry(struct filling *f, const X509_NAME_ENTRY *entry)
{
	int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
	struct dn_entry *to = &f->facts->entries[f->n_entries];
	unsigned char *utf8;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	struct str value = { (const char *)utf8, (size_t)n };

	if (n < 0) {
		f->is_bad = true;
		return;
	}
	if (!tls_name_is_clean(value) || value.n > f->text_max - f->n_text) {
		f->is_bad = true;
	} else {
		memcpy(f->facts->text + f->n_text, value.p, value.n);
		to->name = str_of(nid == NID_undef ? "UNDEF" : OBJ_nid2sn(nid));
		to->value = (struct str){ f->facts->text + f->n_text, value.n };
		f->n_text += value.n;
		f->n_entries++;
	}
	OPENSSL_free(utf8);
}

/* The parts of a name as they follow one another; none of them when one is bad. */
static size_t
add_name(struct filling *f, const X509_NAME *name)
{
	struct filling before = *f;
	int n = X509_NAME_entry_count(name);

	f->is_bad = n > TLS_DN_ENTRIES_MAX;
	for (int i = 0; !f->is_bad && i < n; i++)
		add_entry(f, X509_NAME_get_entry(name, i));
	if (!f->is_bad)
		return f->n_entries - before.n_entries;
	*f = before;
	f->facts->has_bad_name = true;
	return 0;
}

static void
find_cn(struct tls_facts *f)
{
	for (size_t i = 0; !f->cn.p && i < f->tls.n_subject; i++)
		if (str_is(f->tls.subject[i].name, "CN"))
			f->cn = f->tls.subject[i].value;
}

/* Room for a name's parts and bytes. In UTF-8 no string takes more than twice its bytes. */
static void
count(const X509_NAME *name, size_t *entries, size_t *bytes)
{
	int n = X509_NAME_entry_count(name), der = i2d_X509_NAME(name, NULL);

	*entries += n < TLS_DN_ENTRIES_MAX ? (size_t)n : TLS_DN_ENTRIES_MAX;
	*bytes += der < TLS_DN_BYTES_MAX / 2 ? (size_t)(der > 0 ? 2 * der : 0) : TLS_DN_BYTES_MAX;
}

static int
read_certificate(struct tls_facts *f, const X509 *x)
{
	struct filling filling = { .facts = f };
	size_t n_entries = 1; /* an empty name is a name as well */

	count(X509_get_subject_name(x), &n_entries, &filling.text_max);
	count(X509_get_issuer_name(x), &n_entries, &filling.text_max);
	f->entries = calloc(n_entries, sizeof(*f->entries));
	f->text = malloc(filling.text_max + 1);
	if (!f->entries || !f->text)
		return -ENOMEM;
	f->tls.n_subject = add_name(&filling, X509_get_subject_name(x));
	f->tls.subject = f->entries;
	f->tls.issuer = f->entries + filling.n_entries;
	f->tls.n_issuer = add_name(&filling, X509_get_issuer_name(x));
	find_cn(f);
	ERR_clear_error();
	return 0;
}

/* A name that the client chose, or nothing. */
static struct str
clean(struct tls_facts *f, struct str name)
{
	if (!name.n)
		return (struct str){ 0 };
	if (tls_name_is_clean(name))
		return name;
	f->has_bad_name = true;
	return (struct str){ 0 };
}

int
tls_facts_init(struct tls_facts *f, const struct tls_conn *c)
{
	const X509 *x = SSL_get0_peer_certificate(c->ssl);
	const unsigned char *alpn;
	unsigned n_alpn;
	int error = 0;

	*f = (struct tls_facts){ 0 };
	SSL_get0_alpn_selected(c->ssl, &alpn, &n_alpn);
	f->tls = (struct expr_tls){
		.sni = clean(f, str_of(SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name))),
		.alpn = clean(f, (struct str){ (const char *)alpn, n_alpn }),
		.protocol = str_of(SSL_get_version(c->ssl)),
		.cipher = str_of(SSL_get_cipher_name(c->ssl)),
		.is_resumed = SSL_session_reused(c->ssl),
		.certificate_used = x != NULL,
		.certificate_is_new = x && !SSL_session_reused(c->ssl),
		.verify = SSL_get_verify_result(c->ssl),
	};
	f->is_verified = x && f->tls.verify == X509_V_OK;
	if (x)
		error = read_certificate(f, x);
	if (error)
		tls_facts_fini(f);
	return error;
}

void
tls_facts_fini(struct tls_facts *f)
{
	free(f->entries);
	free(f->text);
	f->entries = NULL;
	f->text = NULL;
}
