/* Keys and values of the shared store, and the breaker before it. */
#include "agent/core/store/breaker.h"
#include "agent/core/store/entry.h"
#include "tests/unit/run.h"

static const struct {
	struct str scope, id;
	const char *key;
	size_t len;
} keys[] = {
#define ROW(scope, id, key)                                                                        \
	{                                                                                          \
		{ scope, sizeof(scope) - 1 }, { id, sizeof(id) - 1 }, key, sizeof(key) - 1         \
	}
	ROW("", "c", "usher::c"),
	ROW("acme", "c", "usher:acme:c"),
	ROW("", "acme:c", "usher::acme:c"),
	ROW("acme:c", "d", "usher:acme%3Ac:d"),
	ROW("acme", "c:d", "usher:acme:c:d"),
	ROW("acme%3Ac", "d", "usher:acme%253Ac:d"),
	ROW(":", ":", "usher:%3A::"),
	ROW("%", "%", "usher:%25:%"),
	ROW("a", "\0\r\n \xff", "usher:a:\0\r\n \xff"),
#undef ROW
};

static struct str
key_of(struct buf *b, struct str scope, struct str id)
{
	ck_assert(store_key_write(b, STR("usher:"), scope, id));
	return (struct str){ (const char *)buf_front(b), buf_len(b) };
}

START_TEST(test_keys)
{
	struct buf b;
	struct str key;

	buf_init(&b, 1000);
	key = key_of(&b, keys[_i].scope, keys[_i].id);
	ck_assert(str_eq(key, (struct str){ keys[_i].key, keys[_i].len }));
	buf_fini(&b);
}
END_TEST

/* All pairs of short scopes and identities of troublesome bytes: no two have one key. */
START_TEST(test_no_two_pairs_share_a_key)
{
	enum { BYTES = 5, WORDS = 1 + BYTES + BYTES * BYTES };
	static const char bytes[] = { ':', '%', '3', 'A', '\0' };
	char text[WORDS][2];
	struct str words[WORDS] = { { text[0], 0 } };
	struct buf keys_of[WORDS * WORDS];
	size_t n = 1, n_keys = 0;

	for (int i = 0; i < BYTES; i++, n++) {
		text[n][0] = bytes[i];
		words[n] = (struct str){ text[n], 1 };
	}
	for (int i = 0; i < BYTES * BYTES; i++, n++) {
		text[n][0] = bytes[i / BYTES];
		text[n][1] = bytes[i % BYTES];
		words[n] = (struct str){ text[n], 2 };
	}
	for (size_t i = 0; i < WORDS; i++)
		for (size_t j = 1; j < WORDS; j++) {
			struct buf *b = &keys_of[n_keys++];

			buf_init(b, 100);
			key_of(b, words[i], words[j]);
		}
	for (size_t i = 0; i < n_keys; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert(buf_len(&keys_of[i]) != buf_len(&keys_of[j]) ||
				  memcmp(buf_front(&keys_of[i]), buf_front(&keys_of[j]),
					 buf_len(&keys_of[i])) != 0);
	for (size_t i = 0; i < n_keys; i++)
		buf_fini(&keys_of[i]);
}
END_TEST

/* Whole or not at all. */
START_TEST(test_key_without_room)
{
	struct buf b;

	buf_init(&b, 8);
	ck_assert(!store_key_write(&b, STR("usher:"), STR(""), STR("cc")));
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert(store_key_write(&b, STR("usher:"), STR(""), STR("c")));
	buf_fini(&b);
}
END_TEST

START_TEST(test_values)
{
	assert_str(store_value_server(STR("emqx1 5f0c77a1b2d3e4f5")), "emqx1");
	assert_str(store_value_server(STR("emqx1")), "emqx1");
	assert_str(store_value_server(STR("emqx1 a b")), "emqx1");
	assert_str(store_value_server(STR(" a")), "");
	assert_str(store_value_server(STR("")), "");
}
END_TEST

START_TEST(test_breaker)
{
	struct breaker b = { 0 };

	ck_assert_msg(!breaker_allows(&b, 0), "nothing was ever answered");
	ck_assert_int_eq(breaker_silence_ms(&b, 0), INT64_MAX);
	breaker_answered(&b, 5000);
	ck_assert(breaker_allows(&b, 5000));
	ck_assert(breaker_allows(&b, 5000 + BREAKER_FRESH_MS));
	ck_assert(!breaker_allows(&b, 5001 + BREAKER_FRESH_MS));
	ck_assert_int_eq(breaker_silence_ms(&b, 9000), 4000);
	breaker_answered(&b, 9000);
	ck_assert(breaker_allows(&b, 9500));
	breaker_reset(&b);
	ck_assert_msg(!breaker_allows(&b, 9500), "the connection is gone");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store entry");
	TCase *tcase = tcase_create("entry");

	tcase_add_loop_test(tcase, test_keys, 0, N_ROWS(keys));
	tcase_add_test(tcase, test_no_two_pairs_share_a_key);
	tcase_add_test(tcase, test_key_without_room);
	tcase_add_test(tcase, test_values);
	tcase_add_test(tcase, test_breaker);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
