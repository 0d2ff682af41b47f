/*
 * What bind and server lines say of TLS (configuration manual, 5.1 and 5.2), and what `global`
 * says for those that are silent. Words, not files: which certificates there are is for those
 * who open them.
 */
#ifndef USHER_CORE_TOPOLOGY_TLS_SETTINGS_H
#define USHER_CORE_TOPOLOGY_TLS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_version {
	TLS_VERSION_UNSET,
	TLS_VERSION_SSL3, /* can be written, cannot be had */
	TLS_VERSION_1_0,
	TLS_VERSION_1_1,
	TLS_VERSION_1_2,
	TLS_VERSION_1_3,
};

enum tls_verify {
	TLS_VERIFY_UNSET, /* none for clients; for servers what `ssl-server-verify` says */
	TLS_VERIFY_NONE,
	TLS_VERIFY_OPTIONAL, /* for clients alone */
	TLS_VERIFY_REQUIRED,
};

/* ssl-min-ver, ssl-max-ver, no-tlsv1x, and force-tlsv1x, which sets both ends. */
struct tls_versions {
	enum tls_version min, max;
	unsigned off; /* bits 1 << enum tls_version; without effect beside min or max */
};

/* `crt` or `crt-list`. */
struct tls_source {
	char *path; /* owned; below `crt-base` unless absolute */
	bool is_list;
};

/* X509_V_… codes that do not end a handshake, as bits: `ca-ignore-err`, `crt-ignore-err`. */
struct tls_ignored {
	uint64_t bits[2];
};

/* All texts are owned; NULL: not said. Paths of CAs are below `ca-base` unless absolute. */
struct tls_settings {
	struct tls_source *sources; /* owned; in the line's order */
	size_t n_sources;
	char *ca_file, *ca_verify_file, *crl_file; /* `@system-ca`, a file, a directory */
	char *alpn;				   /* commas part the names */
	char *ciphers, *ciphersuites, *curves, *ecdhe;
	char *ticket_keys; /* of bind: the file of `tls-ticket-keys` */
	char *sni;	   /* of a server: an expression */
	char *verify_host; /* of a server */
	char *check_sni, *check_alpn;
	enum tls_verify verify;
	struct tls_versions versions;
	struct tls_ignored ca_ignored, crt_ignored;
	bool strict_sni, no_tickets, no_reuse, no_ca_names, prefer_client_ciphers;
};

/* `ssl-default-bind-…`, `ssl-default-server-…`. */
struct tls_defaults {
	char *ciphers, *ciphersuites, *curves; /* owned */
	struct tls_versions versions;
	bool no_tickets, prefer_client_ciphers;
};

/* The words of `global`. */
struct tls_global {
	char *ca_base, *crt_base; /* owned */
	struct tls_defaults bind, server;
	bool no_server_verify;				    /* `ssl-server-verify none` */
	bool no_bundles, no_key_files, key_replaces_suffix; /* ssl-load-extra-… */
	uint32_t lifetime_s; /* `tune.ssl.lifetime`: of a session that can be resumed; 300 */
};

/* A zeroed struct is one that says nothing. */
void tls_settings_copy(struct tls_settings *to, const struct tls_settings *from);
void tls_settings_fini(struct tls_settings *s);
void tls_global_fini(struct tls_global *g);

/* "TLSv1.2" as haproxy.cfg writes it; TLS_VERSION_UNSET for what is none. */
enum tls_version tls_version_of(const char *word);
const char *tls_version_name(enum tls_version version);

static inline bool
tls_is_ignored(const struct tls_ignored *i, int error)
{
	return error > 0 && error < 128 && (i->bits[error / 64] >> (error % 64) & 1);
}

#endif
