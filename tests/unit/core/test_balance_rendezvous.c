/*
 * Rendezvous: the same ranking as usher.lua's, to the bit, and no more clients on the move than
 * those of the server that went. The expected rankings were computed apart, in Python:
 *
 *	sorted(servers, key=lambda s: -mix64(fnv1a64(s + b"\0" + key)))
 */
#include <stdio.h>

#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char cfg[] = "backend b\n"
			  "\tserver emqx1 127.0.0.1:1\n\tserver emqx2 127.0.0.1:2\n"
			  "\tserver emqx3 127.0.0.1:3\n\tserver m4 127.0.0.1:4\n"
			  "\tserver broker-five.example 127.0.0.1:5\n";

enum { N = 5, N_KEYS = 20000 };

static struct decide_world world;

static struct pool *
new_pool(const char *policy)
{
	decide_world_init(&world, cfg, policy);
	return world_pool_of(&world, "b");
}

#define PLAIN "{\"backends\": {\"b\": {\"balance\": \"rendezvous\"}}}"
#define BOUNDED(load)                                                                              \
	"{\"backends\": {\"b\": {\"balance\": \"rendezvous\", \"bounded_load\": " load "}}}"

static const struct {
	struct str key;
	uint16_t ranking[RANKED];
} rows[] = {
	{ STR("a"), { 1, 4, 0 } },
	{ STR("b"), { 1, 4, 0 } },
	{ STR("device-0001"), { 0, 2, 3 } },
	{ STR("device-0002"), { 3, 4, 2 } },
	{ STR("device-0003"), { 0, 2, 1 } },
	{ STR("sensor-7"), { 4, 0, 3 } },
	{ STR("sensor-8"), { 1, 2, 3 } },
	{ STR("0"), { 0, 1, 3 } },
	{ STR("00"), { 3, 4, 1 } },
	{ STR(" "), { 2, 3, 4 } },
	{ STR("\xc3\xa9t\xc3\xa9"), { 2, 4, 1 } },
	{ STR("\xff\xfe"), { 4, 3, 0 } },
	{ STR("a\0b"), { 0, 1, 3 } },
	{ STR("\0"), { 0, 4, 3 } },
	{ STR("DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD1"), { 4, 3, 0 } },
	{ STR("DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD2"), { 0, 2, 1 } },
	{ STR("acme-1"), { 0, 2, 4 } },
	{ STR("acme-2"), { 2, 0, 1 } },
	{ STR("ACME-1"), { 1, 3, 0 } },
	{ STR("lab/1"), { 3, 4, 1 } },
	{ STR("mqttjs_1a2b3c4d"), { 0, 3, 1 } },
	{ STR("emqx1"), { 1, 4, 3 } },
	{ STR("{\"id\":1}"), { 2, 3, 0 } },
	{ STR("550e8400-e29b-41d4-a716-446655440000"), { 0, 3, 2 } },
};

START_TEST(test_ranking)
{
	struct pool *p = new_pool(PLAIN);
	struct ranking r;

	pool_rank(p, &(struct pick){ .key = rows[_i].key, .random = (uint64_t)_i }, &r);
	ck_assert_uint_eq(r.n, RANKED);
	for (int i = 0; i < RANKED; i++)
		ck_assert_uint_eq(r.server[i], rows[_i].ranking[i]);
	/* What came before plays no part. */
	ck_assert(pool_commit(p, &r, &(bool){ false }));
	pool_rank(p, &(struct pick){ .key = rows[_i].key, .random = 99 }, &r);
	ck_assert_mem_eq(r.server, rows[_i].ranking, sizeof(r.server));
	decide_world_fini(&world);
}
END_TEST

static struct str
numbered(int i, char text[32])
{
	return (struct str){ text, (size_t)snprintf(text, 32, "device-%d", i) };
}

/* Names decide, not places: a file in another order, with one server more. */
START_TEST(test_other_order)
{
	static const char other[] = "backend b\n"
				    "\tserver new 127.0.0.1:9\n"
				    "\tserver broker-five.example 127.0.0.1:5\n"
				    "\tserver m4 127.0.0.1:4\n\tserver emqx3 127.0.0.1:3\n"
				    "\tserver emqx2 127.0.0.1:2\n\tserver emqx1 127.0.0.1:1\n";
	static struct decide_world second;
	struct pool *p = new_pool(PLAIN), *q;
	int moved = 0;

	decide_world_init(&second, other, PLAIN);
	q = world_pool_of(&second, "b");
	for (int i = 0; i < N_KEYS; i++) {
		char text[32];
		struct pick pick = { .key = numbered(i, text) };
		unsigned before = world_choose(p, &pick), after = world_choose(q, &pick);

		moved += after == 0;
		if (after != 0)
			ck_assert_uint_eq(after, N - before);
	}
	/* A sixth of them goes to the new one. */
	ck_assert_int_ge(moved, N_KEYS / 6 - 300);
	ck_assert_int_le(moved, N_KEYS / 6 + 300);
	decide_world_fini(&second);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_shares)
{
	struct pool *p = new_pool(PLAIN);
	int counts[N] = { 0 };

	for (int i = 0; i < N_KEYS; i++) {
		char text[32];

		counts[world_choose(p, &(struct pick){ .key = numbered(i, text) })]++;
	}
	for (int i = 0; i < N; i++) {
		ck_assert_int_ge(counts[i], N_KEYS / N * 95 / 100);
		ck_assert_int_le(counts[i], N_KEYS / N * 105 / 100);
	}
	decide_world_fini(&world);
}
END_TEST

/* The dead server's keys go to the next of their ranking; when it is back, so are they. */
START_TEST(test_only_its_own_move)
{
	static struct ranking before[N_KEYS];
	struct pool *p = new_pool(PLAIN);
	int spread[N] = { 0 };

	for (int i = 0; i < N_KEYS; i++) {
		char text[32];

		pool_rank(p, &(struct pick){ .key = numbered(i, text) }, &before[i]);
	}
	world_status(p, 2, SERVER_DOWN);
	for (int i = 0; i < N_KEYS; i++) {
		char text[32];
		unsigned now = world_choose(p, &(struct pick){ .key = numbered(i, text) });

		ck_assert_uint_eq(now, before[i].server[before[i].server[0] == 2]);
		if (before[i].server[0] == 2)
			spread[now]++;
	}
	for (int i = 0; i < N; i++)
		if (i != 2)
			ck_assert_int_ge(spread[i], N_KEYS / N / (N - 1) * 85 / 100);
	world_status(p, 2, SERVER_UP);
	for (int i = 0; i < N_KEYS; i++) {
		char text[32];

		ck_assert_uint_eq(world_choose(p, &(struct pick){ .key = numbered(i, text) }),
				  before[i].server[0]);
	}
	decide_world_fini(&world);
}
END_TEST

/* Weights have no say beyond 0. */
START_TEST(test_weights)
{
	struct pool *p = new_pool(PLAIN);

	for (unsigned s = 0; s < N; s++)
		world_report(p, s, SERVER_UP, (uint16_t)(1 + 50 * s), 10 * s);
	for (int i = 0; i < N_ROWS(rows); i++)
		ck_assert_uint_eq(world_choose(p, &(struct pick){ .key = rows[i].key }),
				  rows[i].ranking[0]);
	world_report(p, 0, SERVER_UP, 0, 0);
	for (int i = 0; i < N_ROWS(rows); i++)
		ck_assert_uint_eq(world_choose(p, &(struct pick){ .key = rows[i].key }),
				  rows[i].ranking[rows[i].ranking[0] == 0]);
	decide_world_fini(&world);
}
END_TEST

/* Without key there is nothing to agree on, but not always the same server either. */
START_TEST(test_no_key)
{
	struct pool *p = new_pool(PLAIN);
	int counts[N] = { 0 };

	for (uint64_t i = 0; i < 1000; i++)
		counts[world_choose(p, &(struct pick){ .random = i })]++;
	for (int i = 0; i < N; i++)
		ck_assert_int_ge(counts[i], 140);
	decide_world_fini(&world);
}
END_TEST

static const struct {
	const char *policy;
	unsigned percent;
} bounds[] = {
	{ BOUNDED("1"), 100 },
	{ BOUNDED("1.05"), 105 },
	{ BOUNDED("1.25"), 125 },
	{ BOUNDED("2"), 200 },
};

/*
 * After each client no server has more than the bound, rounded up; and it went to the first of
 * its ranking that had room.
 */
START_TEST(test_bounded_load)
{
	static struct decide_world free_world;
	unsigned load[N] = { 0 }, percent = bounds[_i].percent;
	struct pool *p = new_pool(bounds[_i].policy), *unbounded;

	decide_world_init(&free_world, cfg, PLAIN);
	unbounded = world_pool_of(&free_world, "b");
	for (unsigned i = 0; i < 3000; i++) {
		char text[32];
		/* Half of all clients want the same server. */
		struct pick pick = { .key = i % 2 ? STR("device-0001") : numbered((int)i, text) };
		unsigned most = ((i + 1) * percent + 100 * N - 1) / (100 * N), server;
		struct ranking wanted;

		server = world_choose(p, &pick);
		load[server]++;
		ck_assert_uint_le(load[server], most);
		pool_rank(unbounded, &pick, &wanted);
		for (int j = 0; j < RANKED && wanted.server[j] != server; j++)
			ck_assert_uint_ge(load[wanted.server[j]], most);
	}
	decide_world_fini(&free_world);
	decide_world_fini(&world);
}
END_TEST

/* With room for all it is the plain ranking. */
START_TEST(test_bound_not_reached)
{
	struct pool *p = new_pool(BOUNDED("10"));

	for (unsigned s = 0; s < N; s++)
		world_report(p, s, SERVER_UP, 1, 1000);
	for (int i = 0; i < N_ROWS(rows); i++) {
		struct ranking r;

		pool_rank(p, &(struct pick){ .key = rows[i].key }, &r);
		ck_assert_mem_eq(r.server, rows[i].ranking, sizeof(r.server));
	}
	decide_world_fini(&world);
}
END_TEST

/* The one above the bound is last, not away. */
START_TEST(test_full_goes_behind)
{
	char emqx1[] = "emqx1", m4[] = "m4";
	char *names[] = { emqx1, m4 };
	struct pick pick = { .key = STR("device-0001"), .subset = names, .n_subset = 2 };
	struct pool *p = new_pool(BOUNDED("1.25"));
	struct ranking r;

	world_report(p, 0, SERVER_UP, 1, 100);
	pool_rank(p, &pick, &r);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_uint_eq(r.server[0], 3);
	ck_assert_uint_eq(r.server[1], 0);
	/* The mean is that of the servers in question. */
	world_report(p, 3, SERVER_UP, 1, 100);
	world_report(p, 1, SERVER_UP, 1, 100000);
	pool_rank(p, &pick, &r);
	ck_assert_uint_eq(r.server[0], 0);
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("balance rendezvous");
	TCase *tcase = tcase_create("rendezvous");

	tcase_add_loop_test(tcase, test_ranking, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_other_order);
	tcase_add_test(tcase, test_shares);
	tcase_add_test(tcase, test_only_its_own_move);
	tcase_add_test(tcase, test_weights);
	tcase_add_test(tcase, test_no_key);
	tcase_add_loop_test(tcase, test_bounded_load, 0, N_ROWS(bounds));
	tcase_add_test(tcase, test_bound_not_reached);
	tcase_add_test(tcase, test_full_goes_behind);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
