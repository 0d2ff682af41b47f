/* The log: one line an event, whole, and not without end. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/base/str.h"
#include "agent/io/log.h"
#include "tests/unit/run.h"

static int out;

/* Standard error becomes a pipe; a forked test's own affair. */
static void
set_up(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	out = fds[0];
}

/* What was logged since the last time, NUL-terminated. */
static const char *
logged(void)
{
	static char text[1 << 20];
	ssize_t n = read(out, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

START_TEST(test_line)
{
	const char *text;
	int year, end = 0;

	log_line(LOG_INFO, "session closed id=%d client=%s", 81, "sensor-7");
	text = logged();
	ck_assert_int_eq(sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &end), 1);
	ck_assert_int_eq(end, 25);
	ck_assert_str_eq(text + end, "info session closed id=81 client=sensor-7\n");
}
END_TEST

START_TEST(test_levels)
{
	static const char *const names[] = { " error ", " warning ", " info ", " debug " };

	log_set_level((enum log_level)_i);
	for (int level = LOG_ERROR; level <= (int)LOG_DEBUG; level++) {
		const char *text;

		ck_assert_int_eq(log_wants((enum log_level)level), level <= _i);
		log_line((enum log_level)level, "x=1");
		text = logged();
		if (level <= _i)
			ck_assert_ptr_nonnull(strstr(text, names[level]));
		else
			ck_assert_str_eq(text, "");
	}
}
END_TEST

START_TEST(test_info_unless_told_otherwise)
{
	ck_assert(log_wants(LOG_INFO));
	ck_assert(!log_wants(LOG_DEBUG));
}
END_TEST

/* Too long a line is cut and is a line still. */
START_TEST(test_long_line)
{
	static char value[20000];
	const char *text;

	memset(value, 'x', sizeof(value) - 1);
	/* Around the limit, to the byte. */
	for (size_t n = 4000; n < 4200; n++) {
		log_line(LOG_INFO, "v=%.*s", (int)n, value);
		text = logged();
		ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
		ck_assert_uint_le(strlen(text), 4096);
		ck_assert_uint_ge(strlen(text), 4000);
	}
	log_line(LOG_INFO, "v=%s", value);
	text = logged();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_uint_ge(strlen(text), 4000);
}
END_TEST

/* What a stranger chose, escaped by the caller, cannot begin a line of its own. */
START_TEST(test_hostile_value)
{
	char escaped[200];
	const char *text;

	log_line(LOG_INFO, "client=\"%s\"",
		 str_escape(STR("x\"\n2026-01-01T00:00:00.000Z error forged\x1b[31m\xff\\"),
			    escaped, sizeof(escaped)));
	text = logged();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_ptr_nonnull(strstr(text, "client=\"x\\x22\\x0a2026"));
	ck_assert_ptr_null(strchr(text, '\x1b'));
}
END_TEST

static void *
log_much(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_line(LOG_INFO, "thread=%d %0*d end", *(int *)arg, 100 + i % 700, i);
	return NULL;
}

/* Lines of two threads stay whole. */
START_TEST(test_threads)
{
	pthread_t thread;
	int one = 1, two = 2, n = 0;
	const char *text;

	pthread_create(&thread, NULL, log_much, &one);
	log_much(&two);
	pthread_join(thread, NULL);
	for (text = logged(); *text; n++) {
		const char *end = strchr(text, '\n');

		ck_assert_ptr_nonnull(end);
		ck_assert_int_eq(memcmp(end - 4, " end", 4), 0);
		ck_assert_mem_eq(text + 24, " info thread=", 13);
		text = end + 1;
	}
	ck_assert_int_eq(n, 1000);
}
END_TEST

/* Pass as often as possible for some milliseconds; how many were left out, as told. */
START_TEST(test_limit)
{
	struct log_limit limit = { 0 };
	uint32_t left_out = 99, sum = 0;
	int passed = 0, tried = 0;
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		tried++;
		if (log_limit_pass(&limit, &left_out)) {
			if (passed++ == 0)
				ck_assert_uint_eq(left_out, 0);
			sum += left_out;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < 2);
	/* Each second touched has one. */
	ck_assert_int_ge(passed, 2);
	ck_assert_int_le(passed, 3);
	ck_assert_int_gt(tried, 1000);
	ck_assert_uint_eq(sum + limit.left_out + (uint32_t)passed, (uint32_t)tried);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, test_line);
	tcase_add_loop_test(tcase, test_levels, LOG_ERROR, LOG_DEBUG + 1);
	tcase_add_test(tcase, test_info_unless_told_otherwise);
	tcase_add_test(tcase, test_long_line);
	tcase_add_test(tcase, test_hostile_value);
	tcase_add_test(tcase, test_threads);
	tcase_add_test(tcase, test_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
