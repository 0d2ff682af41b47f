/*
 * Which server, in HAProxy's order: use-server, stick-tables, the algorithm; where usher decided,
 * the verdict's servers. Then a place there, or a place in the queue.
 *
 * A waiter is granted its place on whatever thread gave one back, and is told by message. The
 * message owns the waiting: a session that ends meanwhile takes its name off it.
 */
#include <stdlib.h>

#include "agent/core/base/hash.h"
#include "agent/io/dial.h"
#include "agent/proxy/state.h"

struct waiting {
	struct session *session; /* NULL: it has ended */
	struct carrier *carrier;
	struct inbox_message message; /* that a place was granted */
	struct waiter waiter;	      /* last: it has an array at its end */
};

static struct pool *
pool_of(const struct session *s)
{
	return s->world->pools[s->backend->index];
}

struct server_load *
server_load_of(const struct session *s)
{
	return pool_load(pool_of(s), s->index);
}

void
server_leave(struct session *s)
{
	if (s->has_place)
		load_leave(server_load_of(s));
	s->has_place = false;
	s->index = NO_SERVER;
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* Is the verdict about this backend? */
static bool
is_decided(const struct session *s)
{
	return s->opening->asked && s->opening->verdict.backend == s->backend;
}

static uint32_t
hash_key(const struct proxy *backend, struct str key)
{
	switch (backend->hash.function) {
	case HASH_DJB2:
		return hash_djb2(key);
	case HASH_CRC32:
		return hash_crc32(key);
	case HASH_NONE: {
		uint64_t number = 0;

		(void)str_u64(key, &number);
		return (uint32_t)number;
	}
	default:
		return hash_sdbm(key);
	}
}

/*
 * The hash of `balance hash EXPRESSION`. HAProxy does not show the request to it any more: what
 * rules have put into variables is there, and the addresses.
 */
static bool
find_hash(struct session *s, uint32_t *hash)
{
	struct expr_context x;
	struct sample key;

	if (s->backend->balance != BALANCE_HASH)
		return false;
	context_fill(s, &x);
	x.request = STR("");
	x.request_may_grow = false;
	if (!rules_balance_key(s->world->data_path->rules[s->backend->index], &x, &key) ||
	    !sample_cast(&key, SAMPLE_BIN, &x.scratch))
		return false;
	*hash = hash_key(s->backend, key.bytes);
	return true;
}

/* What the algorithm goes by; *source must live as long. */
static struct pick
make_pick(struct session *s, struct ip *source)
{
	const struct opening *o = s->opening;
	const struct tenant *t = is_decided(s) ? o->verdict.tenant : NULL;
	uint32_t hash = 0;
	bool has_hash = find_hash(s, &hash);
	struct ends ends;

	session_ends(s, &ends);
	*source = ends.peer;
	return (struct pick){
		.has_hash = has_hash,
		.key = { o->verdict.key, o->verdict.key_len },
		.hash = hash,
		.source = source,
		.random = o->random,
		.subset = t && t->n_server_names ? t->server_names : NULL,
		.n_subset = t ? t->n_server_names : 0,
		.avoid = o->tried,
		.n_avoid = o->n_tried,
	};
}

/*
 * HAProxy sends who sticks, or is sent by use-server, to any server that runs, even a drained one;
 * with `option persist` even to one that does not.
 */
static bool
is_running(void *arg, const struct server *server)
{
	struct session *s = arg;
	struct server_report report = pool_server(pool_of(s), server->index);
	bool runs = report.status == SERVER_UP || report.status == SERVER_DRAIN;
	struct addr a;

	return (runs || s->backend->options & OPTION_PERSIST) &&
	       pool_addr(pool_of(s), server->index, &a);
}

static const struct server *
use_server(struct session *s)
{
	struct expr_context x;

	context_fill(s, &x);
	return rules_use_server(s->world->data_path->rules[s->backend->index], &x, is_running, s);
}

/* `stick on|match`: the server that a key is stored with. */
static const struct server *
stick_match(struct session *s)
{
	const struct rules *rules = s->world->data_path->rules[s->backend->index];
	struct stick_lookup lookup;
	struct expr_context x;
	char name[256];

	context_fill(s, &x);
	for (size_t i = rules_stick_match(rules, 0, &x, &lookup); i;
	     i = rules_stick_match(rules, i, &x, &lookup)) {
		struct table *table = context_table(s, s->backend, lookup.table);
		const struct server *server;
		struct table_key key;

		if (!table || !table_key_from(table, &lookup.key, &x.scratch, &key) ||
		    !table_get_server(table, &key, session_now(s), name, sizeof(name)))
			continue;
		server = proxy_server(s->backend, str_of(name));
		if (server && is_running(s, server))
			return server;
	}
	return NULL;
}

/* `stick on|store-request`: the keys, while the request is there to take them from. */
static void
note_stores(struct session *s)
{
	const struct rules *rules = s->world->data_path->rules[s->backend->index];
	struct stick_lookup lookup;
	struct expr_context x;

	context_fill(s, &x);
	for (size_t i = rules_stick_store(rules, 0, &x, &lookup); i;
	     i = rules_stick_store(rules, i, &x, &lookup)) {
		struct table *table = context_table(s, s->backend, lookup.table);
		struct pending_store *store = table ? malloc(sizeof(*store)) : NULL;

		if (!store || !table_key_from(table, &lookup.key, &x.scratch, &store->key)) {
			free(store);
			continue;
		}
		store->table = table;
		store->next = s->opening->stores;
		s->opening->stores = store;
	}
}

/* ---- the queue ------------------------------------------------------------------------------ */

static unsigned
index_of(const struct session *s, const struct server_load *load)
{
	for (unsigned i = 0; i < s->backend->n_servers; i++)
		if (pool_load(pool_of(s), i) == load)
			return i;
	return NO_SERVER;
}

/* A client that had no server when it was decided has one now: remember it. */
static void
place_entry(struct session *s)
{
	const struct granted *g = &s->opening->verdict;
	struct stick_table *table = s->world->env.table;
	uint32_t target = pool_target(pool_of(s), s->index);
	struct stick_key key;

	if (!is_decided(s) || !g->sticks || s->has_entry || target == STICK_NO_TARGET)
		return;
	key = stick_key(table, str_of(g->tenant ? g->tenant->name : NULL),
			(struct str){ g->key, g->key_len });
	s->has_entry = stick_table_place(table, &key, g->seen, target, session_now(s)) == target;
	if (s->has_entry)
		sharing_placed(s->carrier->worker->sharing, table, &key, g->seen, session_now(s));
}

static enum placed
take_place(struct session *s, unsigned index)
{
	s->index = (uint16_t)index;
	s->has_place = true;
	place_entry(s);
	return PLACED;
}

/* On the session's own worker. */
static void
on_granted(void *arg)
{
	struct waiting *w = arg;
	struct session *s = w->session;

	if (!s) {
		load_leave(w->waiter.granted);
	} else {
		s->opening->waiting = NULL;
		take_place(s, index_of(s, w->waiter.granted));
		account_time(s, TRAFFIC_TIME_QUEUE, session_now(s) - s->opening->since);
		session_enter(s, SESSION_DIAL);
		session_run(s);
	}
	free(w);
}

static void
wake(struct waiter *waiter)
{
	struct waiting *w = container_of(waiter, struct waiting, waiter);

	inbox_post(&w->carrier->worker->inbox, &w->message, on_granted, w);
}

void
server_stop_waiting(struct session *s)
{
	struct waiting *w = s->opening->waiting;

	s->opening->waiting = NULL;
	if (!w)
		return;
	w->session = NULL;
	if (load_give_up(w->waiter.wanted[0]->backend, &w->waiter))
		free(w); /* else the message is under way, and frees it */
}

/* A place may have become free before we stood in line. */
static bool
enter_after_all(struct waiting *w)
{
	for (uint16_t i = 0; i < w->waiter.n_wanted; i++) {
		struct server_load *load = w->waiter.wanted[i];

		if (atomic_load(&load->is_closed) ||
		    (atomic_load(&load->is_draining) && !w->waiter.even_draining) ||
		    !load_enter(load))
			continue;
		if (load_give_up(load->backend, &w->waiter)) {
			w->waiter.granted = load;
			return true;
		}
		load_leave(load); /* granted another meanwhile: the message comes */
		return false;
	}
	return false;
}

/* Stand in line for a place at one of these. */
static enum placed
stand_in_line(struct session *s, const uint16_t *servers, unsigned n, bool is_pinned,
	      bool even_draining)
{
	struct waiting *w = malloc(sizeof(*w) + n * sizeof(w->waiter.wanted[0]));
	enum placed placed = QUEUED;

	if (!w)
		return NOT_PLACED_MEMORY;
	*w = (struct waiting){ .session = s, .carrier = s->carrier };
	w->waiter.wake = wake;
	w->waiter.is_pinned = is_pinned;
	w->waiter.even_draining = even_draining;
	w->waiter.n_wanted = (uint16_t)n;
	for (unsigned i = 0; i < n; i++)
		w->waiter.wanted[i] = pool_load(pool_of(s), servers[i]);
	list_init(&w->waiter.list);
	load_wait(w->waiter.wanted[0]->backend, &w->waiter);
	if (enter_after_all(w)) {
		placed = take_place(s, index_of(s, w->waiter.granted));
		free(w);
		return placed;
	}
	s->index = is_pinned ? servers[0] : NO_SERVER;
	s->opening->waiting = w;
	s->opening->since = session_now(s);
	account_waiting(s);
	record_queue(s);
	return placed;
}

/* ---- a place -------------------------------------------------------------------------------- */

/* Who is sent by the file may go even to a server that drains; who is sent by a verdict may not. */
static enum placed
place_at(struct session *s, unsigned index, bool has_place, bool by_file)
{
	const struct server *server = s->backend->servers[index];
	uint16_t one = (uint16_t)index;

	if (has_place)
		return take_place(s, index);
	if (server->maxqueue &&
	    atomic_load(&pool_load(pool_of(s), index)->n_waiting) >= server->maxqueue)
		return NOT_PLACED_QUEUE_FULL;
	return stand_in_line(s, &one, 1, true, by_file);
}

/*
 * Whoever has a place first, now or when a server comes back: all active servers, and the backups
 * while it is their turn.
 */
static enum placed
place_anywhere(struct session *s, const struct pick *pick)
{
	struct pool *pool = pool_of(s);
	uint16_t *servers = malloc((s->backend->n_servers + 1) * sizeof(*servers));
	bool has_active = false;
	enum placed placed;
	unsigned n = 0;

	if (!servers)
		return NOT_PLACED_MEMORY;
	for (unsigned i = 0; i < s->backend->n_servers; i++)
		has_active |= !s->backend->servers[i]->backup && pool_is_usable(pool, i, pick);
	for (unsigned i = 0; i < s->backend->n_servers; i++)
		if (pool_is_wanted(pool, i, pick) &&
		    (!s->backend->servers[i]->backup || !has_active))
			servers[n++] = (uint16_t)i;
	placed = n ? stand_in_line(s, servers, n, false, false) : NOT_PLACED_NO_SERVER;
	free(servers);
	return placed;
}

/* The algorithm's choice, or a place in the queue for it. */
static enum placed
balance(struct session *s)
{
	struct ranking r;
	struct ip source;
	struct pick pick = make_pick(s, &source);
	enum placed placed;
	bool has_place = false;

	do
		pool_rank(pool_of(s), &pick, &r);
	while (r.n && !pool_commit(pool_of(s), &r, &has_place));
	if (r.n) {
		placed = place_at(s, r.server[0], has_place, false);
		if (placed == PLACED || placed == QUEUED)
			account_behind(s, TRAFFIC_CHOSEN);
		return placed;
	}
	return r.is_full ? place_anywhere(s, &pick) : NOT_PLACED_NO_SERVER;
}

/* Once they are all tried the oldest may be tried again. */
static void
note_tried(struct opening *o, uint16_t index)
{
	enum { MAX = sizeof(o->tried) / sizeof(o->tried[0]) };

	if (o->n_tried == MAX)
		memmove(o->tried, o->tried + 1, (size_t)--o->n_tried * sizeof(o->tried[0]));
	o->tried[o->n_tried++] = index;
}

/* HAProxy sends who finds a full queue to another server, if the file lets it. */
static bool
may_leave_a_full_queue(const struct session *s)
{
	return s->backend->options & OPTION_REDISPATCH ||
	       !policy_as_haproxy(&s->world->policy, DIFFERENCE_RETRY_ELSEWHERE);
}

enum placed
server_choose(struct session *s)
{
	const struct server *server = use_server(s);
	bool decided = is_decided(s) && s->opening->verdict.ranking.n;
	enum placed placed;

	if (s->backend->n_servers == 0)
		return NOT_PLACED_NO_SERVER;
	account_backend(s);
	note_stores(s);
	if (decided && (!server || server->index == s->index)) {
		placed = place_at(s, s->index, s->has_place, false);
	} else {
		server_leave(s);
		if (!server && !is_decided(s))
			server = stick_match(s);
		if (server)
			placed = place_at(s, server->index, pool_count(pool_of(s), server->index),
					  true);
		else
			placed = balance(s);
	}
	if (placed != NOT_PLACED_QUEUE_FULL || !may_leave_a_full_queue(s))
		return placed;
	if (server || decided)
		note_tried(s->opening, server ? (uint16_t)server->index : s->index);
	s->index = NO_SERVER;
	placed = balance(s);
	return placed == NOT_PLACED_NO_SERVER ? NOT_PLACED_QUEUE_FULL : placed;
}

enum placed
server_choose_other(struct session *s)
{
	uint16_t index = s->index;
	struct server_load *load = server_load_of(s);
	bool had_place = s->has_place;
	enum placed placed;

	note_tried(s->opening, index);
	s->has_place = false;
	s->index = NO_SERVER;
	placed = balance(s);
	if (placed == PLACED || placed == QUEUED) {
		if (had_place)
			load_leave(load);
		return placed;
	}
	s->index = index;
	s->has_place = had_place;
	return placed;
}

/* ---- the answer ----------------------------------------------------------------------------- */

void
server_accepted(struct session *s)
{
	int64_t now = session_now(s);
	struct str name = str_of(s->backend->servers[s->index]->name);

	if (s->has_entry)
		sharing_accept(s->carrier->worker->sharing, s->world->env.table, s->key,
			       server_target(s), now);
	for (struct pending_store *store = s->opening->stores; store; store = store->next)
		if (!s->backend->servers[s->index]->non_stick)
			table_put_server(store->table, &store->key, now, name);
}

uint32_t
server_target(const struct session *s)
{
	return pool_target(pool_of(s), s->index);
}

void
server_refused(struct session *s, uint32_t target)
{
	if (s->has_entry)
		sharing_drop(s->carrier->worker->sharing, s->world->env.table, s->key, target,
			     session_now(s));
}
