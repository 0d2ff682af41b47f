/* Which address of a name a server takes, and how long answers and their absence count. */
#include "agent/names/answer.h"
#include "tests/unit/run.h"

static struct ip
ip_of(const char *text)
{
	struct ip ip = { 0 };

	ck_assert(!text || ip_parse(str_of(text), &ip));
	return ip;
}

static size_t
read_list(const char *const *texts, size_t max, struct ip *ips)
{
	size_t n = 0;

	while (n < max && texts[n]) {
		ips[n] = ip_of(texts[n]);
		n++;
	}
	return n;
}

enum { LIST = 5 };

static const struct {
	const char *what;
	const char *known[LIST];
	const char *present;
	int family;
	bool may_share;
	const char *network;
	const char *taken[LIST];
	const char *chosen; /* NULL: none */
} choices[] = {
	{ "the first will do", { "10.0.0.1", "10.0.0.2" }, NULL, 4, .chosen = "10.0.0.1" },
	{ "one that it has is kept",
	  { "10.0.0.1", "10.0.0.2" },
	  "10.0.0.2",
	  4,
	  .chosen = "10.0.0.2" },
	{ "one that is gone is not", { "10.0.0.1" }, "10.0.0.2", 4, .chosen = "10.0.0.1" },
	{ "the family first", { "10.0.0.1", "::1" }, NULL, 6, .chosen = "::1" },
	{ "the family before what it has", { "10.0.0.1", "::1" }, "10.0.0.1", 6, .chosen = "::1" },
	{ "the other family if there is no more", { "10.0.0.1" }, NULL, 6, .chosen = "10.0.0.1" },
	{ "a network before what it has",
	  { "10.0.0.1", "10.1.0.1" },
	  "10.0.0.1",
	  4,
	  .network = "10.1.0.0/16",
	  .chosen = "10.1.0.1" },
	{ "the family before a network",
	  { "10.1.0.1", "::1" },
	  NULL,
	  6,
	  .network = "10.1.0.0/16",
	  .chosen = "::1" },
	{ "nobody else's",
	  { "10.0.0.1", "10.0.0.2" },
	  NULL,
	  4,
	  .taken = { "10.0.0.1" },
	  .chosen = "10.0.0.2" },
	{ "none, if all are taken", { "10.0.0.1" }, NULL, 4, .taken = { "10.0.0.1" } },
	{ "its own, if another has it as well",
	  { "10.0.0.1" },
	  "10.0.0.1",
	  4,
	  .taken = { "10.0.0.1" } },
	{ "a taken one, if it may share",
	  { "10.0.0.1" },
	  NULL,
	  4,
	  .may_share = true,
	  .taken = { "10.0.0.1" },
	  .chosen = "10.0.0.1" },
	{ "a free one, though it may share",
	  { "10.0.0.1", "10.0.0.2" },
	  "10.0.0.1",
	  4,
	  .may_share = true,
	  .taken = { "10.0.0.1" },
	  .chosen = "10.0.0.2" },
	{ "none, of none", { NULL }, "10.0.0.1", 4, .chosen = NULL },
};

START_TEST(test_choice)
{
	struct ip known[LIST], taken[LIST];
	struct answer a;
	struct wish w = {
		.present = ip_of(choices[_i].present),
		.family = (uint8_t)choices[_i].family,
		.may_share = choices[_i].may_share,
		.taken = taken,
		.n_taken = read_list(choices[_i].taken, LIST, taken),
	};
	struct ip expected = ip_of(choices[_i].chosen);
	const struct ip *chosen;

	if (choices[_i].network)
		w.n_networks = cidr_parse(str_of(choices[_i].network), &w.networks[0]);
	answer_init(&a, 0);
	answer_take(&a, known, read_list(choices[_i].known, LIST, known), 1000, 0);
	chosen = answer_choose(&a, &w);
	ck_assert_msg((chosen != NULL) == (choices[_i].chosen != NULL), "%s", choices[_i].what);
	if (chosen)
		ck_assert_msg(ip_eq(chosen, &expected), "%s", choices[_i].what);
}
END_TEST

static const struct {
	const char *what;
	int64_t after_ms; /* the answer without it comes that long after the one with it */
	uint32_t obsolete_ms;
	bool kept;
} obsolete[] = {
	{ "gone at once without hold obsolete", 1, 0, false },
	{ "gone at once within the same ms", 0, 0, false },
	{ "kept before hold obsolete is over", 999, 1000, true },
	{ "gone when it is over", 1000, 1000, false },
};

START_TEST(test_obsolete)
{
	struct ip two[] = { ip_of("10.0.0.1"), ip_of("10.0.0.2") };
	struct answer a;

	answer_init(&a, 0);
	answer_take(&a, two, 2, 5000, obsolete[_i].obsolete_ms);
	answer_take(&a, &two[1], 1, 5000 + obsolete[_i].after_ms, obsolete[_i].obsolete_ms);
	ck_assert_msg(a.n == (obsolete[_i].kept ? 2 : 1), "%s", obsolete[_i].what);
	ck_assert(ip_eq(&a.known[a.n - 1].ip, &two[1]));
}
END_TEST

START_TEST(test_address_in_every_answer_is_known_once)
{
	struct ip ip[] = { ip_of("10.0.0.1"), ip_of("10.0.0.1") };
	struct answer a;

	answer_init(&a, 0);
	for (int64_t now = 0; now < 10000; now += 1000)
		answer_take(&a, ip, 2, now, 1500);
	ck_assert_uint_eq(a.n, 1);
	ck_assert_int_eq(a.known[0].seen_at, 9000);
}
END_TEST

START_TEST(test_more_addresses_than_are_kept)
{
	static struct ip ips[RESOLVER_ADDRS_MAX];
	static struct answer a;
	struct ip more = ip_of("::1");

	for (unsigned i = 0; i < RESOLVER_ADDRS_MAX; i++)
		ips[i] = (struct ip){ .family = 4,
				      .bytes = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
	answer_init(&a, 0);
	answer_take(&a, ips, RESOLVER_ADDRS_MAX, 1, 1000);
	answer_take(&a, &more, 1, 2, 1000);
	ck_assert_uint_eq(a.n, RESOLVER_ADDRS_MAX);
	answer_take(&a, &more, 1, 1001, 1000);
	ck_assert_uint_eq(a.n, 1);
}
END_TEST

START_TEST(test_hold)
{
	struct ip ip = ip_of("10.0.0.1");
	struct answer a;

	answer_init(&a, 1000);
	ck_assert(!answer_is_stale(&a, 1999, 1000)); /* asking began */
	ck_assert(answer_is_stale(&a, 2000, 1000));
	answer_take(&a, &ip, 1, 5000, 0);
	ck_assert(!answer_is_stale(&a, 5999, 1000));
	ck_assert(answer_is_stale(&a, 6000, 1000));
	ck_assert(answer_is_stale(&a, 5000, 0));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("answer");
	TCase *tc = tcase_create("answer");

	tcase_add_loop_test(tc, test_choice, 0, N_ROWS(choices));
	tcase_add_loop_test(tc, test_obsolete, 0, N_ROWS(obsolete));
	tcase_add_test(tc, test_address_in_every_answer_is_known_once);
	tcase_add_test(tc, test_more_addresses_than_are_kept);
	tcase_add_test(tc, test_hold);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
