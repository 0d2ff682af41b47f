/*
 * Listening sockets. Each worker has its own for every address: TCP ones share the port with
 * SO_REUSEPORT, a UNIX one shares the descriptor.
 */
#ifndef USHER_IO_LISTENER_H
#define USHER_IO_LISTENER_H

#include <sys/types.h>

#include "agent/core/base/addr.h"
#include "agent/io/worker.h"

struct listener {
	struct worker *worker;
	int fd;
	ev_io io;
	ev_timer pause; /* out of descriptors, or of what may_accept() counts: try again later */
	/* NULL: always. False: newcomers stay in the backlog for now. */
	bool (*may_accept)(struct worker *w, void *arg);
	/* Owns the descriptor it is given, which does not block. */
	void (*on_accept)(struct worker *w, int fd, void *arg);
	void *arg;
};

/*
 * A bound, listening, non-blocking socket; a negative errno if that fails. -EADDRINUSE also when
 * the other one is an usher. A UNIX socket has the mode given before anybody can connect to it.
 * listener_join() adds a socket to a port that we have bound.
 */
int listener_bind(const struct addr *a, mode_t mode);
int listener_join(const struct addr *a);

/*
 * A TCP socket that is bound beside those of that user's processes, for as long as it is open, and
 * does not listen: it is in nobody's way. A negative errno; -EPERM: only with CAP_CHOWN can it be
 * another user's. stand_all() makes one for each of n workers: 0, or a negative errno, and then
 * none is open.
 */
int listener_stand(const struct addr *a, uid_t uid);
int listener_stand_all(int *fds, unsigned n, const struct addr *a, uid_t uid);
/* It listens from now on: 0, or a negative errno. From any thread. */
int listener_listen(int fd);
/* It is bound and no more; who stands in its backlog is reset: see listener_drain(). */
void listener_rest(int fd);

/*
 * A socket on this address for each of n workers. 0, or a negative errno, and then none is open.
 */
int listener_bind_all(int *fds, unsigned n, const struct addr *a);

/*
 * Accept on a socket that listener_bind_all() made. Owns fd. On the worker's thread, or before its
 * loop runs. may_accept may be set afterwards.
 */
void listener_start(struct listener *l, struct worker *w, int fd,
		    void (*on_accept)(struct worker *w, int fd, void *arg), void *arg);

/*
 * Both for all of n workers, whose loops do not run yet: fills listeners[0..n). 0, or a negative
 * errno, and then nothing is open.
 */
int listener_start_all(struct listener *listeners, struct worker **workers, unsigned n,
		       const struct addr *a, void (*on_accept)(struct worker *w, int fd, void *arg),
		       void *arg);

/* Accept whoever stands in the backlog, however many: closing would reset them. */
void listener_drain(struct listener *l);
void listener_stop(struct listener *l);
/* Accept nobody for now, and again; the socket stays open. */
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);

/* A bound datagram socket for session ends; a negative errno if that fails. */
int datagram_bind(const struct addr *a);

#endif
