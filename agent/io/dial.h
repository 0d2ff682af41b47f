/* Connecting out, without waiting, and who is at the two ends of a connection. */
#ifndef USHER_IO_DIAL_H
#define USHER_IO_DIAL_H

#include "agent/core/base/addr.h"

/* Where a connection comes from. */
struct dial_source {
	struct addr addr;	     /* its port does not count; len 0: the kernel chooses */
	uint16_t port_min, port_max; /* one of these; 0: the kernel chooses */
};

/*
 * Begin to connect. A non-blocking descriptor, owned by the caller, whose connection is made or
 * has failed when it becomes writable; a negative errno when it cannot even begin.
 */
int dial_start(const struct addr *to);

/*
 * The same, from there. Ports of a range are taken in turn, each where the last one of all dials
 * left off; -EADDRINUSE: none that was tried is free towards that address.
 */
int dial_start_from(const struct addr *to, const struct dial_source *from);

/* It became writable: 0, or a negative errno if it has failed. */
int dial_result(int fd);

/* When the kernel asks a silent peer whether it is still there; 0: as the system has it. */
struct keepalive {
	uint32_t count, idle_s, interval_s;
};

/* Ask, from now on. Of a UNIX socket nothing is asked. */
void socket_keepalive(int fd, const struct keepalive *k);

/* Bytes that the kernel may hold each way; 0: as it sees fit. */
void socket_buffers(int fd, uint32_t receive, uint32_t send);

/* The peer's address, and our own. False when the kernel does not say. */
bool socket_peer(int fd, struct addr *a);
bool socket_self(int fd, struct addr *a);

#endif
