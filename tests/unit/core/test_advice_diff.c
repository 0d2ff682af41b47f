/* Unified diffs: their numbers, their contexts, and hunks that meet. */
#include "agent/core/advice/diff.h"

#include <stdio.h>

#include "tests/unit/run.h"

#define INSERT(at, lines)                                                                          \
	{                                                                                          \
		.file = "f", .line = (at), .text = (char[]){ lines }, .section = (char[])          \
		{                                                                                  \
			"s"                                                                        \
		}                                                                                  \
	}
#define REPLACE(at, lines)                                                                         \
	{                                                                                          \
		.file = "f", .line = (at), .replaces = true, .text = (char[]){ lines },            \
		.section = (char[])                                                                \
		{                                                                                  \
			"s"                                                                        \
		}                                                                                  \
	}

static const char TEN[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
static const char TWENTY[] =
	"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n";

static struct {
	const char *name, *text;
	struct setup_edit edits[3];
	size_t n;
	const char *diff; /* without its first two lines */
} rows[] = {
	{ "in the middle",
	  TEN,
	  { INSERT(5, "a\nb\n") },
	  1,
	  "@@ -3,6 +3,8 @@ s\n 3\n 4\n 5\n+a\n+b\n 6\n 7\n 8\n" },
	{ "before the first line",
	  TEN,
	  { INSERT(0, "a\n") },
	  1,
	  "@@ -1,3 +1,4 @@ s\n+a\n 1\n 2\n 3\n" },
	{ "behind the last line",
	  TEN,
	  { INSERT(10, "a\n") },
	  1,
	  "@@ -8,3 +8,4 @@ s\n 8\n 9\n 10\n+a\n" },
	{ "a line replaced",
	  TEN,
	  { REPLACE(5, "a\n") },
	  1,
	  "@@ -2,7 +2,7 @@ s\n 2\n 3\n 4\n-5\n+a\n 6\n 7\n 8\n" },
	{ "the first line replaced by two",
	  TEN,
	  { REPLACE(1, "a\nb\n") },
	  1,
	  "@@ -1,4 +1,5 @@ s\n-1\n+a\n+b\n 2\n 3\n 4\n" },
	{ "replaced, and lines behind it",
	  TEN,
	  { REPLACE(5, "a\n"), INSERT(5, "b\n") },
	  2,
	  "@@ -2,7 +2,8 @@ s\n 2\n 3\n 4\n-5\n+a\n+b\n 6\n 7\n 8\n" },
	{ "two at one place",
	  TEN,
	  { INSERT(10, "a\n"), INSERT(10, "b\n") },
	  2,
	  "@@ -8,3 +8,5 @@ s\n 8\n 9\n 10\n+a\n+b\n" },
	{ "contexts that touch are one hunk",
	  TWENTY,
	  { INSERT(3, "a\n"), INSERT(9, "b\n") },
	  2,
	  "@@ -1,12 +1,14 @@ s\n 1\n 2\n 3\n+a\n 4\n 5\n 6\n 7\n 8\n 9\n+b\n 10\n 11\n 12\n" },
	{ "hunks apart count what was added above",
	  TWENTY,
	  { INSERT(3, "a\nb\n"), REPLACE(15, "c\n") },
	  2,
	  "@@ -1,6 +1,8 @@ s\n 1\n 2\n 3\n+a\n+b\n 4\n 5\n 6\n"
	  "@@ -12,7 +14,7 @@ s\n 12\n 13\n 14\n-15\n+c\n 16\n 17\n 18\n" },
	{ "an empty file", "", { INSERT(0, "a\n") }, 1, "@@ -0,0 +1,1 @@ s\n+a\n" },
};

START_TEST(row)
{
	struct buf out;
	char expected[1024];

	snprintf(expected, sizeof(expected), "--- f\n+++ f\n%s", rows[_i].diff);
	buf_init(&out, 1 << 16);
	ck_assert(diff_write("f", str_of(rows[_i].text), rows[_i].edits, rows[_i].n, &out));
	ck_assert(buf_reserve(&out, 1) != NULL);
	*(char *)(buf_front(&out) + buf_len(&out)) = '\0';
	ck_assert_str_eq((char *)buf_front(&out), expected);
	buf_fini(&out);
}
END_TEST

START_TEST(a_full_buffer_is_told)
{
	struct buf out;

	buf_init(&out, 20);
	ck_assert(!diff_write("f", str_of(TEN), rows[0].edits, 1, &out));
	buf_fini(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("advice diff");
	TCase *tcase = tcase_create("diffs");

	tcase_add_loop_test(tcase, row, 0, N_ROWS(rows));
	tcase_add_test(tcase, a_full_buffer_is_told);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
