/*
 * What every unit test program ends with: run the suite, let Check print its closing line.
 */
#ifndef USHER_TESTS_UNIT_RUN_H
#define USHER_TESTS_UNIT_RUN_H

#include <check.h>
#include <stdlib.h>

/* A view's bytes against a literal's. */
#define assert_str(view, literal)                                                                  \
	do {                                                                                       \
		ck_assert_uint_eq((view).n, sizeof(literal) - 1);                                  \
		ck_assert_mem_eq((view).p, literal, (view).n);                                     \
	} while (0)

#define N_ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
