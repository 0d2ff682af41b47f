/* The good case, nobody in trouble, is one relaxed load; all else may take the lock. */
#include "agent/health/notes.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/model.h"
#include "agent/io/worker.h"

enum { KEY_MAX = 512 };

void
notes_init(struct notes *n, struct ev_loop *loop, void (*on_enough)(struct note *note))
{
	*n = (struct notes){ .on_enough = on_enough };
	inbox_init(&n->inbox, loop);
	map_init(&n->by_key);
	pthread_rwlock_init(&n->lock, NULL);
}

void
notes_fini(struct notes *n)
{
	inbox_fini(&n->inbox);
	for (size_t i = 0; i < n->n; i++) {
		free(n->all[i]->key);
		free(n->all[i]);
	}
	free(n->all);
	map_fini(&n->by_key);
	pthread_rwlock_destroy(&n->lock);
}

static struct note *
find(struct notes *n, const char *key)
{
	struct note *note;

	pthread_rwlock_rdlock(&n->lock);
	note = map_get(&n->by_key, str_of(key));
	pthread_rwlock_unlock(&n->lock);
	return note;
}

struct note *
notes_of(struct notes *n, const char *key)
{
	struct note *note = find(n, key);

	if (note)
		return note;
	note = xcalloc(1, sizeof(*note));
	note->key = str_dup(str_of(key));
	note->owner = n;
	ARRAY_GROW(n->all, n->n);
	n->all[n->n++] = note;
	pthread_rwlock_wrlock(&n->lock);
	map_add(&n->by_key, str_of(note->key), note);
	pthread_rwlock_unlock(&n->lock);
	return note;
}

static void
on_message(void *arg)
{
	struct note *note = arg;

	note->owner->on_enough(note);
}

static void
note_success(struct note *note)
{
	if (atomic_exchange(&note->n_failed, 0))
		atomic_fetch_sub(&note->owner->n_troubled, 1);
}

/* At most once a second: a storm of clients is no more news than the first of them. */
static void
note_failure(struct note *note)
{
	uint32_t limit = note->limit, failed;
	int64_t now = worker_now() / 1000 + 1, last = note->second;

	if (limit == 0 || last == now)
		return;
	failed = atomic_fetch_add(&note->n_failed, 1) + 1;
	if (failed == 1)
		atomic_fetch_add(&note->owner->n_troubled, 1);
	if (failed < limit || !atomic_compare_exchange_strong(&note->second, &last, now))
		return;
	note_success(note); /* counted; the next row begins */
	inbox_send(&note->owner->inbox, on_message, note);
}

void
notes_connect(struct notes *n, const struct server *s, bool ok)
{
	char key[KEY_MAX];
	struct note *note;

	if (ok && atomic_load_explicit(&n->n_troubled, memory_order_relaxed) == 0)
		return;
	snprintf(key, sizeof(key), "%s/%s", s->backend->name, s->name);
	note = find(n, key);
	if (note && ok)
		note_success(note);
	else if (note)
		note_failure(note);
}
