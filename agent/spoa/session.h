/*
 * One SPOP connection: a stream on one side, libspop's protocol state on the other.
 */
#ifndef USHER_SPOA_SESSION_H
#define USHER_SPOA_SESSION_H

#include "agent/io/worker.h"

/* A listener's on_accept: the session owns fd and ends by itself. arg is not used. */
void session_open(struct worker *w, int fd, void *arg);

#endif
