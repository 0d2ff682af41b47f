/* Files of tls-ticket-keys: what they hold, and which key does what. */
#include "tests/unit/tls/tls_lab.h"

#define KEY_48(c) c c c c c c c c c c c c c c c c /* 16 times 4 letters: 48 bytes */

#define K1 KEY_48("AAAA")
#define K2 KEY_48("BBBB")
#define K3 KEY_48("CCCC")
#define K4 KEY_48("DDDD")
#define K5 KEY_48("EEEE")
#define LONG KEY_48("AAAA") "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct {
	const char *name, *text, *why; /* NULL: it is sound */
} rows[] = {
	{ "three", K1 "\n" K2 "\n" K3 "\n", NULL },
	{ "without the last line feed", K1 "\n" K2 "\n" K3, NULL },
	{ "with carriage returns", K1 "\r\n" K2 "\r\n" K3 "\r\n", NULL },
	{ "more than three", K1 "\n" K2 "\n" K3 "\n" K4 "\n", NULL },
	{ "80 bytes", LONG "\n" LONG "\n" LONG "\n", NULL },
	{ "none", "", "please supply at least 3 keys in the tls-tickets-file" },
	{ "two", K1 "\n" K2 "\n", "please supply at least 3 keys in the tls-tickets-file" },
	{ "no base64", K1 "\n!!!!\n", "unable to decode base64 key on line 2" },
	{ "an empty line", K1 "\n\n" K2 "\n", "unable to decode base64 key on line 2" },
	{ "a line that is too long", K1 "\n" K1 K1 K1 "\n",
	  "unable to decode base64 key on line 2" },
	{ "another size", "AAAA\n", "wrong sized key on line 1" },
	{ "both sizes", LONG "\n" K1 "\n", "wrong sized key on line 2" },
};

START_TEST(test_file)
{
	char why[TLS_TICKETS_WHY];
	struct tls_tickets *t = tls_tickets_read(str_of(rows[_i].text), why);

	ck_assert_msg((t != NULL) == !rows[_i].why, "%s", rows[_i].name);
	if (rows[_i].why)
		ck_assert_msg(strcmp(why, rows[_i].why) == 0, "%s: %s", rows[_i].name, why);
	tls_tickets_free(t);
}
END_TEST

/* Every prefix is read or refused, and none is read over. */
START_TEST(test_prefixes)
{
	static const char text[] = LONG "\n" LONG "\n" LONG "\n";
	char why[TLS_TICKETS_WHY];

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n + !n);

		memcpy(copy, text, n);
		tls_tickets_free(tls_tickets_read((struct str){ copy, n }, why));
		free(copy);
	}
}
END_TEST

#define CFG(file)                                                                                  \
	"listen l\n mode tcp\n bind :1 ssl crt DIR/server.pem tls-ticket-keys DIR/" file "\n"      \
	" server v13 127.0.0.1:1 ssl verify none\n"                                                \
	" server v12 127.0.0.1:1 ssl verify none ssl-max-ver TLSv1.2\n"

static bool
is_resumed(struct lab *server, struct tls_client *client)
{
	struct pair p;
	bool resumed;

	pair_join(&p, lab_server(server, 0), client, NULL);
	resumed = SSL_session_reused(p.server.ssl);
	pair_close(&p);
	return resumed;
}

/* Keys of a first file and of a second one, of two processes or of one that was reloaded. */
static const struct {
	const char *name, *first, *second;
	bool resumes;
} files[] = {
	{ "the same", K1 "\n" K2 "\n" K3 "\n", K1 "\n" K2 "\n" K3 "\n", true },
	{ "the last but one encrypts", K1 "\n" K2 "\n" K3 "\n", K2 "\n" K4 "\n" K5 "\n", true },
	{ "not the last", K1 "\n" K2 "\n" K3 "\n", K3 "\n" K4 "\n" K5 "\n", false },
	{ "nor the first", K1 "\n" K2 "\n" K3 "\n", K1 "\n" K4 "\n" K5 "\n", false },
	{ "the last three count", K5 "\n" K1 "\n" K2 "\n" K3 "\n", K4 "\n" K2 "\n" K4 "\n" K5 "\n",
	  true },
	{ "what was there before does not", K1 "\n" K2 "\n" K3 "\n",
	  K2 "\n" K4 "\n" K4 "\n" K5 "\n", false },
};

START_TEST(test_keys)
{
	static const char *const clients[] = { "v12", "v13" };
	struct lab first, second;

	lab_begin();
	lab_write("first", files[_i].first);
	lab_write("second", files[_i].second);
	for (size_t i = 0; i < 2; i++) {
		struct tls_client *client;

		lab_open(&first, NULL, CFG("first"));
		lab_open(&second, NULL, CFG("second"));
		client = lab_client(&first, clients[i]);
		ck_assert(!is_resumed(&first, client));
		ck_assert_msg(is_resumed(&second, client) == files[_i].resumes, "%s, %s",
			      files[_i].name, clients[i]);
		lab_close(&second);
		lab_close(&first);
	}
	lab_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls ticket");
	TCase *tcase = tcase_create("ticket");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_file, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_prefixes);
	tcase_add_loop_test(tcase, test_keys, 0, N_ROWS(files));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
