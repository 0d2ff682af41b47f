/*
 * Whose sockets HAProxy's are: the sockets that listen say so; else usher.json; else an usher that
 * stood in before; else a file with `chroot`, which only root can follow (`user` and `uid` do not
 * tell: HAProxy may be that user already). Without any of these root is supposed, and has to be
 * seen before usher ever listens.
 */
#include "agent/standby/meet.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/core/wire/runtime.h"
#include "agent/io/sock_diag.h"
#include "agent/standby/memory.h"
#include "agent/standby/watch.h"

/* ---- the file ------------------------------------------------------------------------------- */

static const struct raw_line *
find_global(const struct topology *t, const char *keyword)
{
	for (size_t i = 0; i < t->n_global; i++)
		if (t->global[i].n && strcmp(t->global[i].words[0], keyword) == 0)
			return &t->global[i];
	return NULL;
}

void
standby_check(const struct world *world, struct report *r)
{
	const struct raw_line *l = find_global(&world->topology, "noreuseport");

	if (l)
		report_cfg(r, FINDING_ALERT,
			   "[%s:%d] : 'noreuseport' : HAProxy could not come back while usher run "
			   "listens in its place; remove this line.",
			   l->at.file, l->at.line);
}

/* ---- the process ---------------------------------------------------------------------------- */

static int
open_runtime(const struct addr *a)
{
	const struct timeval patience = { .tv_usec = MEET_MS * 1000 };
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, &a->sa, a->len) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The process that answers the runtime socket; 0: none does. */
static uint64_t
ask_pid(const struct addr *a)
{
	static const char question[] = "show info\n";
	char answer[16384];
	size_t n = 0;
	ssize_t got = 0;
	uint64_t pid = 0;
	int fd = open_runtime(a);

	if (fd < 0)
		return 0;
	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) == sizeof(question) - 1)
		while (n < sizeof(answer) && (got = read(fd, answer + n, sizeof(answer) - n)) > 0)
			n += (size_t)got;
	close(fd);
	if (got < 0 || !str_u64(runtime_info((struct str){ answer, n }, "Pid"), &pid))
		return 0;
	return pid;
}

/* False: they are another's, or it is not for us to know. */
static bool
read_namespace(const char *process, char name[NAME_MAX + 1])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	n = readlink(path, name, NAME_MAX);
	if (n < 0)
		return false;
	name[n] = '\0';
	return true;
}

/* A socket that is bound here stands in for nothing there. */
static void
check_namespace(const struct world *world, struct report *r)
{
	char pid[24], theirs[NAME_MAX + 1], ours[NAME_MAX + 1];
	uint64_t n = world->n_stats_sockets ? ask_pid(&world->stats_sockets[0].addr) : 0;

	snprintf(pid, sizeof(pid), "%llu", (unsigned long long)n);
	if (n && watch_is_haproxy(n) && read_namespace(pid, theirs) &&
	    read_namespace("self", ours) && strcmp(theirs, ours) != 0)
		report_cfg(r, FINDING_ALERT,
			   "HAProxy, process %s, is in another network namespace than usher, which "
			   "could not take its place; start usher in the same one "
			   "(docs/run.md, \"Containers\").",
			   pid);
}

/* ---- the sockets ---------------------------------------------------------------------------- */

struct finding_uid {
	const struct topology *topology;
	bool found;
	uid_t uid;
};

static void
see(void *arg, const struct listening *l)
{
	struct finding_uid *f = arg;
	const struct topology *t = f->topology;

	for (size_t i = 0; i < t->n_proxies; i++)
		for (size_t j = 0; j < t->proxies[i]->n_binds; j++)
			if (addr_same_port(&t->proxies[i]->binds[j].addr, &l->addr)) {
				f->found = true;
				f->uid = l->uid;
			}
}

bool
standby_meet(const struct world *world, struct meeting *m, struct report *r)
{
	const struct standby_policy *policy = &world->policy.standby;
	const char *path = policy->state_file ? policy->state_file : POLICY_STATE_FILE_DEFAULT;
	struct finding_uid seen = { .topology = &world->topology };
	struct sock_diag diag;
	size_t alerts = r->n_alerts;

	*m = (struct meeting){ 0 };
	standby_check(world, r);
	check_namespace(world, r);
	sock_diag_open(&diag);
	(void)!sock_diag_listening(&diag, AF_INET, see, &seen);
	(void)!sock_diag_listening(&diag, AF_INET6, see, &seen);
	sock_diag_close(&diag);
	m->was_reigning = memory_recall(path, &m->uid);
	m->uid_is_sure = m->was_reigning || find_global(&world->topology, "chroot");
	if (policy->has_haproxy_uid) {
		m->uid = policy->haproxy_uid;
		m->uid_is_sure = true;
	}
	if (seen.found && policy->has_haproxy_uid && policy->haproxy_uid != seen.uid)
		report_cfg(r, FINDING_ALERT,
			   "HAProxy's sockets belong to user id %u, and usher.json says "
			   "standby.haproxy_uid: %u; write %u there, or leave it out.",
			   (unsigned)seen.uid, policy->haproxy_uid, (unsigned)seen.uid);
	if (seen.found) {
		m->uid = seen.uid;
		m->uid_is_sure = true;
	}
	return r->n_alerts == alerts;
}
