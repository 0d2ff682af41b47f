/*
 * A look is a question to the kernel for each family of our addresses. The number of a process may
 * mean another one here, where HAProxy lives in a namespace of its own: it is taken for HAProxy's
 * if it has that name, and at worst the alarm is a false one.
 */
#include "agent/standby/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"
#include "agent/io/file.h"

/* Linux 6.15, <linux/pidfd.h>: how a process ended, for those who are not its parent. */
struct process_info {
	uint64_t mask, cgroup_id;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
enum { PROCESS_INFO_EXIT = 1 << 3 };
#define PROCESS_GET_INFO _IOWR(0xff, 11, struct process_info)

/* ---- the process ---------------------------------------------------------------------------- */

bool
watch_is_haproxy(uint64_t pid)
{
	char path[64], *name;
	bool yes;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)pid);
	if (file_read(path, &name, &n) < 0)
		return false;
	yes = strcmp(name, "haproxy\n") == 0;
	free(name);
	return yes;
}

static void
on_ended(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch *w = container_of(io, struct watch, ended);

	ev_io_stop(loop, io);
	w->has_ended = true;
	w->on_end(w->arg);
}

static void
forget_process(struct watch *w)
{
	if (w->pidfd < 0)
		return;
	ev_io_stop(w->loop, &w->ended);
	close(w->pidfd);
	w->pidfd = -1;
}

void
watch_process(struct watch *w, uint64_t pid)
{
	if (pid == w->pid && !w->has_ended)
		return;
	forget_process(w);
	w->pid = pid;
	w->has_ended = false;
	if (pid == 0 || pid > INT32_MAX || !watch_is_haproxy(pid))
		return;
	w->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (w->pidfd < 0)
		return;
	ev_io_set(&w->ended, w->pidfd, EV_READ);
	ev_io_start(w->loop, &w->ended);
}

/* HAProxy leaves SIGTERM and SIGINT to the kernel; a master's worker may turn them into a code. */
static enum haproxy_process
judge_exit(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT ? PROCESS_STOPPED
										 : PROCESS_CRASHED;
	switch (WEXITSTATUS(status)) {
	case 0:
	case 128 + SIGTERM:
	case 128 + SIGINT:
		return PROCESS_STOPPED;
	default:
		return PROCESS_CRASHED;
	}
}

enum haproxy_process
watch_process_state(const struct watch *w)
{
	struct process_info info = { .mask = PROCESS_INFO_EXIT };

	if (w->pidfd < 0)
		return PROCESS_UNKNOWN;
	if (!w->has_ended)
		return PROCESS_LIVES;
	if (ioctl(w->pidfd, PROCESS_GET_INFO, &info) < 0 || !(info.mask & PROCESS_INFO_EXIT))
		return PROCESS_ENDED;
	return judge_exit(info.exit_code);
}

/* ---- the sockets ---------------------------------------------------------------------------- */

struct look {
	const struct watch *watch;
	struct sighting *found;
	bool *is_there; /* by address */
};

static void
see(void *arg, const struct listening *l)
{
	const struct look *look = arg;
	const struct proxy_service *proxy = look->watch->proxy;

	for (size_t i = 0; i < look->found->n_addresses; i++) {
		if (!addr_same_port(&l->addr, proxy_service_address(proxy, i)))
			continue;
		if (proxy_service_owns(proxy, l->inode))
			return;
		look->is_there[i] = true;
		look->found->uid = l->uid;
	}
}

static bool
has_family(const struct proxy_service *proxy, sa_family_t family)
{
	for (size_t i = 0; i < proxy_service_n_addresses(proxy); i++)
		if (proxy_service_address(proxy, i)->sa.sa_family == family)
			return true;
	return false;
}

void
watch_look(struct watch *w, struct sighting *s)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	size_t n = proxy_service_n_addresses(w->proxy);
	bool *is_there = xcalloc(n + 1, sizeof(*is_there));
	struct look look = { w, s, is_there };

	*s = (struct sighting){ .n_addresses = (unsigned)n };
	for (size_t i = 0; i < 2 && s->error == 0; i++)
		if (has_family(w->proxy, families[i]))
			s->error = sock_diag_listening(&w->diag, families[i], see, &look);
	for (size_t i = 0; i < n; i++)
		s->n_seen += is_there[i];
	free(is_there);
	if (s->error && w->diag.fd >= 0)
		sock_diag_close(&w->diag); /* from now on by /proc */
}

void
watch_init(struct watch *w, struct ev_loop *loop, const struct proxy_service *proxy,
	   void (*on_end)(void *arg), void *arg)
{
	*w = (struct watch){
		.loop = loop,
		.proxy = proxy,
		.pidfd = -1,
		.on_end = on_end,
		.arg = arg,
	};
	sock_diag_open(&w->diag);
	ev_init(&w->ended, on_ended);
}

void
watch_fini(struct watch *w)
{
	forget_process(w);
	sock_diag_close(&w->diag);
}
