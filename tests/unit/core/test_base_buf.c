/* The buffer: its maximum, its growth, and that bytes survive every move. */
#include "agent/core/base/buf.h"
#include "tests/unit/run.h"

START_TEST(test_maximum)
{
	uint8_t bytes[1000] = { 0 };
	struct buf b;

	buf_init(&b, 1000);
	ck_assert(buf_put(&b, bytes, 999));
	ck_assert(!buf_put(&b, bytes, 2)); /* all or nothing */
	ck_assert_uint_eq(buf_len(&b), 999);
	ck_assert(buf_put(&b, bytes, 1));
	ck_assert_uint_le(b.cap, 1000);
	ck_assert_ptr_null(buf_reserve(&b, 1));
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	buf_consume(&b, 1);
	ck_assert_ptr_nonnull(buf_reserve(&b, 1)); /* what was read makes room */
	ck_assert_ptr_null(buf_reserve(&b, 2));
	buf_fini(&b);
}
END_TEST

START_TEST(test_small_maximum)
{
	struct buf b;

	buf_init(&b, 3);
	ck_assert(buf_put(&b, "abc", 3));
	ck_assert_uint_eq(b.cap, 3);
	ck_assert(!buf_put(&b, "d", 1));
	buf_fini(&b);
	buf_init(&b, 0);
	ck_assert(!buf_put(&b, "a", 1));
	ck_assert(buf_put(&b, NULL, 0));
	buf_fini(&b);
}
END_TEST

/* A stream of odd pieces comes out as it went in. */
START_TEST(test_stream)
{
	struct buf b;
	uint8_t in = 0, out = 0, piece[97];

	buf_init(&b, 4096);
	for (int round = 0; round < 2000; round++) {
		size_t n = (size_t)(round * 31) % sizeof(piece), take;

		for (size_t i = 0; i < n; i++)
			piece[i] = in++;
		ck_assert(buf_put(&b, piece, n));
		take = buf_len(&b) * (size_t)(round % 7) / 6;
		take = take > buf_len(&b) ? buf_len(&b) : take;
		for (size_t i = 0; i < take; i++)
			ck_assert_uint_eq(buf_front(&b)[i], out++);
		buf_consume(&b, take);
	}
	ck_assert_uint_le(b.cap, 4096);
	buf_fini(&b);
}
END_TEST

START_TEST(test_release)
{
	struct buf b;

	buf_init(&b, 100);
	ck_assert(buf_put(&b, "ab", 2));
	buf_consume(&b, 1);
	buf_release(&b);
	ck_assert_ptr_nonnull(b.data); /* a byte is left */
	buf_consume(&b, 1);
	ck_assert_uint_eq(b.w, 0); /* empty: back to the front */
	buf_release(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.max, 100);
	ck_assert(buf_put(&b, "cd", 2));
	ck_assert_mem_eq(buf_front(&b), "cd", 2);
	buf_fini(&b);
}
END_TEST

static bool
print(struct buf *b, const char *fmt, ...)
{
	va_list args;
	bool fits;

	va_start(args, fmt);
	fits = buf_vprintf(b, fmt, args);
	va_end(args);
	return fits;
}

START_TEST(test_formatted)
{
	struct buf b;

	buf_init(&b, 8);
	ck_assert(print(&b, "%d-%s", 12, "abc"));
	ck_assert(!print(&b, "%d", 345)); /* nine bytes: none of them */
	ck_assert(print(&b, "%d", 67));
	ck_assert_uint_eq(buf_len(&b), 8);
	ck_assert_mem_eq(buf_front(&b), "12-abc67", 8);
	buf_fini(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base buf");
	TCase *tcase = tcase_create("buf");

	tcase_add_test(tcase, test_maximum);
	tcase_add_test(tcase, test_small_maximum);
	tcase_add_test(tcase, test_stream);
	tcase_add_test(tcase, test_release);
	tcase_add_test(tcase, test_formatted);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
