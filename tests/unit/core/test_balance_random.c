/* Random of two: the draw is fair by weight, and two choices are better than one. */
#include "agent/core/base/hash.h"
#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char equal[] = "backend b\n"
			    "\tbalance random\n"
			    "\tserver s0 127.0.0.1:1\n\tserver s1 127.0.0.1:2\n"
			    "\tserver s2 127.0.0.1:3\n\tserver s3 127.0.0.1:4\n"
			    "\tserver s4 127.0.0.1:5\n\tserver s5 127.0.0.1:6\n"
			    "\tserver s6 127.0.0.1:7\n\tserver s7 127.0.0.1:8\n"
			    "\tserver spare 127.0.0.1:9 backup\n";
static const char weighted[] = "backend b\n"
			       "\tbalance random\n"
			       "\tserver s0 127.0.0.1:1 weight 5\n"
			       "\tserver s1 127.0.0.1:2 weight 2\n"
			       "\tserver s2 127.0.0.1:3 weight 3\n";

enum { CLIENTS = 20000 };

static struct decide_world world;

static uint64_t
random_at(uint64_t i)
{
	return hash_mix64(i * UINT64_C(0x9e3779b97f4a7c15) + 4711);
}

static unsigned
most(const unsigned *counts, unsigned n)
{
	unsigned max = 0;

	for (unsigned i = 0; i < n; i++)
		max = counts[i] > max ? counts[i] : max;
	return max;
}

START_TEST(test_two_choices_beat_one)
{
	unsigned counts[8] = { 0 }, single[8] = { 0 };
	struct pool *p;

	decide_world_init(&world, equal, "{}");
	p = world_pool_of(&world, "b");
	for (uint64_t i = 0; i < CLIENTS; i++) {
		counts[world_choose(p, &(struct pick){ .random = random_at(i) })]++;
		single[random_at(i) % 8]++;
	}
	/* One choice strays by the root of its share, two by a handful. */
	ck_assert_uint_le(most(counts, 8), CLIENTS / 8 + 10);
	ck_assert_uint_ge(most(single, 8), CLIENTS / 8 + 30);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_shares_by_weight)
{
	unsigned counts[3] = { 0 };
	struct pool *p;

	decide_world_init(&world, weighted, "{}");
	p = world_pool_of(&world, "b");
	for (uint64_t i = 0; i < CLIENTS; i++)
		counts[world_choose(p, &(struct pick){ .random = random_at(i) })]++;
	ck_assert_uint_ge(counts[0], CLIENTS * 48 / 100);
	ck_assert_uint_le(counts[0], CLIENTS * 52 / 100);
	ck_assert_uint_ge(counts[1], CLIENTS * 18 / 100);
	ck_assert_uint_le(counts[1], CLIENTS * 22 / 100);
	decide_world_fini(&world);
}
END_TEST

/* The fuller of two is never taken, so the fullest of all only by drawing it twice: never. */
START_TEST(test_never_the_fullest)
{
	unsigned counts[8] = { 0 };
	struct pool *p;

	decide_world_init(&world, equal, "{}");
	p = world_pool_of(&world, "b");
	for (uint64_t i = 0; i < 2000; i++) {
		for (unsigned s = 0; s < 8; s++)
			world_report(p, s, SERVER_UP, 1, s == 3 ? 1000 : 10);
		counts[world_choose(p, &(struct pick){ .random = random_at(i) })]++;
	}
	ck_assert_uint_eq(counts[3], 0);
	for (unsigned s = 0; s < 8; s++)
		if (s != 3)
			ck_assert_uint_ge(counts[s], 200);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_same_number_same_answer)
{
	struct pool *p;

	decide_world_init(&world, equal, "{}");
	p = world_pool_of(&world, "b");
	for (uint64_t i = 0; i < 200; i++) {
		struct pick pick = { .random = random_at(i) };
		struct ranking a, b;

		pool_rank(p, &pick, &a);
		pool_rank(p, &pick, &b);
		ck_assert_uint_eq(a.n, RANKED);
		ck_assert_mem_eq(a.server, b.server, sizeof(a.server));
		ck_assert_uint_ne(a.server[0], a.server[1]);
		ck_assert_uint_ne(a.server[1], a.server[2]);
		ck_assert_uint_ne(a.server[0], a.server[2]);
		ck_assert_uint_lt(a.server[2], 8);
	}
	decide_world_fini(&world);
}
END_TEST

/* Fewer and fewer of them, to the last. */
START_TEST(test_who_may_not)
{
	struct pool *p;
	struct ranking r;

	decide_world_init(&world, equal, "{}");
	p = world_pool_of(&world, "b");
	for (unsigned gone = 0; gone < 8; gone++) {
		for (uint64_t i = 0; i < 100; i++) {
			pool_rank(p, &(struct pick){ .random = random_at(i) }, &r);
			ck_assert_uint_eq(r.n, 8 - gone < RANKED ? 8 - gone : RANKED);
			for (int j = 0; j < r.n; j++) {
				ck_assert_uint_ge(r.server[j], gone);
				ck_assert_uint_lt(r.server[j], 8);
			}
		}
		world_report(p, gone, gone % 2 ? SERVER_DOWN : SERVER_UP, 0, 0);
	}
	ck_assert_uint_eq(world_choose(p, &(struct pick){ 0 }), 8);
	world_status(p, 8, SERVER_DRAIN);
	ck_assert(world_has_none(p, &(struct pick){ 0 }));
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("balance random");
	TCase *tcase = tcase_create("random");

	tcase_add_test(tcase, test_two_choices_beat_one);
	tcase_add_test(tcase, test_shares_by_weight);
	tcase_add_test(tcase, test_never_the_fullest);
	tcase_add_test(tcase, test_same_number_same_answer);
	tcase_add_test(tcase, test_who_may_not);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
