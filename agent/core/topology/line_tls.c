/*
 * The words of TLS of bind and server lines. Both sides read alike; a row says where a word may
 * stand, how it is read, and what HAProxy says when its argument is missing.
 */
#include "agent/core/topology/line_tls.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct tls_settings, member)

/* OpenSSL's last X509_V_ERR_… when HAProxy 2.6 was made. */
enum { ERROR_MAX = 94 };

struct tls_word {
	const char *name;
	size_t n_args;
	bool (*read)(struct tls_line *l, const struct tls_word *w);
	size_t member;	     /* offset into the settings, for those readers that are told one */
	const char *missing; /* what is missing when no argument follows */
};

static const char *
argument(const struct tls_line *l)
{
	return word(l->p, l->i + 1);
}

static void *
member(struct tls_line *l, const struct tls_word *w)
{
	return (char *)l->s + w->member;
}

static bool PRINTF_LIKE(2, 3) fail(struct tls_line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, args);
	va_end(args);
	return false;
}

/* ---- readers --------------------------------------------------------------------------------- */

static bool
read_text(struct tls_line *l, const struct tls_word *w)
{
	parser_set_text(member(l, w), argument(l));
	return true;
}

/* A path below a base, unless it is absolute or has a meaning of its own. */
static char *
below(const char *base, const char *path)
{
	char *whole;

	if (!base || path[0] == '/' || path[0] == '@')
		return str_dup(str_of(path));
	if (asprintf(&whole, "%s/%s", base, path) < 0)
		abort();
	return whole;
}

static bool
read_ca_path(struct tls_line *l, const struct tls_word *w)
{
	char **path = member(l, w);

	free(*path);
	*path = below(l->p->t->tls.ca_base, argument(l));
	return true;
}

/* A server has one certificate, a bind line as many as are named. */
static bool
read_source(struct tls_line *l, const struct tls_word *w)
{
	struct tls_settings *s = l->s;
	struct tls_source source = { .path = below(l->p->t->tls.crt_base, argument(l)) };

	source.is_list = strcmp(w->name, "crt-list") == 0;
	if (l->is_server && s->n_sources)
		free(s->sources[--s->n_sources].path);
	ARRAY_GROW(s->sources, s->n_sources);
	s->sources[s->n_sources++] = source;
	return true;
}

static bool
read_verify(struct tls_line *l, const struct tls_word *w)
{
	static const char *const methods[] = {
		[TLS_VERIFY_UNSET] = "",
		[TLS_VERIFY_NONE] = "none",
		[TLS_VERIFY_OPTIONAL] = "optional",
		[TLS_VERIFY_REQUIRED] = "required",
	};

	for (size_t i = 1; i < N(methods); i++) {
		if (strcmp(argument(l), methods[i]) != 0 ||
		    (i == TLS_VERIFY_OPTIONAL && l->is_server))
			continue;
		l->s->verify = (enum tls_verify)i;
		return true;
	}
	return fail(l, "'verify' : unknown verify method '%s', only %s are supported", argument(l),
		    l->is_server ? "'none' and 'required'" : "'none', 'optional', and 'required'");
}

static bool
read_version(struct tls_line *l, const struct tls_word *w)
{
	enum tls_version version = tls_version_of(argument(l));

	if (!version)
		return !l->p->env->strict || fail(l, "'%s' : unknown ssl/tls version", argument(l));
	*(enum tls_version *)member(l, w) = version;
	return true;
}

static bool
read_version_word(struct tls_line *l, const struct tls_word *w)
{
	return line_tls_version_word(w->name, &l->s->versions);
}

static bool
read_true(struct tls_line *l, const struct tls_word *w)
{
	*(bool *)member(l, w) = true;
	return true;
}

static bool
read_false(struct tls_line *l, const struct tls_word *w)
{
	*(bool *)member(l, w) = false;
	return true;
}

/* "all", or numbers with commas between them. */
static bool
read_ignored(struct tls_line *l, const struct tls_word *w)
{
	struct tls_ignored *ignored = member(l, w);
	const char *list = argument(l);

	if (strcmp(list, "all") == 0) {
		*ignored = (struct tls_ignored){ { UINT64_MAX, UINT64_MAX } };
		return true;
	}
	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		long id = strtol(p, NULL, 10);

		if ((id < 1 || id > ERROR_MAX) && !l->p->env->strict)
			continue; /* later versions know names */
		if (id < 1 || id > ERROR_MAX)
			return fail(l,
				    "'%s' : ID '%ld' out of range (1..%d) in error IDs list '%s'",
				    w->name, id, ERROR_MAX, list);
		ignored->bits[id / 64] |= UINT64_C(1) << (id % 64);
	}
	return true;
}

/* ---- the words ------------------------------------------------------------------------------- */

static const struct tls_word words[] = {
	{ "alpn", 1, read_text, AT(alpn), "the comma-delimited ALPN protocol suite" },
	{ "ca-file", 1, read_ca_path, AT(ca_file), "CAfile path" },
	{ "ca-ignore-err", 1, read_ignored, AT(ca_ignored), "error IDs list" },
	{ "ca-verify-file", 1, read_ca_path, AT(ca_verify_file), "CAfile path" },
	{ "check-alpn", 1, read_text, AT(check_alpn), "the comma-delimited ALPN protocol suite" },
	{ "check-sni", 1, read_text, AT(check_sni), "SNI" },
	{ "ciphers", 1, read_text, AT(ciphers), "cipher suite" },
	{ "ciphersuites", 1, read_text, AT(ciphersuites), "cipher suite" },
	{ "crl-file", 1, read_ca_path, AT(crl_file), "CRLfile path" },
	{ "crt", 1, read_source, 0, "certificate location" },
	{ "crt-ignore-err", 1, read_ignored, AT(crt_ignored), "error IDs list" },
	{ "crt-list", 1, read_source, 0, "certificate location" },
	{ "curves", 1, read_text, AT(curves), "curve suite" },
	{ "ecdhe", 1, read_text, AT(ecdhe), "named curve" },
	{ "force-sslv3", 0, read_version_word, 0, NULL },
	{ "force-tlsv10", 0, read_version_word, 0, NULL },
	{ "force-tlsv11", 0, read_version_word, 0, NULL },
	{ "force-tlsv12", 0, read_version_word, 0, NULL },
	{ "force-tlsv13", 0, read_version_word, 0, NULL },
	{ "no-ca-names", 0, read_true, AT(no_ca_names), NULL },
	{ "no-ssl-reuse", 0, read_true, AT(no_reuse), NULL },
	{ "no-sslv3", 0, read_version_word, 0, NULL },
	{ "no-tls-tickets", 0, read_true, AT(no_tickets), NULL },
	{ "no-tlsv10", 0, read_version_word, 0, NULL },
	{ "no-tlsv11", 0, read_version_word, 0, NULL },
	{ "no-tlsv12", 0, read_version_word, 0, NULL },
	{ "no-tlsv13", 0, read_version_word, 0, NULL },
	{ "prefer-client-ciphers", 0, read_true, AT(prefer_client_ciphers), NULL },
	{ "sni", 1, read_text, AT(sni), "sni expression" },
	{ "ssl-max-ver", 1, read_version, AT(versions.max), "the ssl/tls version" },
	{ "ssl-min-ver", 1, read_version, AT(versions.min), "the ssl/tls version" },
	{ "ssl-reuse", 0, read_false, AT(no_reuse), NULL },
	{ "strict-sni", 0, read_true, AT(strict_sni), NULL },
	{ "tls-ticket-keys", 1, read_text, AT(ticket_keys), "TLS ticket keys file path" },
	{ "tls-tickets", 0, read_false, AT(no_tickets), NULL },
	{ "verify", 1, read_verify, 0, "verify method" },
	{ "verifyhost", 1, read_text, AT(verify_host), "hostname to verify against" },
};

static const struct tls_word *
find_word(const char *name)
{
	for (size_t i = 0; i < N(words); i++)
		if (strcmp(name, words[i].name) == 0)
			return &words[i];
	return NULL;
}

bool
line_tls_knows(const char *name, size_t *n_args)
{
	const struct tls_word *w = find_word(name);

	if (w)
		*n_args = w->n_args;
	return w != NULL;
}

const char *
line_tls_name(size_t i)
{
	return i < N(words) ? words[i].name : NULL;
}

bool
line_tls_word(struct tls_line *l)
{
	const struct tls_word *w = find_word(word(l->p, l->i));

	if (w->n_args && !argument(l)[0])
		return fail(l, "'%s' : missing %s", w->name,
			    l->is_server && w->read == read_source ? "certificate file path"
								   : w->missing);
	return w->read(l, w);
}

bool
line_tls_version_word(const char *name, struct tls_versions *v)
{
	static const char *const versions[] = {
		[TLS_VERSION_UNSET] = NULL,   [TLS_VERSION_SSL3] = "sslv3",
		[TLS_VERSION_1_0] = "tlsv10", [TLS_VERSION_1_1] = "tlsv11",
		[TLS_VERSION_1_2] = "tlsv12", [TLS_VERSION_1_3] = "tlsv13",
	};
	bool forced = strncmp(name, "force-", 6) == 0;

	if (!forced && strncmp(name, "no-", 3) != 0)
		return false;
	for (size_t i = 1; i < N(versions); i++) {
		if (strcmp(name + (forced ? 6 : 3), versions[i]) != 0)
			continue;
		if (forced)
			v->min = v->max = (enum tls_version)i;
		else
			v->off |= 1U << i;
		return true;
	}
	return false;
}

/* ---- of servers ------------------------------------------------------------------------------ */

bool
line_tls_of_server(struct server_line *l)
{
	struct tls_line line = { .p = l->p, .i = l->i, .s = &l->s->tls, .is_server = true };

	if (line_tls_word(&line))
		return true;
	server_line_fail(l, "%s.", line.why);
	return false;
}

bool
line_tls_switch(struct server_line *l)
{
	struct str name = str_of(word(l->p, l->i));
	bool on = !str_has_prefix(name, STR("no-"));

	if (str_has_suffix(name, STR("check-ssl")))
		l->s->check_tls = on ? CHECK_TLS_ALWAYS : CHECK_TLS_NEVER;
	else
		l->s->ssl = on;
	return true;
}
