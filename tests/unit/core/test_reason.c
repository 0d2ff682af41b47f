/* Refusals: names and CONNACK codes (MQTT 3.1.1, table 3.1; MQTT 5, table 3-1). */
#include "agent/core/mqtt/reason.h"
#include "tests/unit/run.h"

static const struct {
	enum refusal refusal;
	const char *name;
	unsigned code3, code5;
} rows[] = {
	{ REFUSAL_NOT_AUTHORIZED, "not_authorized", 5, 0x87 },
	{ REFUSAL_BAD_CLIENT_ID, "bad_client_id", 2, 0x85 },
	{ REFUSAL_BAD_CREDENTIALS, "bad_credentials", 4, 0x86 },
	{ REFUSAL_BANNED, "banned", 5, 0x8a },
	{ REFUSAL_SERVER_UNAVAILABLE, "server_unavailable", 3, 0x88 },
	{ REFUSAL_SERVER_BUSY, "server_busy", 3, 0x89 },
	{ REFUSAL_QUOTA_EXCEEDED, "quota_exceeded", 3, 0x97 },
	{ REFUSAL_RATE_EXCEEDED, "rate_exceeded", 3, 0x9f },
	{ REFUSAL_USE_ANOTHER_SERVER, "use_another_server", 3, 0x9c },
	{ REFUSAL_UNSUPPORTED_VERSION, "unsupported_version", 1, 0x84 },
};

START_TEST(test_refusal)
{
	enum refusal r = rows[_i].refusal;

	ck_assert_int_eq(N_ROWS(rows), N_REFUSALS);
	ck_assert_str_eq(refusal_name(r), rows[_i].name);
	ck_assert_int_eq(refusal_by_name(str_of(rows[_i].name)), r);
	ck_assert_uint_eq(refusal_code(r, 3), rows[_i].code3);
	ck_assert_uint_eq(refusal_code(r, 4), rows[_i].code3);
	ck_assert_uint_eq(refusal_code(r, 0x83), rows[_i].code3); /* bridges */
	ck_assert_uint_eq(refusal_code(r, 0x84), rows[_i].code3);
	ck_assert_uint_eq(refusal_code(r, 5), rows[_i].code5);
	ck_assert_uint_eq(refusal_code(r, 6), rows[_i].code5);
}
END_TEST

START_TEST(test_no_such_refusal)
{
	ck_assert_int_eq(refusal_by_name(STR("not_allowed")), N_REFUSALS);
	ck_assert_int_eq(refusal_by_name(STR("")), N_REFUSALS);
}
END_TEST

static const struct {
	unsigned code, level;
	bool elsewhere;
} codes[] = {
	{ 0, 4, false },    { 1, 4, false },	   { 2, 4, false },   { 3, 4, true },
	{ 4, 4, false },    { 5, 4, false },	   { 3, 3, true },    { 3, 0x83, true },
	{ 3, 0x84, true },  { 0x88, 0x84, false }, { 0, 5, false },   { 3, 5, false },
	{ 0x87, 5, false }, { 0x88, 5, true },	   { 0x89, 5, true }, { 0x8a, 5, false },
	{ 0x97, 5, false }, { 0x9c, 5, true },	   { 0x9d, 5, true }, { 0x9f, 5, true },
	{ 0x88, 4, false },
};

START_TEST(test_elsewhere)
{
	ck_assert_msg(connack_means_elsewhere(codes[_i].code, codes[_i].level) ==
			      codes[_i].elsewhere,
		      "code 0x%02x, level %u", codes[_i].code, codes[_i].level);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reason");
	TCase *tcase = tcase_create("reason");

	tcase_add_loop_test(tcase, test_refusal, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_no_such_refusal);
	tcase_add_loop_test(tcase, test_elsewhere, 0, N_ROWS(codes));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
