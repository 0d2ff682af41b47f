/*
 * How long an entry lives in the store follows from the sessions that the table counts: as long as
 * one is open, max_life; from the last one's end on, and where ends are not reported, expire.
 * Every decision writes, also one that found its entry: so a store that was emptied fills again.
 */
#include "agent/engine/sharing.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/store/entry.h"

/* Longer keys are not shared: no client identifier that anybody means to have is that long. */
enum { KEY_ROOM = 4096 };

struct sharing {
	struct ev_loop *loop;
	struct counters *counters;
	struct engine *engine;
	bool speaks;
	struct store_url url; /* of `store` */
	int64_t deadline_ms;  /* likewise */
	struct store *store;  /* owned; NULL: nothing is shared */
	char *prefix;	      /* owned */
	int64_t expire_ms, max_life_ms;
	struct buf key, entry; /* room for one at a time */
};

struct sharing_question {
	struct sharing *sharing;
	struct store_question *question;
	sharing_answer_fn *fn;
	void *arg;
};

static void
on_event(void *arg, enum store_event event)
{
	struct sharing *s = arg;
	static const enum counter counters[] = {
		[STORE_DIALLED] = COUNTER_STORE_DIALS,
		[STORE_WRITTEN] = COUNTER_STORE_WRITES,
		[STORE_DROPPED] = COUNTER_STORE_DROPPED,
	};

	if (event == STORE_UP || event == STORE_AWAY)
		atomic_store_explicit(&s->counters->store_up, event == STORE_UP,
				      memory_order_relaxed);
	else
		counters_add(s->counters, counters[event]);
}

static void
close_store(struct sharing *s)
{
	struct store *store = s->store;

	s->store = NULL; /* those who are told now decide without it */
	if (store)
		store_close(store);
}

void
sharing_set_world(struct sharing *s, const struct world *world)
{
	const struct store_policy *p = &world->policy.store;

	s->engine = world->engine;
	s->expire_ms = world->policy.expire_ms;
	s->max_life_ms = world->policy.max_life_ms;
	if (!p->is_set || !store_url_eq(&p->url, &s->url) || p->deadline_ms != s->deadline_ms)
		close_store(s);
	free(s->prefix);
	s->prefix = p->is_set ? str_dup(str_of(p->prefix)) : NULL;
	if (!p->is_set || s->store)
		return;
	s->url = p->url;
	s->deadline_ms = p->deadline_ms;
	s->store = store_open(s->loop, &(struct store_settings){
					       .url = &s->url,
					       .deadline_ms = s->deadline_ms,
					       .speaks = s->speaks,
					       .on_event = on_event,
					       .arg = s,
				       });
}

struct sharing *
sharing_new(struct ev_loop *loop, struct counters *counters, const struct world *world, bool speaks)
{
	struct sharing *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->counters = counters;
	s->speaks = speaks;
	buf_init(&s->key, KEY_ROOM);
	buf_init(&s->entry, KEY_ROOM);
	sharing_set_world(s, world);
	return s;
}

void
sharing_free(struct sharing *s)
{
	if (!s)
		return;
	close_store(s);
	free(s->prefix);
	buf_fini(&s->key);
	buf_fini(&s->entry);
	free(s);
}

bool
sharing_is_on(const struct sharing *s)
{
	return s && s->store;
}

static bool
key_of(struct sharing *s, struct str scope, struct str id, struct str *key)
{
	buf_consume(&s->key, buf_len(&s->key));
	if (!store_key_write(&s->key, str_of(s->prefix), scope, id))
		return false;
	*key = (struct str){ (const char *)buf_front(&s->key), buf_len(&s->key) };
	return true;
}

/* ---- questions ------------------------------------------------------------------------------ */

static void
on_answer(void *arg, enum store_answer answer, struct str value)
{
	struct sharing_question *q = arg;
	struct sharing *s = q->sharing;
	uint32_t target = STICK_NO_TARGET;

	if (answer == STORE_FOUND)
		target = engine_target(s->engine, store_value_server(value));
	if (answer == STORE_LATE || answer == STORE_GONE)
		counters_add(s->counters, COUNTER_STORE_LATE);
	else
		counters_add(s->counters,
			     target == STICK_NO_TARGET ? COUNTER_STORE_MISSES : COUNTER_STORE_HITS);
	q->fn(q->arg, target);
	free(q);
}

struct sharing_question *
sharing_ask(struct sharing *s, const struct stick_key *key, sharing_answer_fn *fn, void *arg)
{
	struct sharing_question *q = malloc(sizeof(*q));
	struct str k;

	if (q)
		*q = (struct sharing_question){ .sharing = s, .fn = fn, .arg = arg };
	if (q && key_of(s, key->scope, key->id, &k))
		q->question = store_ask(s->store, k, on_answer, q);
	if (q && q->question) {
		counters_add(s->counters, COUNTER_STORE_QUESTIONS);
		return q;
	}
	counters_add(s->counters, COUNTER_STORE_UNASKED);
	free(q);
	return NULL;
}

void
sharing_cancel(struct sharing_question *q)
{
	store_cancel(q->question);
	free(q);
}

/* ---- writes --------------------------------------------------------------------------------- */

static void
write_entry(struct sharing *s, enum store_write_kind kind, struct str scope, struct str id,
	    const struct stick_view *view, uint32_t instead)
{
	struct store_write w = {
		.kind = kind,
		.server = str_of(engine_target_name(s->engine, view->target)),
		.owner = engine_owner(s->engine),
		.instead = str_of(engine_target_name(s->engine, instead)),
		.ttl_ms = view->sessions ? s->max_life_ms : s->expire_ms,
	};

	if (w.server.n && key_of(s, scope, id, &w.key))
		store_write(s->store, &w);
	else
		counters_add(s->counters, COUNTER_STORE_DROPPED);
}

void
sharing_placed(struct sharing *s, struct stick_table *table, const struct stick_key *key,
	       uint32_t seen, int64_t now)
{
	struct stick_view view;

	if (sharing_is_on(s) && stick_table_find(table, key, now, &view))
		write_entry(s, STORE_PLACE, key->scope, key->id, &view, seen);
}

/* What the table knows of that hash, for the store. */
static bool
tell(struct sharing *s, struct stick_table *table, uint64_t hash, int64_t now, struct str *scope,
     struct str *id, struct stick_view *view)
{
	return sharing_is_on(s) && stick_table_tell(table, hash, now, &s->entry, scope, id, view);
}

void
sharing_accept(struct sharing *s, struct stick_table *table, uint64_t hash, uint32_t target,
	       int64_t now)
{
	struct stick_view view;
	struct str scope, id;

	stick_table_accept(table, hash, target, now);
	if (tell(s, table, hash, now, &scope, &id, &view))
		write_entry(s, STORE_SET, scope, id, &view, STICK_NO_TARGET);
}

void
sharing_drop(struct sharing *s, struct stick_table *table, uint64_t hash, uint32_t target,
	     int64_t now)
{
	struct stick_view view;
	struct str scope, id;

	if (tell(s, table, hash, now, &scope, &id, &view) && view.target == target)
		write_entry(s, STORE_DELETE, scope, id, &view, STICK_NO_TARGET);
	stick_table_drop(table, hash, target);
}

void
sharing_session_end(struct sharing *s, struct stick_table *table, uint64_t hash, int64_t now)
{
	struct stick_view view;
	struct str scope, id;

	stick_table_session_end(table, hash, now);
	if (tell(s, table, hash, now, &scope, &id, &view) && view.sessions == 0)
		write_entry(s, STORE_END, scope, id, &view, STICK_NO_TARGET);
}
