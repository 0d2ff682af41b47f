/* Round robin: the turns are exact, and nobody catches up on those it missed. */
#include <stdio.h>

#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static struct decide_world world;

static struct pool *
pool_with(const char *servers)
{
	char cfg[2048];

	snprintf(cfg, sizeof(cfg), "backend b\n\tbalance roundrobin\n%s", servers);
	decide_world_init(&world, cfg, "{}");
	return world_pool_of(&world, "b");
}

static const struct {
	const char *name, *servers;
	int rounds, clients; /* of each round */
	int counts[4];	     /* in each round */
} rows[] = {
	{ "three equals, ten clients",
	  "server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c 127.0.0.1:3\n",
	  1,
	  10,
	  { 4, 3, 3 } },
	{ "three equals, whole rounds",
	  "server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c 127.0.0.1:3\n",
	  10,
	  3,
	  { 1, 1, 1 } },
	{ "5/2/3",
	  "server a 127.0.0.1:1 weight 5\nserver b 127.0.0.1:2 weight 2\nserver c 127.0.0.1:3 "
	  "weight 3\n",
	  50,
	  10,
	  { 5, 2, 3 } },
	{ "1/256",
	  "server a 127.0.0.1:1 weight 1\nserver b 127.0.0.1:2 weight 256\n",
	  4,
	  257,
	  { 1, 256 } },
	{ "7/7/7",
	  "server a 127.0.0.1:1 weight 7\nserver b 127.0.0.1:2 weight 7\nserver c 127.0.0.1:3 "
	  "weight 7\n",
	  30,
	  3,
	  { 1, 1, 1 } },
	{ "weight 0",
	  "server a 127.0.0.1:1\nserver b 127.0.0.1:2 weight 0\nserver c 127.0.0.1:3\n",
	  10,
	  2,
	  { 1, 0, 1 } },
	{ "disabled",
	  "server a 127.0.0.1:1\nserver b 127.0.0.1:2 disabled\nserver c 127.0.0.1:3\n",
	  10,
	  2,
	  { 1, 0, 1 } },
	{ "backup",
	  "server a 127.0.0.1:1\nserver b 127.0.0.1:2 backup\nserver c 127.0.0.1:3\n",
	  10,
	  2,
	  { 1, 0, 1 } },
	{ "backups only: the first",
	  "server a 127.0.0.1:1 disabled\nserver b 127.0.0.1:2 backup\nserver c 127.0.0.1:3 "
	  "backup\n",
	  10,
	  2,
	  { 0, 2, 0 } },
	{ "a backup in maintenance is none",
	  "server a 127.0.0.1:1 disabled\nserver b 127.0.0.1:2 backup disabled\nserver c "
	  "127.0.0.1:3 backup\n",
	  10,
	  2,
	  { 0, 0, 2 } },
};

START_TEST(test_counts)
{
	struct pool *p = pool_with(rows[_i].servers);

	for (int round = 0; round < rows[_i].rounds; round++) {
		int counts[4] = { 0 };

		for (int i = 0; i < rows[_i].clients; i++)
			counts[world_choose(p, &(struct pick){ 0 })]++;
		for (int i = 0; i < 4; i++)
			ck_assert_msg(counts[i] == rows[_i].counts[i], "%s: server %d has %d",
				      rows[_i].name, i, counts[i]);
	}
	decide_world_fini(&world);
}
END_TEST

/* Equal weights take turns in the order of the file. */
START_TEST(test_file_order)
{
	struct pool *p =
		pool_with("server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c 127.0.0.1:3\n");

	for (int i = 0; i < 30; i++)
		ck_assert_uint_eq(world_choose(p, &(struct pick){ 0 }), (unsigned)i % 3);
	decide_world_fini(&world);
}
END_TEST

/* Weights 5/2/3: never far from its share on the way either. */
START_TEST(test_smooth)
{
	static const int weights[] = { 5, 2, 3 };
	struct pool *p = pool_with("server a 127.0.0.1:1 weight 5\nserver b 127.0.0.1:2 weight "
				   "2\nserver c 127.0.0.1:3 weight 3\n");
	int counts[3] = { 0 };

	for (int n = 1; n <= 200; n++) {
		counts[world_choose(p, &(struct pick){ 0 })]++;
		for (int i = 0; i < 3; i++)
			ck_assert_int_le(abs(10 * counts[i] - n * weights[i]), 10);
	}
	decide_world_fini(&world);
}
END_TEST

/* The ranking names three different servers, the next in turn behind the first. */
START_TEST(test_ranking)
{
	struct pool *p = pool_with("server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c "
				   "127.0.0.1:3\nserver d 127.0.0.1:4\n");
	static const unsigned expected[][RANKED] = {
		{ 0, 1, 2 }, { 1, 2, 3 }, { 2, 3, 0 }, { 3, 0, 1 }, { 0, 1, 2 },
	};

	for (int i = 0; i < N_ROWS(expected); i++) {
		struct ranking r;

		pool_rank(p, &(struct pick){ 0 }, &r);
		ck_assert_uint_eq(r.n, RANKED);
		for (int j = 0; j < RANKED; j++)
			ck_assert_uint_eq(r.server[j], expected[i][j]);
		ck_assert(pool_commit(p, &r, &(bool){ false }));
	}
	decide_world_fini(&world);
}
END_TEST

/* Away for a thousand clients, back: its share again, not a thousand at once. */
START_TEST(test_no_catching_up)
{
	struct pool *p =
		pool_with("server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c 127.0.0.1:3\n");
	int in_a_row = 0, most = 0, counts[3] = { 0 };

	world_status(p, 1, _i ? SERVER_DRAIN : SERVER_DOWN);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_ne(world_choose(p, &(struct pick){ 0 }), 1);
	world_status(p, 1, SERVER_UP);
	for (int i = 0; i < 30; i++) {
		unsigned server = world_choose(p, &(struct pick){ 0 });

		counts[server]++;
		in_a_row = server == 1 ? in_a_row + 1 : 0;
		most = in_a_row > most ? in_a_row : most;
	}
	ck_assert_int_le(most, 2);
	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(counts[i], 9);
	decide_world_fini(&world);
}
END_TEST

/* Nor does one that starves pay later: a's turns are its own when b comes late. */
START_TEST(test_weight_changes)
{
	struct pool *p = pool_with("server a 127.0.0.1:1\nserver b 127.0.0.1:2\n");
	int counts[2] = { 0 };

	for (int i = 0; i < 100; i++)
		world_choose(p, &(struct pick){ 0 });
	world_report(p, 0, SERVER_UP, 3, 0);
	for (int i = 0; i < 400; i++)
		counts[world_choose(p, &(struct pick){ 0 })]++;
	ck_assert_int_ge(counts[0], 298);
	ck_assert_int_le(counts[0], 302);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_subset)
{
	char a[] = "a", c[] = "c", d[] = "d", nobody[] = "nobody";
	char *names[] = { c, a, nobody };
	struct pick pick = { .subset = names, .n_subset = 3 };
	struct pool *p = pool_with("server a 127.0.0.1:1\nserver b 127.0.0.1:2\nserver c "
				   "127.0.0.1:3\nserver d 127.0.0.1:4 backup\n");
	int counts[4] = { 0 };

	for (int i = 0; i < 100; i++)
		counts[world_choose(p, &pick)]++;
	ck_assert_int_eq(counts[0], 50);
	ck_assert_int_eq(counts[2], 50);
	/* The others have had all the turns they need by now, but none is due in the past. */
	counts[1] = 0;
	for (int i = 0; i < 9; i++)
		counts[world_choose(p, &(struct pick){ 0 })]++;
	ck_assert_int_le(counts[1], 4);
	world_status(p, 0, SERVER_MAINT);
	world_status(p, 2, SERVER_DOWN);
	ck_assert(world_has_none(p, &pick));
	names[2] = d;
	ck_assert_uint_eq(world_choose(p, &pick), 3);
	decide_world_fini(&world);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("balance roundrobin");
	TCase *tcase = tcase_create("roundrobin");

	tcase_add_loop_test(tcase, test_counts, 0, N_ROWS(rows));
	tcase_add_test(tcase, test_file_order);
	tcase_add_test(tcase, test_smooth);
	tcase_add_test(tcase, test_ranking);
	tcase_add_loop_test(tcase, test_no_catching_up, 0, 2);
	tcase_add_test(tcase, test_weight_changes);
	tcase_add_test(tcase, test_subset);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
