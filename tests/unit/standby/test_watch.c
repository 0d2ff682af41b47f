/* HAProxy's process as the kernel tells of it. Numbers of processes are chosen, which takes root.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/standby/watch.h"
#include "tests/unit/run.h"

/* A process of that name and, unless it is 0, number; 0: the kernel does not let us. */
static pid_t
start_process(const char *name, pid_t number)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = number ? (uint64_t)(uintptr_t)&number : 0,
		.set_tid_size = number != 0,
	};
	int ready[2];
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		prctl(PR_SET_NAME, name);
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	close(ready[0]);
	return pid < 0 ? 0 : pid;
}

static void
end_process(pid_t pid)
{
	ck_assert_int_gt(pid, 0); /* kill() of anything else is everybody's end */
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	waitpid(pid, NULL, 0);
}

static unsigned n_ends;

static void
note_end(void *arg)
{
	n_ends++;
}

static struct watch w;
static struct ev_loop *loop;

static void
set_up(void)
{
	n_ends = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	watch_init(&w, loop, NULL, note_end, NULL);
}

static void
tear_down(void)
{
	watch_fini(&w);
	ev_loop_destroy(loop);
}

START_TEST(test_ends)
{
	pid_t pid = start_process("haproxy", 0);

	watch_process(&w, (uint64_t)pid);
	ck_assert_int_eq(watch_process_state(&w), PROCESS_LIVES);
	end_process(pid);
	ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(n_ends, 1);
	ck_assert_int_ne(watch_process_state(&w), PROCESS_LIVES);
}
END_TEST

/* In containers every HAProxy may have the same number. */
START_TEST(test_same_number_again)
{
	pid_t pid = start_process("haproxy", 0);

	watch_process(&w, (uint64_t)pid);
	end_process(pid);
	ev_run(loop, EVRUN_ONCE);
	if (!start_process("haproxy", pid))
		return; /* not root, or the number is taken */
	watch_process(&w, (uint64_t)pid);
	ck_assert_int_eq(watch_process_state(&w), PROCESS_LIVES);
	end_process(pid);
	ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(n_ends, 2);
}
END_TEST

/* A number of another namespace may be anybody's here. */
START_TEST(test_another_name)
{
	pid_t pid = start_process("stranger", 0);

	watch_process(&w, (uint64_t)pid);
	ck_assert_int_eq(watch_process_state(&w), PROCESS_UNKNOWN);
	end_process(pid);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("watch");
	TCase *cases = tcase_create("process");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, test_ends);
	tcase_add_test(cases, test_same_number_again);
	tcase_add_test(cases, test_another_name);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
