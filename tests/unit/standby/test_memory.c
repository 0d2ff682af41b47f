/* What usher notes for the usher after it, and what it makes of a note that is not one. */
#include <stdio.h>
#include <unistd.h>

#include "agent/io/file.h"
#include "agent/standby/memory.h"
#include "tests/unit/run.h"

static char path[64];

static void
set_up(void)
{
	int fd;

	strcpy(path, "/tmp/usher-test-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
tear_down(void)
{
	unlink(path);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

START_TEST(test_kept)
{
	uid_t uid = 1;

	ck_assert_int_eq(memory_keep(path, 99), 0);
	ck_assert(memory_recall(path, &uid));
	ck_assert_uint_eq(uid, 99);
	ck_assert_int_eq(memory_keep(path, 0), 0);
	ck_assert(memory_recall(path, &uid));
	ck_assert_uint_eq(uid, 0);
	ck_assert_int_eq(memory_drop(path), 0);
	ck_assert(!memory_recall(path, &uid));
	ck_assert_int_eq(memory_drop(path), 0);
}
END_TEST

START_TEST(test_nowhere)
{
	ck_assert_int_lt(memory_keep("/nonexistent/standby", 0), 0);
}
END_TEST

static const char *const notes[] = {
	"", "\n", " \n", "0", "another boot 0\n", "b0a7b0a7-0000-4000-8000-b0a7b0a7b0a7 0\n",
};

START_TEST(test_no_note)
{
	uid_t uid = 4711;

	write_file(notes[_i]);
	ck_assert(!memory_recall(path, &uid));
	ck_assert_uint_eq(uid, 4711);
}
END_TEST

/* This boot's, and cut short anywhere. */
START_TEST(test_cut_short)
{
	char *whole, part[128];
	uid_t uid;
	size_t n;

	ck_assert_int_eq(memory_keep(path, 1234), 0);
	ck_assert_int_eq(file_read(path, &whole, &n), 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(part, sizeof(part), "%.*s", (int)i, whole);
		write_file(part);
		ck_assert(!memory_recall(path, &uid));
	}
	free(whole);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("standby memory");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_kept);
	tcase_add_test(tc, test_nowhere);
	tcase_add_loop_test(tc, test_no_note, 0, N_ROWS(notes));
	tcase_add_test(tc, test_cut_short);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
