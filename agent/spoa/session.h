/*
 * One SPOP connection: a stream on one side, libspop's protocol state on the other.
 */
#ifndef USHER_SPOA_SESSION_H
#define USHER_SPOA_SESSION_H

#include "agent/io/worker.h"

/* On the worker's thread; the session owns fd and ends by itself. */
void session_open(struct worker *w, int fd);

#endif
