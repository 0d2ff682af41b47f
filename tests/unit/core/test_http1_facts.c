/* The facts of an upgrade, as HAProxy's fetches would have told them. */
#include "agent/core/http1/facts.h"
#include "tests/unit/run.h"

#define HEAD(target, more)                                                                         \
	"GET " target " HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"             \
	"Sec-WebSocket-Protocol: mqtt\r\n" more "\r\n"

static const struct {
	const char *head, *path, *query, *host, *region; /* NULL: not known */
} rows[] = {
	{ HEAD("/mqtt", "Host: b.example\r\n"), "/mqtt", NULL, "b.example", NULL },
	{ HEAD("/mqtt?a=1&b", "Host: b.example:8083\r\n"), "/mqtt", "a=1&b", "b.example", NULL },
	{ HEAD("/?", "Host: [::1]:8083\r\n"), "/", NULL, "[::1]", NULL },
	{ HEAD("/a%2fb??", "Host: [2001:db8::1]\r\n"), "/a%2fb", "?", "[2001:db8::1]", NULL },
	{ HEAD("/", "Host: B.example\r\nX-REGION: eu, north\r\n"), "/", NULL, "B.example",
	  "eu, north" },
	{ HEAD("/", "Host: 10.0.0.1\r\nX-Region: eu\r\nx-region: us\r\n"), "/", NULL, "10.0.0.1",
	  "us" },
	{ HEAD("/", "Host: b\r\nX-Region:\r\n"), "/", NULL, "b", NULL },
};

static void
assert_fact(const struct facts *f, enum fact fact, const char *expected)
{
	ck_assert_int_eq(facts_has(f, fact), expected != NULL);
	if (expected)
		ck_assert(str_is(facts_str(f, fact), expected));
}

START_TEST(test_row)
{
	struct fact_names names = { 0 };
	struct facts f = { 0 };
	struct http1_head h;
	enum http1_fault fault;
	struct upgrade u;
	enum fact region;

	fact_names_add(&names, FACT_FAMILY_USER_PROPERTY, STR("host"));
	region = fact_names_add(&names, FACT_FAMILY_HEADER, STR("X-Region"));
	ck_assert_int_eq(http1_request_decode((const uint8_t *)rows[_i].head, strlen(rows[_i].head),
					      &h, &fault),
			 PARSE_OK);
	ck_assert_int_eq(upgrade_check(&h, &u), UPGRADE_FAULT_NONE);
	http1_facts(&h, &u, &names, &f);
	assert_fact(&f, FACT_PATH, rows[_i].path);
	assert_fact(&f, FACT_QUERY, rows[_i].query);
	assert_fact(&f, FACT_HOST, rows[_i].host);
	assert_fact(&f, region, rows[_i].region);
	assert_fact(&f, FACT_NAMED, NULL);
	fact_names_fini(&names);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http1 facts");
	TCase *tcase = tcase_create("facts");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
