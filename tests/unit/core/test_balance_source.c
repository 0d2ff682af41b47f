/* `balance source`, slot by slot as HAProxy 2.6 was seen to do it. */
#include <stdio.h>

#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static struct decide_world world;

static struct pool *
pool_with(const int *weights, int n)
{
	char cfg[2048];
	int at = snprintf(cfg, sizeof(cfg), "backend b\n\tbalance source\n");

	for (int i = 0; i < n; i++)
		at += snprintf(cfg + at, sizeof(cfg) - (size_t)at,
			       "\tserver s%d 127.0.0.1:%d weight %d\n", i, i + 1, weights[i]);
	decide_world_init(&world, cfg, "{}");
	return world_pool_of(&world, "b");
}

static struct ip
ipv4(uint32_t number)
{
	return (struct ip){ 4,
			    { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
			      (uint8_t)(number >> 8), (uint8_t)number } };
}

static unsigned
choose_for(struct pool *p, uint32_t number)
{
	struct ip ip = ipv4(number);

	return world_choose(p, &(struct pick){ .source = &ip });
}

static const struct {
	const char *name;
	int n_servers, weights[4];
	int n_slots, slots[10];
} rows[] = {
	{ "one", 1, { 1 }, 1, { 0 } },
	{ "equal weights: address mod n, in file order", 3, { 1, 1, 1 }, 3, { 0, 1, 2 } },
	{ "whatever they are", 4, { 100, 100, 100, 100 }, 4, { 0, 1, 2, 3 } },
	{ "5/2/3", 3, { 5, 2, 3 }, 10, { 0, 0, 1, 2, 0, 0, 2, 0, 1, 2 } },
	{ "10/4/6 is 5/2/3", 3, { 10, 4, 6 }, 10, { 0, 0, 1, 2, 0, 0, 2, 0, 1, 2 } },
	{ "weight 0 has no slot", 3, { 1, 0, 1 }, 2, { 0, 2 } },
};

START_TEST(test_slots)
{
	struct pool *p = pool_with(rows[_i].weights, rows[_i].n_servers);
	static const uint32_t bases[] = { 0, UINT32_C(0x0a000000), UINT32_C(0xc0a80100),
					  UINT32_C(0xfffffff0) };

	for (int b = 0; b < N_ROWS(bases); b++)
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t address = bases[b] + i;

			ck_assert_msg(choose_for(p, address) ==
					      (unsigned)rows[_i]
						      .slots[address % (uint32_t)rows[_i].n_slots],
				      "%s: address %u", rows[_i].name, address);
		}
	decide_world_fini(&world);
}
END_TEST

/* The ranking goes on along the map, each server once. */
START_TEST(test_ranking)
{
	static const int weights[] = { 5, 2, 3 };
	static const unsigned expected[10][3] = {
		{ 0, 1, 2 }, { 0, 1, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 0, 2, 1 },
		{ 0, 2, 1 }, { 2, 0, 1 }, { 0, 1, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
	};
	struct pool *p = pool_with(weights, 3);

	for (uint32_t i = 0; i < 10; i++) {
		struct ip ip = ipv4(1000 + i);
		struct ranking r;

		pool_rank(p, &(struct pick){ .source = &ip }, &r);
		ck_assert_uint_eq(r.n, 3);
		for (int j = 0; j < 3; j++)
			ck_assert_uint_eq(r.server[j], expected[i][j]);
	}
	decide_world_fini(&world);
}
END_TEST

/* The map is made anew when a server goes, and again when it returns. */
START_TEST(test_server_leaves)
{
	static const int weights[] = { 1, 1, 1 };
	static const unsigned without[] = { 0, 2 };
	struct pool *p = pool_with(weights, 3);

	ck_assert_uint_eq(choose_for(p, 1), 1);
	world_status(p, 1, SERVER_DOWN);
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_uint_eq(choose_for(p, i), without[i % 2]);
	world_status(p, 1, SERVER_UP);
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_uint_eq(choose_for(p, i), i % 3);
	world_report(p, 1, SERVER_UP, 2, 0);
	ck_assert_uint_eq(choose_for(p, 0) + choose_for(p, 1) + choose_for(p, 2) + choose_for(p, 3),
			  0 + 1 + 1 + 2);
	for (unsigned s = 0; s < 3; s++)
		world_status(p, s, SERVER_MAINT);
	ck_assert(world_has_none(p, &(struct pick){ 0 }));
	decide_world_fini(&world);
}
END_TEST

/* A subset shares the map: who may use all and who may not agree wherever they can. */
START_TEST(test_subset)
{
	static const int weights[] = { 1, 1, 1 };
	char s0[] = "s0", s2[] = "s2";
	char *names[] = { s0, s2 };
	struct pool *p = pool_with(weights, 3);

	for (uint32_t i = 0; i < 30; i++) {
		struct ip ip = ipv4(i);
		unsigned server = world_choose(
			p, &(struct pick){ .source = &ip, .subset = names, .n_subset = 2 });

		ck_assert_uint_ne(server, 1);
		if (i % 3 != 1)
			ck_assert_uint_eq(server, i % 3);
	}
	decide_world_fini(&world);
}
END_TEST

/* The same address, the same server; without address there is an answer nevertheless. */
START_TEST(test_other_sources)
{
	static const int weights[] = { 1, 1, 1 };
	struct pool *p = pool_with(weights, 3);
	unsigned counts[3] = { 0 }, unknown = world_choose(p, &(struct pick){ 0 });
	struct ip ip;

	for (unsigned i = 0; i < 3000; i++) {
		unsigned server;

		ip = (struct ip){ 6,
				  { 0x20, 1, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), (uint8_t)i } };
		server = world_choose(p, &(struct pick){ .source = &ip });
		ck_assert_uint_eq(world_choose(p, &(struct pick){ .source = &ip }), server);
		counts[server]++;
	}
	for (int i = 0; i < 3; i++)
		ck_assert_uint_ge(counts[i], 900);
	ck_assert_uint_eq(world_choose(p, &(struct pick){ 0 }), unknown);
	ip = (struct ip){ 0 };
	ck_assert_uint_eq(world_choose(p, &(struct pick){ .source = &ip }), unknown);
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("balance source");
	TCase *tcase = tcase_create("source");

	tcase_add_loop_test(tcase, test_slots, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_ranking);
	tcase_add_test(tcase, test_server_leaves);
	tcase_add_test(tcase, test_subset);
	tcase_add_test(tcase, test_other_sources);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
