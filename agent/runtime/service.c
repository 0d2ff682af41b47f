/* One ev_io for each address; who is one too many waits in the backlog until another has gone. */
#include "agent/runtime/service.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/base/mem.h"
#include "agent/io/listener.h"
#include "agent/io/log.h"
#include "agent/runtime/cli.h"

#define PAUSE_S 0.05

static void
on_accept(struct ev_loop *loop, ev_io *io, int revents)
{
	struct runtime_door *d = container_of(io, struct runtime_door, io);
	struct runtime_service *s = d->service;
	int fd;

	while (s->n_connections < s->limits.maxconn) {
		fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			cli_open(s, fd, d->line.level);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	ev_io_stop(loop, &d->io);
	ev_timer_again(loop, &d->pause);
}

static void
on_pause_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct runtime_door *d = container_of(timer, struct runtime_door, pause);

	ev_timer_stop(loop, timer);
	ev_io_start(loop, &d->io);
}

/* A name, or a number. False: there is no such user. */
static bool
find_user(const char *text, uid_t *uid)
{
	const struct passwd *found = getpwnam(text);
	uint64_t n;

	if (!found && !str_u64(str_of(text), &n))
		return false;
	*uid = found ? found->pw_uid : (uid_t)n;
	return true;
}

static bool
find_group(const char *text, gid_t *gid)
{
	const struct group *found = getgrnam(text);
	uint64_t n;

	if (!found && !str_u64(str_of(text), &n))
		return false;
	*gid = found ? found->gr_gid : (gid_t)n;
	return true;
}

/* 0, or a negative errno. */
static int
give_to(const struct socket_line *line)
{
	const char *path = line->addr.un.sun_path;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if ((line->user && !find_user(line->user, &uid)) ||
	    (line->group && !find_group(line->group, &gid)))
		return -EINVAL;
	if ((line->user || line->group) && chown(path, uid, gid) < 0)
		return -errno;
	return 0;
}

/* The file's mode before anybody can connect; without one, what the umask leaves. */
static int
open_address(const struct socket_line *line)
{
	bool has_path = line->addr.sa.sa_family == AF_UNIX && line->addr.un.sun_path[0];
	mode_t mask = umask(0);
	int fd, error;

	umask(mask);
	fd = listener_bind(&line->addr, line->mode >= 0 ? (mode_t)line->mode : 0777 & ~mask);
	error = fd >= 0 && has_path ? give_to(line) : 0;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static void
open_door(struct runtime_service *s, const struct raw_line *line)
{
	struct runtime_door *d = &s->doors[s->n_doors];
	const char *wrong = socket_line_read(line, &d->line);
	int fd = wrong ? -EINVAL : open_address(&d->line);

	if (fd < 0) {
		log_line(LOG_ERROR, "runtime socket failed address=%s reason=\"%s\"",
			 line->n > 2 ? line->words[2] : "", wrong ? wrong : strerror(-fd));
		return;
	}
	s->n_doors++;
	d->service = s;
	d->fd = fd;
	d->address = str_dup(str_of(line->words[2]));
	d->line.address = d->address;
	d->line.user = d->line.group = NULL; /* they go with the world */
	ev_io_init(&d->io, on_accept, fd, EV_READ);
	ev_timer_init(&d->pause, on_pause_over, 0., PAUSE_S);
	ev_io_start(s->loop, &d->io);
	log_line(LOG_INFO, "runtime socket open address=%s level=%s", d->address,
		 runtime_level_name(d->line.level));
}

static bool
is_socket_line(const struct raw_line *line)
{
	return line->n > 1 && strcmp(line->words[0], "stats") == 0 &&
	       strcmp(line->words[1], "socket") == 0;
}

struct runtime_service *
runtime_service_new(struct ev_loop *loop, const struct operations *o)
{
	const struct topology *t = &o->world(o->arg)->topology;
	struct runtime_service *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->o = o;
	s->limits = socket_limits_read(t);
	list_init(&s->connections);
	list_init(&s->gathers);
	inbox_init(&s->inbox, loop);
	s->doors = xcalloc(t->n_global + 1, sizeof(*s->doors));
	for (size_t i = 0; i < t->n_global; i++)
		if (is_socket_line(&t->global[i]))
			open_door(s, &t->global[i]);
	return s;
}

static void
close_door(struct runtime_door *d)
{
	const struct addr *a = &d->line.addr;

	ev_io_stop(d->service->loop, &d->io);
	ev_timer_stop(d->service->loop, &d->pause);
	close(d->fd);
	if (a->sa.sa_family == AF_UNIX && a->un.sun_path[0])
		unlink(a->un.sun_path);
	free(d->address);
}

void
runtime_service_free(struct runtime_service *s)
{
	if (!s)
		return;
	list_for_each_safe(at, &s->connections)
		cli_close(container_of(at, struct cli, list));
	inbox_fini(&s->inbox);
	list_for_each_safe(at, &s->gathers)
		gather_free(container_of(at, struct gather, list));
	for (size_t i = 0; i < s->n_doors; i++)
		close_door(&s->doors[i]);
	free(s->doors);
	free(s);
}
