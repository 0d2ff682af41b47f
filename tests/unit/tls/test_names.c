/* Which certificate for which name. */

#include "tests/unit/tls/tls_lab.h"

#define CFG(crt)                                                                                   \
	"listen l\n mode tcp\n bind :1 ssl " crt "\n server s 127.0.0.1:1 ssl verify none\n"       \
	" server rsa 127.0.0.1:1 ssl verify none ssl-max-ver TLSv1.2 ciphers aRSA\n"               \
	" server ec 127.0.0.1:1 ssl verify none ssl-max-ver TLSv1.2 ciphers aECDSA\n"

static struct tls_tickets *tickets;

static void
begin(void)
{
	lab_begin();
	tickets = tls_tickets_new(3600);
	lab_make(&(struct lab_cert){ .file = "first.pem", .cn = "first.test" });
	lab_make(&(struct lab_cert){
		.file = "a.pem", .cn = "A.test", .names = "DNS:a.test,DNS:Also.A.test" });
	lab_make(&(struct lab_cert){ .file = "wild.pem", .cn = "wild", .names = "DNS:*.a.test" });
	lab_make(&(struct lab_cert){
		.file = "a-rsa.pem", .cn = "a.test", .names = "DNS:a.test", .is_rsa = true });
	ck_assert_int_eq(mkdir(lab_path("dir"), 0700), 0);
	lab_make(&(struct lab_cert){ .file = "dir/2.pem", .cn = "second.test" });
	lab_make(&(struct lab_cert){ .file = "dir/1.pem", .cn = "first.test" });
	lab_write("dir/1.pem.key", "not read: .key is no certificate");
	lab_write("dir/.hidden", "not read");
	lab_write("list", "# comment\n\n DIR/first.pem\n");
	lab_make(&(struct lab_cert){ .file = "pair.pem.rsa", .cn = "pair.test", .is_rsa = true });
	lab_make(&(struct lab_cert){ .file = "pair.pem.ecdsa", .cn = "pair.test" });
}

static void
end(void)
{
	tls_tickets_free(tickets);
	lab_end();
}

/* A crt-list with whole paths. */
static void
write_list(const char *file, const char *const *lines, size_t n)
{
	FILE *f = fopen(lab_path(file), "w");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s/%s\n", lab_dir, lines[i]);
	fclose(f);
}

/* The common name of what a client is shown for a name; "" when it is refused. */
static const char *
shown(struct lab *lab, const char *client, const char *sni)
{
	static char cn[64];
	struct pair p;
	X509 *x;

	pair_open(&p, lab_server(lab, 0), lab_client(lab, client), sni);
	pair_shake(&p);
	cn[0] = '\0';
	if (p.server_result == TLS_OK && p.client_result == TLS_OK) {
		x = SSL_get0_peer_certificate(p.client.ssl);
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
	} else {
		ck_assert_int_eq(p.server.fail, TLS_FAIL_SNI);
		ck_assert_int_eq(p.client.fail, TLS_FAIL_ALERT);
	}
	pair_close(&p);
	return cn;
}

#define THREE "crt DIR/first.pem crt DIR/a.pem crt DIR/wild.pem"

static const struct {
	const char *name, *cfg, *sni, *cn;
} rows[] = {
	{ "no name: the first", CFG(THREE), NULL, "first.test" },
	{ "an unknown name: the first", CFG(THREE), "x.test", "first.test" },
	{ "exact", CFG(THREE), "a.test", "A.test" },
	{ "in whatever case", CFG(THREE), "A.TEST", "A.test" },
	{ "another of its names, before a wildcard", CFG(THREE), "also.a.test", "A.test" },
	{ "wildcard", CFG(THREE), "b.a.test", "wild" },
	{ "a wildcard is one label wide", CFG(THREE), "c.b.a.test", "first.test" },
	{ "a common name is a name", CFG(THREE), "wild", "wild" },
	{ "who asks for the wildcard itself", CFG(THREE), "*.a.test", "first.test" },
	{ "strict: exact", CFG(THREE " strict-sni"), "a.test", "A.test" },
	{ "strict: wildcard", CFG(THREE " strict-sni"), "b.a.test", "wild" },
	{ "strict: the first's own name", CFG(THREE " strict-sni"), "first.test", "first.test" },
	{ "strict: unknown", CFG(THREE " strict-sni"), "x.test", "" },
	{ "strict: no name", CFG(THREE " strict-sni"), NULL, "" },
	{ "strict without certificates", CFG("strict-sni"), "a.test", "" },
	{ "of a directory the first in order", CFG("crt DIR/dir"), NULL, "first.test" },
	{ "of a directory by name", CFG("crt DIR/dir"), "second.test", "second.test" },
	{ "of a list by filter", CFG("crt DIR/first.pem crt-list DIR/filters"), "x.filter.test",
	  "A.test" },
	{ "filters stand in for its own names", CFG("crt DIR/first.pem crt-list DIR/filters"),
	  "a.test", "first.test" },
	{ "a filter that excludes", CFG("crt DIR/first.pem crt-list DIR/filters"), "no.filter.test",
	  "first.test" },
	{ "exclusion alone leaves the other names", CFG("crt DIR/first.pem crt-list DIR/filters"),
	  "y.a.test", "wild" },
	{ "exclusion from its own names", CFG("crt DIR/first.pem crt-list DIR/filters"), "z.a.test",
	  "first.test" },
	{ "no names at all", CFG("crt DIR/wild.pem crt-list DIR/nameless"), "a.test", "wild" },
};

START_TEST(test_choice)
{
	static const char *const filters[] = { "a.pem *.filter.test !no.filter.test",
					       "wild.pem !z.a.test" };
	static const char *const nameless[] = { "a.pem !*" };
	struct lab lab;

	write_list("filters", filters, 2);
	write_list("nameless", nameless, 1);
	lab_open(&lab, tickets, rows[_i].cfg);
	ck_assert_msg(strcmp(shown(&lab, "s", rows[_i].sni), rows[_i].cn) == 0, "%s: %s",
		      rows[_i].name, shown(&lab, "s", rows[_i].sni));
	lab_close(&lab);
}
END_TEST

/* Two certificates for one name: the client's ciphers choose. */
static const struct {
	const char *name, *cfg, *sni, *client, *cn;
} types[] = {
	{ "RSA", CFG("crt DIR/first.pem crt DIR/a.pem crt DIR/a-rsa.pem"), "a.test", "rsa",
	  "a.test" },
	{ "ECDSA", CFG("crt DIR/first.pem crt DIR/a.pem crt DIR/a-rsa.pem"), "a.test", "ec",
	  "A.test" },
	{ "a bundle, RSA", CFG("crt DIR/pair.pem"), "pair.test", "rsa", "pair.test" },
	{ "a bundle, ECDSA", CFG("crt DIR/pair.pem"), "pair.test", "ec", "pair.test" },
	{ "without a name the first and its twin", CFG("crt DIR/pair.pem"), NULL, "ec",
	  "pair.test" },
	{ "without a name the first and its twin, RSA", CFG("crt DIR/pair.pem"), NULL, "rsa",
	  "pair.test" },
};

START_TEST(test_type)
{
	struct lab lab;

	lab_open(&lab, tickets, types[_i].cfg);
	ck_assert_msg(strcmp(shown(&lab, types[_i].client, types[_i].sni), types[_i].cn) == 0, "%s",
		      types[_i].name);
	lab_close(&lab);
}
END_TEST

/* A resumed session needs its name as well. */
START_TEST(test_strictness_holds_for_resumption)
{
	struct lab free, strict;
	struct pair p;

	lab_open(&free, tickets, CFG("crt DIR/first.pem"));
	lab_open(&strict, tickets, CFG("crt DIR/first.pem strict-sni"));
	pair_join(&p, lab_server(&free, 0), lab_client(&free, "s"), "x.test");
	pair_close(&p);
	pair_open(&p, lab_server(&strict, 0), lab_client(&free, "s"), "x.test");
	pair_shake(&p);
	ck_assert_int_eq(p.server.fail, TLS_FAIL_SNI);
	pair_close(&p);
	lab_close(&strict);
	lab_close(&free);
}
END_TEST

START_TEST(test_names_that_are_too_long)
{
	struct tls_names names;
	struct tls_choice choice;
	char name[300];

	memset(name, 'a', sizeof(name));
	tls_names_init(&names);
	tls_names_add(&names, (struct str){ name, sizeof(name) }, 0, TLS_KEY_RSA);
	ck_assert(!tls_names_find(&names, (struct str){ name, sizeof(name) }, &choice));
	ck_assert(!tls_names_find(&names, STR(""), &choice));
	ck_assert(!tls_names_find(&names, STR("."), &choice));
	tls_names_fini(&names);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls names");
	TCase *tcase = tcase_create("names");

	tcase_add_unchecked_fixture(tcase, begin, end); /* RSA keys take their time */
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_choice, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_type, 0, N_ROWS(types));
	tcase_add_test(tcase, test_strictness_holds_for_resumption);
	tcase_add_test(tcase, test_names_that_are_too_long);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
