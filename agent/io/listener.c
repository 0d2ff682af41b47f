/* Accepts in bounded batches, so that a storm of newcomers does not starve those already here. */
#include "agent/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/log.h"

enum {
	BACKLOG = 4096,
	ACCEPT_BATCH = 64,
};

#define FAILURE_PAUSE_S 0.1
#define FULL_PAUSE_S 0.01

/* A UNIX socket nobody listens on any more is in the way of bind(): take it out. */
static void
remove_stale(const struct addr *a)
{
	struct stat st;
	int fd;

	if (a->un.sun_path[0] == '\0' || lstat(a->un.sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &a->sa, a->len) < 0 && errno == ECONNREFUSED)
		unlink(a->un.sun_path);
	close(fd);
}

static void
set_option(int fd, int level, int option)
{
	int on = 1;

	setsockopt(fd, level, option, &on, sizeof(on));
}

/* HAProxy runs as another user; who may reach such a socket is the directory's affair. */
enum { OPEN_TO_ALL = 0666 };

static int
bind_socket(const struct addr *a, int type, mode_t mode, bool joins)
{
	int fd = socket(a->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_port = type == SOCK_STREAM && a->sa.sa_family != AF_UNIX;
	int error;

	if (fd < 0)
		return -errno;
	if (a->sa.sa_family == AF_UNIX)
		remove_stale(a);
	if (is_port) {
		set_option(fd, SOL_SOCKET, SO_REUSEADDR);
		/* Accepted sockets inherit it: an answer is one small write. */
		set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	}
	if (joins)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	if (bind(fd, &a->sa, a->len) < 0)
		goto fail;
	/*
	 * Before bind() it would let us onto the port of another usher, and each would have half
	 * of the questions. From now on our own sockets may join.
	 */
	if (is_port)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	if (a->sa.sa_family == AF_UNIX && a->un.sun_path[0])
		chmod(a->un.sun_path, mode);
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		goto fail;
	return fd;
fail:
	error = errno;
	close(fd);
	return -error;
}

int
listener_bind(const struct addr *a, mode_t mode)
{
	return bind_socket(a, SOCK_STREAM, mode, false);
}

int
listener_join(const struct addr *a)
{
	return bind_socket(a, SOCK_STREAM, OPEN_TO_ALL, true);
}

int
datagram_bind(const struct addr *a)
{
	int fd = bind_socket(a, SOCK_DGRAM, OPEN_TO_ALL, false), size = 4 << 20;

	/* A storm's worth of datagrams; the kernel caps it at net.core.rmem_max. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int
listener_stand(const struct addr *a, uid_t uid)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return -errno;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	/* The kernel lets those share a port whose sockets belong to one user. */
	if ((uid != geteuid() && fchown(fd, uid, (gid_t)-1) < 0) || bind(fd, &a->sa, a->len) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

int
listener_stand_all(int *fds, unsigned n, const struct addr *a, uid_t uid)
{
	for (unsigned i = 0; i < n; i++) {
		fds[i] = listener_stand(a, uid);
		if (fds[i] < 0) {
			int error = fds[i];

			while (i-- > 0)
				close(fds[i]);
			return error;
		}
	}
	return 0;
}

int
listener_listen(int fd)
{
	return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

void
listener_rest(int fd)
{
	shutdown(fd, SHUT_RD);
}

static void
on_pause_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct listener *l = container_of(timer, struct listener, pause);

	ev_io_start(loop, &l->io);
}

/* The backlog keeps the newcomers meanwhile. */
static void
pause_accept(struct listener *l, double seconds)
{
	ev_io_stop(l->worker->loop, &l->io);
	ev_timer_set(&l->pause, seconds, 0.);
	ev_timer_start(l->worker->loop, &l->pause);
}

/* Out of descriptors or memory. */
static void
note_failure(struct listener *l, int error)
{
	static struct log_limit limit;
	uint32_t left_out;

	if (log_limit_pass(&limit, &left_out))
		log_line(LOG_WARNING, "accept paused reason=\"%s\" left_out=%u", strerror(error),
			 left_out);
	pause_accept(l, FAILURE_PAUSE_S);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *l = container_of(io, struct listener, io);

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd;

		if (l->may_accept && !l->may_accept(l->worker, l->arg)) {
			pause_accept(l, FULL_PAUSE_S);
			break;
		}
		fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			l->on_accept(l->worker, fd, l->arg);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			note_failure(l, errno);
			break;
		}
	}
}

void
listener_drain(struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 ||
	       errno == EINTR || errno == ECONNABORTED)
		if (fd >= 0)
			l->on_accept(l->worker, fd, l->arg);
}

void
listener_start(struct listener *l, struct worker *w, int fd,
	       void (*on_accept)(struct worker *w, int fd, void *arg), void *arg)
{
	*l = (struct listener){ .worker = w, .fd = fd, .on_accept = on_accept, .arg = arg };
	ev_io_init(&l->io, on_readable, fd, EV_READ);
	ev_timer_init(&l->pause, on_pause_over, 0., 0.);
	ev_io_start(w->loop, &l->io);
}

/* The first worker's socket is bound; the others join its port, or share the UNIX descriptor. */
static int
another(int first, const struct addr *a)
{
	int fd;

	if (a->sa.sa_family != AF_UNIX)
		return listener_join(a);
	fd = fcntl(first, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int
listener_bind_all(int *fds, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++) {
		int fd = i ? another(fds[0], a) : listener_bind(a, OPEN_TO_ALL);

		if (fd < 0) {
			while (i-- > 0)
				close(fds[i]);
			return fd;
		}
		fds[i] = fd;
	}
	return 0;
}

int
listener_start_all(struct listener *listeners, struct worker **workers, unsigned n,
		   const struct addr *a, void (*on_accept)(struct worker *w, int fd, void *arg),
		   void *arg)
{
	int fds[WORKERS_MAX], error = listener_bind_all(fds, n, a);

	for (unsigned i = 0; !error && i < n; i++)
		listener_start(&listeners[i], workers[i], fds[i], on_accept, arg);
	return error;
}

void
listener_pause(struct listener *l)
{
	ev_io_stop(l->worker->loop, &l->io);
	ev_timer_stop(l->worker->loop, &l->pause);
}

void
listener_resume(struct listener *l)
{
	ev_io_start(l->worker->loop, &l->io);
}

void
listener_stop(struct listener *l)
{
	listener_pause(l);
	close(l->fd);
	l->fd = -1;
}
