/* After whatever it did, libmicrohttpd is asked when it wants to be called again. */
#include "agent/admin/http_loop.h"

#include "agent/core/base/list.h"

enum {
	CONNECTIONS = 64,
	IDLE_S = 10,
};

static void
run(struct http_loop *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(h->daemon);
	ev_timer_stop(h->loop, &h->due);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES) {
		ev_timer_set(&h->due, (double)ms / 1000, 0.);
		ev_timer_start(h->loop, &h->due);
	}
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	run(container_of(io, struct http_loop, io));
}

static void
on_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	run(container_of(timer, struct http_loop, due));
}

bool
http_loop_start(struct http_loop *h, struct ev_loop *loop, int fd,
		const struct http_service *service)
{
	h->loop = loop;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, service->request, service->arg,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				     (unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, service->end,
				     service->arg,
				     service->begin ? MHD_OPTION_URI_LOG_CALLBACK : MHD_OPTION_END,
				     service->begin, service->arg, MHD_OPTION_END);
	if (!h->daemon)
		return false;
	ev_io_init(&h->io, on_io,
		   MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
	ev_io_start(loop, &h->io);
	ev_timer_init(&h->due, on_due, 0., 0.);
	return true;
}

void
http_loop_stop(struct http_loop *h)
{
	ev_io_stop(h->loop, &h->io);
	ev_timer_stop(h->loop, &h->due);
	MHD_stop_daemon(h->daemon);
}
