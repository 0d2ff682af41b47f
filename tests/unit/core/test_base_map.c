/* The map, and the array that grows. */
#include <stdio.h>

#include "agent/core/base/map.h"
#include "agent/core/base/mem.h"
#include "tests/unit/run.h"

START_TEST(test_first_stays)
{
	struct map m;
	int a, b;

	map_init(&m);
	ck_assert_ptr_null(map_get(&m, STR("k")));
	ck_assert_ptr_eq(map_add(&m, STR("k"), &a), &a);
	ck_assert_ptr_eq(map_add(&m, STR("k"), &b), &a);
	ck_assert_ptr_eq(map_get(&m, STR("k")), &a);
	ck_assert_uint_eq(m.n, 1);
	map_fini(&m);
	ck_assert_ptr_null(map_get(&m, STR("k")));
}
END_TEST

START_TEST(test_odd_keys)
{
	static const struct str keys[] = {
		{ "", 0 }, { "a", 1 }, { "a\0", 2 }, { "a\0b", 3 }, { "A", 1 }, { "aa", 2 },
	};
	struct map m;

	map_init(&m);
	for (size_t i = 0; i < 6; i++)
		ck_assert_ptr_eq(map_add(&m, keys[i], (void *)(uintptr_t)&keys[i]), &keys[i]);
	for (size_t i = 0; i < 6; i++)
		ck_assert_ptr_eq(map_get(&m, keys[i]), &keys[i]);
	ck_assert_ptr_eq(map_get(&m, (struct str){ 0 }), &keys[0]);
	map_fini(&m);
}
END_TEST

START_TEST(test_growth)
{
	enum { N = 10000 };
	static char names[N][16];
	struct map m;

	map_init(&m);
	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "k%d", i);
		map_add(&m, str_of(names[i]), names[i]);
	}
	ck_assert_uint_eq(m.n, N);
	ck_assert_uint_ge(m.n_slots, 2 * N);
	for (int i = 0; i < N; i++)
		ck_assert_ptr_eq(map_get(&m, str_of(names[i])), names[i]);
	ck_assert_ptr_null(map_get(&m, STR("k10000")));
	map_fini(&m);
}
END_TEST

START_TEST(test_array_grows)
{
	int *array = NULL;

	for (size_t n = 0; n < 1000; n++) {
		ARRAY_GROW(array, n);
		array[n] = (int)n;
	}
	for (int n = 0; n < 1000; n++)
		ck_assert_int_eq(array[n], n);
	free(array);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base map");
	TCase *tcase = tcase_create("map");

	tcase_add_test(tcase, test_first_stays);
	tcase_add_test(tcase, test_odd_keys);
	tcase_add_test(tcase, test_growth);
	tcase_add_test(tcase, test_array_grows);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
