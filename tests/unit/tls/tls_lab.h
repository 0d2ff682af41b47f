/*
 * A place for tests of TLS: certificates made on the spot in a directory of their own, stores made
 * of a haproxy.cfg, and two ends of a socket that shake hands.
 */
#ifndef USHER_TESTS_UNIT_TLS_LAB_H
#define USHER_TESTS_UNIT_TLS_LAB_H

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/topology/parse.h"
#include "agent/tls/conn.h"
#include "agent/tls/store.h"
#include "tests/unit/run.h"

enum { LAB_WORKERS = 2, LAB_DAY = 86400 };

/* A certificate to be made. */
struct lab_cert {
	const char *file;   /* its leaf, chain and key */
	const char *issuer; /* the file of a CA; NULL: it signs itself, and is one */
	const char *cn;
	size_t cn_n;	   /* 0: strlen */
	const char *names; /* "DNS:a.test,DNS:*.b.test", NULL: none */
	bool is_rsa;
	long from_s, to_s; /* from now; 0, 0: valid for 30 days */
};

static char lab_dir[64];

static inline const char *
lab_path(const char *file)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", lab_dir, file);
	return path;
}

static inline void
lab_write(const char *file, const char *text)
{
	FILE *f = fopen(lab_path(file), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static inline EVP_PKEY *
lab_read_key(const char *file)
{
	FILE *f = fopen(lab_path(file), "r");
	EVP_PKEY *key;

	ck_assert_ptr_nonnull(f);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(key);
	return key;
}

static inline X509 *
lab_read_cert(const char *file)
{
	FILE *f = fopen(lab_path(file), "r");
	X509 *x;

	ck_assert_ptr_nonnull(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(x);
	return x;
}

static inline void
lab_extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static inline void
lab_save(const char *file, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(lab_path(file), "w");

	ck_assert_ptr_nonnull(f);
	PEM_write_X509(f, x);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static inline void
lab_make(const struct lab_cert *c)
{
	static long serial;
	EVP_PKEY *key = c->is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	EVP_PKEY *ca_key = c->issuer ? lab_read_key(c->issuer) : NULL;
	X509 *x = X509_new(), *ca = c->issuer ? lab_read_cert(c->issuer) : NULL;
	X509_NAME *name = X509_get_subject_name(x);

	ck_assert_ptr_nonnull(key);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), c->to_s ? c->from_s : -LAB_DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), c->to_s ? c->to_s : 30 * LAB_DAY);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Example", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)c->cn,
				   (int)(c->cn_n ? c->cn_n : strlen(c->cn)), -1, 0);
	X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : name);
	X509_set_pubkey(x, key);
	lab_extend(x, NID_basic_constraints, ca ? "CA:FALSE" : "critical,CA:TRUE");
	if (c->names)
		lab_extend(x, NID_subject_alt_name, c->names);
	ck_assert_int_gt(X509_sign(x, ca_key ? ca_key : key, EVP_sha256()), 0);
	lab_save(c->file, x, key);
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

/* What most tests need: two CAs, a server of the first, a client of each. */
static inline void
lab_make_usual(void)
{
	lab_make(&(struct lab_cert){ .file = "ca.pem", .cn = "CA" });
	lab_make(&(struct lab_cert){ .file = "other-ca.pem", .cn = "Other CA" });
	lab_make(&(struct lab_cert){ .file = "server.pem",
				     .issuer = "ca.pem",
				     .cn = "common.test",
				     .names = "DNS:server.test" });
	lab_make(&(struct lab_cert){ .file = "device.pem", .issuer = "ca.pem", .cn = "device-1" });
	lab_make(&(struct lab_cert){
		.file = "stranger.pem", .issuer = "other-ca.pem", .cn = "device-1" });
}

/* Fixtures of each test. */
static inline void
lab_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(lab_dir, "/tmp/usher-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(lab_dir));
	lab_make_usual();
}

static inline void
lab_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", lab_dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- stores ---------------------------------------------------------------------------------- */

struct lab {
	struct topology t;
	struct report r;
	struct tls_store *store; /* NULL: refused */
};

/* "DIR" in the text stands for the lab's directory. */
static inline void
lab_load(struct lab *l, struct tls_tickets *tickets, const char *cfg)
{
	static const struct topology_env env = { .strict = true };
	char *text = calloc(1, strlen(cfg) * 8 + 1), *out = text;

	while (*cfg) {
		bool is_dir = strncmp(cfg, "DIR", 3) == 0;

		out += sprintf(out, is_dir ? "%s" : "%.1s", is_dir ? lab_dir : cfg);
		cfg += is_dir ? 3 : 1;
	}
	topology_init(&l->t);
	report_init(&l->r);
	topology_parse(&l->t, str_of(text), "t.cfg", &env, &l->r);
	for (size_t i = 0; i < l->r.n; i++)
		ck_assert_msg(l->r.findings[i].level != FINDING_ALERT, "%s", l->r.findings[i].text);
	topology_resolve(&l->t, &l->r);
	l->store = tls_store_load(&l->t, tickets, LAB_WORKERS, &l->r);
	free(text);
}

/* As above, for a file that is sound. */
static inline void
lab_open(struct lab *l, struct tls_tickets *tickets, const char *cfg)
{
	lab_load(l, tickets, cfg);
	for (size_t i = 0; i < l->r.n; i++)
		ck_assert_msg(l->r.findings[i].level != FINDING_ALERT, "%s", l->r.findings[i].text);
	ck_assert_ptr_nonnull(l->store);
}

static inline void
lab_close(struct lab *l)
{
	tls_store_free(l->store);
	report_fini(&l->r);
	topology_fini(&l->t);
}

static inline const struct tls_server *
lab_server(const struct lab *l, unsigned worker)
{
	return tls_store_server(l->store, &l->t.proxies[0]->binds[0], worker);
}

static inline struct tls_client *
lab_client(const struct lab *l, const char *name)
{
	return tls_store_client(l->store, proxy_server(l->t.proxies[0], str_of(name)), 0);
}

/* ---- connections ----------------------------------------------------------------------------- */

struct pair {
	int fds[2];
	struct tls_conn server, client;
	enum tls_result server_result, client_result;
};

static inline void
pair_open(struct pair *p, const struct tls_server *server, struct tls_client *client,
	  const char *sni)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	ck_assert_int_eq(tls_conn_accept(&p->server, server, p->fds[0]), 0);
	ck_assert_int_eq(tls_conn_connect(&p->client, client, p->fds[1], sni), 0);
}

static inline bool
is_waiting(enum tls_result r)
{
	return r == TLS_WANT_READ || r == TLS_WANT_WRITE;
}

/* Until both are done, or neither can go on. A client takes what follows its handshake as well. */
static inline void
pair_shake(struct pair *p)
{
	char byte;
	size_t n;

	p->server_result = p->client_result = TLS_WANT_READ;
	for (int i = 0; i < 20; i++) {
		if (is_waiting(p->client_result))
			p->client_result = tls_conn_handshake(&p->client);
		if (is_waiting(p->server_result))
			p->server_result = tls_conn_handshake(&p->server);
	}
	if (p->client_result == TLS_OK) {
		enum tls_result r = tls_conn_read(&p->client, &byte, 1, &n);

		if (r == TLS_FAIL)
			p->client_result = r;
	}
}

static inline void
pair_close(struct pair *p)
{
	tls_conn_close(&p->client);
	tls_conn_close(&p->server);
	close(p->fds[0]);
	close(p->fds[1]);
}

/* A whole handshake that must succeed. */
static inline void
pair_join(struct pair *p, const struct tls_server *server, struct tls_client *client,
	  const char *sni)
{
	pair_open(p, server, client, sni);
	pair_shake(p);
	ck_assert_msg(p->server_result == TLS_OK && p->client_result == TLS_OK,
		      "server %d %s, client %d %s (%ld)", p->server_result,
		      tls_fail_name(p->server.fail), p->client_result,
		      tls_fail_name(p->client.fail), p->client.verify);
}

#endif
