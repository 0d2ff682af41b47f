/*
 * Which TCP sockets of this network namespace listen on an address: asked of the kernel by netlink
 * (sock_diag(7)), or read from /proc/net/tcp where that is forbidden. Needs no privilege.
 */
#ifndef USHER_IO_SOCK_DIAG_H
#define USHER_IO_SOCK_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/core/base/addr.h"

struct sock_diag {
	int fd; /* -1: /proc/net/tcp is read instead */
	uint32_t sequence;
};

/* One listening socket. */
struct listening {
	struct addr addr;
	uid_t uid;	/* of the user who made it */
	uint64_t inode; /* what fstat() of its descriptor calls st_ino */
};

typedef void listening_fn(void *arg, const struct listening *l);

void sock_diag_open(struct sock_diag *d);
void sock_diag_close(struct sock_diag *d);

/*
 * Show all sockets of that family that listen. Does not wait: the kernel answers at once, which
 * takes it about a tenth of a millisecond. 0, or a negative errno, and then nothing is known.
 */
int sock_diag_listening(struct sock_diag *d, sa_family_t family, listening_fn *show, void *arg);

/* The st_ino of a descriptor, 0 if it is none. */
uint64_t sock_inode(int fd);

#endif
