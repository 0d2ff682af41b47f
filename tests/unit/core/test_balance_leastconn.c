/* Least connections: the server that is least full with one client more, by weight. */
#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char cfg[] = "backend b\n"
			  "\tbalance leastconn\n"
			  "\tserver s0 127.0.0.1:1 weight 5\n"
			  "\tserver s1 127.0.0.1:2 weight 2\n"
			  "\tserver s2 127.0.0.1:3 weight 3\n"
			  "\tserver s3 127.0.0.1:4 weight 3\n"
			  "\tserver spare 127.0.0.1:5 backup\n";

enum { N = 4 };
static const unsigned weights[N] = { 5, 2, 3, 3 };

static struct decide_world world;

static struct pool *
new_pool(void)
{
	decide_world_init(&world, cfg, "{}");
	return world_pool_of(&world, "b");
}

/* (connections + 1) / weight of a is at most that of b. */
static bool
is_as_free(const unsigned *connections, unsigned a, unsigned b)
{
	return (connections[a] + 1) * weights[b] <= (connections[b] + 1) * weights[a];
}

START_TEST(test_never_above_the_minimum)
{
	struct pool *p = new_pool();
	unsigned connections[N] = { 0 }, seed = 1;

	for (int i = 0; i < 5000; i++) {
		unsigned server;

		/* Now and then all is polled, with whatever has come and gone. */
		if (i % 37 == 0)
			for (unsigned s = 0; s < N; s++) {
				seed = seed * 1103515245 + 12345;
				connections[s] = (seed >> 16) % 100;
				world_report(p, s, SERVER_UP, (uint16_t)weights[s], connections[s]);
			}
		server = world_choose(p, &(struct pick){ 0 });
		for (unsigned s = 0; s < N; s++)
			ck_assert(is_as_free(connections, server, s));
		connections[server]++;
	}
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_shares_by_weight)
{
	struct pool *p = new_pool();
	unsigned counts[N] = { 0 };

	for (int i = 0; i < 1300; i++)
		counts[world_choose(p, &(struct pick){ 0 })]++;
	for (unsigned s = 0; s < N; s++) {
		ck_assert_uint_ge(counts[s] + 1, weights[s] * 100);
		ck_assert_uint_le(counts[s], weights[s] * 100 + 1);
	}
	decide_world_fini(&world);
}
END_TEST

/* Of equals it is not always the first. */
START_TEST(test_equals_take_turns)
{
	struct pool *p = new_pool();
	unsigned counts[N] = { 0 };

	for (int i = 0; i < 100; i++) {
		for (unsigned s = 0; s < N; s++)
			world_report(p, s, SERVER_UP, 1, 10);
		counts[world_choose(p, &(struct pick){ 0 })]++;
	}
	for (unsigned s = 0; s < N; s++)
		ck_assert_uint_eq(counts[s], 25);
	decide_world_fini(&world);
}
END_TEST

/* The answer is from before ten decisions: these still count on top of it. */
START_TEST(test_decisions_since_the_question)
{
	struct pool *p = new_pool();
	uint64_t asked[N];
	unsigned first;

	for (unsigned s = 0; s < N; s++)
		world_report(p, s, SERVER_UP, 1, 0);
	for (unsigned s = 0; s < N; s++)
		asked[s] = pool_decided(p, s);
	for (int i = 0; i < 10; i++)
		pool_count(p, 0); /* by stickiness */
	for (unsigned s = 0; s < N; s++)
		pool_set_sessions(p, s, 0, asked[s]);
	for (int i = 0; i < 30; i++)
		ck_assert_uint_ne(world_choose(p, &(struct pick){ 0 }), 0);
	first = world_choose(p, &(struct pick){ 0 });
	/* All of them are there by now, and all have gone: nobody is ahead. */
	for (unsigned s = 0; s < N; s++)
		world_report(p, s, SERVER_UP, 1, s == first ? 1 : 0);
	ck_assert_uint_ne(world_choose(p, &(struct pick){ 0 }), first);
	decide_world_fini(&world);
}
END_TEST

/* Its state is told before its sessions are: what was decided meanwhile is not forgotten. */
START_TEST(test_state_says_nothing_of_sessions)
{
	struct pool *p = new_pool();

	for (int i = 0; i < 10; i++)
		pool_count(p, 0);
	for (unsigned s = 0; s < N; s++)
		pool_set_state(p, s, SERVER_UP, 1);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_ne(world_choose(p, &(struct pick){ 0 }), 0);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_who_may_not)
{
	struct pool *p = new_pool();

	for (unsigned s = 0; s < N; s++)
		world_report(p, s, SERVER_UP, 1, 100);
	world_report(p, 0, SERVER_DOWN, 5, 0);
	world_report(p, 1, SERVER_DRAIN, 2, 0);
	world_report(p, 2, SERVER_UP, 0, 0);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(world_choose(p, &(struct pick){ 0 }), 3);
	world_status(p, 3, SERVER_MAINT);
	ck_assert_uint_eq(world_choose(p, &(struct pick){ 0 }), 4);
	world_status(p, 4, SERVER_DOWN);
	ck_assert(world_has_none(p, &(struct pick){ 0 }));
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_subset)
{
	char s1[] = "s1", s3[] = "s3";
	char *names[] = { s1, s3 };
	struct pick pick = { .subset = names, .n_subset = 2 };
	struct pool *p = new_pool();
	unsigned counts[5] = { 0 };

	for (int i = 0; i < 100; i++)
		counts[world_choose(p, &pick)]++;
	ck_assert_uint_eq(counts[1], 40);
	ck_assert_uint_eq(counts[3], 60);
	world_status(p, 1, SERVER_DOWN);
	world_status(p, 3, SERVER_DOWN);
	ck_assert(world_has_none(p, &pick));
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("balance leastconn");
	TCase *tcase = tcase_create("leastconn");

	tcase_add_test(tcase, test_never_above_the_minimum);
	tcase_add_test(tcase, test_shares_by_weight);
	tcase_add_test(tcase, test_equals_take_turns);
	tcase_add_test(tcase, test_decisions_since_the_question);
	tcase_add_test(tcase, test_state_says_nothing_of_sessions);
	tcase_add_test(tcase, test_who_may_not);
	tcase_add_test(tcase, test_subset);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
