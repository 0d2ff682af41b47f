/*
 * Is HAProxy there? Its listening sockets are the proof: those on our addresses that are not ours.
 * Its process is the alarm: the kernel says at once when it ends.
 *
 * Main thread.
 */
#ifndef USHER_STANDBY_WATCH_H
#define USHER_STANDBY_WATCH_H

#include <ev.h>

#include "agent/io/sock_diag.h"
#include "agent/proxy/service.h"

/* What is known of the process that answered the runtime socket. */
enum haproxy_process {
	PROCESS_UNKNOWN, /* never named, or not visible from here */
	PROCESS_LIVES,
	PROCESS_ENDED,	 /* how is not known: not yet, or to no kernel before Linux 6.15 */
	PROCESS_STOPPED, /* it was told to end, or ended by itself with exit code 0 */
	PROCESS_CRASHED,
};

/* What one look found. */
struct sighting {
	unsigned n_addresses; /* ours */
	unsigned n_seen;      /* those among them where a socket of HAProxy's listens */
	uid_t uid;	      /* of such a socket; with n_seen > 0 */
	int error;	      /* a negative errno: the look failed, nothing is known */
};

struct watch {
	struct ev_loop *loop;
	struct sock_diag diag;
	const struct proxy_service *proxy; /* whose addresses they are */
	uint64_t pid;			   /* that was named last; 0: none */
	int pidfd;			   /* -1: none */
	bool has_ended;			   /* the process behind it */
	ev_io ended;
	void (*on_end)(void *arg); /* may look at once, and change the watched process */
	void *arg;
};

void watch_init(struct watch *w, struct ev_loop *loop, const struct proxy_service *proxy,
		void (*on_end)(void *arg), void *arg);
void watch_fini(struct watch *w);

void watch_look(struct watch *w, struct sighting *s);

/*
 * The runtime socket named this process. Nothing happens if it is the one that is watched; after
 * its end the same number is another process.
 */
void watch_process(struct watch *w, uint64_t pid);
enum haproxy_process watch_process_state(const struct watch *w);

/* By its name: a number from another PID namespace is somebody else here. */
bool watch_is_haproxy(uint64_t pid);

#endif
