/* A pool: what is reported of its servers, who may be found, whose turn stands. */
#include <stdio.h>

#include "tests/unit/core/decide_world.h"
#include "tests/unit/run.h"

static const char cfg[] = "backend b\n"
			  "\tserver s0 127.0.0.1:1\n"
			  "\tserver s1 127.0.0.1:2 weight 7\n"
			  "\tserver off 127.0.0.1:3 disabled\n"
			  "\tserver light 127.0.0.1:4 weight 0\n"
			  "\tserver spare 127.0.0.1:5 backup\n";

static struct decide_world world;

static struct pool *
new_pool(void)
{
	decide_world_init(&world, cfg, "{}");
	return world_pool_of(&world, "b");
}

START_TEST(test_as_the_file_has_it)
{
	struct pool *p = new_pool();

	ck_assert_str_eq(pool_backend(p)->name, "b");
	ck_assert_int_eq(pool_balance(p), BALANCE_ROUNDROBIN);
	ck_assert_int_eq(pool_server(p, 0).status, SERVER_UP);
	ck_assert_uint_eq(pool_server(p, 1).weight, 7);
	ck_assert_int_eq(pool_server(p, 2).status, SERVER_MAINT);
	ck_assert_int_eq(pool_server(p, 3).status, SERVER_DRAIN);
	ck_assert_int_eq(pool_server(p, 4).status, SERVER_UP);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(pool_target(p, i), i + 1);
		ck_assert_uint_eq(pool_server(p, i).sessions, 0);
		ck_assert_uint_eq(pool_decided(p, i), 0);
	}
	decide_world_fini(&world);
}
END_TEST

static const struct {
	const char *name;
	struct server_report report;
	bool changed;
	enum server_status status;
	bool may_take; /* a sticky client */
} reports[] = {
	{ "no news", { SERVER_UP, 1, 0 }, false, SERVER_UP, true },
	{ "sessions are no change", { SERVER_UP, 1, 55 }, false, SERVER_UP, true },
	{ "another weight", { SERVER_UP, 2, 0 }, true, SERVER_UP, true },
	{ "weight 0 is drain", { SERVER_UP, 0, 0 }, true, SERVER_DRAIN, false },
	{ "drain", { SERVER_DRAIN, 1, 0 }, true, SERVER_DRAIN, false },
	{ "down", { SERVER_DOWN, 1, 0 }, true, SERVER_DOWN, false },
	{ "down with weight 0", { SERVER_DOWN, 0, 0 }, true, SERVER_DOWN, false },
	{ "maintenance", { SERVER_MAINT, 1, 0 }, true, SERVER_MAINT, false },
};

START_TEST(test_report)
{
	struct pool *p = new_pool();
	const struct server_report *report = &reports[_i].report;
	unsigned server = 99;

	ck_assert_int_eq(pool_set_state(p, 0, report->status, report->weight), reports[_i].changed);
	pool_set_sessions(p, 0, report->sessions, 0);
	ck_assert_int_eq(pool_server(p, 0).status, reports[_i].status);
	ck_assert_uint_eq(pool_server(p, 0).weight, report->weight);
	ck_assert_uint_eq(pool_server(p, 0).sessions, report->sessions);
	ck_assert_int_eq(pool_find(p, 1, &(struct pick){ 0 }, &server), reports[_i].may_take);
	if (reports[_i].may_take)
		ck_assert_uint_eq(server, 0);
	/* The same once more is no news. */
	ck_assert(!pool_set_state(p, 0, report->status, report->weight));
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_find)
{
	char s1[] = "s1", spare[] = "spare";
	char *names[] = { s1, spare };
	struct pick subset = { .subset = names, .n_subset = 2 };
	struct pool *p = new_pool();
	unsigned server;

	ck_assert(pool_find(p, 2, &(struct pick){ 0 }, &server) && server == 1);
	ck_assert(!pool_find(p, 3, &(struct pick){ 0 }, &server));
	ck_assert(!pool_find(p, 4, &(struct pick){ 0 }, &server));
	/* A client that a backup took in stays there. */
	ck_assert(pool_find(p, 5, &(struct pick){ 0 }, &server) && server == 4);
	ck_assert(!pool_find(p, 6, &(struct pick){ 0 }, &server));
	ck_assert(!pool_find(p, STICK_NO_TARGET, &(struct pick){ 0 }, &server));
	ck_assert(!pool_find(p, 1, &subset, &server));
	ck_assert(pool_find(p, 2, &subset, &server) && server == 1);
	ck_assert(pool_find(p, 5, &subset, &server) && server == 4);
	decide_world_fini(&world);
}
END_TEST

/* Two decisions at once: the second is out of date, and has changed nothing. */
START_TEST(test_commit)
{
	struct pool *p = new_pool();
	struct ranking one, two, again;

	pool_rank(p, &(struct pick){ 0 }, &one);
	pool_rank(p, &(struct pick){ 0 }, &two);
	ck_assert_uint_eq(one.server[0], two.server[0]);
	ck_assert(pool_commit(p, &one, &(bool){ false }));
	ck_assert(!pool_commit(p, &two, &(bool){ false }));
	ck_assert_uint_eq(pool_decided(p, one.server[0]), 1);
	pool_rank(p, &(struct pick){ 0 }, &again);
	ck_assert_uint_ne(again.server[0], one.server[0]);
	ck_assert(pool_commit(p, &again, &(bool){ false }));
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_count_is_no_turn)
{
	struct pool *p = new_pool();
	struct ranking before, after;

	pool_rank(p, &(struct pick){ 0 }, &before);
	for (int i = 0; i < 100; i++)
		pool_count(p, before.server[0]);
	ck_assert_uint_eq(pool_decided(p, before.server[0]), 100);
	pool_rank(p, &(struct pick){ 0 }, &after);
	ck_assert_uint_eq(after.server[0], before.server[0]);
	ck_assert(pool_commit(p, &before, &(bool){ false }));
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_rank_reads_only)
{
	struct pool *p = new_pool();
	struct ranking first, r;

	pool_rank(p, &(struct pick){ 0 }, &first);
	for (int i = 0; i < 100; i++) {
		pool_rank(p, &(struct pick){ 0 }, &r);
		ck_assert_mem_eq(r.server, first.server, sizeof(r.server));
		ck_assert_uint_eq(r.version, first.version);
	}
	for (unsigned s = 0; s < 5; s++)
		ck_assert_uint_eq(pool_decided(p, s), 0);
	decide_world_fini(&world);
}
END_TEST

/* A reload: another order, one server more, one less, one with another word in the file. */
START_TEST(test_inherit)
{
	static const char next[] = "backend b\n"
				   "\tserver new 127.0.0.1:9\n"
				   "\tserver s1 127.0.0.1:2 weight 3\n"
				   "\tserver s0 127.0.0.1:1\n"
				   "\tserver off 127.0.0.1:3\n"
				   "\tserver light 127.0.0.1:4 weight 4\n"
				   "\tserver spare 127.0.0.1:5 backup disabled\n";
	static struct decide_world second;
	struct pool *p = new_pool(), *q;

	world_report(p, 0, SERVER_DOWN, 2, 11);
	world_report(p, 1, SERVER_UP, 9, 12);
	world_report(p, 2, SERVER_MAINT, 1, 0);
	world_report(p, 3, SERVER_UP, 0, 0);
	pool_count(p, 0);
	decide_world_init(&second, next, "{}");
	q = world_pool_of(&second, "b");
	pool_inherit(q, p);

	ck_assert_int_eq(pool_server(q, 0).status, SERVER_UP);
	ck_assert_uint_eq(pool_server(q, 0).sessions, 0);
	/* What was reported stays, unless the file says something new. */
	ck_assert_int_eq(pool_server(q, 2).status, SERVER_DOWN);
	ck_assert_uint_eq(pool_server(q, 2).weight, 2);
	ck_assert_uint_eq(pool_server(q, 2).sessions, 11);
	ck_assert_uint_eq(pool_decided(q, 2), 1);
	ck_assert_uint_eq(pool_server(q, 1).weight, 3);
	ck_assert_uint_eq(pool_server(q, 1).sessions, 12);
	ck_assert_int_eq(pool_server(q, 3).status, SERVER_UP);
	ck_assert_int_eq(pool_server(q, 4).status, SERVER_UP);
	ck_assert_uint_eq(pool_server(q, 4).weight, 4);
	ck_assert_int_eq(pool_server(q, 5).status, SERVER_MAINT);
	decide_world_fini(&second);
	decide_world_fini(&world);
}
END_TEST

/* Turns go on where they were, so that a reload is no new beginning for the first server. */
START_TEST(test_inherit_turns)
{
	static const char three[] = "backend b\n\tserver s0 127.0.0.1:1\n"
				    "\tserver s1 127.0.0.1:2\n\tserver s2 127.0.0.1:3\n";
	static struct decide_world second;
	struct pool *q;
	unsigned counts[3] = { 0 };

	decide_world_init(&world, three, "{}");
	for (unsigned i = 0; i < 100; i++)
		world_choose(world_pool_of(&world, "b"), &(struct pick){ 0 });
	decide_world_init(&second, three, "{}");
	q = world_pool_of(&second, "b");
	pool_inherit(q, world_pool_of(&world, "b"));
	for (unsigned i = 100; i < 200; i++)
		ck_assert_uint_eq(world_choose(q, &(struct pick){ 0 }), i % 3);
	for (unsigned i = 0; i < 3; i++)
		counts[i] = (unsigned)pool_decided(q, i);
	ck_assert_uint_eq(counts[0] + counts[1] + counts[2], 200);
	decide_world_fini(&second);
	decide_world_fini(&world);
}
END_TEST

START_TEST(test_no_servers)
{
	struct pool *p;
	unsigned server;

	decide_world_init(&world, "backend b\n", "{}");
	p = world_pool_of(&world, "b");
	ck_assert(world_has_none(p, &(struct pick){ 0 }));
	ck_assert(!pool_find(p, 1, &(struct pick){ 0 }, &server));
	decide_world_fini(&world);
}
END_TEST

/* ---- where usher carries the sessions itself ------------------------------------------------- */

enum { PLACES = 3 };

static struct backend_load backend_load;
static struct server_load loads[PLACES];

/* A pool of its own with these servers; the world lends it its topology. */
static struct pool *
new_carried_pool(const char *text)
{
	struct server_load *each[PLACES] = { &loads[0], &loads[1], &loads[2] };
	const uint32_t targets[PLACES] = { 1, 2, 3 };
	const struct proxy *backend;
	struct pool *p;

	decide_world_init(&world, text, "{}");
	backend = topology_backend(&world.topology, STR("b"));
	backend_load_init(&backend_load);
	for (int i = 0; i < PLACES; i++)
		server_load_init(&loads[i], &backend_load);
	p = pool_new(backend, backend->balance, 0, targets, each);
	pool_begin(p);
	return p;
}

static void
free_carried_pool(struct pool *p)
{
	pool_free(p);
	decide_world_fini(&world);
}

static unsigned
send_one(struct pool *p, const struct pick *pick, bool *has_place)
{
	struct ranking r;

	pool_rank(p, pick, &r);
	ck_assert_uint_gt(r.n, 0);
	ck_assert(pool_commit(p, &r, has_place));
	return r.server[0];
}

static const struct {
	const char *name, *cfg;
	int sent[PLACES]; /* of five */
	bool full_then;
} carried[] = {
	{ "a full one is passed over",
	  "backend b\n server a 127.0.0.1:1 maxconn 1\n server b 127.0.0.1:2\n"
	  " server c 127.0.0.1:3 maxconn 1\n",
	  { 1, 3, 1 },
	  false },
	{ "leastconn, too",
	  "backend b\n balance leastconn\n server a 127.0.0.1:1 maxconn 1\n"
	  " server b 127.0.0.1:2\n server c 127.0.0.1:3 maxconn 1\n",
	  { 1, 3, 1 },
	  false },
	{ "all of them full",
	  "backend b\n server a 127.0.0.1:1 maxconn 2\n server b 127.0.0.1:2 maxconn 2\n"
	  " server c 127.0.0.1:3 maxconn 1\n",
	  { 2, 2, 1 },
	  true },
	{ "backups stay out while an active one may take clients, even if it is full",
	  "backend b\n server a 127.0.0.1:1 maxconn 5\n server b 127.0.0.1:2 backup\n"
	  " server c 127.0.0.1:3 disabled\n",
	  { 5, 0, 0 },
	  true },
	{ "the first backup alone",
	  "backend b\n server a 127.0.0.1:1 disabled\n server b 127.0.0.1:2 backup\n"
	  " server c 127.0.0.1:3 backup\n",
	  { 0, 5, 0 },
	  false },
	{ "option allbackups",
	  "backend b\n option allbackups\n server a 127.0.0.1:1 disabled\n"
	  " server b 127.0.0.1:2 backup\n server c 127.0.0.1:3 backup maxconn 2\n",
	  { 0, 3, 2 },
	  false },
	{ "a name that nobody has resolved",
	  "backend b\n server a one.example:1\n server b 127.0.0.1:2\n"
	  " server c 127.0.0.1:3 weight 0\n",
	  { 0, 5, 0 },
	  false },
};

START_TEST(test_places)
{
	struct pool *p = new_carried_pool(carried[_i].cfg);
	int sent[PLACES] = { 0 };
	struct ranking r;
	bool has_place;

	for (int i = 0; i < 5; i++) {
		sent[send_one(p, &(struct pick){ 0 }, &has_place)]++;
		ck_assert(has_place);
	}
	for (int i = 0; i < PLACES; i++) {
		ck_assert_int_eq(sent[i], carried[_i].sent[i]);
		ck_assert_uint_eq(pool_server(p, (unsigned)i).sessions, (unsigned)sent[i]);
	}
	pool_rank(p, &(struct pick){ 0 }, &r);
	ck_assert(r.is_full == carried[_i].full_then);
	ck_assert((r.n == 0) == carried[_i].full_then);
	free_carried_pool(p);
}
END_TEST

/*
 * While new clients are HAProxy's, verdicts take no places and ask for none, and a name is
 * HAProxy's to look up; what HAProxy reported and what usher carries itself count together.
 */
START_TEST(test_haproxys)
{
	struct pool *p =
		new_carried_pool("backend b\n balance leastconn\n"
				 " server a one.example:1 maxconn 1\n"
				 " server b 127.0.0.1:2\n server c 127.0.0.1:3 disabled\n");
	_Atomic bool is_haproxys = true;
	bool has_place;

	backend_load.is_haproxys = &is_haproxys;
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), (unsigned)i % 2);
		ck_assert(!has_place);
	}
	pool_set_sessions(p, 1, 5, pool_decided(p, 1));
	ck_assert(load_enter(&loads[1]));
	ck_assert_uint_eq(pool_server(p, 1).sessions, 6);
	for (int i = 0; i < 4; i++) /* 2 of 7 with the first, 6 with the second */
		ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), 0);

	is_haproxys = false;
	pool_forget_sessions(p);
	ck_assert_uint_eq(pool_server(p, 1).sessions, 1);
	ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), 1); /* a has no address */
	ck_assert(has_place);
	ck_assert_uint_eq(pool_server(p, 1).sessions, 2);
	free_carried_pool(p);
}
END_TEST

/* The map has one server for each client: it waits for it, and no other takes it. */
START_TEST(test_source_waits)
{
	struct pool *p = new_carried_pool("backend b\n balance source\n"
					  " server a 127.0.0.1:1 maxconn 1\n"
					  " server b 127.0.0.1:2\n server c 127.0.0.1:3\n");
	struct ip source;
	bool has_place;

	ck_assert(ip_parse(STR("0.0.0.3"), &source));
	ck_assert_uint_eq(send_one(p, &(struct pick){ .source = &source }, &has_place), 0);
	ck_assert(has_place);
	ck_assert_uint_eq(send_one(p, &(struct pick){ .source = &source }, &has_place), 0);
	ck_assert(!has_place);
	free_carried_pool(p);
}
END_TEST

/* One that was tried is not chosen again; a server without sessions comes first, as in HAProxy. */
START_TEST(test_avoided_and_idle)
{
	struct pool *p = new_carried_pool("backend b\n balance leastconn\n"
					  " server a 127.0.0.1:1 weight 100\n"
					  " server b 127.0.0.1:2 weight 1\n"
					  " server c 127.0.0.1:3 weight 100\n");
	uint16_t tried[] = { 0, 2 };
	bool has_place;

	ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), 0);
	ck_assert_uint_eq(send_one(p, &(struct pick){ .avoid = tried, .n_avoid = 2 }, &has_place),
			  1);
	load_leave(&loads[1]);
	ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), 2);
	ck_assert_uint_eq(send_one(p, &(struct pick){ 0 }, &has_place), 1);
	free_carried_pool(p);
}
END_TEST

START_TEST(test_addresses)
{
	struct pool *p = new_carried_pool("backend b\n server a one.example:1\n"
					  " server b 127.0.0.1:2\n server c 127.0.0.1:3\n");
	struct addr a, b;

	ck_assert(!pool_addr(p, 0, &a));
	ck_assert(!pool_is_usable(p, 0, &(struct pick){ 0 }));
	ck_assert(atomic_load(&loads[0].is_closed));
	ck_assert_int_eq(addr_parse(STR("127.0.0.9:1"), true, &a), ADDR_OK);
	ck_assert(pool_set_addr(p, 0, &a));
	ck_assert(!pool_set_addr(p, 0, &a));
	ck_assert(pool_addr(p, 0, &b));
	ck_assert_mem_eq(&a.sa, &b.sa, a.len);
	ck_assert(pool_is_usable(p, 0, &(struct pick){ 0 }));
	ck_assert(!atomic_load(&loads[0].is_closed));
	(void)pool_set_state(p, 0, SERVER_DOWN, 1);
	ck_assert(atomic_load(&loads[0].is_closed));
	free_carried_pool(p);
}
END_TEST

START_TEST(test_names)
{
	ck_assert_str_eq(server_status_name(SERVER_UP), "up");
	ck_assert_str_eq(server_status_name(SERVER_DOWN), "down");
	ck_assert_str_eq(server_status_name(SERVER_MAINT), "maint");
	ck_assert_str_eq(server_status_name(SERVER_DRAIN), "drain");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tcase = tcase_create("pool");

	tcase_add_test(tcase, test_as_the_file_has_it);
	tcase_add_loop_test(tcase, test_report, 0, N_ROWS(reports));
	tcase_add_test(tcase, test_find);
	tcase_add_test(tcase, test_commit);
	tcase_add_test(tcase, test_count_is_no_turn);
	tcase_add_test(tcase, test_rank_reads_only);
	tcase_add_test(tcase, test_inherit);
	tcase_add_test(tcase, test_inherit_turns);
	tcase_add_test(tcase, test_no_servers);
	tcase_add_test(tcase, test_haproxys);
	tcase_add_loop_test(tcase, test_places, 0, N_ROWS(carried));
	tcase_add_test(tcase, test_source_waits);
	tcase_add_test(tcase, test_avoided_and_idle);
	tcase_add_test(tcase, test_addresses);
	tcase_add_test(tcase, test_names);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
