/* Facts: set and read by number, known only when they say something. */
#include "agent/core/facts/facts.h"
#include "tests/unit/run.h"

static const char *const names[] = {
	"client_id",   "username",
	"protocol",    "clean_start",
	"keepalive",   "session_expiry",
	"source",      "source_port",
	"destination", "destination_port",
	"frontend",    "transport",
	"sni",	       "alpn",
	"tls_version", "cn",
	"verified",    "path",
	"query",       "host",
};

START_TEST(test_names)
{
	ck_assert_int_eq(N_ROWS(names), N_FACTS);
	ck_assert_str_eq(fact_name((enum fact)_i), names[_i]);
	ck_assert_int_eq(fact_by_name(str_of(names[_i])), _i);
}
END_TEST

START_TEST(test_no_such_name)
{
	ck_assert_int_eq(fact_by_name(STR("password")), N_FACTS);
	ck_assert_int_eq(fact_by_name(STR("")), N_FACTS);
	ck_assert_int_eq(fact_by_name(STR("client")), N_FACTS);
}
END_TEST

/* Each fact, set alone, is the only one known, and reads back. */
START_TEST(test_set_and_read)
{
	enum fact fact = (enum fact)_i;
	struct facts f = { 0 };
	struct ip ip = { .family = 4, .bytes = { 10, 0, 0, 1 } };

	switch (fact_type(fact)) {
	case FACT_TYPE_STRING:
		facts_set_str(&f, fact, STR("x"));
		assert_str(facts_str(&f, fact), "x");
		break;
	case FACT_TYPE_NUMBER:
		facts_set_number(&f, fact, 4711);
		ck_assert_uint_eq(facts_number(&f, fact), 4711);
		break;
	case FACT_TYPE_BOOL:
		facts_set_number(&f, fact, 256); /* true, though its low byte is 0 */
		ck_assert_uint_eq(facts_number(&f, fact), 1);
		facts_set_number(&f, fact, 0);
		ck_assert_uint_eq(facts_number(&f, fact), 0);
		break;
	case FACT_TYPE_IP:
		facts_set_ip(&f, fact, &ip);
		ck_assert_mem_eq(facts_ip(&f, fact), &ip, sizeof(ip));
		break;
	}
	ck_assert_uint_eq(f.known, FACT_BIT(fact));
}
END_TEST

START_TEST(test_nothing_stays_unknown)
{
	struct facts f = { 0 };
	struct ip unknown = { 0 };

	facts_set_str(&f, FACT_CLIENT_ID, STR(""));
	facts_set_str(&f, FACT_SNI, (struct str){ 0 });
	facts_set_ip(&f, FACT_SOURCE, &unknown);
	ck_assert_uint_eq(f.known, 0);
	facts_set_number(&f, FACT_KEEPALIVE, 0);
	ck_assert(facts_has(&f, FACT_KEEPALIVE)); /* zero is an answer */
}
END_TEST

START_TEST(test_numbers_are_clamped)
{
	struct facts f = { 0 };

	facts_set_number(&f, FACT_KEEPALIVE, 65536);
	ck_assert_uint_eq(facts_number(&f, FACT_KEEPALIVE), 65535);
	facts_set_number(&f, FACT_SESSION_EXPIRY, UINT64_C(4294967296));
	ck_assert_uint_eq(facts_number(&f, FACT_SESSION_EXPIRY), UINT32_MAX);
}
END_TEST

/* ---- those that a policy names ---- */

static const struct {
	const char *text;
	int family; /* -1: none */
	const char *name;
} families[] = {
	{ "header.x-region", FACT_FAMILY_HEADER, "x-region" },
	{ "header.x.y", FACT_FAMILY_HEADER, "x.y" },
	{ "user_property.Site", FACT_FAMILY_USER_PROPERTY, "Site" },
	{ "header.", -1, NULL },
	{ "header", -1, NULL },
	{ "headers.x", -1, NULL },
	{ "path", -1, NULL },
	{ "", -1, NULL },
};

START_TEST(test_family)
{
	enum fact_family family;
	struct str name;

	ck_assert_int_eq(fact_family_split(str_of(families[_i].text), &family, &name),
			 families[_i].family >= 0);
	if (families[_i].family < 0)
		return;
	ck_assert_int_eq((int)family, families[_i].family);
	ck_assert(str_is(name, families[_i].name));
}
END_TEST

START_TEST(test_listed_names)
{
	struct fact_names listed = { 0 };
	enum fact header = fact_names_add(&listed, FACT_FAMILY_HEADER, STR("X-Region"));
	enum fact property = fact_names_add(&listed, FACT_FAMILY_USER_PROPERTY, STR("Site"));
	struct facts f = { 0 };

	ck_assert_int_eq(header, FACT_NAMED);
	ck_assert_int_eq(property, FACT_NAMED + 1);
	ck_assert_int_eq(fact_names_add(&listed, FACT_FAMILY_HEADER, STR("x-REGION")), header);
	ck_assert_int_eq(fact_names_find(&listed, FACT_FAMILY_HEADER, STR("site")), FACT_NONE);
	ck_assert_int_eq(fact_names_find(&listed, FACT_FAMILY_USER_PROPERTY, STR("site")),
			 FACT_NONE);
	ck_assert_int_eq(fact_names_find(&listed, FACT_FAMILY_USER_PROPERTY, STR("Site")),
			 property);
	ck_assert_str_eq(fact_names_text(&listed, header), "header.x-region");
	ck_assert_str_eq(fact_names_text(&listed, property), "user_property.Site");
	ck_assert_str_eq(fact_names_text(&listed, FACT_PATH), "path");

	facts_set_str(&f, property, STR("north"));
	ck_assert(facts_has(&f, property) && !facts_has(&f, header));
	ck_assert_int_eq(fact_type(property), FACT_TYPE_STRING);
	assert_str(facts_str(&f, property), "north");
	fact_names_fini(&listed);
	ck_assert_uint_eq(listed.n, 0);
}
END_TEST

START_TEST(test_list_is_bounded)
{
	struct fact_names listed = { 0 };
	char name[] = "a";

	for (size_t i = 0; i < FACTS_NAMED_MAX; i++, name[0]++)
		ck_assert_int_eq(fact_names_add(&listed, FACT_FAMILY_HEADER, str_of(name)),
				 FACT_NAMED + i);
	ck_assert_int_eq(fact_names_add(&listed, FACT_FAMILY_HEADER, str_of(name)), FACT_NONE);
	ck_assert_int_eq(fact_names_add(&listed, FACT_FAMILY_HEADER, STR("A")), FACT_NAMED);
	fact_names_fini(&listed);
}
END_TEST

static const struct {
	unsigned level;
	const char *protocol; /* NULL: none */
} levels[] = {
	{ 3, "3.1" },	   { 4, "3.1.1" }, { 5, "5.0" },    { 0x83, "3.1" },
	{ 0x84, "3.1.1" }, { 0x85, NULL }, { 0, NULL },	    { 2, NULL },
	{ 6, NULL },	   { 0x80, NULL }, { 0x103, NULL },
};

START_TEST(test_protocol)
{
	struct str protocol = fact_protocol(levels[_i].level);

	ck_assert_int_eq(protocol.p != NULL, levels[_i].protocol != NULL);
	if (protocol.p)
		ck_assert(str_is(protocol, levels[_i].protocol));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("facts");
	TCase *tcase = tcase_create("facts");

	tcase_add_loop_test(tcase, test_names, 0, N_ROWS(names));
	tcase_add_test(tcase, test_no_such_name);
	tcase_add_loop_test(tcase, test_set_and_read, 0, N_FACTS);
	tcase_add_test(tcase, test_nothing_stays_unknown);
	tcase_add_test(tcase, test_numbers_are_clamped);
	tcase_add_loop_test(tcase, test_family, 0, N_ROWS(families));
	tcase_add_test(tcase, test_listed_names);
	tcase_add_test(tcase, test_list_is_bounded);
	tcase_add_loop_test(tcase, test_protocol, 0, N_ROWS(levels));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
