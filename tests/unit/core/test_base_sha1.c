#include "agent/core/base/sha1.h"
#include "tests/unit/run.h"

/* FIPS 180 examples, and the lengths around which padding takes one block more. */
static const struct {
	char byte; /* repeated, or 0: text */
	size_t n;
	const char *text, *digest;
} rows[] = {
	{ 0, 0, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ 0, 0, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ 0, 0, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	{ 'a', 1, NULL, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" },
	{ 'a', 54, NULL, "b05d71c64979cb95fa74a33cdb31a40d258ae02e" },
	{ 'a', 55, NULL, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
	{ 'a', 56, NULL, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
	{ 'a', 57, NULL, "f08f24908d682555111be7ff6f004e78283d989a" },
	{ 'a', 63, NULL, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
	{ 'a', 64, NULL, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
	{ 'a', 65, NULL, "11655326c708d70319be2610e8a57d9a5b959d3b" },
	{ 'a', 119, NULL, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
	{ 'a', 120, NULL, "f34c1488385346a55709ba056ddd08280dd4c6d6" },
	{ 'a', 128, NULL, "ad5b3fdbcb526778c2839d2f151ea753995e26a0" },
	{ 'a', 1000, NULL, "291e9a6c66994949b57ba5e650361e98fc36b1ba" },
};

START_TEST(digest_is_right)
{
	static const char digits[] = "0123456789abcdef";
	char bytes[1000], hex[2 * SHA1_LEN + 1] = "";
	struct str in = { bytes, rows[_i].n };
	uint8_t digest[SHA1_LEN];

	memset(bytes, rows[_i].byte, sizeof(bytes));
	if (rows[_i].text)
		in = str_of(rows[_i].text);
	sha1(in, digest);
	for (size_t i = 0; i < SHA1_LEN; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	ck_assert_str_eq(hex, rows[_i].digest);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base sha1");
	TCase *tcase = tcase_create("sha1");

	tcase_add_loop_test(tcase, digest_is_right, 0, N_ROWS(rows));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
