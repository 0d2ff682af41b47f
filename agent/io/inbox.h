/*
 * Messages to a thread with a loop: functions to be run there, in the order they were sent.
 * Any thread may send.
 */
#ifndef USHER_IO_INBOX_H
#define USHER_IO_INBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

/* One message; embedded where sending must not fail. */
struct inbox_message {
	struct inbox_message *next;
	void (*run)(void *arg);
	void *arg;
	bool is_owned; /* by the inbox, which frees it */
};

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

/* The same with the sender's own message, which is in use until it runs; run() may free it. */
void inbox_post(struct inbox *i, struct inbox_message *m, void (*run)(void *arg), void *arg);

/* Run what is there, when the loop has ended: nothing is lost then that somebody counts on. */
void inbox_run(struct inbox *i);

#endif
