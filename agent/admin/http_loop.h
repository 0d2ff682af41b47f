/*
 * libmicrohttpd in external-epoll mode: its one descriptor and its next time-out are watched by
 * the main loop, so requests are answered on the main thread and need no lock.
 */
#ifndef USHER_ADMIN_HTTP_LOOP_H
#define USHER_ADMIN_HTTP_LOOP_H

#include <ev.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "agent/core/base/parse.h"

struct http_loop {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon;
	ev_io io;
	ev_timer due; /* libmicrohttpd's next time-out */
};

/* What a server of HTTP is made of; functions get `arg`. */
struct http_service {
	MHD_AccessHandlerCallback request;
	/* Given the address of each request first, as it stands there; NULL: nobody is. */
	void *(*begin)(void *arg, const char *uri, struct MHD_Connection *c);
	MHD_RequestCompletedCallback end; /* NULL: nobody hears */
	void *arg;
};

/* Answer on a listening socket, which is the loop's if it starts. False: no resources. */
bool http_loop_start(struct http_loop *h, struct ev_loop *loop, int fd,
		     const struct http_service *service) MUST_USE;
void http_loop_stop(struct http_loop *h);

#endif
