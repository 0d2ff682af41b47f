/*
 * Each kind of row fills the columns HAProxy fills for it in mode tcp. Columns of things that
 * usher has none of (HTTP, caches, reuse, compression) are 0 there, and so they are here.
 */
#include "agent/engine/statistics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/data_path.h"
#include "agent/engine/statistics_book.h"

const struct statistics_field statistics_columns[N_STAT] = {
#define X(id, name, type, origin, nature, scope)                                                   \
	[STAT_##id] = { name, STATISTICS_##type, origin, nature, scope },
	STATISTICS_FIELDS(X)
#undef X
};

static void
set(struct statistics_row *row, enum statistics_column c, int64_t number)
{
	row->value[c] = (struct statistics_value){ .is_set = true, .number = number };
}

/* The text outlives the row. */
static void
set_text(struct statistics_row *row, enum statistics_column c, const char *text)
{
	row->value[c] = (struct statistics_value){ .is_set = true, .text = text };
}

/* The text lives in the row, cut if it must be. */
static void PRINTF_LIKE(3, 4)
	make_text(struct statistics_row *row, enum statistics_column c, const char *fmt, ...)
{
	char *at = row->memory + row->n_memory;
	size_t room = sizeof(row->memory) - row->n_memory;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(at, room, fmt, args);
	va_end(args);
	row->n_memory += n < 0 ? 0 : (size_t)n >= room ? room - 1 : (size_t)n + 1;
	set_text(row, c, at);
}

static void
set_zeros(struct statistics_row *row, const enum statistics_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		set(row, columns[i], 0);
}

#define SET_ZEROS(row, ...)                                                                        \
	set_zeros(row, (const enum statistics_column[]){ __VA_ARGS__ },                            \
		  sizeof((const enum statistics_column[]){ __VA_ARGS__ }) /                        \
			  sizeof(enum statistics_column))

static void
set_count(struct statistics_row *row, enum statistics_column c, const struct traffic *t,
	  enum traffic_count what)
{
	set(row, c, (int64_t)traffic_read(t, what));
}

static uint32_t
peak(const struct traffic *t, enum traffic_peak which, uint32_t now)
{
	uint32_t most = atomic_load(&t->peaks[which]);

	return most > now ? most : now;
}

uint32_t
statistics_iid(const struct topology *t, const struct proxy *p)
{
	/* HAProxy counts from 1, and gives the first to the runtime socket if there is one. */
	return p->id ? p->id : (uint32_t)p->index + 1 + (t->n_stats_sockets > 0);
}

/* What the rows of proxies have in common, that of servers included. */
static void
fill_common(const struct operations *o, struct statistics_row *row, const char *name)
{
	const struct proxy *p = row->proxy;

	row->iid = statistics_iid(&o->world(o->arg)->topology, p);
	set_text(row, STAT_PXNAME, p->name);
	set_text(row, STAT_SVNAME, name);
	set(row, STAT_PID, 1);
	set(row, STAT_IID, row->iid);
	set(row, STAT_SID, row->sid);
	set(row, STAT_TYPE, row->kind);
	set_text(row, STAT_MODE, p->mode == PROXY_HTTP ? "http" : "tcp");
	SET_ZEROS(row, STAT_DRESP, STAT_WREW, STAT_EINT, STAT_SSL_SESS, STAT_SSL_REUSED_SESS,
		  STAT_SSL_FAILED_HANDSHAKE);
	for (int c = STAT_H2_HEADERS_RCVD; c < N_STAT && row->kind != STATISTICS_SERVER; c++)
		set(row, c, 0);
}

static void
fill_bytes(struct statistics_row *row, const struct traffic *t)
{
	set(row, STAT_BIN, (int64_t)traffic_bytes_in(t));
	set(row, STAT_BOUT, (int64_t)traffic_bytes_out(t));
	set_count(row, STAT_STOT, t, TRAFFIC_SESSIONS);
}

static void
fill_rates(struct statistics_row *row, const struct rate_meter *m, const struct traffic *t,
	   int64_t now_ms)
{
	uint32_t rate = rate_meter_read(m, now_ms);

	set(row, STAT_RATE, rate);
	set(row, STAT_RATE_MAX, peak(t, TRAFFIC_PEAK_RATE, rate));
}

/* ---- frontends ------------------------------------------------------------------------------- */

static uint32_t
limit_of(const struct operations *o, const struct proxy *p)
{
	return p->maxconn ? p->maxconn : o->max_sessions(o->arg);
}

static void
fill_frontend_traffic(struct statistics_row *row, const struct frontend_load *load, int64_t now_ms)
{
	const struct traffic *t = &load->traffic;
	uint32_t n = atomic_load(&load->n_sessions);
	uint32_t conn_rate = rate_meter_read(&load->connection_rate, now_ms);

	set(row, STAT_SCUR, n);
	set(row, STAT_SMAX, peak(t, TRAFFIC_PEAK_SESSIONS, n));
	fill_bytes(row, t);
	fill_rates(row, &load->rate, t, now_ms);
	set(row, STAT_CONN_RATE, conn_rate);
	set(row, STAT_CONN_RATE_MAX, peak(t, TRAFFIC_PEAK_CONNECTION_RATE, conn_rate));
	set_count(row, STAT_CONN_TOT, t, TRAFFIC_CONNECTIONS);
	set_count(row, STAT_DREQ, t, TRAFFIC_DENIED_REQUESTS);
	set_count(row, STAT_EREQ, t, TRAFFIC_REQUEST_ERRORS);
	set_count(row, STAT_DCON, t, TRAFFIC_DENIED_CONNECTIONS);
	set_count(row, STAT_DSES, t, TRAFFIC_DENIED_SESSIONS);
}

static void
fill_frontend(const struct operations *o, struct statistics_row *row, int64_t now_ms)
{
	const struct proxy *p = row->proxy;
	const struct frontend_load *load = o->world(o->arg)->data_path->fronts[p->index];

	fill_common(o, row, "FRONTEND");
	set(row, STAT_SLIM, limit_of(o, p));
	set(row, STAT_RATE_LIM, p->rate_limit_sessions);
	set_text(row, STAT_STATUS, o->is_stopping ? "STOP" : "OPEN");
	SET_ZEROS(row, STAT_REQ_RATE, STAT_REQ_RATE_MAX, STAT_REQ_TOT, STAT_COMP_IN, STAT_COMP_OUT,
		  STAT_COMP_BYP, STAT_COMP_RSP);
	if (load)
		fill_frontend_traffic(row, load, now_ms);
}

/* ---- servers and backends -------------------------------------------------------------------- */

/* Averages over the last sessions, 1024 of them at most. */
static void
fill_times(struct statistics_row *row, const struct traffic *t)
{
	static const enum statistics_column columns[] = {
		[TRAFFIC_TIME_QUEUE] = STAT_QTIME,
		[TRAFFIC_TIME_CONNECT] = STAT_CTIME,
		[TRAFFIC_TIME_TOTAL] = STAT_TTIME,
	};
	uint64_t n = traffic_read(t, TRAFFIC_SESSIONS);

	n = n == 0 ? 1 : n > TRAFFIC_SAMPLES ? TRAFFIC_SAMPLES : n;
	for (enum traffic_time i = 0; i < N_TRAFFIC_TIMES; i++)
		set(row, columns[i], (int64_t)((atomic_load(&t->times[i]) + n - 1) / n));
	set(row, STAT_RTIME, 0);
}

/* What servers and backends count alike. */
static void
fill_carried(struct statistics_row *row, const struct traffic *t, uint32_t n, uint32_t n_waiting,
	     int64_t now_ms)
{
	int64_t last_ms = atomic_load(&t->last_session_ms);

	set(row, STAT_QCUR, n_waiting);
	set(row, STAT_QMAX, peak(t, TRAFFIC_PEAK_WAITING, n_waiting));
	set(row, STAT_SCUR, n);
	set(row, STAT_SMAX, peak(t, TRAFFIC_PEAK_SESSIONS, n));
	fill_bytes(row, t);
	set_count(row, STAT_ECON, t, TRAFFIC_CONNECT_ERRORS);
	set_count(row, STAT_ERESP, t, TRAFFIC_RESPONSE_ERRORS);
	set_count(row, STAT_WRETR, t, TRAFFIC_RETRIES);
	set_count(row, STAT_WREDIS, t, TRAFFIC_REDISPATCHES);
	set_count(row, STAT_LBTOT, t, TRAFFIC_CHOSEN);
	set_count(row, STAT_CONNECT, t, TRAFFIC_CONNECTS);
	set_count(row, STAT_CLI_ABRT, t, TRAFFIC_CLIENT_ABORTS);
	set_count(row, STAT_SRV_ABRT, t, TRAFFIC_SERVER_ABORTS);
	set(row, STAT_REUSE, 0);
	set(row, STAT_LASTSESS, last_ms ? (now_ms - last_ms) / 1000 : -1);
	fill_times(row, t);
}

/* "1/3": so many more failures, or successes, until it is down, or up. */
static void
make_status(struct statistics_row *row)
{
	const struct server_facts *f = &row->server;
	const struct health_view *v = &f->view;
	bool going_down = f->has_view && v->health < v->rise + v->fall - 1;
	const char *word = f->shown == SHOWN_STOPPING ? "NOLB"
			   : f->report.status == SERVER_DRAIN &&
					   f->admin & (ADMIN_DRAIN | ADMIN_DRAIN_INHERITED)
				   ? "DRAIN"
				   : "UP";

	if (f->admin & ADMIN_UNRESOLVED)
		set_text(row, STAT_STATUS, "MAINT (resolution)");
	else if (f->admin & ADMIN_MAINT_INHERITED)
		make_text(row, STAT_STATUS, "MAINT (via %s/%s)", f->tracked->backend->name,
			  f->tracked->name);
	else if (f->admin & ADMIN_MAINT)
		set_text(row, STAT_STATUS, "MAINT");
	else if (f->shown == SHOWN_STOPPED && f->has_view && v->health)
		make_text(row, STAT_STATUS, "DOWN %u/%u", v->health, v->rise);
	else if (f->shown == SHOWN_STOPPED)
		set_text(row, STAT_STATUS, "DOWN");
	else if (going_down)
		make_text(row, STAT_STATUS, "%s %u/%u", word, v->health - v->rise + 1, v->fall);
	else if (!f->has_view && strcmp(word, "UP") == 0)
		set_text(row, STAT_STATUS, "no check");
	else
		set_text(row, STAT_STATUS, word);
}

static void
fill_check(struct statistics_row *row)
{
	const struct server_facts *f = &row->server;
	const struct health_view *v = &f->view;
	enum health_status status = v->answer.status;

	set(row, STAT_CHKFAIL, (int64_t)v->n_failed);
	set(row, STAT_CHKDOWN, (int64_t)f->n_down);
	if (f->admin & (ADMIN_MAINT | ADMIN_MAINT_INHERITED | ADMIN_UNRESOLVED))
		return;
	make_text(row, STAT_CHECK_STATUS, "%s%s", v->runs ? "* " : "", health_word(status));
	if (status == HEALTH_L7OK || status == HEALTH_L7OKC || status == HEALTH_L7STS)
		set(row, STAT_CHECK_CODE, v->answer.code);
	if (status > HEALTH_SOCKERR)
		set(row, STAT_CHECK_DURATION, v->ms);
	make_text(row, STAT_LAST_CHK, "%s", v->answer.info);
	set_text(row, STAT_CHECK_DESC, health_text(status));
	set(row, STAT_CHECK_RISE, v->rise);
	set(row, STAT_CHECK_FALL, v->fall);
	set(row, STAT_CHECK_HEALTH, v->health);
}

static void
make_address(struct statistics_row *row)
{
	const struct addr *a = &row->server.addr;
	char text[IP_TEXT];
	struct ip ip;

	addr_ip(a, &ip);
	if (a->len == 0)
		return;
	if (ip.family == 0)
		set_text(row, STAT_ADDR, "unix");
	else
		make_text(row, STAT_ADDR, ip.family == 6 ? "[%s]:%u" : "%s:%u",
			  ip_format(&ip, text), addr_port(a));
}

static void
fill_server(const struct operations *o, struct statistics_row *row, const struct server *server,
	    int64_t now_ms)
{
	const struct server_load *load;
	struct page *page = statistics_page(o->statistics, server->backend->name, server->name);
	struct server_facts *f = &row->server;
	uint32_t n, maxconn;

	statistics_server(o, server, f);
	load = f->load;
	n = atomic_load(&load->n_sessions);
	maxconn = atomic_load(&load->maxconn);
	row->sid = server->id;
	fill_common(o, row, server->name);
	fill_carried(row, &load->traffic, n, atomic_load(&load->n_waiting), now_ms);
	fill_rates(row, &load->rate, &load->traffic, now_ms);
	if (maxconn)
		set(row, STAT_SLIM, maxconn);
	if (server->maxqueue)
		set(row, STAT_QLIMIT, server->maxqueue);
	make_status(row);
	set(row, STAT_WEIGHT, f->report.weight);
	set(row, STAT_UWEIGHT, f->report.weight);
	set(row, STAT_ACT, !server->backup);
	set(row, STAT_BCK, server->backup);
	set(row, STAT_LASTCHG, (now_ms - f->changed_at) / 1000);
	if (server->check) {
		fill_check(row);
		set(row, STAT_DOWNTIME, downtime_ms(page, now_ms) / 1000);
	}
	if (f->tracked)
		make_text(row, STAT_TRACKED, "%s/%s", f->tracked->backend->name, f->tracked->name);
	SET_ZEROS(row, STAT_SRV_ICUR, STAT_IDLE_CONN_CUR, STAT_SAFE_CONN_CUR);
	set(row, STAT_USED_CONN_CUR, n);
	set(row, STAT_NEED_CONN_EST, n);
	make_address(row);
}

/* May clients of that frontend come to that backend, as far as the file says it by name? */
static bool
may_lead(const struct proxy *frontend, const struct proxy *backend)
{
	if (frontend->default_backend == backend)
		return true;
	for (size_t i = 0; i < frontend->n_lines; i++) {
		const struct raw_line *line = &frontend->lines[i];

		if (line->n > 1 && strcmp(line->words[0], "use_backend") == 0 &&
		    strcmp(line->words[1], backend->name) == 0)
			return true;
	}
	return false;
}

/* `fullconn`: a tenth of what frontends may bring, if the file does not say (manual, 4.2). */
static uint32_t
fullconn_of(const struct operations *o, const struct proxy *backend)
{
	const struct topology *t = &o->world(o->arg)->topology;
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n_proxies; i++) {
		const struct proxy *p = t->proxies[i];

		if (p->kind & PROXY_FRONTEND && !p->disabled && may_lead(p, backend))
			sum += limit_of(o, p);
	}
	return backend->fullconn ? backend->fullconn : sum < 10 ? 1 : (uint32_t)((sum + 9) / 10);
}

/* In the words of HAProxy 2.6, which has none for `random`. */
static const char *
algorithm_of(const struct operations *o, const struct proxy *p)
{
	enum balance_kind kind = pool_balance(o->world(o->arg)->pools[p->index]);
	bool is_static = false;

	for (size_t i = 0; i < p->n_all; i++)
		if (strcmp(p->all[i].words[0], "balance") == 0 && p->all[i].n > 1)
			is_static = strcmp(p->all[i].words[1], "static-rr") == 0;
	if (kind == BALANCE_ROUNDROBIN && is_static)
		return "static-rr";
	return kind == BALANCE_RANDOM ? "unknown" : balance_name(kind);
}

static void
fill_backend_traffic(struct statistics_row *row, const struct backend_load *load, int64_t now_ms)
{
	uint32_t n = atomic_load(&load->n_sessions);

	fill_carried(row, &load->traffic, n, atomic_load(&load->n_waiting), now_ms);
	fill_rates(row, &load->rate, &load->traffic, now_ms);
	set_count(row, STAT_DREQ, &load->traffic, TRAFFIC_DENIED_REQUESTS);
}

static void
fill_backend(const struct operations *o, struct statistics_row *row, int64_t now_ms)
{
	static const struct backend_load nobody;
	const struct proxy *p = row->proxy;
	struct pool *pool = o->world(o->arg)->pools[p->index];
	struct backend_sum sum = statistics_backend_sum(o, p);
	const struct page *page = statistics_page(o->statistics, p->name, NULL);

	fill_common(o, row, "BACKEND");
	fill_backend_traffic(row, p->n_servers ? pool_load(pool, 0)->backend : &nobody, now_ms);
	set(row, STAT_SLIM, fullconn_of(o, p));
	set_text(row, STAT_STATUS, sum.is_up ? "UP" : "DOWN");
	set(row, STAT_WEIGHT, sum.weight);
	set(row, STAT_UWEIGHT, sum.weight);
	set(row, STAT_ACT, sum.n_active);
	set(row, STAT_BCK, sum.n_backup);
	set(row, STAT_CHKDOWN, (int64_t)page->n_down);
	set(row, STAT_LASTCHG, (now_ms - page->changed_at) / 1000);
	if (p->n_servers)
		set(row, STAT_DOWNTIME, downtime_ms(page, now_ms) / 1000);
	set_text(row, STAT_ALGO, algorithm_of(o, p));
	SET_ZEROS(row, STAT_COMP_IN, STAT_COMP_OUT, STAT_COMP_BYP, STAT_COMP_RSP,
		  STAT_AGG_SERVER_STATUS, STAT_AGG_SERVER_CHECK_STATUS, STAT_AGG_CHECK_STATUS);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool
is_hidden(const struct statistics_filter *filter, const struct server_facts *f)
{
	bool is_maint = f->admin & (ADMIN_MAINT | ADMIN_MAINT_INHERITED | ADMIN_UNRESOLVED);

	return (filter->up && f->shown == SHOWN_STOPPED) || (filter->no_maint && is_maint);
}

static bool
wants(const struct statistics_filter *filter, enum statistics_kind kind, uint32_t sid)
{
	return filter->kinds & 1U << kind && (filter->sid < 0 || filter->sid == sid);
}

struct each {
	const struct operations *o;
	const struct statistics_filter *filter;
	int64_t now_ms;
	statistics_row_fn *row;
	void *arg;
};

static void
give(const struct each *e, struct statistics_row *row)
{
	if (!e->filter->has_addresses)
		row->value[STAT_ADDR].is_set = row->value[STAT_ALGO].is_set = false;
	e->row(e->arg, row);
}

static void
each_of_backend(const struct each *e, const struct proxy *p)
{
	for (size_t i = 0; i < p->n_servers; i++) {
		struct statistics_row row = { .kind = STATISTICS_SERVER, .proxy = p };

		if (!wants(e->filter, STATISTICS_SERVER, p->servers[i]->id))
			continue;
		fill_server(e->o, &row, p->servers[i], e->now_ms);
		if (!is_hidden(e->filter, &row.server))
			give(e, &row);
	}
	if (wants(e->filter, STATISTICS_BACKEND, 0)) {
		struct statistics_row row = { .kind = STATISTICS_BACKEND, .proxy = p };

		fill_backend(e->o, &row, e->now_ms);
		give(e, &row);
	}
}

void
statistics_each(const struct operations *o, const struct statistics_filter *filter, int64_t now_ms,
		statistics_row_fn *row, void *arg)
{
	const struct world *w = o->world(o->arg);
	struct each e = { o, filter, now_ms, row, arg };

	statistics_look(o, now_ms);
	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		const struct proxy *p = w->topology.proxies[i];
		struct statistics_row front = { .kind = STATISTICS_FRONTEND, .proxy = p };

		if (p->disabled ||
		    (filter->iid && filter->iid != statistics_iid(&w->topology, p)) ||
		    (filter->shows && !filter->shows(filter->arg, p)))
			continue;
		if (p->kind & PROXY_FRONTEND && wants(filter, STATISTICS_FRONTEND, 0)) {
			fill_frontend(o, &front, now_ms);
			give(&e, &front);
		}
		if (w->pools[i])
			each_of_backend(&e, p);
	}
}
