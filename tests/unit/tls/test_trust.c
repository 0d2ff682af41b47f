/* Who is trusted, on both sides, and what is known of clients afterwards. */
#include <errno.h>
#include <pthread.h>

#include "agent/tls/facts.h"
#include "tests/unit/tls/tls_lab.h"

#define BIND(words) "listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem " words "\n"
#define CA "ca-file DIR/ca.pem "
#define CLIENTS                                                                                    \
	" server none 127.0.0.1:1 ssl verify none\n"                                               \
	" server device 127.0.0.1:1 ssl verify none crt DIR/device.pem\n"                          \
	" server stranger 127.0.0.1:1 ssl verify none crt DIR/stranger.pem\n"                      \
	" server expired 127.0.0.1:1 ssl verify none crt DIR/expired.pem\n"                        \
	" server early 127.0.0.1:1 ssl verify none crt DIR/early.pem\n"                            \
	" server revoked 127.0.0.1:1 ssl verify none crt DIR/revoked.pem\n"

static struct tls_tickets *tickets;

/* A list of revoked certificates: that of revoked.pem. */
static void
make_crl(void)
{
	EVP_PKEY *key = lab_read_key("ca.pem");
	X509 *ca = lab_read_cert("ca.pem"), *x = lab_read_cert("revoked.pem");
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, LAB_DAY);
	FILE *f = fopen(lab_path("crl.pem"), "w");

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_set1_nextUpdate(crl, later);
	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x));
	X509_REVOKED_set_revocationDate(entry, now);
	X509_CRL_add0_revoked(crl, entry);
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	PEM_write_X509_CRL(f, crl);
	fclose(f);
	ASN1_TIME_free(now);
	ASN1_TIME_free(later);
	X509_CRL_free(crl);
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
}

static void
begin(void)
{
	lab_begin();
	tickets = tls_tickets_new(3600);
	lab_make(&(struct lab_cert){ .file = "expired.pem",
				     .issuer = "ca.pem",
				     .cn = "late",
				     .from_s = -2 * LAB_DAY,
				     .to_s = -LAB_DAY });
	lab_make(&(struct lab_cert){ .file = "early.pem",
				     .issuer = "ca.pem",
				     .cn = "early",
				     .from_s = LAB_DAY,
				     .to_s = 2 * LAB_DAY });
	lab_make(&(struct lab_cert){ .file = "revoked.pem", .issuer = "ca.pem", .cn = "gone" });
	make_crl();
	ck_assert_int_eq(mkdir(lab_path("cas"), 0700), 0);
	ck_assert_int_eq(symlink(lab_path("ca.pem"), lab_path("cas/1.pem")), 0);
	ck_assert_int_eq(symlink(lab_path("other-ca.pem"), lab_path("cas/2.crt")), 0);
	lab_write("cas/readme.txt", "not read");
}

static void
end(void)
{
	tls_tickets_free(tickets);
	lab_end();
}

/* `verify` is X509_V_… where the certificate is at fault, or not trusted and taken all the same. */
static const struct {
	const char *name, *cfg, *client;
	enum tls_fail fail;
	long verify;
} rows[] = {
	{ "none: nobody is asked", BIND(CA "verify none"), "stranger", TLS_FAIL_NONE, 0 },
	{ "optional: who has none", BIND(CA "verify optional"), "none", TLS_FAIL_NONE, 0 },
	{ "optional: who has one", BIND(CA "verify optional"), "device", TLS_FAIL_NONE, 0 },
	{ "optional: another CA's", BIND(CA "verify optional"), "stranger", TLS_FAIL_CERT,
	  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY },
	{ "required: who has none", BIND(CA "verify required"), "none", TLS_FAIL_NO_CERT, 0 },
	{ "required: who has one", BIND(CA "verify required"), "device", TLS_FAIL_NONE, 0 },
	{ "required: another CA's", BIND(CA "verify required"), "stranger", TLS_FAIL_CERT,
	  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY },
	{ "required: expired", BIND(CA "verify required"), "expired", TLS_FAIL_CERT,
	  X509_V_ERR_CERT_HAS_EXPIRED },
	{ "required: not yet valid", BIND(CA "verify required"), "early", TLS_FAIL_CERT,
	  X509_V_ERR_CERT_NOT_YET_VALID },
	{ "required: revoked", BIND(CA "verify required crl-file DIR/crl.pem"), "revoked",
	  TLS_FAIL_CERT, X509_V_ERR_CERT_REVOKED },
	{ "required: not revoked", BIND(CA "verify required crl-file DIR/crl.pem"), "device",
	  TLS_FAIL_NONE, 0 },
	{ "a directory of CAs", BIND("ca-file DIR/cas verify required"), "stranger", TLS_FAIL_NONE,
	  0 },
	{ "a second file of CAs", BIND(CA "ca-verify-file DIR/other-ca.pem verify required"),
	  "stranger", TLS_FAIL_NONE, 0 },
	{ "expired, and that is ignored", BIND(CA "verify required crt-ignore-err 10"), "expired",
	  TLS_FAIL_NONE, X509_V_ERR_CERT_HAS_EXPIRED },
	{ "what is ignored of CAs is not of clients", BIND(CA "verify required ca-ignore-err 10"),
	  "expired", TLS_FAIL_CERT, X509_V_ERR_CERT_HAS_EXPIRED },
	{ "all is ignored", BIND(CA "verify required crt-ignore-err all"), "stranger",
	  TLS_FAIL_NONE, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE },
	{ "TLS 1.2 likewise: none", BIND(CA "verify required ssl-max-ver TLSv1.2"), "none",
	  TLS_FAIL_NO_CERT, 0 },
	{ "TLS 1.2 likewise: another CA's", BIND(CA "verify required ssl-max-ver TLSv1.2"),
	  "stranger", TLS_FAIL_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY },
};

START_TEST(test_clients)
{
	struct lab lab;
	struct pair p;
	char cfg[2048];

	snprintf(cfg, sizeof(cfg), "%s%s", rows[_i].cfg, CLIENTS);
	lab_open(&lab, tickets, cfg);
	pair_open(&p, lab_server(&lab, 0), lab_client(&lab, rows[_i].client), NULL);
	pair_shake(&p);
	ck_assert_msg(p.server.fail == rows[_i].fail, "%s: %s", rows[_i].name,
		      tls_fail_name(p.server.fail));
	if (rows[_i].fail == TLS_FAIL_NONE)
		ck_assert_int_eq(SSL_get_verify_result(p.server.ssl), rows[_i].verify);
	else
		ck_assert_int_eq(p.server.verify, rows[_i].verify);
	ck_assert(rows[_i].fail == TLS_FAIL_NONE || p.client_result == TLS_FAIL);
	pair_close(&p);
	lab_close(&lab);
}
END_TEST

/* Whose certificates are asked for. */
static const struct {
	const char *words;
	int n;
} ca_names[] = {
	{ CA "verify optional", 1 },
	{ CA "verify optional no-ca-names", 0 },
	{ CA "ca-verify-file DIR/other-ca.pem verify optional", 1 },
	{ "ca-file DIR/cas verify optional", 2 },
	{ CA "verify none", 0 },
};

START_TEST(test_ca_names)
{
	const STACK_OF(X509_NAME) * names;
	struct lab lab;
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), BIND("%s"), ca_names[_i].words);
	lab_open(&lab, tickets, cfg);
	names = SSL_CTX_get_client_CA_list(lab_server(&lab, 0)->ctx);
	ck_assert_int_eq(names ? sk_X509_NAME_num(names) : 0, ca_names[_i].n);
	lab_close(&lab);
}
END_TEST

/* ---- servers --------------------------------------------------------------------------------- */

/* What a server line accepts of server.pem, which is for server.test and signed by ca.pem. */
static const struct {
	const char *name, *global, *words, *sni;
	bool accepts;
} servers[] = {
	{ "trusted, no name asked for", "", CA, NULL, true },
	{ "another CA", "", "ca-file DIR/other-ca.pem", NULL, false },
	{ "verifyhost", "", CA "verifyhost server.test", NULL, true },
	{ "verifyhost is the common name, beside other names", "", CA "verifyhost common.test",
	  NULL, true },
	{ "another verifyhost", "", CA "verifyhost broker.test", NULL, false },
	{ "the name told", "", CA, "server.test", true },
	{ "another name told", "", CA, "broker.test", false },
	{ "the name told counts more than verifyhost", "", CA "verifyhost broker.test",
	  "server.test", true },
	{ "none: anybody", "", "verify none verifyhost broker.test", "broker.test", true },
	{ "none in global", " ssl-server-verify none\n", "", "broker.test", true },
	{ "none in global, required here", " ssl-server-verify none\n", CA "verify required",
	  "broker.test", false },
};

START_TEST(test_servers)
{
	struct lab lab;
	struct pair p;
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), "global\n%s" BIND("") " server s 127.0.0.1:1 ssl %s\n",
		 servers[_i].global, servers[_i].words);
	lab_open(&lab, tickets, cfg);
	pair_open(&p, lab_server(&lab, 0), lab_client(&lab, "s"), servers[_i].sni);
	pair_shake(&p);
	ck_assert_msg((p.client_result == TLS_OK) == servers[_i].accepts, "%s: %s",
		      servers[_i].name, tls_fail_name(p.client.fail));
	if (!servers[_i].accepts)
		ck_assert_int_eq(p.client.fail, TLS_FAIL_CERT);
	pair_close(&p);
	lab_close(&lab);
}
END_TEST

/* ---- facts ----------------------------------------------------------------------------------- */

#define MUTUAL BIND(CA "verify optional alpn mqtt")

static void
join(struct lab *lab, struct pair *p, const char *words, const char *sni)
{
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), MUTUAL " server s 127.0.0.1:1 ssl verify none %s\n", words);
	lab_open(lab, tickets, cfg);
	pair_join(p, lab_server(lab, 0), lab_client(lab, "s"), sni);
}

static void
leave(struct lab *lab, struct pair *p, struct tls_facts *f)
{
	tls_facts_fini(f);
	pair_close(p);
	lab_close(lab);
}

START_TEST(test_facts)
{
	struct lab lab;
	struct pair p;
	struct tls_facts f;

	join(&lab, &p, "crt DIR/device.pem alpn mqtt", "server.test");
	ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
	assert_str(f.tls.sni, "server.test");
	assert_str(f.tls.alpn, "mqtt");
	assert_str(f.tls.protocol, "TLSv1.3");
	ck_assert(str_has_prefix(f.tls.cipher, STR("TLS_")));
	assert_str(f.cn, "device-1");
	ck_assert_uint_eq(f.tls.n_subject, 2);
	assert_str(f.tls.subject[0].name, "O");
	assert_str(f.tls.subject[0].value, "Example");
	assert_str(f.tls.subject[1].name, "CN");
	ck_assert_uint_eq(f.tls.n_issuer, 2);
	assert_str(f.tls.issuer[1].value, "CA");
	ck_assert(f.is_verified && f.tls.certificate_used && f.tls.certificate_is_new);
	ck_assert(!f.tls.is_resumed && !f.has_bad_name);
	leave(&lab, &p, &f);
}
END_TEST

static const char *const both_versions[] = { "crt DIR/device.pem",
					     "crt DIR/device.pem ssl-max-ver TLSv1.2" };

START_TEST(test_facts_of_a_session_that_goes_on)
{
	struct lab lab;
	struct pair p;
	struct tls_facts f;

	join(&lab, &p, both_versions[_i], "server.test");
	pair_close(&p);
	pair_join(&p, lab_server(&lab, 1), lab_client(&lab, "s"), "server.test");
	ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
	ck_assert(f.tls.is_resumed && f.tls.certificate_used && !f.tls.certificate_is_new);
	ck_assert(f.is_verified);
	assert_str(f.cn, "device-1");
	assert_str(f.tls.sni, "server.test");
	ck_assert_uint_eq(f.tls.n_issuer, 2);
	leave(&lab, &p, &f);
}
END_TEST

START_TEST(test_facts_of_who_shows_nothing)
{
	struct lab lab;
	struct pair p;
	struct tls_facts f;

	join(&lab, &p, "ssl-max-ver TLSv1.2", NULL);
	ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
	ck_assert(!f.tls.sni.p && !f.tls.alpn.p && !f.cn.p);
	assert_str(f.tls.protocol, "TLSv1.2");
	ck_assert(!f.is_verified && !f.tls.certificate_used && !f.tls.n_subject);
	ck_assert_int_eq(f.tls.verify, 0);
	leave(&lab, &p, &f);
}
END_TEST

static const struct {
	const char *name, *cn;
	size_t n;
	bool is_bad;
} common_names[] = {
	{ "NUL", "admin\0.evil", 11, true },
	{ "NUL at the end", "admin\0", 6, true },
	{ "line feed", "a\nb", 3, true },
	{ "DEL", "a\x7f", 2, true },
	{ "UTF-8", "ger\xc3\xa4t", 6, false },
	{ "as long as one may be",
	  "0123456789012345678901234567890123456789012345678901234567890123", 64, false },
};

START_TEST(test_bad_names_are_not_cut)
{
	struct lab lab;
	struct pair p;
	struct tls_facts f;

	lab_make(&(struct lab_cert){ .file = "odd.pem",
				     .issuer = "ca.pem",
				     .cn = common_names[_i].cn,
				     .cn_n = common_names[_i].n });
	join(&lab, &p, "crt DIR/odd.pem", NULL);
	ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
	ck_assert_msg(f.has_bad_name == common_names[_i].is_bad, "%s", common_names[_i].name);
	if (f.has_bad_name) {
		ck_assert(!f.cn.p);
		ck_assert_uint_eq(f.tls.n_subject, 0);
	} else {
		ck_assert_uint_eq(f.cn.n, common_names[_i].n);
		ck_assert_mem_eq(f.cn.p, common_names[_i].cn, f.cn.n);
	}
	ck_assert_uint_eq(f.tls.n_issuer, 2); /* the CA's name is as it was */
	assert_str(f.tls.issuer[1].value, "CA");
	leave(&lab, &p, &f);
}
END_TEST

START_TEST(test_a_name_told_with_a_control_character)
{
	struct lab lab;
	struct pair p;
	struct tls_facts f;

	join(&lab, &p, "", "a\nb");
	ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
	ck_assert(!f.tls.sni.p && f.has_bad_name);
	leave(&lab, &p, &f);
}
END_TEST

START_TEST(test_a_name_that_cannot_be_told)
{
	struct tls_conn c;
	struct lab lab;
	char name[300];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lab_open(&lab, tickets, BIND("") " server s 127.0.0.1:1 ssl verify none\n");
	ck_assert_int_eq(tls_conn_connect(&c, lab_client(&lab, "s"), 0, name), -EINVAL);
	lab_close(&lab);
}
END_TEST

/* Two workers, each with its contexts, share CAs and keys of tickets. */
struct work {
	struct lab *lab;
	unsigned worker;
	unsigned n_resumed;
};

static void *
work(void *arg)
{
	struct work *w = arg;
	const struct server *s = proxy_server(w->lab->t.proxies[0], STR("s"));
	struct pair p;

	for (int i = 0; i < 50; i++) {
		struct tls_facts f;

		pair_join(&p, lab_server(w->lab, w->worker),
			  tls_store_client(w->lab->store, s, w->worker), NULL);
		ck_assert_int_eq(tls_facts_init(&f, &p.server), 0);
		assert_str(f.cn, "device-1");
		w->n_resumed += f.tls.is_resumed;
		tls_facts_fini(&f);
		pair_close(&p);
		if (i % 10 == 0)
			tls_tickets_rotate(tickets);
	}
	return NULL;
}

START_TEST(test_workers_side_by_side)
{
	struct lab lab;
	struct work works[LAB_WORKERS];
	pthread_t threads[LAB_WORKERS];

	lab_open(&lab, tickets,
		 BIND(CA "verify required") " server s :1 ssl " CA "crt DIR/device.pem\n");
	for (unsigned i = 0; i < LAB_WORKERS; i++) {
		works[i] = (struct work){ &lab, i, 0 };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &works[i]), 0);
	}
	for (unsigned i = 0; i < LAB_WORKERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_gt(works[i].n_resumed, 25);
	}
	lab_close(&lab);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls trust");
	TCase *tcase = tcase_create("trust");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_clients, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_ca_names, 0, N_ROWS(ca_names));
	tcase_add_loop_test(tcase, test_servers, 0, N_ROWS(servers));
	tcase_add_test(tcase, test_facts);
	tcase_add_loop_test(tcase, test_facts_of_a_session_that_goes_on, 0, N_ROWS(both_versions));
	tcase_add_test(tcase, test_facts_of_who_shows_nothing);
	tcase_add_loop_test(tcase, test_bad_names_are_not_cut, 0, N_ROWS(common_names));
	tcase_add_test(tcase, test_a_name_told_with_a_control_character);
	tcase_add_test(tcase, test_a_name_that_cannot_be_told);
	tcase_add_test(tcase, test_workers_side_by_side);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
