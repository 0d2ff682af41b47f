/* Identity binding: what proves who a client is, and what proves nothing. */
#include "agent/core/decide/identity.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	enum identity_match match;
	enum identity_with with;
	const char *client_id, *username, *cn; /* NULL: not sent */
	bool verified;
	const char *tenant; /* NULL: none */
	bool holds;
} rows[] = {
	{ "no binding", IDENTITY_NONE, IDENTITY_CN, "x", NULL, NULL, false, NULL, true },
	{ "no binding, no client id", IDENTITY_NONE, IDENTITY_CN, NULL, NULL, NULL, false, NULL,
	  true },

	{ "the CN", IDENTITY_EQUALS, IDENTITY_CN, "d1", NULL, "d1", true, NULL, true },
	{ "another CN", IDENTITY_EQUALS, IDENTITY_CN, "d2", NULL, "d1", true, NULL, false },
	{ "the CN and more", IDENTITY_EQUALS, IDENTITY_CN, "d10", NULL, "d1", true, NULL, false },
	{ "less than the CN", IDENTITY_EQUALS, IDENTITY_CN, "d", NULL, "d1", true, NULL, false },
	{ "other capitals", IDENTITY_EQUALS, IDENTITY_CN, "D1", NULL, "d1", true, NULL, false },
	{ "a CN that was not verified", IDENTITY_EQUALS, IDENTITY_CN, "d1", NULL, "d1", false, NULL,
	  false },
	{ "verified, without CN", IDENTITY_EQUALS, IDENTITY_CN, "d1", NULL, NULL, true, NULL,
	  false },
	{ "no certificate, no client id", IDENTITY_EQUALS, IDENTITY_CN, NULL, NULL, NULL, false,
	  NULL, false },
	{ "no client id", IDENTITY_EQUALS, IDENTITY_CN, NULL, NULL, "d1", true, NULL, false },
	{ "the username is no CN", IDENTITY_EQUALS, IDENTITY_CN, "d1", "d1", NULL, true, "d1",
	  false },

	{ "begins with the CN", IDENTITY_STARTS_WITH, IDENTITY_CN, "d1-sub", NULL, "d1", true, NULL,
	  true },
	{ "is the CN", IDENTITY_STARTS_WITH, IDENTITY_CN, "d1", NULL, "d1", true, NULL, true },
	{ "has the CN within", IDENTITY_STARTS_WITH, IDENTITY_CN, "xd1", NULL, "d1", true, NULL,
	  false },
	{ "shorter than the CN", IDENTITY_STARTS_WITH, IDENTITY_CN, "d", NULL, "d1", true, NULL,
	  false },
	{ "anything begins with nothing", IDENTITY_STARTS_WITH, IDENTITY_CN, "d1", NULL, NULL, true,
	  NULL, false },
	{ "begins with a CN that was not verified", IDENTITY_STARTS_WITH, IDENTITY_CN, "d1", NULL,
	  "d1", false, NULL, false },

	{ "the username", IDENTITY_EQUALS, IDENTITY_USERNAME, "ann", "ann", NULL, false, NULL,
	  true },
	{ "another username", IDENTITY_EQUALS, IDENTITY_USERNAME, "bob", "ann", NULL, false, NULL,
	  false },
	{ "no username", IDENTITY_STARTS_WITH, IDENTITY_USERNAME, "bob", NULL, "bob", true, "bob",
	  false },
	{ "begins with the username", IDENTITY_STARTS_WITH, IDENTITY_USERNAME, "ann/1", "ann", NULL,
	  false, NULL, true },

	{ "begins with the tenant", IDENTITY_STARTS_WITH, IDENTITY_TENANT, "acme-1", NULL, NULL,
	  false, "acme", true },
	{ "begins with another tenant", IDENTITY_STARTS_WITH, IDENTITY_TENANT, "beta-1", NULL, NULL,
	  false, "acme", false },
	{ "is the tenant", IDENTITY_EQUALS, IDENTITY_TENANT, "acme", NULL, NULL, false, "acme",
	  true },
	{ "has no tenant", IDENTITY_STARTS_WITH, IDENTITY_TENANT, "acme-1", "acme", "acme", true,
	  NULL, false },
};

START_TEST(test_row)
{
	struct identity identity = { rows[_i].match, rows[_i].with };
	struct facts facts = { 0 };
	struct tenant tenant = { 0 };
	char name[16] = "";

	facts_set_str(&facts, FACT_CLIENT_ID, str_of(rows[_i].client_id));
	facts_set_str(&facts, FACT_USERNAME, str_of(rows[_i].username));
	facts_set_str(&facts, FACT_CN, str_of(rows[_i].cn));
	facts_set_number(&facts, FACT_VERIFIED, rows[_i].verified);
	if (rows[_i].tenant)
		strcpy(name, rows[_i].tenant);
	tenant.name = name;
	ck_assert_msg(identity_holds(&identity, &facts, rows[_i].tenant ? &tenant : NULL) ==
			      rows[_i].holds,
		      "%s", rows[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tcase = tcase_create("identity");

	tcase_add_loop_test(tcase, test_row, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
