/* A locked queue and an ev_async; the queue is taken whole and run without the lock. */
#include "agent/io/inbox.h"

#include <stdlib.h>

#include "agent/core/base/list.h"
#include "agent/core/base/mem.h"

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

void
inbox_run(struct inbox *i)
{
	struct inbox_message *m = take_all(i);

	while (m) {
		struct inbox_message *next = m->next;
		bool is_owned = m->is_owned;

		m->run(m->arg);
		if (is_owned)
			free(m);
		m = next;
	}
}

static void
on_arrived(struct ev_loop *loop, ev_async *w, int revents)
{
	inbox_run(container_of(w, struct inbox, arrived));
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

		if (m->is_owned)
			free(m);
		m = next;
	}
	ev_async_stop(i->loop, &i->arrived);
	pthread_mutex_destroy(&i->lock);
}

static void
append(struct inbox *i, struct inbox_message *m)
{
	pthread_mutex_lock(&i->lock);
	*i->last = m;
	i->last = &m->next;
	pthread_mutex_unlock(&i->lock);
	ev_async_send(i->loop, &i->arrived);
}

void
inbox_send(struct inbox *i, void (*run)(void *arg), void *arg)
{
	struct inbox_message *m = xmalloc(sizeof(*m));

	*m = (struct inbox_message){ .run = run, .arg = arg, .is_owned = true };
	append(i, m);
}

void
inbox_post(struct inbox *i, struct inbox_message *m, void (*run)(void *arg), void *arg)
{
	*m = (struct inbox_message){ .run = run, .arg = arg };
	append(i, m);
}
