/*
 * A descriptor stays in whatever mode it is: it is shared with others, usher's own log for one. A
 * pipe that is ready to be written has room for PIPE_BUF bytes, so a line of that size goes in
 * without waiting as long as nobody else takes the room: hence the lock.
 */
#include "agent/io/outlet.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int
outlet_open(struct outlet *o, const struct addr *to)
{
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*o = (struct outlet){ .to = *to, .fd = fd };
	pthread_mutex_init(&o->lock, NULL);
	return 0;
}

void
outlet_open_descriptor(struct outlet *o, int fd)
{
	*o = (struct outlet){ .fd = fd };
	pthread_mutex_init(&o->lock, NULL);
}

void
outlet_close(struct outlet *o)
{
	if (o->to.len)
		close(o->fd);
	pthread_mutex_destroy(&o->lock);
}

static int
write_ready(int fd, const char *p, size_t n)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	ssize_t done;

	if (poll(&ready, 1, 0) < 1)
		return -EAGAIN;
	done = write(fd, p, n);
	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EAGAIN;
}

int
outlet_send(struct outlet *o, const char *p, size_t n)
{
	int error;

	if (o->to.len)
		return sendto(o->fd, p, n, MSG_NOSIGNAL, &o->to.sa, o->to.len) < 0 ? -errno : 0;
	pthread_mutex_lock(&o->lock);
	error = write_ready(o->fd, p, n);
	pthread_mutex_unlock(&o->lock);
	return error;
}
