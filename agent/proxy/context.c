/* Names that a rule may use are looked up here: variables, stick-tables, counts. */
#include <stdlib.h>
#include <sys/time.h>

#include "agent/core/mqtt/connect.h"
#include "agent/io/dial.h"
#include "agent/proxy/edge.h"
#include "agent/proxy/state.h"

/* ---- stick-tables --------------------------------------------------------------------------- */

struct table *
context_table(const struct session *s, const struct proxy *own, struct str name)
{
	const struct data_path *d = s->world->data_path;
	const struct topology *t = &s->world->topology;
	const struct proxy *p = own;

	if (name.n) {
		p = topology_backend(t, name);
		p = p ? p : topology_frontend(t, name);
	}
	return p && d->tables[p->index] ? d->tables[p->index]->table : NULL;
}

/* Whose rules are being evaluated. */
static const struct proxy *
present_proxy(const struct session *s)
{
	return s->state == SESSION_FRONT || !s->backend ? s->frontend : s->backend;
}

/* A table knows servers by name, since they outlive a reload; rules see HAProxy's number. */
static void
number_server(const struct session *s, const struct proxy *own, struct str name, struct sample *out)
{
	const struct proxy *p = name.n ? topology_backend(&s->world->topology, name) : own;
	const struct server *server =
		p && out->type == SAMPLE_STR ? proxy_server(p, out->bytes) : NULL;

	sample_set_int(out, server ? server->id : 0);
}

static bool
look_up(void *arg, struct str name, const struct sample *sample, enum table_data what,
	struct sample *out)
{
	struct session *s = arg;
	struct table *table = context_table(s, present_proxy(s), name);
	struct scratch scratch = { s->carrier->key_scratch, sizeof(s->carrier->key_scratch), 0 };
	struct table_key key;

	if (!table || !table_key_from(table, sample, &scratch, &key) ||
	    !table_read(table, &key, what, session_now(s), out))
		return false;
	if (what == TABLE_SERVER_ID)
		number_server(s, present_proxy(s), name, out);
	return true;
}

static bool
look_up_tracked(void *arg, unsigned counter, struct str name, enum table_data what,
		struct sample *out)
{
	struct session *s = arg;
	struct table *table;

	if (!s->extra || !s->extra->tracks.at[counter].entry)
		return false;
	table = s->extra->tracks.at[counter].table;
	if (name.n && context_table(s, NULL, name) != table)
		return false;
	return table_read_entry(table, s->extra->tracks.at[counter].entry, what, session_now(s),
				out);
}

static void
track(void *arg, unsigned counter, struct str name, const struct sample *sample)
{
	struct session *s = arg;
	struct table *table = context_table(s, present_proxy(s), name);
	struct scratch scratch = { s->carrier->key_scratch, sizeof(s->carrier->key_scratch), 0 };
	struct table_key key;

	if (!table || (s->extra && s->extra->tracks.at[counter].entry))
		return;
	if (!session_extra(s) || !table_key_from(table, sample, &scratch, &key))
		return;
	s->extra->tracks.at[counter].table = table;
	s->extra->tracks.at[counter].entry = table_track(table, &key, session_now(s));
}

static void
change_counter(void *arg, unsigned counter, enum table_data what, bool is_set, int64_t n)
{
	struct session *s = arg;

	if (!s->extra || !s->extra->tracks.at[counter].entry)
		return;
	if (is_set)
		table_set(s->extra->tracks.at[counter].table, s->extra->tracks.at[counter].entry,
			  what, n);
	else
		table_add(s->extra->tracks.at[counter].table, s->extra->tracks.at[counter].entry,
			  what, n, session_now(s));
}

void
tracks_begin_session(struct session *s)
{
	for (unsigned i = 0; s->extra && i < 3; i++)
		if (s->extra->tracks.at[i].entry)
			table_add(s->extra->tracks.at[i].table, s->extra->tracks.at[i].entry,
				  TABLE_SESS_CNT, 1, session_now(s));
}

void
tracks_add_bytes(struct session *s, uint64_t up, uint64_t down)
{
	static const enum table_data counts[][2] = {
		{ TABLE_KBYTES_IN, TABLE_KBYTES_OUT },
		{ TABLE_BYTES_IN_RATE, TABLE_BYTES_OUT_RATE },
	};

	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; s->extra->tracks.at[i].entry && j < 2; j++) {
			table_add(s->extra->tracks.at[i].table, s->extra->tracks.at[i].entry,
				  counts[j][0], (int64_t)up, session_now(s));
			table_add(s->extra->tracks.at[i].table, s->extra->tracks.at[i].entry,
				  counts[j][1], (int64_t)down, session_now(s));
		}
}

void
tracks_drop(struct session *s)
{
	for (unsigned i = 0; s->extra && i < 3; i++) {
		if (s->extra->tracks.at[i].entry)
			table_untrack(s->extra->tracks.at[i].table, s->extra->tracks.at[i].entry,
				      session_now(s));
		s->extra->tracks.at[i].entry = NULL;
	}
}

/* ---- variables ------------------------------------------------------------------------------ */

static bool
get_var(void *arg, enum var_scope scope, struct str name, struct sample *out)
{
	const struct session *s = arg;

	if (s->opening)
		return vars_get(&s->opening->vars, scope, name, out);
	return s->record && vars_get(&s->record->vars, scope, name, out);
}

static uint64_t
draw(void *arg)
{
	const struct session *s = arg;

	return worker_random(s->carrier->worker);
}

/* ---- counts --------------------------------------------------------------------------------- */

static const struct proxy *
find_backend(const struct session *s, struct str name)
{
	return name.n ? topology_backend(&s->world->topology, name) : s->backend;
}

static const struct frontend_load *
find_frontend(const struct session *s, struct str name)
{
	const struct proxy *p = name.n ? topology_frontend(&s->world->topology, name) : s->frontend;

	return p ? s->world->data_path->fronts[p->index] : NULL;
}

/* Sums over the servers of a backend that may be used. */
struct backend_sums {
	int64_t n_usable, n_sessions, n_waiting, n_free;
	bool is_unlimited;
};

static struct backend_sums
sum_backend(const struct session *s, const struct proxy *p)
{
	struct pool *pool = s->world->pools[p->index];
	struct backend_sums sums = { 0 };

	for (unsigned i = 0; i < p->n_servers; i++) {
		const struct server_load *load = pool_load(pool, i);
		int64_t n = atomic_load(&load->n_sessions), max = atomic_load(&load->maxconn);

		sums.n_sessions += n;
		sums.n_waiting = atomic_load(&load->backend->n_waiting);
		if (!pool_is_usable(pool, i, &(struct pick){ 0 }))
			continue;
		sums.n_usable++;
		sums.n_free += max > n ? max - n : 0;
		sums.is_unlimited |= max == 0;
	}
	return sums;
}

static bool
count_backend(const struct session *s, enum expr_count what, const struct proxy *p, int64_t *n)
{
	struct backend_sums sums;

	if (!p || p->n_servers == 0)
		return false;
	sums = sum_backend(s, p);
	switch (what) {
	case COUNT_NBSRV:
		*n = sums.n_usable;
		return true;
	case COUNT_BE_CONN:
		*n = sums.n_sessions;
		return true;
	case COUNT_QUEUE:
		*n = sums.n_waiting;
		return true;
	case COUNT_AVG_QUEUE:
		*n = sums.n_usable ? (sums.n_waiting + sums.n_usable - 1) / sums.n_usable
				   : sums.n_waiting;
		return true;
	case COUNT_BE_SESS_RATE:
		*n = rate_meter_read(&pool_load(s->world->pools[p->index], 0)->backend->rate,
				     session_now(s));
		return true;
	case COUNT_CONNSLOTS:
	case COUNT_BE_CONN_FREE:
		*n = sums.is_unlimited ? -1 : sums.n_free;
		return true;
	default:
		return false;
	}
}

static bool
count_server(const struct session *s, enum expr_count what, const struct proxy *p, struct str name,
	     int64_t *n)
{
	const struct server *server = p ? proxy_server(p, name) : NULL;
	struct pool *pool = p ? s->world->pools[p->index] : NULL;
	const struct server_load *load;
	int64_t maxconn;

	if (!server)
		return false;
	load = pool_load(pool, server->index);
	maxconn = atomic_load(&load->maxconn);
	switch (what) {
	case COUNT_SRV_CONN:
		*n = atomic_load(&load->n_sessions);
		return true;
	case COUNT_SRV_CONN_FREE:
		*n = maxconn ? maxconn - (int64_t)atomic_load(&load->n_sessions) : -1;
		return true;
	case COUNT_SRV_SESS_RATE:
		*n = rate_meter_read(&load->rate, session_now(s));
		return true;
	case COUNT_SRV_QUEUE:
		*n = atomic_load(&load->n_waiting);
		return true;
	case COUNT_SRV_WEIGHT:
	case COUNT_SRV_UWEIGHT:
		*n = pool_server(pool, server->index).weight;
		return true;
	case COUNT_SRV_IWEIGHT:
		*n = server->weight;
		return true;
	case COUNT_SRV_IS_UP:
		*n = pool_server(pool, server->index).status == SERVER_UP;
		return true;
	default:
		return false;
	}
}

static bool
count(void *arg, enum expr_count what, struct str proxy, struct str server, int64_t *n)
{
	const struct session *s = arg;
	const struct frontend_load *front;
	struct table *table;

	switch (what) {
	case COUNT_FE_CONN:
	case COUNT_DST_CONN:
	case COUNT_FE_SESS_RATE:
		front = find_frontend(s, proxy);
		if (!front)
			return false;
		*n = what == COUNT_FE_SESS_RATE ? rate_meter_read(&front->rate, session_now(s))
						: atomic_load(&front->n_sessions);
		return true;
	case COUNT_TABLE_CNT:
	case COUNT_TABLE_AVL:
		table = context_table(s, present_proxy(s), proxy);
		if (!table)
			return false;
		*n = what == COUNT_TABLE_CNT
			     ? table_count(table)
			     : (int64_t)table_spec(table)->size - table_count(table);
		return true;
	default:
		return server.n ? count_server(s, what, find_backend(s, proxy), server, n)
				: count_backend(s, what, find_backend(s, proxy), n);
	}
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool
change_field(void *arg, enum rules_field how, struct str name, struct str value)
{
	struct session *s = arg;

	return edge_change_field(s->opening->edge, how == RULES_FIELD_ADD, name,
				 how == RULES_FIELD_DELETE ? (struct str){ 0 } : value);
}

/* ---- the context ---------------------------------------------------------------------------- */

static int64_t
wall_clock_us(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

static void
fill_addresses(const struct session *s, struct expr_context *x)
{
	struct ends e;

	session_ends(s, &e);
	x->src = e.peer;
	x->src_port = e.peer_port;
	x->dst = e.self;
	x->dst_port = e.self_port;
	x->came_by_proxy_header = s->extra && s->extra->is_presented;
	if (s->extra && s->extra->client_tls && s->extra->client_tls->has_facts)
		x->tls = &s->extra->client_tls->facts.tls;
}

/* In mode http rules see the request's head, and none of the bytes behind it. */
static const struct http1_head *
head_of(const struct session *s)
{
	const struct opening *o = s->opening;

	return s->frontend->mode == PROXY_HTTP && o && o->edge ? edge_request(o->edge) : NULL;
}

void
context_fill(struct session *s, struct expr_context *x)
{
	const bool is_http = s->frontend->mode == PROXY_HTTP;
	const struct str mqtt = is_http ? STR("") : opening_mqtt(s);
	const struct opening *o = s->opening;

	*x = (struct expr_context){
		.scratch = { s->carrier->scratch, sizeof(s->carrier->scratch), 0 },
		.request_may_grow =
			!is_http && !s->up.eof && o && !o->delay_over && mqtt.n < REQUEST_MAX,
		.request = mqtt,
		.http = head_of(s),
		.frontend = str_of(s->frontend->name),
		.backend = str_of(s->backend ? s->backend->name : s->frontend->name),
		.frontend_id = (int64_t)s->frontend->index + 1,
		.backend_id = (int64_t)(s->backend ? s->backend : s->frontend)->index + 1,
		.default_backend = str_of(
			s->frontend->default_backend ? s->frontend->default_backend->name : NULL),
		.now_us = wall_clock_us(),
		.mqtt_is_strict = !policy_as_haproxy(&s->world->policy, DIFFERENCE_MQTT_IS_VALID),
		.arg = s,
		.random = draw,
		.get_var = get_var,
		.table_lookup = look_up,
		.tracked = look_up_tracked,
		.count = count,
	};
	fill_addresses(s, x);
}

struct rules_hooks
context_hooks(struct session *s)
{
	return (struct rules_hooks){
		.arg = s,
		.vars = s->opening ? &s->opening->vars : NULL,
		.track = track,
		.counter = change_counter,
		.field = head_of(s) ? change_field : NULL,
	};
}
