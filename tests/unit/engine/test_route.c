/* route_ask(): decided, applied, counted; by several workers at once as well. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/engine/route.h"
#include "tests/unit/run.h"

static const char cfg[] = "defaults\n\tmode tcp\n\ttimeout connect 1s\n\ttimeout client 1s\n"
			  "\ttimeout server 1s\n"
			  "frontend mqtt\n\tbind 127.0.0.1:1883\n\tdefault_backend brokers\n"
			  "backend brokers\n\tbalance roundrobin\n\tserver s1 127.0.0.1:1\n"
			  "\tserver s2 127.0.0.1:2\n\tserver s3 127.0.0.1:3\n";
static const char policy[] =
	"{\"rules\": [{\"name\": \"no\", \"if\": {\"client_id\": \"bad\"}, \"reject\": \"banned\"},"
	"{\"name\": \"pin\", \"if\": {\"client_id\": \"lab\"}, \"server\": \"s3\"}],"
	"\"tenant_from\": [{\"client_id\": \"^(?<tenant>[a-z]+)-\"}], \"tenants\": {\"acme\": {}}}";

enum { N_WORKERS = 4, N_CLIENTS = 20000 };

static struct engine *engine;
static struct world *world;
static struct worker *workers[N_WORKERS];
static struct counters counters[N_WORKERS];

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void
set_up(void)
{
	struct world_files files = { { "haproxy.cfg" }, 1, "usher.json" };
	char dir[] = "/tmp/usher-test-XXXXXX";
	struct report report;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	write_file("haproxy.cfg", cfg);
	write_file("usher.json", policy);
	report_init(&report);
	engine = engine_new();
	world = world_load(engine, &files, NULL, &report);
	ck_assert_ptr_nonnull(world);
	report_fini(&report);
	unlink("haproxy.cfg");
	unlink("usher.json");
	rmdir(dir);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		workers[i] = worker_new(i);
		workers[i]->counters = &counters[i];
	}
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < N_WORKERS; i++)
		worker_free(workers[i]);
	world_unref(world);
	engine_free(engine);
}

static void
ask(struct worker *w, const char *id, struct verdict *v)
{
	struct facts facts = { 0 };

	facts_set_str(&facts, FACT_CLIENT_ID, str_of(id));
	facts_set_str(&facts, FACT_FRONTEND, STR("mqtt"));
	route_ask(w, world, &facts, v);
}

START_TEST(test_counted)
{
	static const struct {
		const char *id;
		enum counter by;
	} clients[] = {
		{ "x", COUNTER_BY_ALGORITHM }, { "x", COUNTER_BY_STICKY },
		{ "lab", COUNTER_BY_RULE },    { "x", COUNTER_BY_STICKY },
		{ "bad", COUNTER_REJECTED },
	};
	uint64_t decisions = 0;
	struct verdict v;

	for (int i = 0; i < N_ROWS(clients); i++) {
		uint64_t before = counters[0].value[clients[i].by];

		ask(workers[0], clients[i].id, &v);
		ck_assert_uint_eq(counters[0].value[clients[i].by], before + 1);
	}
	ck_assert_uint_eq(counters[0].value[COUNTER_ACCEPTED], 4);
	ck_assert_uint_eq(counters[0].refusals[REFUSAL_BANNED], 1);
	for (int i = 0; i <= N_LATENCIES; i++)
		decisions += counters[0].latencies[i];
	ck_assert_uint_eq(decisions, 5);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) &&                                                              \
	!defined(__SANITIZE_THREAD__) /* they have a malloc of their own */

void *__libc_malloc(size_t n);
void *malloc(size_t n);

static _Atomic unsigned n_mallocs;

/* Every allocation of this program, the C library's included. */
void *
malloc(size_t n)
{
	n_mallocs++;
	return __libc_malloc(n);
}

/* Rules, a tenant's pattern, rates, the sticky table: of a known client none of it takes memory. */
START_TEST(test_no_memory_for_a_known_client)
{
	static const char *const ids[] = { "x", "acme-1", "lab", "bad" };
	void *volatile block;
	struct verdict v;
	unsigned before;

	for (int i = 0; i < N_ROWS(ids); i++)
		ask(workers[0], ids[i], &v);
	before = n_mallocs;
	for (int i = 0; i < 1000; i++)
		ask(workers[0], ids[i % N_ROWS(ids)], &v);
	ck_assert_uint_eq(n_mallocs, before);
	free(block = malloc(1));	      /* a variable, or the compiler leaves both away */
	ck_assert_uint_gt(n_mallocs, before); /* it would have been seen */
}
END_TEST
#endif

static pthread_barrier_t at_once;
static uint16_t went_to[N_WORKERS][N_CLIENTS];

static void *
connect_all(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(&at_once);
	for (int i = 0; i < N_CLIENTS; i++) {
		struct verdict v;
		char id[24];

		snprintf(id, sizeof(id), "device-%d", i);
		ask(w, id, &v);
		went_to[w->index][i] = v.ranking.server[0];
	}
	return NULL;
}

/*
 * The same clients, at the same time, at every worker: all of them send a client to the same
 * server, and the servers share the clients evenly.
 */
START_TEST(test_workers_agree)
{
	pthread_t threads[N_WORKERS];
	struct counters sum = { 0 };
	int counts[3] = { 0 };

	pthread_barrier_init(&at_once, NULL, N_WORKERS);
	for (int i = 0; i < N_WORKERS; i++)
		pthread_create(&threads[i], NULL, connect_all, workers[i]);
	for (int i = 0; i < N_WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_CLIENTS; i++) {
		for (int w = 1; w < N_WORKERS; w++)
			ck_assert_uint_eq(went_to[w][i], went_to[0][i]);
		counts[went_to[0][i]]++;
	}
	/* A turn is lost when two workers place one client at once; few are. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(counts[i], N_CLIENTS * 30 / 100);
	counters_sum(counters, N_WORKERS, &sum);
	ck_assert_uint_eq(sum.value[COUNTER_ACCEPTED], N_WORKERS * N_CLIENTS);
	/* Now and then two choose at once, and the same. */
	ck_assert_uint_ge(sum.value[COUNTER_BY_ALGORITHM], N_CLIENTS);
	ck_assert_uint_le(sum.value[COUNTER_BY_ALGORITHM], N_CLIENTS + N_CLIENTS / 20);
	ck_assert_uint_eq(sum.value[COUNTER_BY_ALGORITHM] + sum.value[COUNTER_BY_STICKY],
			  N_WORKERS * N_CLIENTS);
	ck_assert_uint_eq(stick_table_stats(world->env.table).entries, N_CLIENTS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("route");
	TCase *tcase = tcase_create("route");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_counted);
	tcase_add_test(tcase, test_workers_agree);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tcase, test_no_memory_for_a_known_client);
#endif
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
