/* A session's variables: copies, scopes, the bound. */
#include "agent/core/rules/vars.h"

#include <string.h>

#include "tests/unit/run.h"

static struct sample
text_sample(const char *text)
{
	struct sample s = { 0 };

	sample_set_str(&s, str_of(text));
	return s;
}

START_TEST(values_are_copies)
{
	struct vars v = { 0 };
	char bytes[] = "abc";
	struct sample s = text_sample(bytes), got = { .may_change = true };

	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &s));
	memset(bytes, 'z', 3);
	ck_assert(vars_get(&v, VAR_TXN, STR("x"), &got));
	assert_str(got.bytes, "abc");
	ck_assert(got.may_change);
	vars_fini(&v);
	ck_assert_uint_eq(v.n_bytes, 0);
	ck_assert(!vars_get(&v, VAR_TXN, STR("x"), &got));
}
END_TEST

START_TEST(scopes_and_names_are_apart)
{
	struct vars v = { 0 };
	struct sample a = text_sample("a"), b = text_sample("b"), got = { 0 };

	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &a));
	ck_assert(vars_set(&v, VAR_SESS, STR("x"), &b));
	ck_assert(vars_set(&v, VAR_TXN, STR("xy"), &b));
	ck_assert(vars_get(&v, VAR_TXN, STR("x"), &got));
	assert_str(got.bytes, "a");
	ck_assert(!vars_get(&v, VAR_REQ, STR("x"), &got));
	vars_unset(&v, VAR_TXN, STR("x"));
	vars_unset(&v, VAR_TXN, STR("x"));
	ck_assert(!vars_get(&v, VAR_TXN, STR("x"), &got));
	ck_assert(vars_get(&v, VAR_SESS, STR("x"), &got));
	vars_fini(&v);
}
END_TEST

START_TEST(a_variable_may_become_a_part_of_itself)
{
	struct vars v = { 0 };
	struct sample s = text_sample("abcdef"), got = { 0 };

	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &s));
	ck_assert(vars_get(&v, VAR_TXN, STR("x"), &got));
	got.bytes.p += 2;
	got.bytes.n = 3;
	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &got));
	ck_assert(vars_get(&v, VAR_TXN, STR("x"), &got));
	assert_str(got.bytes, "cde");
	vars_fini(&v);
}
END_TEST

START_TEST(types_are_kept)
{
	struct vars v = { 0 };
	struct ip ip = { .family = 4, .bytes = { 10, 1, 2, 3 } };
	struct sample s = { 0 }, got = { 0 };

	sample_set_int(&s, -5);
	ck_assert(vars_set(&v, VAR_TXN, STR("n"), &s));
	sample_set_ip(&s, &ip);
	ck_assert(vars_set(&v, VAR_TXN, STR("ip"), &s));
	sample_set_bin(&s, (struct str){ "\0\1", 2 });
	ck_assert(vars_set(&v, VAR_TXN, STR("b"), &s));
	ck_assert(vars_get(&v, VAR_TXN, STR("n"), &got));
	ck_assert(got.type == SAMPLE_INT && got.number == -5);
	ck_assert(vars_get(&v, VAR_TXN, STR("ip"), &got));
	ck_assert(got.type == SAMPLE_IPV4 && got.ip.bytes[3] == 3);
	ck_assert(vars_get(&v, VAR_TXN, STR("b"), &got));
	ck_assert(got.type == SAMPLE_BIN && got.bytes.n == 2);
	vars_fini(&v);
}
END_TEST

/* What does not fit leaves the old value, and replacing counts only once. */
START_TEST(all_of_them_are_bounded)
{
	static char bytes[VARS_BYTES_MAX];
	struct vars v = { 0 };
	struct sample big = { 0 }, small = text_sample("small"), got = { 0 };

	sample_set_bin(&big, (struct str){ bytes, VARS_BYTES_MAX - 1024 });
	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &big));
	ck_assert(vars_set(&v, VAR_TXN, STR("x"), &big));
	ck_assert(vars_set(&v, VAR_TXN, STR("y"), &small));
	ck_assert(!vars_set(&v, VAR_TXN, STR("y"), &big));
	ck_assert(!vars_set(&v, VAR_TXN, STR("z"), &big));
	ck_assert(vars_get(&v, VAR_TXN, STR("y"), &got));
	assert_str(got.bytes, "small");
	ck_assert_uint_le(v.n_bytes, VARS_BYTES_MAX);
	vars_fini(&v);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rules vars");
	TCase *tcase = tcase_create("vars");

	tcase_add_test(tcase, values_are_copies);
	tcase_add_test(tcase, scopes_and_names_are_apart);
	tcase_add_test(tcase, a_variable_may_become_a_part_of_itself);
	tcase_add_test(tcase, types_are_kept);
	tcase_add_test(tcase, all_of_them_are_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
