/* Messages to a worker: all of them, in order, on its thread. */
#include "agent/io/worker.h"
#include "tests/unit/run.h"

enum { N_SENDERS = 4, N_MESSAGES = 20000 };

struct message {
	int sender, number;
};

static struct worker *worker;
static int next_of[N_SENDERS], out_of_order, elsewhere;
static struct message messages[N_SENDERS][N_MESSAGES];

static void
take(void *arg)
{
	struct message *m = arg;

	out_of_order += m->number != next_of[m->sender];
	next_of[m->sender] = m->number + 1;
	elsewhere += !pthread_equal(pthread_self(), worker->thread);
}

static void
stop(void *arg)
{
	worker_stop(worker);
}

static void
send_all(int sender)
{
	for (int i = 0; i < N_MESSAGES; i++) {
		messages[sender][i] = (struct message){ sender, i };
		inbox_send(&worker->inbox, take, &messages[sender][i]);
	}
}

static void *
run_sender(void *arg)
{
	send_all(*(int *)arg);
	return NULL;
}

START_TEST(test_many_senders)
{
	pthread_t threads[N_SENDERS];
	int numbers[N_SENDERS];

	worker = worker_new(0);
	ck_assert_int_eq(worker_start(worker), 0);
	for (int i = 0; i < N_SENDERS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, run_sender, &numbers[i]);
	}
	for (int i = 0; i < N_SENDERS; i++)
		pthread_join(threads[i], NULL);
	inbox_send(&worker->inbox, stop, NULL);
	worker_join(worker);
	for (int i = 0; i < N_SENDERS; i++)
		ck_assert_int_eq(next_of[i], N_MESSAGES);
	ck_assert_int_eq(out_of_order, 0);
	ck_assert_int_eq(elsewhere, 0);
	worker_free(worker);
}
END_TEST

/* Sent before the thread runs, they wait. */
START_TEST(test_sent_before_start)
{
	worker = worker_new(0);
	send_all(0);
	inbox_send(&worker->inbox, stop, NULL);
	ck_assert_int_eq(worker_start(worker), 0);
	worker_join(worker);
	ck_assert_int_eq(next_of[0], N_MESSAGES);
	ck_assert_int_eq(elsewhere, 0);
	worker_free(worker);
}
END_TEST

static void
send_one_more(void *arg)
{
	static int left = 100;

	if (left-- > 0)
		inbox_send(&worker->inbox, send_one_more, NULL);
	else
		worker_stop(worker);
}

/* A message may send the next. */
START_TEST(test_sent_from_within)
{
	worker = worker_new(0);
	ck_assert_int_eq(worker_start(worker), 0);
	inbox_send(&worker->inbox, send_one_more, NULL);
	worker_join(worker);
	worker_free(worker);
}
END_TEST

/* Behind the end they are dropped, and nothing leaks. */
START_TEST(test_left_over)
{
	worker = worker_new(0);
	ck_assert_int_eq(worker_start(worker), 0);
	inbox_send(&worker->inbox, stop, NULL);
	worker_join(worker);
	send_all(1);
	worker_free(worker);
	ck_assert_int_eq(next_of[1], 0);
}
END_TEST

START_TEST(test_random)
{
	struct worker *a = worker_new(0), *b = worker_new(1);
	int same = 0, ones = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t x = worker_random(a), y = worker_random(b);

		same += x == y;
		ones += __builtin_popcountll(x);
	}
	ck_assert_int_eq(same, 0);
	ck_assert_int_ge(ones, 31000);
	ck_assert_int_le(ones, 33000);
	worker_free(a);
	worker_free(b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tcase = tcase_create("inbox");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, test_many_senders);
	tcase_add_test(tcase, test_sent_before_start);
	tcase_add_test(tcase, test_sent_from_within);
	tcase_add_test(tcase, test_left_over);
	tcase_add_test(tcase, test_random);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
