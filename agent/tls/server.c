/*
 * The context presents the usual certificates; for a name of others they are exchanged in the
 * connection before a cipher is chosen, so that a line needs one context, however many
 * certificates it has. Which ones: the name's callback looks them up and leaves them in the
 * connection, the certificate's callback takes them from there.
 */
#include "agent/tls/server.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/tls/conn.h"
#include "agent/tls/context.h"

/* ---- callbacks ------------------------------------------------------------------------------- */

/* Called for each ClientHello, also where it names nobody, and also where a session goes on. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	struct tls_conn *c = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	c->has_choice = name && tls_names_find(&s->plan->names, str_of(name), &c->choice);
	if (c->has_choice || !s->plan->settings->strict_sni)
		return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
	c->fail = TLS_FAIL_SNI;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* 1: go on; 0: the handshake ends. */
static int
on_certificate(SSL *ssl, void *arg)
{
	const struct tls_server *s = arg;
	const struct tls_conn *c = SSL_get_app_data(ssl);

	if (!c->has_choice || memcmp(&c->choice, &s->usual, sizeof(s->usual)) == 0)
		return 1;
	SSL_certs_clear(ssl);
	for (int i = 0; i < N_TLS_KEY_TYPES; i++) {
		const struct tls_certificate *x;

		if (c->choice.certificates[i] < 0)
			continue;
		x = &s->certificates[c->choice.certificates[i]];
		if (SSL_use_cert_and_key(ssl, x->leaf, x->key, x->chain, 1) != 1)
			return 0;
	}
	return 1;
}

/* Ours first; a client that knows none of them goes on without, as in HAProxy. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *theirs,
	unsigned n_theirs, void *arg)
{
	const struct tls_server *s = arg;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, n, s->alpn, s->n_alpn, theirs, n_theirs) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
on_verify(int ok, X509_STORE_CTX *x)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct tls_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct tls_settings *settings = s->plan->settings;
	bool is_leaf = X509_STORE_CTX_get_error_depth(x) == 0;

	return ok || tls_is_ignored(is_leaf ? &settings->crt_ignored : &settings->ca_ignored,
				    X509_STORE_CTX_get_error(x));
}

/* A ticket keeps the client's certificate, whose time may be over meanwhile. */
static SSL_TICKET_RETURN
on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t n,
	  SSL_TICKET_STATUS status, void *arg)
{
	const X509 *peer;

	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	peer = SSL_SESSION_get0_peer(session);
	if (peer && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* ---- certificates ---------------------------------------------------------------------------- */

/* A certificate's number while its names are taken. */
struct naming {
	struct tls_names *names;
	int number;
	enum tls_key_type type;
};

static void
add_name(void *arg, struct str name)
{
	const struct naming *n = arg;

	tls_names_add(n->names, name, n->number, n->type);
}

/* Filters of a crt-list stand in for the certificate's own names, unless all of them exclude. */
static void
name_certificate(struct tls_names *names, const struct tls_source_file *f,
		 const struct tls_certificate *x, int number)
{
	struct naming naming = { names, number, x->type };
	bool has_own = true;

	for (size_t i = 0; i < f->n_filters; i++) {
		struct str filter = str_of(f->filters[i]);

		if (filter.p[0] == '!') {
			has_own &= strcmp(filter.p, "!*") != 0;
			tls_names_exclude(names, (struct str){ filter.p + 1, filter.n - 1 },
					  number);
		} else {
			has_own = false;
			add_name(&naming, filter);
		}
	}
	if (has_own)
		tls_certificate_names(x, add_name, &naming);
}

static bool
make_certificates(struct tls_server *s, struct tls_server_plan *plan, bool is_first, char *why)
{
	s->certificates = xcalloc(plan->sources->n + 1, sizeof(*s->certificates));
	for (size_t i = 0; i < plan->sources->n; i++) {
		const struct tls_source_file *f = &plan->sources->files[i];
		struct tls_certificate *x = &s->certificates[s->n++];

		if (!tls_certificate_make(x, &f->pem, plan->global, why))
			return false;
		if (is_first)
			name_certificate(&plan->names, f, x, (int)i);
	}
	return true;
}

/* Do two certificates have the same subject? Then a client may have either. */
static bool
is_twin(const struct tls_certificate *a, const struct tls_certificate *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a->leaf), X509_get_subject_name(b->leaf)) == 0;
}

/* The first one, and its twins with keys of other types. */
static bool
use_usual(struct tls_server *s, char *why)
{
	s->usual = tls_choice_of(-1, TLS_KEY_RSA);
	for (size_t i = 0; i < s->n; i++) {
		const struct tls_certificate *x = &s->certificates[i];
		int *place = &s->usual.certificates[x->type];

		if (*place >= 0 || !is_twin(x, &s->certificates[0]))
			continue;
		*place = (int)i;
		if (SSL_CTX_use_cert_and_key(s->ctx, x->leaf, x->key, x->chain, 1) == 1)
			continue;
		ERR_clear_error();
		snprintf(why, TLS_WHY, "unable to load SSL certificate into SSL Context '%s'.",
			 s->plan->sources->files[i].pem.path);
		return false;
	}
	return true;
}

/* ---- the context ----------------------------------------------------------------------------- */

/* Ask for a certificate, and say whose we take. */
static bool
ask_for_certificate(struct tls_server *s, X509_STORE *trust)
{
	const struct tls_server_plan *plan = s->plan;
	enum tls_verify verify = plan->settings->verify;
	STACK_OF(X509_NAME) *names = NULL;
	int mode = SSL_VERIFY_PEER;

	if (trust)
		SSL_CTX_set1_cert_store(s->ctx, trust);
	if (verify != TLS_VERIFY_OPTIONAL && verify != TLS_VERIFY_REQUIRED)
		return true;
	if (verify == TLS_VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(s->ctx, mode, on_verify);
	if (plan->ca_names)
		names = SSL_dup_CA_list(plan->ca_names);
	SSL_CTX_set_client_CA_list(s->ctx, names);
	return names || !plan->ca_names;
}

/* Sessions are kept by clients alone, in one ticket each. */
static void
set_sessions(struct tls_server *s)
{
	const struct tls_server_plan *plan = s->plan;

	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(s->ctx, plan->session_context,
				       sizeof(plan->session_context));
	SSL_CTX_set_timeout(s->ctx, plan->global->lifetime_s);
	if (!plan->tickets) {
		SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(s->ctx, 0);
		return;
	}
	SSL_CTX_set_num_tickets(s->ctx, 1);
	SSL_CTX_set_session_ticket_cb(s->ctx, NULL, on_ticket, NULL);
	tls_tickets_serve(plan->tickets, s->ctx);
}

bool
tls_server_init(struct tls_server *s, struct tls_server_plan *plan, X509_STORE *trust,
		bool is_first, bool *is_file, char why[TLS_WHY])
{
	struct tls_terms terms = { plan->settings, &plan->global->bind, true };

	*s = (struct tls_server){ .plan = plan };
	*is_file = true;
	if (!make_certificates(s, plan, is_first, why))
		return false;
	*is_file = false;
	s->ctx = tls_context_make(&terms, why);
	if (!s->ctx)
		return false;
	*is_file = true;
	if (!use_usual(s, why))
		return false;
	*is_file = false;
	snprintf(why, TLS_WHY, "unable to allocate ssl context");
	if (!ask_for_certificate(s, trust))
		return false;
	set_sessions(s);
	SSL_CTX_set_app_data(s->ctx, s);
	SSL_CTX_set_tlsext_servername_callback(s->ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(s->ctx, s);
	SSL_CTX_set_cert_cb(s->ctx, on_certificate, s);
	if (plan->settings->alpn)
		s->alpn = tls_alpn_make(plan->settings->alpn, &s->n_alpn);
	if (s->alpn)
		SSL_CTX_set_alpn_select_cb(s->ctx, on_alpn, s);
	return true;
}

void
tls_server_fini(struct tls_server *s)
{
	SSL_CTX_free(s->ctx);
	for (size_t i = 0; i < s->n; i++)
		tls_certificate_fini(&s->certificates[i]);
	free(s->certificates);
	free(s->alpn);
}
