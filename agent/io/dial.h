/* Connecting out, without waiting, and who is at the two ends of a connection. */
#ifndef USHER_IO_DIAL_H
#define USHER_IO_DIAL_H

#include "agent/core/base/addr.h"

/*
 * Begin to connect. A non-blocking descriptor, owned by the caller, whose connection is made or
 * has failed when it becomes writable; a negative errno when it cannot even begin.
 */
int dial_start(const struct addr *to);

/* It became writable: 0, or a negative errno if it has failed. */
int dial_result(int fd);

/* The peer's address, and our own. False when the kernel does not say. */
bool socket_peer(int fd, struct addr *a);
bool socket_self(int fd, struct addr *a);

#endif
