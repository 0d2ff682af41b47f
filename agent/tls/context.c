/* OpenSSL's switches, once for both sides. */
#include "agent/tls/context.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"

/* X25519 first: a third of the time of the others (P-521 is for who asks for it). */
#define GROUPS "X25519:P-256:P-384:P-521"

/* ---- versions -------------------------------------------------------------------------------- */

static bool
is_off(const struct tls_versions *v, enum tls_version version)
{
	return v->off & 1U << version;
}

struct tls_versions
tls_terms_versions(const struct tls_terms *t, enum tls_versions_warning *warning)
{
	const struct tls_versions *own = &t->settings->versions, *usual = &t->defaults->versions;
	struct tls_versions v = {
		.min = own->min ? own->min : usual->min,
		.max = own->max ? own->max : usual->max,
		.off = own->off | usual->off,
	};

	*warning = TLS_VERSIONS_FINE;
	if (v.off && (v.min || v.max)) {
		*warning = TLS_VERSIONS_IGNORED;
		v.off = 0;
	}
	if (!v.min && v.max && v.max < TLS_VERSION_1_2) {
		*warning = TLS_VERSIONS_AMBIGUOUS;
		v.min = v.max;
	}
	v.min = v.min ? v.min : TLS_VERSION_1_2;
	v.max = v.max ? v.max : TLS_VERSION_1_3;
	while (v.min <= v.max && (v.min == TLS_VERSION_SSL3 || is_off(&v, v.min)))
		v.min++;
	while (v.max >= v.min && is_off(&v, v.max))
		v.max--;
	return v.min > v.max ? (struct tls_versions){ 0 } : v;
}

static bool
set_versions(SSL_CTX *ctx, const struct tls_terms *t, char *why)
{
	static const int numbers[] = {
		[TLS_VERSION_1_0] = TLS1_VERSION,
		[TLS_VERSION_1_1] = TLS1_1_VERSION,
		[TLS_VERSION_1_2] = TLS1_2_VERSION,
		[TLS_VERSION_1_3] = TLS1_3_VERSION,
	};
	static const uint64_t options[] = {
		[TLS_VERSION_1_0] = SSL_OP_NO_TLSv1,
		[TLS_VERSION_1_1] = SSL_OP_NO_TLSv1_1,
		[TLS_VERSION_1_2] = SSL_OP_NO_TLSv1_2,
		[TLS_VERSION_1_3] = SSL_OP_NO_TLSv1_3,
	};
	enum tls_versions_warning warning;
	struct tls_versions v = tls_terms_versions(t, &warning);

	if (!v.min) {
		snprintf(why, TLS_WHY, TLS_NO_VERSION);
		return false;
	}
	for (int i = v.min; i <= (int)v.max; i++)
		if (is_off(&v, (enum tls_version)i))
			SSL_CTX_set_options(ctx, options[i]);
	return SSL_CTX_set_min_proto_version(ctx, numbers[v.min]) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, numbers[v.max]) == 1;
}

/* ---- algorithms ------------------------------------------------------------------------------ */

static const char *
first_of(const char *a, const char *b)
{
	return a ? a : b;
}

static bool
set_ciphers(SSL_CTX *ctx, const struct tls_terms *t, char *why)
{
	const char *ciphers = first_of(t->settings->ciphers, t->defaults->ciphers);
	const char *suites = first_of(t->settings->ciphersuites, t->defaults->ciphersuites);

	if (ciphers && SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
		snprintf(why, TLS_WHY, "unable to set SSL cipher list to '%s'", ciphers);
		return false;
	}
	if (suites && SSL_CTX_set_ciphersuites(ctx, suites) != 1) {
		snprintf(why, TLS_WHY, "unable to set TLS 1.3 cipher suites to '%s'", suites);
		return false;
	}
	return true;
}

static bool
set_groups(SSL_CTX *ctx, const struct tls_terms *t, char *why)
{
	const char *curves = first_of(t->settings->curves, t->defaults->curves);
	const char *ecdhe = curves ? NULL : t->settings->ecdhe;
	const char *groups = first_of(first_of(curves, ecdhe), GROUPS);

	if (SSL_CTX_set1_groups_list(ctx, groups) == 1)
		return true;
	snprintf(why, TLS_WHY, "unable to set %s to '%s'",
		 ecdhe ? "elliptic named curve" : "SSL curves list", groups);
	return false;
}

unsigned char *
tls_alpn_make(const char *list, unsigned *n)
{
	size_t length = strlen(list);
	unsigned char *wire = xmalloc(length + 1), *out = wire;

	for (const char *p = list; p < list + length;) {
		size_t name = strcspn(p, ",");

		if (name > 255) {
			free(wire);
			return NULL;
		}
		if (name) {
			*out++ = (unsigned char)name;
			memcpy(out, p, name);
			out += name;
		}
		p += name + (p[name] == ',');
	}
	*n = (unsigned)(out - wire);
	if (*n)
		return wire;
	free(wire);
	return NULL;
}

/* ---- the context ----------------------------------------------------------------------------- */

static void
set_modes(SSL_CTX *ctx, const struct tls_terms *t)
{
	uint64_t options =
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		/* MQTT has lengths of its own: who cuts a connection off gains nothing */
		SSL_OP_IGNORE_UNEXPECTED_EOF;

	if (t->is_server && !t->settings->prefer_client_ciphers &&
	    !t->defaults->prefer_client_ciphers)
		options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
	if (t->settings->no_tickets || t->defaults->no_tickets)
		options |= SSL_OP_NO_TICKET;
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A record's header and body in one system call. */
	SSL_CTX_set_read_ahead(ctx, 1);
}

SSL_CTX *
tls_context_make(const struct tls_terms *t, char why[TLS_WHY])
{
	SSL_CTX *ctx = SSL_CTX_new(t->is_server ? TLS_server_method() : TLS_client_method());

	snprintf(why, TLS_WHY, "unable to allocate ssl context");
	if (ctx && set_versions(ctx, t, why) && set_ciphers(ctx, t, why) &&
	    set_groups(ctx, t, why)) {
		set_modes(ctx, t);
		return ctx;
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}
