/*
 * Where lines leave the process without anybody waiting: as datagrams, over UDP or to a UNIX
 * socket, or into a descriptor that somebody else has opened. What cannot leave at once is lost.
 * Any thread may send.
 */
#ifndef USHER_IO_OUTLET_H
#define USHER_IO_OUTLET_H

#include <pthread.h>

#include "agent/core/base/addr.h"

struct outlet {
	struct addr to;	      /* len 0: into the descriptor */
	int fd;		      /* owned if there is an address */
	pthread_mutex_t lock; /* a descriptor's lines go out one after the other */
};

/* 0 or a negative errno. That nobody is there yet is no error: it may come later. */
int outlet_open(struct outlet *o, const struct addr *to);
void outlet_open_descriptor(struct outlet *o, int fd);
void outlet_close(struct outlet *o);

/*
 * 0, or a negative errno: the line is lost, as a whole where it is at most PIPE_BUF bytes long
 * (4096). A longer one into a pipe waits for its reader.
 */
int outlet_send(struct outlet *o, const char *p, size_t n);

#endif
