/* A locked queue and an ev_async; the queue is taken whole and run without the lock. */
#include "agent/io/inbox.h"

#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"

struct inbox_message {
	struct inbox_message *next;
	void (*run)(void *arg);
	void *arg;
};

static struct inbox_message *
take_all(struct inbox *i)
{
	struct inbox_message *first;

	pthread_mutex_lock(&i->lock);
	first = i->first;
	i->first = NULL;
	i->last = &i->first;
	pthread_mutex_unlock(&i->lock);
	return first;
}

static void
on_arrived(struct ev_loop *loop, ev_async *w, int revents)
{
	struct inbox_message *m = take_all(container_of(w, struct inbox, arrived));

	while (m) {
		struct inbox_message *next = m->next;

		m->run(m->arg);
		free(m);
		m = next;
	}
}

void
inbox_init(struct inbox *i, struct ev_loop *loop)
{
	pthread_mutex_init(&i->lock, NULL);
	i->first = NULL;
	i->last = &i->first;
	i->loop = loop;
	ev_async_init(&i->arrived, on_arrived);
	ev_async_start(loop, &i->arrived);
}

void
inbox_fini(struct inbox *i)
{
	struct inbox_message *m = take_all(i);

	while (m) {
		struct inbox_message *next = m->next;

		free(m);
		m = next;
	}
	ev_async_stop(i->loop, &i->arrived);
	pthread_mutex_destroy(&i->lock);
}

void
inbox_send(struct inbox *i, void (*run)(void *arg), void *arg)
{
	struct inbox_message *m = xmalloc(sizeof(*m));

	*m = (struct inbox_message){ .run = run, .arg = arg };
	pthread_mutex_lock(&i->lock);
	*i->last = m;
	i->last = &m->next;
	pthread_mutex_unlock(&i->lock);
	ev_async_send(i->loop, &i->arrived);
}
