/* Files read whole, or not at all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/file.h"
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

/* Around the sizes at which a reader's buffer grows. */
static const size_t sizes[] = { 0, 1, 100, 16382, 16383, 16384, 16385, 32767, 32768, 1000003 };

START_TEST(test_size)
{
	size_t size = sizes[_i], n = 99;
	char *bytes = malloc(size + 1), *text = NULL;
	FILE *f = fopen(path, "wb");

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7); /* NULs as well */
	ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
	fclose(f);
	ck_assert_int_eq(file_read(path, &text, &n), 0);
	ck_assert_uint_eq(n, size);
	ck_assert_int_eq(memcmp(text, bytes, size), 0);
	ck_assert_int_eq(text[n], '\0');
	free(text);
	free(bytes);
}
END_TEST

START_TEST(test_missing)
{
	char *text;
	size_t n;

	unlink(path);
	ck_assert_int_eq(file_read(path, &text, &n), -ENOENT);
	ck_assert_int_eq(file_read("/dev/null/x", &text, &n), -ENOTDIR);
	ck_assert_int_eq(file_read("", &text, &n), -ENOENT);
}
END_TEST

START_TEST(test_directory)
{
	char *text;
	size_t n;

	ck_assert_int_eq(file_read("/tmp", &text, &n), -EISDIR);
}
END_TEST

START_TEST(test_not_allowed)
{
	char *text;
	size_t n;

	if (geteuid() == 0)
		return; /* who may read all */
	chmod(path, 0);
	ck_assert_int_eq(file_read(path, &text, &n), -EACCES);
}
END_TEST

/* Sparse, so that it costs the disk nothing. */
START_TEST(test_too_big)
{
	char *text;
	size_t n;

	ck_assert_int_eq(truncate(path, FILE_MAX_BYTES), 0);
	ck_assert_int_eq(file_read(path, &text, &n), 0);
	ck_assert_uint_eq(n, FILE_MAX_BYTES);
	free(text);
	ck_assert_int_eq(truncate(path, (off_t)FILE_MAX_BYTES + 1), 0);
	ck_assert_int_eq(file_read(path, &text, &n), -EFBIG);
	/* One without an end of its own. */
	ck_assert_int_eq(file_read("/dev/zero", &text, &n), -EFBIG);
}
END_TEST

/* Its size is not known beforehand. */
START_TEST(test_proc)
{
	char *text;
	size_t n;

	ck_assert_int_eq(file_read("/proc/self/status", &text, &n), 0);
	ck_assert_ptr_nonnull(strstr(text, "Pid:"));
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file");
	TCase *tcase = tcase_create("file");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_size, 0, N_ROWS(sizes));
	tcase_add_test(tcase, test_missing);
	tcase_add_test(tcase, test_directory);
	tcase_add_test(tcase, test_not_allowed);
	tcase_add_test(tcase, test_too_big);
	tcase_add_test(tcase, test_proc);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
