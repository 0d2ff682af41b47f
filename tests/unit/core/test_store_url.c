/* The shared store's address: what is read, what is refused, and what a log may show of it. */
#include <stdio.h>

#include "agent/core/store/url.h"
#include "tests/unit/run.h"

static const struct {
	const char *text;
	const char *shown; /* NULL: refused */
	const char *user, *password;
} rows[] = {
	{ "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", "", "" },
	{ "redis://localhost", "redis://localhost:6379/0", "", "" },
	{ "redis://redis.example.com:1/12", "redis://redis.example.com:1/12", "", "" },
	{ "redis://h/", "redis://h:6379/0", "", "" },
	{ "redis://[2001:db8::1]:7000/3", "redis://[2001:db8::1]:7000/3", "", "" },
	{ "redis://[::1]", "redis://[::1]:6379/0", "", "" },
	{ "redis://:secret@h:1", "redis://h:1/0", "", "secret" },
	{ "redis://me:secret@h", "redis://h:6379/0", "me", "secret" },
	{ "redis://:a@b:c/d@h/7", "redis://h:6379/7", "", "a@b:c/d" },
	{ "redis://:%2525%40%3a@h", "redis://h:6379/0", "", "%25@:" },
	{ "unix:///run/redis.sock", "unix:///run/redis.sock", "", "" },
	{ "unix:///run/a@b", "unix:///run/a@b", "", "" },
	{ "unix://:se/cret@/run/redis.sock", "unix:///run/redis.sock", "", "se/cret" },
	{ "unix://me:secret@/r", "unix:///r", "me", "secret" },

	{ .text = "" },
	{ .text = "127.0.0.1:6379" },
	{ .text = "rediss://h" },
	{ .text = "redis://" },
	{ .text = "redis://:1" },
	{ .text = "redis://h:" },
	{ .text = "redis://a/b/1" },
	{ .text = "redis://a b" },
	{ .text = "unix:///a\nb" },
	{ .text = "redis://h:0" },
	{ .text = "redis://h:65536" },
	{ .text = "redis://h:1x" },
	{ .text = "redis://h/x" },
	{ .text = "redis://h/65536" },
	{ .text = "redis://[::1" },
	{ .text = "redis://[::1]6379" },
	{ .text = "redis://[redis]" },
	{ .text = "redis://secret@h" },
	{ .text = "redis://:@h" },
	{ .text = "redis://me:@h" },
	{ .text = "redis://:%4@h" },
	{ .text = "redis://:%zz@h" },
	{ .text = "redis://:%00@h" },
	{ .text = "unix://" },
	{ .text = "unix:///" },
	{ .text = "unix://run/redis.sock" },
	{ .text = "unix://:secret@run/redis.sock" },
};

START_TEST(test_rows)
{
	struct store_url u;
	char shown[STORE_URL_TEXT];
	const char *fault = store_url_parse(str_of(rows[_i].text), &u);

	if (!rows[_i].shown) {
		ck_assert_msg(fault != NULL, "%s", rows[_i].text);
		ck_assert_ptr_null(strstr(fault, "secret"));
		return;
	}
	ck_assert_msg(!fault, "%s: %s", rows[_i].text, fault);
	ck_assert_str_eq(store_url_format(&u, shown), rows[_i].shown);
	ck_assert_str_eq(u.user, rows[_i].user);
	ck_assert_str_eq(u.password, rows[_i].password);
	ck_assert(store_url_eq(&u, &u));
}
END_TEST

/* What a C string would end at is no part of a name. */
START_TEST(test_nul)
{
	struct store_url u;

	ck_assert_ptr_nonnull(store_url_parse(STR("redis://store\0.example"), &u));
}
END_TEST

/* Everything that has a length: the longest that is read, and one more. */
START_TEST(test_lengths)
{
	static const struct {
		const char *before, *after;
		size_t most;
	} parts[] = {
		{ "redis://", "", sizeof(((struct store_url *)0)->host) - 1 },
		{ "redis://:", "@h", STORE_PASSWORD - 1 },
		{ "redis://", ":p@h", sizeof(((struct store_url *)0)->user) - 1 },
		{ "unix:///", "", sizeof(((struct store_url *)0)->path) - 2 },
	};
	char text[1024];
	struct store_url u;

	for (size_t more = 0; more < 2; more++) {
		size_t n = parts[_i].most + more;
		char middle[STORE_PASSWORD + 1];

		memset(middle, 'x', n);
		snprintf(text, sizeof(text), "%s%.*s%s", parts[_i].before, (int)n, middle,
			 parts[_i].after);
		ck_assert_int_eq(!store_url_parse(str_of(text), &u), !more);
	}
}
END_TEST

static const char *const differ[] = {
	"redis://h",	 "redis://i",	 "redis://h:1", "redis://h/1", "redis://:p@h",
	"redis://u:p@h", "redis://:q@h", "unix:///a",	"unix:///b",
};

START_TEST(test_another_store)
{
	struct store_url a, b;
	size_t n = N_ROWS(differ);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			ck_assert_ptr_null(store_url_parse(str_of(differ[i]), &a));
			ck_assert_ptr_null(store_url_parse(str_of(differ[j]), &b));
			ck_assert_int_eq(store_url_eq(&a, &b), i == j);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store url");
	TCase *tcase = tcase_create("url");

	tcase_add_loop_test(tcase, test_rows, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_lengths, 0, 4);
	tcase_add_test(tcase, test_nul);
	tcase_add_test(tcase, test_another_store);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
