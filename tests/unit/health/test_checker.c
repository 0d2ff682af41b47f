/* Clients' failed connections count as failed checks: from any thread, and not without bound. */
#include <arpa/inet.h>
#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/health/checker.h"
#include "agent/io/log.h"
#include "tests/unit/run.h"

static char path[64];
static struct engine *engine;
static struct world *world;
static struct ev_loop *loop;
static struct health_checker *checker;
static int listener;
static unsigned n_changes;
static enum server_status last_change;

static void
on_change(void *arg, const struct world *w, const struct proxy *backend, unsigned server,
	  enum server_status now)
{
	ck_assert_ptr_eq(arg, &n_changes);
	ck_assert_ptr_eq(w, world);
	ck_assert_str_eq(backend->name, "b");
	ck_assert_uint_eq(server, 0);
	n_changes++;
	last_change = now;
}

/* The kernel takes connections for it; the first check passes. */
static uint16_t
listen_somewhere(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(listener, 64), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static void
load(const char *options)
{
	struct world_files files = { { path }, 1, NULL };
	uint16_t port = listen_somewhere();
	struct report report;
	FILE *f;
	int fd;

	strcpy(path, "/tmp/usher-test-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	f = fdopen(fd, "w");
	fprintf(f,
		"defaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n"
		"backend b\n server s 127.0.0.1:%u check inter 1h %s\n server t 127.0.0.1:%u\n",
		port, options, port);
	fclose(f);
	report_init(&report);
	engine = engine_new();
	engine_carries(engine, 1);
	world = world_load(engine, &files, NULL, &report);
	ck_assert_msg(world != NULL, "%s", report.n ? report.findings[0].text : "");
	report_fini(&report);
	n_changes = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	checker = health_checker_new(loop, world, on_change, &n_changes);
}

static void
unload(void)
{
	health_checker_free(checker);
	ev_loop_destroy(loop);
	world_unref(world);
	engine_free(engine);
	close(listener);
	unlink(path);
}

static const struct server *
server(unsigned i)
{
	return topology_backend(&world->topology, STR("b"))->servers[i];
}

static struct health_view
view(void)
{
	struct health_view v;

	ck_assert(health_checker_view(checker, server(0)->backend, 0, &v));
	return v;
}

/* Until the last answer is of this status. */
static void
run_until(enum health_status status)
{
	for (int i = 0; i < 5000 && view().answer.status != status; i++) {
		ev_run(loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	ck_assert_str_eq(health_word(view().answer.status), health_word(status));
}

/* Everything that is under way. */
static void
run_on(void)
{
	for (int i = 0; i < 20; i++) {
		ev_run(loop, EVRUN_NOWAIT);
		usleep(1000);
	}
}

START_TEST(failed_connect_counts_as_a_failed_check)
{
	load("fall 1");
	run_until(HEALTH_L4OK);
	health_note_connect(checker, server(0), false);
	run_until(HEALTH_OBSERVED);
	ck_assert_uint_eq(n_changes, 1);
	ck_assert_int_eq(last_change, SERVER_DOWN);
	ck_assert_int_eq(pool_server(world_pool(world, STR("b")), 0).status, SERVER_DOWN);
	ck_assert_uint_eq(view().health, 0);
	ck_assert_uint_eq(view().n_failed, 1);
	ck_assert_uint_eq(view().n_down, 1);
	unload();
}
END_TEST

static struct server_report
in_pool(void)
{
	return pool_server(world_pool(world, STR("b")), 0);
}

/* HAProxy looks after them meanwhile; what it found is where usher goes on. */
START_TEST(paused_it_leaves_servers_alone)
{
	load("fall 1 rise 2 fastinter 1ms");
	run_until(HEALTH_L4OK);
	health_checker_pause(checker);
	health_note_connect(checker, server(0), false);
	run_on();
	ck_assert_uint_eq(n_changes, 0);
	ck_assert_int_eq(in_pool().status, SERVER_UP);
	ck_assert(pool_set_state(world_pool(world, STR("b")), 0, SERVER_DOWN, 1));
	health_checker_set_world(checker, world);
	run_on();
	ck_assert_int_eq(in_pool().status, SERVER_DOWN);
	health_checker_resume(checker);
	ck_assert_int_eq(in_pool().status, SERVER_DOWN);
	for (int i = 0; i < 5000 && in_pool().status != SERVER_UP; i++)
		run_on();
	ck_assert_int_eq(in_pool().status, SERVER_UP);
	ck_assert_uint_eq(n_changes, 1);
	unload();
}
END_TEST

static void *
fail_a_hundred_times(void *arg)
{
	for (int i = 0; i < 100; i++)
		health_note_connect(checker, server(0), false);
	return NULL;
}

START_TEST(storm_of_clients_counts_once_a_second)
{
	pthread_t threads[4];

	load("fall 5");
	run_until(HEALTH_L4OK);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, fail_a_hundred_times, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	run_until(HEALTH_OBSERVED);
	run_on();
	/* The clock may have struck meanwhile. */
	ck_assert_uint_ge(view().n_failed, 1);
	ck_assert_uint_le(view().n_failed, 2);
	ck_assert_uint_eq(n_changes, 0);
	unload();
}
END_TEST

START_TEST(observed_failures_count_in_a_row)
{
	load("fall 5 observe layer4 error-limit 3");
	run_until(HEALTH_L4OK);
	for (int round = 0; round < 5; round++) {
		health_note_connect(checker, server(0), false);
		health_note_connect(checker, server(0), false);
		health_note_connect(checker, server(0), true);
	}
	run_on();
	ck_assert_uint_eq(view().n_failed, 0);
	for (int i = 0; i < 3; i++)
		health_note_connect(checker, server(0), false);
	run_until(HEALTH_OBSERVED);
	ck_assert_uint_eq(view().n_failed, 1);
	ck_assert_str_eq(view().answer.info, "Detected 3 consecutive errors, last one was: L4 "
					     "unsuccessful connection");
	unload();
}
END_TEST

START_TEST(on_error_mark_down_takes_it_down_at_once)
{
	load("fall 5 observe layer4 error-limit 1 on-error mark-down");
	run_until(HEALTH_L4OK);
	health_note_connect(checker, server(0), false);
	run_until(HEALTH_OBSERVED);
	ck_assert_int_eq(last_change, SERVER_DOWN);
	unload();
}
END_TEST

START_TEST(servers_without_check_are_never_down)
{
	struct health_view v;

	load("fall 1");
	health_note_connect(checker, server(1), false);
	health_note_connect(NULL, server(1), false);
	run_on();
	ck_assert_uint_eq(n_changes, 0);
	ck_assert(!health_checker_view(checker, server(1)->backend, 1, &v));
	unload();
}
END_TEST

START_TEST(maintenance_is_the_operators)
{
	struct pool *pool;

	load("fall 1");
	run_until(HEALTH_L4OK);
	pool = world_pool(world, STR("b"));
	ck_assert(pool_set_state(pool, 0, SERVER_MAINT, 1));
	health_note_connect(checker, server(0), false);
	run_until(HEALTH_OBSERVED);
	ck_assert_int_eq(pool_server(pool, 0).status, SERVER_MAINT);
	ck_assert_uint_eq(n_changes, 0);
	unload();
}
END_TEST

START_TEST(reload_keeps_the_score)
{
	struct world_files files = { { path }, 1, NULL };
	struct world *old, *new;
	struct report report;

	load("fall 1 rise 3");
	run_until(HEALTH_L4OK);
	health_note_connect(checker, server(0), false);
	run_until(HEALTH_OBSERVED);
	report_init(&report);
	new = world_load(engine, &files, world, &report);
	ck_assert_ptr_nonnull(new);
	old = world;
	world = new;
	health_checker_set_world(checker, new);
	world_unref(old);
	ck_assert_uint_eq(view().health, 0);
	ck_assert_int_eq(pool_server(world_pool(world, STR("b")), 0).status, SERVER_DOWN);
	ck_assert_uint_eq(n_changes, 1);
	run_until(HEALTH_L4OK);
	ck_assert_uint_eq(view().health, 1);
	report_fini(&report);
	unload();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health notes");
	TCase *tcase = tcase_create("notes");

	log_set_level(LOG_ERROR);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, failed_connect_counts_as_a_failed_check);
	tcase_add_test(tcase, storm_of_clients_counts_once_a_second);
	tcase_add_test(tcase, observed_failures_count_in_a_row);
	tcase_add_test(tcase, on_error_mark_down_takes_it_down_at_once);
	tcase_add_test(tcase, servers_without_check_are_never_down);
	tcase_add_test(tcase, maintenance_is_the_operators);
	tcase_add_test(tcase, reload_keeps_the_score);
	tcase_add_test(tcase, paused_it_leaves_servers_alone);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
