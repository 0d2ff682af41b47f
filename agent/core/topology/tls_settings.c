/* The texts of the settings are listed once, by their offsets: copying and ending go by the list.
 */
#include "agent/core/topology/tls_settings.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/str.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const size_t texts[] = {
	offsetof(struct tls_settings, ca_file),	    offsetof(struct tls_settings, ca_verify_file),
	offsetof(struct tls_settings, crl_file),    offsetof(struct tls_settings, alpn),
	offsetof(struct tls_settings, ciphers),	    offsetof(struct tls_settings, ciphersuites),
	offsetof(struct tls_settings, curves),	    offsetof(struct tls_settings, ecdhe),
	offsetof(struct tls_settings, ticket_keys), offsetof(struct tls_settings, sni),
	offsetof(struct tls_settings, verify_host), offsetof(struct tls_settings, check_sni),
	offsetof(struct tls_settings, check_alpn),
};

static const char *const version_names[] = {
	[TLS_VERSION_UNSET] = "",      [TLS_VERSION_SSL3] = "SSLv3",  [TLS_VERSION_1_0] = "TLSv1.0",
	[TLS_VERSION_1_1] = "TLSv1.1", [TLS_VERSION_1_2] = "TLSv1.2", [TLS_VERSION_1_3] = "TLSv1.3",
};

static char **
text_at(struct tls_settings *s, size_t offset)
{
	return (char **)(void *)((char *)s + offset);
}

static char *
copy_text(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

void
tls_settings_copy(struct tls_settings *to, const struct tls_settings *from)
{
	*to = *from;
	to->sources = NULL;
	to->n_sources = 0;
	for (size_t i = 0; i < from->n_sources; i++) {
		ARRAY_GROW(to->sources, to->n_sources);
		to->sources[to->n_sources++] = (struct tls_source){
			.path = copy_text(from->sources[i].path),
			.is_list = from->sources[i].is_list,
		};
	}
	for (size_t i = 0; i < N(texts); i++)
		*text_at(to, texts[i]) = copy_text(*text_at(to, texts[i]));
}

void
tls_settings_fini(struct tls_settings *s)
{
	for (size_t i = 0; i < s->n_sources; i++)
		free(s->sources[i].path);
	free(s->sources);
	for (size_t i = 0; i < N(texts); i++)
		free(*text_at(s, texts[i]));
	*s = (struct tls_settings){ 0 };
}

static void
fini_defaults(struct tls_defaults *d)
{
	free(d->ciphers);
	free(d->ciphersuites);
	free(d->curves);
}

void
tls_global_fini(struct tls_global *g)
{
	free(g->ca_base);
	free(g->crt_base);
	fini_defaults(&g->bind);
	fini_defaults(&g->server);
	*g = (struct tls_global){ 0 };
}

enum tls_version
tls_version_of(const char *word)
{
	for (size_t i = 1; i < N(version_names); i++)
		if (strcmp(word, version_names[i]) == 0)
			return (enum tls_version)i;
	return TLS_VERSION_UNSET;
}

const char *
tls_version_name(enum tls_version version)
{
	return version_names[version];
}
