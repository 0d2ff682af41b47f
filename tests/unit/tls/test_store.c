/* What is wrong with files and terms, in HAProxy's words; versions; expiry. */
#include "agent/io/log.h"
#include "tests/unit/tls/tls_lab.h"

static struct tls_tickets *tickets;

/* A copy of a file without one of its lines. */
static void
copy_without(const char *from, const char *to, int line)
{
	FILE *in = fopen(lab_path(from), "r"), *out = fopen(lab_path(to), "w");
	char text[256];

	ck_assert(in && out);
	for (int i = 1; fgets(text, sizeof(text), in); i++)
		if (i != line)
			fputs(text, out);
	fclose(in);
	fclose(out);
}

/* The certificate of one file and the key of another; either may be NULL. */
static void
mix(const char *cert, const char *key, const char *to)
{
	FILE *f = fopen(lab_path(to), "w");

	ck_assert_ptr_nonnull(f);
	if (cert) {
		X509 *x = lab_read_cert(cert);

		PEM_write_X509(f, x);
		X509_free(x);
	}
	if (key) {
		EVP_PKEY *k = lab_read_key(key);

		PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
		EVP_PKEY_free(k);
	}
	fclose(f);
}

static void
write_encrypted(const char *from, const char *to)
{
	FILE *f = fopen(lab_path(to), "w");
	X509 *x = lab_read_cert(from);
	EVP_PKEY *k = lab_read_key(from);

	PEM_write_X509(f, x);
	PEM_write_PrivateKey(f, k, EVP_aes_128_cbc(), (const uint8_t *)"secret", 6, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(k);
}

#define KEY_80                                                                                     \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAA"                                                                                     \
	"AAAAAAAAAAAAAAA="

static void
begin(void)
{
	lab_begin();
	log_set_level(LOG_ERROR);
	tickets = tls_tickets_new(3600);
	lab_write("bad.pem", "garbage\n");
	lab_write("empty.pem", "");
	mix("server.pem", NULL, "nokey.pem");
	mix("server.pem", NULL, "apart.crt");
	mix(NULL, "server.pem", "apart.crt.key");
	mix("server.pem", NULL, "swap.crt");
	mix(NULL, "server.pem", "swap.key");
	mix(NULL, "server.pem", "onlykey.pem");
	mix("server.pem", "device.pem", "mismatch.pem");
	write_encrypted("server.pem", "encrypted.pem");
	copy_without("server.pem", "broken.pem", 4);
	ck_assert_int_eq(mkdir(lab_path("nothing"), 0700), 0);
	ck_assert_int_eq(mkdir(lab_path("half"), 0700), 0);
	ck_assert_int_eq(symlink(lab_path("server.pem"), lab_path("half/1.pem")), 0);
	ck_assert_int_eq(symlink(lab_path("bad.pem"), lab_path("half/2.pem")), 0);
	mix("server.pem", "server.pem", "stapled.pem");
	lab_write("stapled.pem.ocsp", "");
	lab_write("list-options", "server.pem [alpn h2] a.test\n");
	lab_write("list-missing", "none.pem a.test\n");
	lab_write("keys", KEY_80 "\n" KEY_80 "\n" KEY_80 "\n");
	lab_write("keys-few", KEY_80 "\n");
}

static void
end(void)
{
	tls_tickets_free(tickets);
	lab_end();
}

/* Findings one below the other, the lab's directory as DIR. */
static char *
findings(const struct report *r)
{
	char *text = calloc(1, 16384), *out = text;

	for (size_t i = 0; i < r->n; i++) {
		out += sprintf(out, "%s%c ", i ? "\n" : "",
			       r->findings[i].level == FINDING_ALERT ? 'A' : 'W');
		for (const char *p = r->findings[i].text; *p;) {
			bool is_dir = strncmp(p, lab_dir, strlen(lab_dir)) == 0;

			out += sprintf(out, is_dir ? "DIR" : "%.1s", p);
			p += is_dir ? strlen(lab_dir) : 1;
		}
	}
	return text;
}

#define LISTEN "listen l\n mode tcp\n"
#define BIND(words) LISTEN " bind :1 ssl " words "\n"
#define GOOD "crt DIR/server.pem "
#define SERVER(words) LISTEN " server s :1 ssl " words "\n"
#define AT_BIND "A parsing [t.cfg:3] : 'bind :1' in section 'listen' : "
#define AT_SERVER "A [t.cfg:3] : 'server l/s' : "
#define OF_BIND " for bind ':1' at [t.cfg:3]"

static const struct {
	const char *name, *cfg, *findings;
} rows[] = {
	{ "all is well", BIND(GOOD) " server s :1 ssl verify none\n", "" },
	{ "no certificate", BIND(""),
	  "A Proxy 'l': no SSL certificate specified" OF_BIND " (use 'crt')." },
	{ "no certificate, but strict", BIND("strict-sni"),
	  "W Proxy 'l': no SSL certificate specified" OF_BIND
	  ", ssl connections will fail (use 'crt')." },
	{ "a directory without any", BIND("crt DIR/nothing"),
	  "A Proxy 'l': no SSL certificate specified" OF_BIND " (use 'crt')." },
	{ "no such file", BIND("crt DIR/none.pem"),
	  AT_BIND "unable to stat SSL certificate from file 'DIR/none.pem' : No such file or "
		  "directory." },
	{ "no key", BIND("crt DIR/nokey.pem"),
	  AT_BIND "No Private Key found in 'DIR/nokey.pem.key'." },
	{ "no key, and none is looked for",
	  "global\n ssl-load-extra-files none\n" BIND("crt DIR/apart.crt"),
	  "A parsing [t.cfg:5] : 'bind :1' in section 'listen' : No Private Key found in "
	  "'DIR/apart.crt'." },
	{ "the key beside it", BIND("crt DIR/apart.crt"), "" },
	{ "the key beside it under another suffix",
	  "global\n ssl-load-extra-del-ext\n" BIND("crt DIR/swap.crt"), "" },
	{ "a key alone", BIND("crt DIR/onlykey.pem"),
	  AT_BIND "unable to load certificate from file 'DIR/onlykey.pem'." },
	{ "neither", BIND("crt DIR/bad.pem"),
	  AT_BIND "unable to load certificate from file 'DIR/bad.pem'." },
	{ "an empty file", BIND("crt DIR/empty.pem"),
	  AT_BIND "unable to load certificate from file 'DIR/empty.pem'." },
	{ "a damaged certificate", BIND("crt DIR/broken.pem"),
	  AT_BIND "unable to load certificate from file 'DIR/broken.pem'." },
	{ "a directory with a bad one", BIND("crt DIR/half"),
	  AT_BIND "unable to load certificate from file 'DIR/half/2.pem'." },
	{ "another's key", BIND("crt DIR/mismatch.pem"),
	  AT_BIND "inconsistencies between private key and certificate loaded "
		  "'DIR/mismatch.pem'." },
	{ "nobody is asked for a password", BIND("crt DIR/encrypted.pem"),
	  AT_BIND "No Private Key found in 'DIR/encrypted.pem.key'." },
	{ "what is left out of a file's files", BIND("crt DIR/stapled.pem"),
	  "W [t.cfg:3] : 'DIR/stapled.pem.ocsp' is ignored by usher proxy: clients are not sent "
	  "what it holds" },
	{ "no such list", BIND("crt-list DIR/none"),
	  AT_BIND "'crt-list' : cannot open file 'DIR/none' : No such file or directory" },
	{ "a list of what is not there",
	  "global\n crt-base DIR\n" BIND("crt-list DIR/list-missing"),
	  "A parsing [t.cfg:5] : 'bind :1' in section 'listen' : unable to stat SSL certificate "
	  "from file 'DIR/none.pem' : No such file or directory." },
	{ "a list with settings", BIND("crt-list DIR/list-options"),
	  AT_BIND "'crt-list' : line 1 of 'DIR/list-options' has settings in brackets, which "
		  "usher proxy does not read; give that certificate a bind line of its own" },
	{ "no such CA", BIND(GOOD "ca-file DIR/none"),
	  "A Couldn't open the ca-file 'DIR/none' (No such file or directory).\n" AT_BIND
	  "'ca-file' : unable to load DIR/none" },
	{ "a CA's file without CA", BIND(GOOD "ca-verify-file DIR/bad.pem"),
	  "A Couldn't open the ca-file 'DIR/bad.pem' (no certificate or crl found).\n" AT_BIND
	  "'ca-verify-file' : unable to load DIR/bad.pem" },
	{ "no such list of the revoked", BIND(GOOD "crl-file DIR/none"),
	  "A Couldn't open the ca-file 'DIR/none' (No such file or directory).\n" AT_BIND
	  "'crl-file' : unable to load DIR/none" },
	{ "a directory without CA", BIND(GOOD "ca-file DIR/nothing"),
	  "W ca-file: 0 CA were loaded from 'DIR/nothing'" },
	{ "verify without CA", BIND(GOOD "verify optional"),
	  "A Proxy 'l': verify is enabled but no CA file specified" OF_BIND "." },
	{ "ciphers", BIND(GOOD "ciphers FOO"),
	  "A Proxy 'l': unable to set SSL cipher list to 'FOO'" OF_BIND "." },
	{ "ciphersuites", BIND(GOOD "ciphersuites FOO"),
	  "A Proxy 'l': unable to set TLS 1.3 cipher suites to 'FOO'" OF_BIND "." },
	{ "curves", BIND(GOOD "curves FOO"),
	  "A Proxy 'l': unable to set SSL curves list to 'FOO'" OF_BIND "." },
	{ "ecdhe", BIND(GOOD "ecdhe foo"),
	  "A Proxy 'l': unable to set elliptic named curve to 'foo'" OF_BIND "." },
	{ "ecdhe beside curves", BIND(GOOD "ecdhe foo curves P-256"), "" },
	{ "no version", BIND(GOOD "no-tlsv12 no-tlsv13"),
	  "A Proxy 'l': all SSL/TLS versions are disabled" OF_BIND "." },
	{ "a version that nobody speaks", BIND(GOOD "force-sslv3"),
	  "A Proxy 'l': all SSL/TLS versions are disabled" OF_BIND "." },
	{ "a minimum above the maximum", BIND(GOOD "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2"),
	  "A Proxy 'l': all SSL/TLS versions are disabled" OF_BIND "." },
	{ "a maximum below the usual minimum", BIND(GOOD "ssl-max-ver TLSv1.1"),
	  "W Proxy 'l': Ambiguous configuration" OF_BIND
	  ": the ssl-min-ver value is not configured and the ssl-max-ver value is lower than the "
	  "default ssl-min-ver value (TLSv1.2). Setting the ssl-min-ver to TLSv1.1. Use "
	  "'ssl-min-ver' to fix this." },
	{ "no-tlsv1x beside a minimum", BIND(GOOD "ssl-min-ver TLSv1.2 no-tlsv12"),
	  "W Proxy 'l': no-sslv3/no-tlsv1x are ignored" OF_BIND
	  ". Use only 'ssl-min-ver' and 'ssl-max-ver' to fix." },
	{ "keys of tickets", BIND(GOOD "tls-ticket-keys DIR/keys"), "" },
	{ "no such keys", BIND(GOOD "tls-ticket-keys DIR/none"),
	  AT_BIND "'DIR/none' : unable to load ssl tickets keys file" },
	{ "too few keys", BIND(GOOD "tls-ticket-keys DIR/keys-few"),
	  AT_BIND "'DIR/keys-few' : please supply at least 3 keys in the tls-tickets-file" },
	{ "several addresses are one line", LISTEN " bind :1,:2 ssl\n",
	  "A Proxy 'l': no SSL certificate specified for bind ':1,:2' at [t.cfg:3] (use 'crt')." },
	{ "without ssl nothing is opened", LISTEN " bind :1 crt DIR/none.pem\n", "" },
	{ "nor of what is switched off", BIND("") " disabled\n", "" },

	{ "a server must be verified", SERVER(""),
	  AT_SERVER
	  "verify is enabled by default but no CA file specified. If you're running on a LAN "
	  "where you're certain to trust the server's certificate, please set an explicit "
	  "'verify none' statement on the 'server' line, or use 'ssl-server-verify none' in the "
	  "global section to disable server-side verifications by default." },
	{ "so must one whose checks speak TLS", LISTEN " server s :1 check-ssl verify none\n", "" },
	{ "a server need not be verified", "global\n ssl-server-verify none\n" SERVER(""), "" },
	{ "a server shall be verified",
	  "global\n ssl-server-verify none\n" SERVER("verify required"),
	  "A [t.cfg:5] : 'server l/s' : verify is enabled but no CA file specified." },
	{ "no such CA of a server", SERVER("ca-file DIR/none"),
	  AT_SERVER "Couldn't open the ca-file 'DIR/none' (No such file or directory).\n"
		    "A 'ca-file' : unable to load DIR/none." },
	{ "the system's CAs", SERVER("ca-file @system-ca"), "" },
	{ "no such certificate for a server", SERVER("verify none crt DIR/none"),
	  AT_SERVER "unable to stat SSL certificate from file 'DIR/none' : No such file or "
		    "directory." },
	{ "a directory for a server", SERVER("verify none crt DIR/half"),
	  AT_SERVER "unable to stat SSL certificate from file 'DIR/half' : Success." },
	{ "no key for a server", SERVER("verify none crt DIR/nokey.pem"),
	  AT_SERVER "No Private Key found in 'DIR/nokey.pem.key'." },
	{ "another's key for a server", SERVER("verify none crt DIR/mismatch.pem"),
	  AT_SERVER "inconsistencies between private key and certificate loaded "
		    "'DIR/mismatch.pem'." },
	{ "ciphers of a server", SERVER("verify none ciphers FOO"),
	  AT_SERVER "unable to set SSL cipher list to 'FOO'." },
	{ "ciphersuites of a server", SERVER("verify none ciphersuites FOO"),
	  AT_SERVER "unable to set TLS 1.3 cipher suites to 'FOO'." },
	{ "no version for a server", SERVER("verify none force-sslv3"),
	  AT_SERVER "proxy 'l': all SSL/TLS versions are disabled for server 's'." },
	{ "no-tlsv1x beside a minimum for a server", SERVER("verify none force-tlsv12 no-tlsv12"),
	  "W [t.cfg:3] : 'server l/s' : no-sslv3/no-tlsv1x are ignored for this server. Use only "
	  "'ssl-min-ver' and 'ssl-max-ver' to fix." },
};

START_TEST(test_findings)
{
	struct lab lab;
	char *text;

	lab_load(&lab, tickets, rows[_i].cfg);
	text = findings(&lab.r);
	ck_assert_msg(strcmp(text, rows[_i].findings) == 0, "%s:\n%s\n-- not:\n%s", rows[_i].name,
		      text, rows[_i].findings);
	ck_assert_msg((lab.store == NULL) == (lab.r.n_alerts > 0), "%s", rows[_i].name);
	free(text);
	lab_close(&lab);
}
END_TEST

/* What a server line and a bind line agree on; "" when they do not. */
static const struct {
	const char *name, *global, *bind, *server, *version;
} versions[] = {
	{ "the newest", "", "", "", "TLSv1.3" },
	{ "the server's maximum", "", "ssl-max-ver TLSv1.2", "", "TLSv1.2" },
	{ "ours towards servers", "", "", "ssl-max-ver TLSv1.2", "TLSv1.2" },
	{ "one switched off", "", "no-tlsv13", "", "TLSv1.2" },
	{ "by default", " ssl-default-bind-options no-tlsv13\n", "", "", "TLSv1.2" },
	{ "the line counts more", " ssl-default-bind-options ssl-max-ver TLSv1.2\n",
	  "ssl-max-ver TLSv1.3", "", "TLSv1.3" },
	{ "by default towards servers", " ssl-default-server-options force-tlsv12\n", "", "",
	  "TLSv1.2" },
	{ "none in common", "", "force-tlsv13", "force-tlsv12", "" },
};

START_TEST(test_versions)
{
	struct lab lab;
	struct pair p;
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), "global\n%s" BIND(GOOD "%s") " server s :1 ssl verify none %s\n",
		 versions[_i].global, versions[_i].bind, versions[_i].server);
	lab_open(&lab, tickets, cfg);
	pair_open(&p, lab_server(&lab, 0), lab_client(&lab, "s"), NULL);
	pair_shake(&p);
	if (versions[_i].version[0])
		ck_assert_msg(strcmp(SSL_get_version(p.server.ssl), versions[_i].version) == 0,
			      "%s: %s", versions[_i].name, SSL_get_version(p.server.ssl));
	else
		ck_assert_int_eq(p.server.fail, TLS_FAIL_VERSION);
	pair_close(&p);
	lab_close(&lab);
}
END_TEST

static const struct {
	const char *bind, *server;
	enum tls_fail fail;
	const char *group, *cipher; /* NULL: whichever */
} algorithms[] = {
	{ "", "", TLS_FAIL_NONE, "x25519", NULL },
	{ "curves P-384:X25519", "", TLS_FAIL_NONE, "x25519", NULL },
	{ "curves P-384", "", TLS_FAIL_NONE, "secp384r1", NULL },
	{ "ecdhe prime256v1", "", TLS_FAIL_NONE, "secp256r1", NULL },
	{ "ciphersuites TLS_CHACHA20_POLY1305_SHA256", "", TLS_FAIL_NONE, NULL,
	  "TLS_CHACHA20_POLY1305_SHA256" },
	{ "ciphersuites TLS_CHACHA20_POLY1305_SHA256", "ciphersuites TLS_AES_128_GCM_SHA256",
	  TLS_FAIL_CIPHER, NULL, NULL },
	{ "force-tlsv12 ciphers AES128:AES256", "ciphers AES256:AES128", TLS_FAIL_NONE, NULL,
	  "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ "force-tlsv12 ciphers AES128:AES256 prefer-client-ciphers", "ciphers AES256:AES128",
	  TLS_FAIL_NONE, NULL, "ECDHE-ECDSA-AES256-GCM-SHA384" },
};

START_TEST(test_algorithms)
{
	struct lab lab;
	struct pair p;
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), BIND(GOOD "%s") " server s :1 ssl verify none %s\n",
		 algorithms[_i].bind, algorithms[_i].server);
	lab_open(&lab, tickets, cfg);
	pair_open(&p, lab_server(&lab, 0), lab_client(&lab, "s"), NULL);
	pair_shake(&p);
	ck_assert_int_eq(p.server.fail, algorithms[_i].fail);
	if (algorithms[_i].group)
		ck_assert_str_eq(SSL_group_to_name(p.server.ssl,
						   (int)SSL_get_negotiated_group(p.server.ssl)),
				 algorithms[_i].group);
	if (algorithms[_i].cipher)
		ck_assert_str_eq(SSL_get_cipher_name(p.server.ssl), algorithms[_i].cipher);
	pair_close(&p);
	lab_close(&lab);
}
END_TEST

START_TEST(test_expiry_is_told)
{
	struct lab lab;
	struct tls_presented c;

	lab_make(&(struct lab_cert){
		.file = "soon.pem", .cn = "soon", .from_s = -LAB_DAY, .to_s = 3 * LAB_DAY });
	lab_open(&lab, tickets, BIND(GOOD) " bind :2,:3 ssl crt DIR/soon.pem\n");
	ck_assert_uint_eq(tls_store_n_presented(lab.store), 2);
	c = tls_store_presented(lab.store, 1);
	ck_assert_str_eq(c.file, lab_path("soon.pem"));
	ck_assert_str_eq(c.frontend, "l");
	ck_assert_int_ge(c.expires_at, time(NULL) + 3 * LAB_DAY - 5);
	ck_assert_int_le(c.expires_at, time(NULL) + 3 * LAB_DAY);
	ck_assert_ptr_eq(tls_store_server(lab.store, &lab.t.proxies[0]->binds[1], 0),
			 tls_store_server(lab.store, &lab.t.proxies[0]->binds[2], 0));
	lab_close(&lab);
}
END_TEST

/* Seconds from now until server.pem, which is good for 30 days, is looked at. */
static const struct {
	long in_s;
	const char *line; /* how it begins */
} looks[] = {
	{ 0, "" },
	{ 17 * LAB_DAY, "certificate expires file=" },
	{ 31 * LAB_DAY, "certificate expired file=" },
};

START_TEST(test_expiry_is_logged)
{
	int saved = dup(STDERR_FILENO), fds[2];
	char text[512] = "";
	struct lab lab;

	lab_open(&lab, tickets, BIND(GOOD));
	log_set_level(LOG_WARNING);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	dup2(fds[1], STDERR_FILENO);
	tls_store_log_expiry(lab.store, time(NULL) + looks[_i].in_s);
	dup2(saved, STDERR_FILENO);
	(void)!read(fds[0], text, sizeof(text) - 1);
	ck_assert_msg(looks[_i].line[0] ? strstr(text, looks[_i].line) != NULL : !text[0], "%s",
		      text);
	close(fds[0]);
	close(fds[1]);
	close(saved);
	lab_close(&lab);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls store");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_findings, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_versions, 0, N_ROWS(versions));
	tcase_add_loop_test(tcase, test_algorithms, 0, N_ROWS(algorithms));
	tcase_add_test(tcase, test_expiry_is_told);
	tcase_add_loop_test(tcase, test_expiry_is_logged, 0, N_ROWS(looks));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
