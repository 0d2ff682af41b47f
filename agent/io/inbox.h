/*
 * Messages to a thread with a loop: functions to be run there, in the order they were sent.
 * Any thread may send.
 */
#ifndef USHER_IO_INBOX_H
#define USHER_IO_INBOX_H

#include <ev.h>
#include <pthread.h>

struct inbox {
	pthread_mutex_t lock;
	struct inbox_message *first, **last; /* guarded by lock */
	ev_async arrived;
	struct ev_loop *loop;
};

void inbox_init(struct inbox *i, struct ev_loop *loop);
/* On the loop's own thread, or when that has ended. Messages still there are dropped. */
void inbox_fini(struct inbox *i);

void inbox_send(struct inbox *i, void (*run)(void *arg), void *arg);

#endif
