/* Things of many sizes, taken and given back: never the same bytes twice, never lost. */
#include "agent/core/stick/slab.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/run.h"

enum { N = 1024 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MALLOC_TELLS = false }; /* theirs does not say how much it has given */
#else
enum { MALLOC_TELLS = true };
#endif

struct thing {
	unsigned char *p;
	size_t n;
	unsigned char mark;
};

static void
mark(struct thing *t, unsigned char with)
{
	t->mark = with;
	memset(t->p, with, t->n);
}

static void
assert_marked(const struct thing *t)
{
	size_t same = 0;

	while (same < t->n && t->p[same] == t->mark)
		same++;
	ck_assert_uint_eq(same, t->n);
}

static uint32_t
next(uint32_t *state)
{
	return *state = *state * 1664525u + 1013904223u;
}

START_TEST(test_nobody_writes_into_anothers)
{
	static struct thing things[N];
	uint32_t random = 7;
	struct slab s;

	slab_init(&s);
	for (int round = 0; round < 20 * N; round++) {
		struct thing *t = &things[(next(&random) >> 8) % N];

		if (t->p) {
			assert_marked(t);
			slab_give(&s, t->p, t->n);
			t->p = NULL;
			continue;
		}
		t->n = 1 + (next(&random) >> 8) % 600; /* some above SLAB_LARGEST */
		t->p = slab_take(&s, t->n);
		ck_assert_ptr_nonnull(t->p);
		ck_assert_uint_eq((uintptr_t)t->p % SLAB_STEP, 0);
		mark(t, (unsigned char)round);
	}
	for (int i = 0; i < N; i++)
		if (things[i].p) {
			assert_marked(&things[i]);
			slab_give(&s, things[i].p, things[i].n);
		}
	slab_fini(&s);
}
END_TEST

START_TEST(test_what_is_given_back_is_used_again)
{
	struct slab s;
	void *first;

	slab_init(&s);
	first = slab_take(&s, 73);
	ck_assert_ptr_nonnull(slab_take(&s, 73));
	slab_give(&s, first, 73);
	ck_assert_ptr_ne(slab_take(&s, 100), first);
	ck_assert_ptr_eq(slab_take(&s, 80), first); /* both round to 80 */
	slab_fini(&s);
}
END_TEST

/* 100,000 of 72 bytes: no header, and no rounding beyond 8. */
START_TEST(test_little_is_lost)
{
	size_t before = mallinfo2().uordblks, used;
	struct slab s;

	slab_init(&s);
	for (int i = 0; i < 100000; i++)
		ck_assert_ptr_nonnull(slab_take(&s, 72));
	used = mallinfo2().uordblks - before;
	ck_assert_uint_le(used, 100000 * 74);
	slab_fini(&s);
}
END_TEST

/* Strangers with ids of one length after the other: what one length filled serves the next. */
START_TEST(test_no_size_keeps_what_another_needs)
{
	static void *things[1000];
	size_t before = mallinfo2().uordblks;
	struct slab s;

	slab_init(&s);
	for (size_t size = SLAB_STEP; size <= SLAB_LARGEST; size += SLAB_STEP) {
		for (int i = 0; i < 1000; i++)
			ck_assert_ptr_nonnull(things[i] = slab_take(&s, size));
		for (int i = 0; i < 1000; i++)
			slab_give(&s, things[i], size);
		ck_assert_uint_eq(mallinfo2().uordblks, before);
	}
	slab_fini(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stick slab");
	TCase *tc = tcase_create("slab");

	tcase_add_test(tc, test_nobody_writes_into_anothers);
	tcase_add_test(tc, test_what_is_given_back_is_used_again);
	if (MALLOC_TELLS) {
		tcase_add_test(tc, test_little_is_lost);
		tcase_add_test(tc, test_no_size_keeps_what_another_needs);
	}
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
