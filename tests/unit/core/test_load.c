/* Places: who gets one, who waits, and that nobody waits beside a free one. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "agent/core/decide/load.h"
#include "tests/unit/run.h"

enum { SERVERS = 3 };

static struct backend_load backend;
static struct server_load servers[SERVERS];

static void
make(uint32_t maxconn)
{
	backend_load_init(&backend);
	for (int i = 0; i < SERVERS; i++) {
		server_load_init(&servers[i], &backend);
		atomic_store(&servers[i].maxconn, maxconn);
	}
}

static _Atomic unsigned n_woken;

static void
wake(struct waiter *w)
{
	atomic_fetch_add(&n_woken, 1);
}

/* Waits for servers first..last. */
static struct waiter *
new_waiter(int first, int last)
{
	unsigned n = (unsigned)(last - first + 1);
	struct waiter *w = calloc(1, sizeof(*w) + n * sizeof(w->wanted[0]));

	list_init(&w->list);
	w->wake = wake;
	w->n_wanted = (uint16_t)n;
	w->is_pinned = n == 1;
	for (unsigned i = 0; i < n; i++)
		w->wanted[i] = &servers[first + (int)i];
	load_wait(&backend, w);
	return w;
}

START_TEST(test_places)
{
	make(2);
	ck_assert(load_has_room(&servers[0]));
	ck_assert(load_enter(&servers[0]));
	ck_assert(load_enter(&servers[0]));
	ck_assert(!load_has_room(&servers[0]));
	ck_assert(!load_enter(&servers[0]));
	ck_assert_uint_eq(atomic_load(&servers[0].n_sessions), 2);
	ck_assert_uint_eq(atomic_load(&backend.n_sessions), 2);
	load_leave(&servers[0]);
	ck_assert(load_enter(&servers[0]));
}
END_TEST

START_TEST(test_no_limit)
{
	make(0);
	for (int i = 0; i < 1000; i++)
		ck_assert(load_enter(&servers[0]));
	ck_assert(load_has_room(&servers[0]));
}
END_TEST

/* The longest wait first, and only those who want that server. */
START_TEST(test_who_is_served)
{
	struct waiter *other, *first, *any;

	make(1);
	for (int i = 0; i < SERVERS; i++)
		ck_assert(load_enter(&servers[i]));
	other = new_waiter(1, 1);
	first = new_waiter(0, 0);
	any = new_waiter(0, SERVERS - 1);
	ck_assert_uint_eq(atomic_load(&servers[0].n_waiting), 1);
	ck_assert_uint_eq(atomic_load(&backend.n_waiting), 3);
	atomic_store(&n_woken, 0);
	load_leave(&servers[0]);
	ck_assert_ptr_eq(first->granted, &servers[0]);
	ck_assert(!first->waits);
	ck_assert(!load_has_room(&servers[0]));
	load_leave(&servers[0]);
	ck_assert_ptr_eq(any->granted, &servers[0]);
	ck_assert_ptr_eq(other->granted, NULL);
	ck_assert_uint_eq(atomic_load(&n_woken), 2);
	load_leave(&servers[2]);
	ck_assert_uint_eq(atomic_load(&n_woken), 2);
	ck_assert(load_give_up(&backend, other));
	ck_assert(!load_give_up(&backend, first));
	ck_assert_uint_eq(atomic_load(&backend.n_waiting), 0);
	ck_assert_uint_eq(atomic_load(&servers[1].n_waiting), 0);
	free(other);
	free(first);
	free(any);
}
END_TEST

/* Who comes while others wait for that server stands behind them. */
START_TEST(test_nobody_passes)
{
	struct waiter *w;

	make(1);
	ck_assert(load_enter(&servers[0]));
	w = new_waiter(0, 0);
	atomic_store(&servers[0].maxconn, 2);
	ck_assert(!load_has_room(&servers[0]));
	load_offer(&servers[0]);
	ck_assert_ptr_eq(w->granted, &servers[0]);
	free(w);
}
END_TEST

START_TEST(test_closed_server_serves_nobody)
{
	struct waiter *w;

	make(1);
	ck_assert(load_enter(&servers[0]));
	w = new_waiter(0, 0);
	atomic_store(&servers[0].is_closed, true);
	load_leave(&servers[0]);
	ck_assert_ptr_eq(w->granted, NULL);
	atomic_store(&servers[0].is_closed, false);
	load_offer(&servers[0]);
	ck_assert_ptr_eq(w->granted, &servers[0]);
	free(w);
}
END_TEST

/* Whom the file sends there comes in although the server drains; others do not. */
START_TEST(test_draining_server)
{
	struct waiter *others, *sticky;

	make(1);
	ck_assert(load_enter(&servers[0]));
	others = new_waiter(0, 0);
	sticky = new_waiter(0, 0);
	sticky->even_draining = true;
	atomic_store(&servers[0].is_draining, true);
	load_leave(&servers[0]);
	ck_assert_ptr_eq(sticky->granted, &servers[0]);
	ck_assert_ptr_eq(others->granted, NULL);
	free(others);
	free(sticky);
}
END_TEST

/* ---- threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000 };

static _Atomic int inside, most;

static void
wake_thread(struct waiter *w)
{
	atomic_store((_Atomic int *)(void *)&w->wanted[1], 1);
}

static void
be_inside(void)
{
	int now = atomic_fetch_add(&inside, 1) + 1, seen = atomic_load(&most);

	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	atomic_fetch_sub(&inside, 1);
}

/* Wait for server 0 as a session does: stand in line, try once more, else be told. */
static void
wait_in_line(struct waiter *w)
{
	_Atomic int *told = (_Atomic int *)(void *)&w->wanted[1];

	atomic_store(told, 0);
	load_wait(&backend, w);
	if (load_enter(&servers[0])) {
		if (load_give_up(&backend, w))
			return;
		load_leave(&servers[0]);
	}
	while (!atomic_load(told))
		sched_yield();
}

static void *
come_and_go(void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w) + 2 * sizeof(w->wanted[0]));

	list_init(&w->list);
	w->wake = wake_thread;
	w->n_wanted = 1;
	w->is_pinned = true;
	w->wanted[0] = &servers[0];
	for (int i = 0; i < ROUNDS; i++) {
		if (!load_has_room(&servers[0]) || !load_enter(&servers[0]))
			wait_in_line(w);
		be_inside();
		load_leave(&servers[0]);
	}
	free(w);
	return NULL;
}

/* A lost wake-up would hang here. */
START_TEST(test_nobody_is_forgotten)
{
	pthread_t threads[THREADS];

	make(2);
	atomic_store(&inside, 0);
	atomic_store(&most, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, come_and_go, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_le(atomic_load(&most), 2);
	ck_assert_uint_eq(atomic_load(&servers[0].n_sessions), 0);
	ck_assert_uint_eq(atomic_load(&backend.n_waiting), 0);
}
END_TEST

/* ---- replays and rates ---------------------------------------------------------------------- */

static unsigned
replays_in(int64_t now, int n_new)
{
	unsigned n = 0;

	for (int i = 0; i < n_new; i++)
		load_note_connection(&backend, now);
	while (n < 1000 && load_may_replay(&backend, now))
		n++;
	return n;
}

START_TEST(test_a_fifth_is_replayed)
{
	make(0);
	ck_assert_uint_eq(replays_in(1000, 0), 1); /* one in any case */
	ck_assert_uint_eq(replays_in(2000, 100), 20);
	ck_assert_uint_eq(replays_in(2999, 50), 10);
	ck_assert_uint_eq(replays_in(3000, 0), 30); /* the last second's 150 still count */
	ck_assert_uint_eq(replays_in(5000, 0), 1);  /* not those before it */
	load_give_replay_back(&backend);
	ck_assert(load_may_replay(&backend, 5000));
	ck_assert(
		!load_may_replay(&backend, 4999)); /* a clock that is behind opens no new second */
}
END_TEST

START_TEST(test_rate)
{
	struct rate_meter m = { 0 };

	for (int i = 0; i < 10; i++)
		rate_meter_add(&m, 5100);
	ck_assert_uint_eq(rate_meter_read(&m, 5999), 10);
	ck_assert_uint_eq(rate_meter_read(&m, 6000), 10);
	ck_assert_uint_eq(rate_meter_read(&m, 6500), 5);
	rate_meter_add(&m, 6500);
	ck_assert_uint_eq(rate_meter_read(&m, 6500), 6);
	ck_assert_uint_eq(rate_meter_read(&m, 7500), 0);
	ck_assert_uint_eq(rate_meter_read(&m, 9000), 0);
	rate_meter_add(&m, 9000);
	ck_assert_uint_eq(rate_meter_read(&m, 9000), 1);
	rate_meter_add(&m, 8999);
	ck_assert_uint_eq(rate_meter_read(&m, 9000), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("load");
	TCase *tc = tcase_create("load");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_places);
	tcase_add_test(tc, test_no_limit);
	tcase_add_test(tc, test_who_is_served);
	tcase_add_test(tc, test_nobody_passes);
	tcase_add_test(tc, test_closed_server_serves_nobody);
	tcase_add_test(tc, test_draining_server);
	tcase_add_test(tc, test_nobody_is_forgotten);
	tcase_add_test(tc, test_a_fifth_is_replayed);
	tcase_add_test(tc, test_rate);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
