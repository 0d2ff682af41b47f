/*
 * The lock is held for one scan of the servers at most. Ranking and taking the turn are two
 * steps, because a decision has no effects until it is applied; the version between them makes
 * the second one fail when somebody else took a turn, and the decision is made again.
 */
#include "agent/core/decide/pool.h"

#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/decide/pool_state.h"

/* One turn of a server with weight 1; a multiple of most small weights keeps turns exact. */
#define STRIDE UINT64_C(720720)

static const struct balance *const algorithms[] = {
	[BALANCE_ROUNDROBIN] = &balance_roundrobin,
	[BALANCE_LEASTCONN] = &balance_leastconn,
	[BALANCE_SOURCE] = &balance_source,
	[BALANCE_RANDOM] = &balance_random,
	[BALANCE_HASH] = &balance_hash,
	[BALANCE_RENDEZVOUS] = &balance_rendezvous,
};

const char *
server_status_name(enum server_status status)
{
	static const char *const names[] = {
		[SERVER_UP] = "up",
		[SERVER_DOWN] = "down",
		[SERVER_MAINT] = "maint",
		[SERVER_DRAIN] = "drain",
	};

	return names[status];
}

static enum server_status
with_weight(enum server_status status, uint16_t weight)
{
	return status == SERVER_UP && weight == 0 ? SERVER_DRAIN : status;
}

struct pool *
pool_new(const struct proxy *backend, enum balance_kind balance, uint32_t bounded_load_percent,
	 const uint32_t *targets, struct server_load *const *loads)
{
	struct pool *p = xcalloc(1, sizeof(*p) + backend->n_servers * sizeof(p->servers[0]));

	pthread_mutex_init(&p->lock, NULL);
	p->backend = backend;
	p->balance = algorithms[balance];
	p->balance_kind = balance;
	p->bounded_load_percent = bounded_load_percent;
	p->n = backend->n_servers;
	for (size_t i = 0; i < p->n; i++) {
		const struct server *s = backend->servers[i];

		p->servers[i] = (struct pool_server){
			.file = s,
			.target = targets[i],
			.status = s->disabled ? SERVER_MAINT : with_weight(SERVER_UP, s->weight),
			.weight = s->weight,
			.maxconn = s->maxconn,
			.addr = s->addr,
			.load = loads ? loads[i] : NULL,
		};
	}
	return p;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->map);
	free(p);
}

static void
forget_map(struct pool *p)
{
	free(p->map);
	p->map = NULL;
}

/* What changed in the file is the operator's newest word, the rest goes on as it was. */
static void
inherit_server(struct pool_server *to, const struct pool_server *old)
{
	/* Drained by its weight alone: that is for the weight it has now to say. */
	enum server_status status =
		old->status == SERVER_DRAIN && old->weight == 0 ? SERVER_UP : old->status;

	if (to->file->weight == old->file->weight)
		to->weight = old->weight;
	if (to->file->maxconn == old->file->maxconn)
		to->maxconn = old->maxconn;
	if (to->file->disabled == old->file->disabled)
		to->status = with_weight(status, to->weight);
	to->sessions = old->sessions;
	to->decided = old->decided;
	to->decided_before = old->decided_before;
	to->pass = old->pass;
	/* A name is looked up anew by whoever looks names up; until then it is where it was. */
	if (to->file->addr.len == 0 && strcmp(to->file->address, old->file->address) == 0)
		to->addr = old->addr;
}

void
pool_inherit(struct pool *p, struct pool *from)
{
	pthread_mutex_lock(&from->lock);
	p->pass = from->pass;
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < from->n; j++)
			if (strcmp(p->servers[i].file->name, from->servers[j].file->name) == 0)
				inherit_server(&p->servers[i], &from->servers[j]);
	pthread_mutex_unlock(&from->lock);
}

/* The load knows as much of the server as those who wait for it must. */
static void
tell_load(const struct pool_server *s)
{
	if (!s->load)
		return;
	atomic_store(&s->load->maxconn, s->maxconn);
	atomic_store(&s->load->is_draining, s->status == SERVER_DRAIN);
	atomic_store(&s->load->is_closed,
		     s->status == SERVER_DOWN || s->status == SERVER_MAINT || s->addr.len == 0);
}

void
pool_begin(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n; i++)
		tell_load(&p->servers[i]);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n; i++)
		if (p->servers[i].load)
			load_offer(p->servers[i].load);
}

const struct proxy *
pool_backend(const struct pool *p)
{
	return p->backend;
}

enum balance_kind
pool_balance(const struct pool *p)
{
	return p->balance_kind;
}

struct server_load *
pool_load(const struct pool *p, unsigned server)
{
	return p->servers[server].load;
}

uint32_t
pool_target(const struct pool *p, unsigned server)
{
	return p->servers[server].target;
}

static bool
in_subset(const struct pick *pick, const char *name)
{
	if (!pick->subset)
		return true;
	for (size_t i = 0; i < pick->n_subset; i++)
		if (strcmp(pick->subset[i], name) == 0)
			return true;
	return false;
}

bool
pool_is_wanted(const struct pool *p, unsigned server, const struct pick *pick)
{
	for (size_t i = 0; i < pick->n_avoid; i++)
		if (pick->avoid[i] == server)
			return false;
	return in_subset(pick, p->servers[server].file->name);
}

/* Whom the next client is carried by: then its places and its address are for us to know. */
static bool
is_ours_to_carry(const struct pool_server *s)
{
	return s->load && !load_is_haproxys(s->load);
}

static bool
may_use(const struct pool *p, const struct pick *pick, size_t i)
{
	const struct pool_server *s = &p->servers[i];

	if (is_ours_to_carry(s) && s->addr.len == 0)
		return false;
	return s->status == SERVER_UP && s->weight > 0 && pool_is_wanted(p, (unsigned)i, pick);
}

bool
pool_may_use(const struct pool *p, const struct pick *pick, size_t i)
{
	return p->servers[i].file->backup == p->on_backups && may_use(p, pick, i);
}

void
podium_offer(struct podium *podium, struct ranking *r, size_t server, uint64_t score, uint64_t tie)
{
	int place = r->n;

	while (place > 0 && (score < podium->score[place - 1] ||
			     (score == podium->score[place - 1] && tie < podium->tie[place - 1])))
		place--;
	if (place >= RANKED)
		return;
	if (r->n < RANKED)
		r->n++;
	for (int i = r->n - 1; i > place; i--) {
		r->server[i] = r->server[i - 1];
		podium->score[i] = podium->score[i - 1];
		podium->tie[i] = podium->tie[i - 1];
	}
	r->server[place] = (uint16_t)server;
	podium->score[place] = score;
	podium->tie[place] = tie;
}

static bool
may_use_any(const struct pool *p, const struct pick *pick)
{
	for (size_t i = 0; i < p->n; i++)
		if (pool_may_use(p, pick, i))
			return true;
	return false;
}

/* The first one, whether or not it has a place free: it is the only one. */
static void
rank_first_backup(const struct pool *p, const struct pick *pick, struct ranking *r)
{
	for (size_t i = 0; i < p->n && r->n == 0; i++)
		if (pool_may_use(p, pick, i))
			r->server[r->n++] = (uint16_t)i;
}

/*
 * HAProxy: backup servers serve when no active one can, and only the first of them, unless the
 * file says `option allbackups`.
 */
static void
rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	p->on_backups = !may_use_any(p, pick);
	for (size_t i = 0; i < p->n; i++) {
		struct pool_server *s = &p->servers[i];

		s->has_room = pool_may_use(p, pick, i) &&
			      (!is_ours_to_carry(s) || load_has_room(s->load));
	}
	if (p->on_backups && !(p->backend->options & OPTION_ALLBACKUPS))
		rank_first_backup(p, pick, r);
	else
		p->balance->rank(p, pick, r);
	r->is_full = r->n == 0 && may_use_any(p, pick);
	p->on_backups = false;
}

void
pool_rank(struct pool *p, const struct pick *pick, struct ranking *r)
{
	pthread_mutex_lock(&p->lock);
	*r = (struct ranking){ .version = p->version };
	rank(p, pick, r);
	pthread_mutex_unlock(&p->lock);
}

bool
pool_find(struct pool *p, uint32_t target, const struct pick *pick, unsigned *server)
{
	bool found = false;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n && !found; i++)
		if (p->servers[i].target == target && may_use(p, pick, i)) {
			*server = (unsigned)i;
			found = true;
		}
	pthread_mutex_unlock(&p->lock);
	return found;
}

/* Counted, with one of the places if there are places to have and one is free. */
static bool
send_client(struct pool_server *s)
{
	if (is_ours_to_carry(s))
		return load_enter(s->load);
	s->decided++;
	return false;
}

bool
pool_commit(struct pool *p, const struct ranking *r, bool *has_place)
{
	struct pool_server *s = &p->servers[r->server[0]];
	bool current;

	*has_place = false;
	pthread_mutex_lock(&p->lock);
	current = p->version == r->version;
	if (current) {
		/*
		 * Stride scheduling: a server's next turn comes STRIDE / weight after this one.
		 * One that was away does not catch up on the turns it missed.
		 */
		if (s->pass > p->pass)
			p->pass = s->pass;
		s->pass = p->pass + STRIDE / (s->weight ? s->weight : 1);
		*has_place = send_client(s);
		p->version++;
	}
	pthread_mutex_unlock(&p->lock);
	return current;
}

bool
pool_count(struct pool *p, unsigned server)
{
	bool has_place;

	pthread_mutex_lock(&p->lock);
	has_place = send_client(&p->servers[server]);
	pthread_mutex_unlock(&p->lock);
	return has_place;
}

bool
pool_is_usable(struct pool *p, unsigned server, const struct pick *pick)
{
	bool yes;

	pthread_mutex_lock(&p->lock);
	yes = may_use(p, pick, server);
	pthread_mutex_unlock(&p->lock);
	return yes;
}

bool
pool_set_addr(struct pool *p, unsigned server, const struct addr *a)
{
	struct pool_server *s = &p->servers[server];
	bool changed;

	pthread_mutex_lock(&p->lock);
	changed = s->addr.len != a->len || memcmp(&s->addr.sa, &a->sa, a->len) != 0;
	if (changed) {
		s->addr = *a;
		forget_map(p);
		tell_load(s);
	}
	pthread_mutex_unlock(&p->lock);
	if (changed && s->load)
		load_offer(s->load);
	return changed;
}

bool
pool_addr(struct pool *p, unsigned server, struct addr *a)
{
	pthread_mutex_lock(&p->lock);
	*a = p->servers[server].addr;
	pthread_mutex_unlock(&p->lock);
	return a->len > 0;
}

uint64_t
pool_decided(struct pool *p, unsigned server)
{
	uint64_t decided;

	pthread_mutex_lock(&p->lock);
	decided = p->servers[server].decided;
	pthread_mutex_unlock(&p->lock);
	return decided;
}

bool
pool_set_state(struct pool *p, unsigned server, enum server_status status, uint16_t weight)
{
	struct pool_server *s = &p->servers[server];
	bool changed;

	status = with_weight(status, weight);
	pthread_mutex_lock(&p->lock);
	changed = s->status != status || s->weight != weight;
	if (changed) {
		s->status = status;
		s->weight = weight;
		forget_map(p);
		tell_load(s);
	}
	pthread_mutex_unlock(&p->lock);
	if (changed && s->load)
		load_offer(s->load);
	return changed;
}

void
pool_set_maxconn(struct pool *p, unsigned server, uint32_t maxconn)
{
	struct pool_server *s = &p->servers[server];

	pthread_mutex_lock(&p->lock);
	s->maxconn = maxconn;
	tell_load(s);
	pthread_mutex_unlock(&p->lock);
	if (s->load)
		load_offer(s->load);
}

void
pool_set_sessions(struct pool *p, unsigned server, uint32_t sessions, uint64_t decided)
{
	struct pool_server *s = &p->servers[server];

	pthread_mutex_lock(&p->lock);
	s->sessions = sessions;
	s->decided_before = decided;
	pthread_mutex_unlock(&p->lock);
}

void
pool_forget_sessions(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n; i++) {
		p->servers[i].sessions = 0;
		p->servers[i].decided_before = p->servers[i].decided;
	}
	pthread_mutex_unlock(&p->lock);
}

struct server_report
pool_server(struct pool *p, unsigned server)
{
	const struct pool_server *s = &p->servers[server];
	struct server_report report;

	pthread_mutex_lock(&p->lock);
	report = (struct server_report){
		s->status,
		s->weight,
		s->sessions + (s->load ? atomic_load(&s->load->n_sessions) : 0),
	};
	pthread_mutex_unlock(&p->lock);
	return report;
}
