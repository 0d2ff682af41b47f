/*
 * Families in the order of HAProxy 2.6's exporter. All rows are taken once, and each family walks
 * them. What has no value for a row is NaN, as there.
 */
#include "agent/admin/haproxy_metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/table/filter.h"
#include "agent/engine/data_path.h"
#include "agent/engine/statistics.h"
#include "agent/io/worker.h"

enum kind_bit {
	FRONT = 1 << STATISTICS_FRONTEND,
	BACK = 1 << STATISTICS_BACKEND,
	SERVER = 1 << STATISTICS_SERVER,
};

enum family_type {
	GAUGE,
	COUNTER,
};

static const struct {
	const char *name;
	enum statistics_info_line line;
	enum family_type type;
} process_families[] = {
	{ "nbthread", INFO_NBTHREAD, GAUGE },
	{ "nbproc", INFO_NBPROC, GAUGE },
	{ "relative_process_id", INFO_PROCESS_NUM, GAUGE },
	{ "uptime_seconds", INFO_UPTIME_SEC, GAUGE },
	{ "pool_failures_total", INFO_POOLFAILED, COUNTER },
	{ "max_fds", INFO_ULIMIT_N, GAUGE },
	{ "max_sockets", INFO_MAXSOCK, GAUGE },
	{ "max_connections", INFO_MAXCONN, GAUGE },
	{ "hard_max_connections", INFO_HARD_MAXCONN, GAUGE },
	{ "current_connections", INFO_CURRCONNS, GAUGE },
	{ "connections_total", INFO_CUMCONNS, COUNTER },
	{ "requests_total", INFO_CUMREQ, COUNTER },
	{ "max_ssl_connections", INFO_MAXSSLCONNS, GAUGE },
	{ "current_ssl_connections", INFO_CURRSSLCONNS, GAUGE },
	{ "ssl_connections_total", INFO_CUMSSLCONNS, COUNTER },
	{ "max_pipes", INFO_MAXPIPES, GAUGE },
	{ "pipes_used_total", INFO_PIPESUSED, COUNTER },
	{ "pipes_free_total", INFO_PIPESFREE, COUNTER },
	{ "current_connection_rate", INFO_CONNRATE, GAUGE },
	{ "limit_connection_rate", INFO_CONNRATELIMIT, GAUGE },
	{ "max_connection_rate", INFO_MAXCONNRATE, GAUGE },
	{ "current_session_rate", INFO_SESSRATE, GAUGE },
	{ "limit_session_rate", INFO_SESSRATELIMIT, GAUGE },
	{ "max_session_rate", INFO_MAXSESSRATE, GAUGE },
	{ "current_ssl_rate", INFO_SSLRATE, GAUGE },
	{ "limit_ssl_rate", INFO_SSLRATELIMIT, GAUGE },
	{ "max_ssl_rate", INFO_MAXSSLRATE, GAUGE },
	{ "current_frontend_ssl_key_rate", INFO_SSLFRONTENDKEYRATE, GAUGE },
	{ "max_frontend_ssl_key_rate", INFO_SSLFRONTENDMAXKEYRATE, GAUGE },
	{ "frontend_ssl_reuse", INFO_SSLFRONTENDSESSIONREUSE_PCT, GAUGE },
	{ "current_backend_ssl_key_rate", INFO_SSLBACKENDKEYRATE, GAUGE },
	{ "max_backend_ssl_key_rate", INFO_SSLBACKENDMAXKEYRATE, GAUGE },
	{ "ssl_cache_lookups_total", INFO_SSLCACHELOOKUPS, COUNTER },
	{ "ssl_cache_misses_total", INFO_SSLCACHEMISSES, COUNTER },
	{ "http_comp_bytes_in_total", INFO_COMPRESSBPSIN, COUNTER },
	{ "http_comp_bytes_out_total", INFO_COMPRESSBPSOUT, COUNTER },
	{ "limit_http_comp", INFO_COMPRESSBPSRATELIM, GAUGE },
	{ "current_zlib_memory", INFO_ZLIBMEMUSAGE, GAUGE },
	{ "max_zlib_memory", INFO_MAXZLIBMEMUSAGE, GAUGE },
	{ "current_tasks", INFO_TASKS, GAUGE },
	{ "current_run_queue", INFO_RUN_QUEUE, GAUGE },
	{ "idle_time_percent", INFO_IDLE_PCT, GAUGE },
	{ "stopping", INFO_STOPPING, GAUGE },
	{ "jobs", INFO_JOBS, GAUGE },
	{ "unstoppable_jobs", INFO_UNSTOPPABLE_JOBS, GAUGE },
	{ "listeners", INFO_LISTENERS, GAUGE },
	{ "active_peers", INFO_ACTIVEPEERS, GAUGE },
	{ "connected_peers", INFO_CONNECTEDPEERS, GAUGE },
	{ "dropped_logs_total", INFO_DROPPEDLOGS, COUNTER },
	{ "busy_polling_enabled", INFO_BUSYPOLLING, GAUGE },
	{ "failed_resolutions", INFO_FAILEDRESOLUTIONS, COUNTER },
	{ "bytes_out_total", INFO_TOTALBYTESOUT, COUNTER },
	{ "spliced_bytes_out_total", INFO_TOTALSPLICDEDBYTESOUT, COUNTER },
	{ "bytes_out_rate", INFO_BYTESOUTRATE, GAUGE },
	{ "recv_logs_total", INFO_CUMRECVLOGS, COUNTER },
	{ "max_memory_bytes", INFO_MEMMAX_BYTES, GAUGE },
	{ "pool_allocated_bytes", INFO_POOLALLOC_BYTES, GAUGE },
	{ "pool_used_bytes", INFO_POOLUSED_BYTES, GAUGE },
	{ "start_time_seconds", INFO_START_TIME_SEC, GAUGE },
};

static const struct family {
	const char *name;
	enum statistics_column column;
	enum family_type type;
	unsigned kinds;
	bool is_ms; /* shown in seconds */
} families[] = {
	{ "current_queue", STAT_QCUR, GAUGE, BACK | SERVER, false },
	{ "max_queue", STAT_QMAX, GAUGE, BACK | SERVER, false },
	{ "current_sessions", STAT_SCUR, GAUGE, FRONT | BACK | SERVER, false },
	{ "max_sessions", STAT_SMAX, GAUGE, FRONT | BACK | SERVER, false },
	{ "limit_sessions", STAT_SLIM, GAUGE, FRONT | BACK | SERVER, false },
	{ "sessions_total", STAT_STOT, COUNTER, FRONT | BACK | SERVER, false },
	{ "bytes_in_total", STAT_BIN, COUNTER, FRONT | BACK | SERVER, false },
	{ "bytes_out_total", STAT_BOUT, COUNTER, FRONT | BACK | SERVER, false },
	{ "requests_denied_total", STAT_DREQ, COUNTER, FRONT | BACK, false },
	{ "responses_denied_total", STAT_DRESP, COUNTER, FRONT | BACK | SERVER, false },
	{ "request_errors_total", STAT_EREQ, COUNTER, FRONT, false },
	{ "connection_errors_total", STAT_ECON, COUNTER, BACK | SERVER, false },
	{ "response_errors_total", STAT_ERESP, COUNTER, BACK | SERVER, false },
	{ "retry_warnings_total", STAT_WRETR, COUNTER, BACK | SERVER, false },
	{ "redispatch_warnings_total", STAT_WREDIS, COUNTER, BACK | SERVER, false },
	{ "weight", STAT_WEIGHT, GAUGE, BACK | SERVER, false },
	{ "active_servers", STAT_ACT, GAUGE, BACK, false },
	{ "backup_servers", STAT_BCK, GAUGE, BACK, false },
	{ "check_failures_total", STAT_CHKFAIL, COUNTER, SERVER, false },
	{ "check_up_down_total", STAT_CHKDOWN, COUNTER, BACK | SERVER, false },
	{ "check_last_change_seconds", STAT_LASTCHG, GAUGE, BACK | SERVER, false },
	{ "downtime_seconds_total", STAT_DOWNTIME, COUNTER, BACK | SERVER, false },
	{ "queue_limit", STAT_QLIMIT, GAUGE, SERVER, false },
	{ "current_throttle", STAT_THROTTLE, GAUGE, SERVER, false },
	{ "loadbalanced_total", STAT_LBTOT, COUNTER, BACK | SERVER, false },
	{ "limit_session_rate", STAT_RATE_LIM, GAUGE, FRONT, false },
	{ "max_session_rate", STAT_RATE_MAX, GAUGE, FRONT | BACK | SERVER, false },
	{ "check_code", STAT_CHECK_CODE, GAUGE, SERVER, false },
	{ "check_duration_seconds", STAT_CHECK_DURATION, GAUGE, SERVER, true },
	{ "client_aborts_total", STAT_CLI_ABRT, COUNTER, BACK | SERVER, false },
	{ "server_aborts_total", STAT_SRV_ABRT, COUNTER, BACK | SERVER, false },
	{ "last_session_seconds", STAT_LASTSESS, GAUGE, BACK | SERVER, false },
	{ "queue_time_average_seconds", STAT_QTIME, GAUGE, BACK | SERVER, true },
	{ "connect_time_average_seconds", STAT_CTIME, GAUGE, BACK | SERVER, true },
	{ "response_time_average_seconds", STAT_RTIME, GAUGE, BACK | SERVER, true },
	{ "total_time_average_seconds", STAT_TTIME, GAUGE, BACK | SERVER, true },
	{ "connections_rate_max", STAT_CONN_RATE_MAX, GAUGE, FRONT, false },
	{ "connections_total", STAT_CONN_TOT, COUNTER, FRONT, false },
	{ "denied_connections_total", STAT_DCON, COUNTER, FRONT, false },
	{ "denied_sessions_total", STAT_DSES, COUNTER, FRONT, false },
	{ "failed_header_rewriting_total", STAT_WREW, COUNTER, FRONT | BACK | SERVER, false },
	{ "connection_attempts_total", STAT_CONNECT, COUNTER, BACK | SERVER, false },
	{ "connection_reuses_total", STAT_REUSE, COUNTER, BACK | SERVER, false },
	{ "idle_connections_current", STAT_SRV_ICUR, GAUGE, SERVER, false },
	{ "idle_connections_limit", STAT_SRC_ILIM, GAUGE, SERVER, false },
	{ "max_queue_time_seconds", STAT_QTIME_MAX, GAUGE, BACK | SERVER, true },
	{ "max_connect_time_seconds", STAT_CTIME_MAX, GAUGE, BACK | SERVER, true },
	{ "max_response_time_seconds", STAT_RTIME_MAX, GAUGE, BACK | SERVER, true },
	{ "max_total_time_seconds", STAT_TTIME_MAX, GAUGE, BACK | SERVER, true },
	{ "internal_errors_total", STAT_EINT, COUNTER, FRONT | BACK | SERVER, false },
	{ "unsafe_idle_connections_current", STAT_IDLE_CONN_CUR, GAUGE, SERVER, false },
	{ "safe_idle_connections_current", STAT_SAFE_CONN_CUR, GAUGE, SERVER, false },
	{ "used_connections_current", STAT_USED_CONN_CUR, GAUGE, SERVER, false },
	{ "need_connections_current", STAT_NEED_CONN_EST, GAUGE, SERVER, false },
	{ "uweight", STAT_UWEIGHT, GAUGE, BACK | SERVER, false },
};

static const char *const kind_names[] = {
	[STATISTICS_FRONTEND] = "frontend",
	[STATISTICS_BACKEND] = "backend",
	[STATISTICS_SERVER] = "server",
};

/* All rows, and the page they go to. */
struct metrics {
	struct buf *out;
	struct statistics_row *rows; /* owned */
	size_t n, size;
	bool ok;
};

static void PRINTF_LIKE(2, 3) put(struct metrics *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	m->ok = m->ok && buf_vprintf(m->out, fmt, args);
	va_end(args);
}

/* A label's value: the format wants '\\', '"' and newline escaped. */
static void
put_label(struct metrics *m, const char *name, const char *value)
{
	put(m, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			put(m, "\\");
		put(m, "%c", *value == '\n' ? ' ' : *value);
	}
	put(m, "\"");
}

static void
put_family(struct metrics *m, const char *subject, const char *name, enum family_type type,
	   const char *help, const char *column)
{
	put(m, "# HELP haproxy_%s_%s %s%s\n# TYPE haproxy_%s_%s %s\n", subject, name, help, column,
	    subject, name, type == COUNTER ? "counter" : "gauge");
}

/* The name of a sample and its labels, but for the last brace. */
static void
put_sample(struct metrics *m, const struct statistics_row *row, const char *name)
{
	put(m, "haproxy_%s_%s{", kind_names[row->kind], name);
	put_label(m, "proxy", row->value[STAT_PXNAME].text);
	if (row->kind == STATISTICS_SERVER) {
		put(m, ",");
		put_label(m, "server", row->value[STAT_SVNAME].text);
	}
}

/* ---- states ---------------------------------------------------------------------------------- */

static const char *const states[] = { "DOWN", "UP", "MAINT", "DRAIN", "NOLB" };
enum { N_STATES = 5, N_PROXY_STATES = 2 };

static const char *const check_states[] = {
	"HANA",	  "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK",	   "L6TOUT",   "L6RSP",
	"L7TOUT", "L7RSP",   "L7OK", "L7OKC",  "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
};
enum { N_CHECK_STATES = sizeof(check_states) / sizeof(check_states[0]) };

static unsigned
state_of(const struct statistics_row *row)
{
	const char *status = row->value[STAT_STATUS].text;

	for (unsigned i = 0; i < N_STATES; i++)
		if (strncmp(status, states[i], strlen(states[i])) == 0)
			return i;
	return strcmp(status, "STOP") != 0; /* "OPEN", "no check": up */
}

/* Which of check_states; N_CHECK_STATES: none. One that is being made has a star before it. */
static unsigned
check_of(const struct statistics_row *row)
{
	const struct statistics_value *v = &row->value[STAT_CHECK_STATUS];
	unsigned i = 0;

	if (!v->is_set)
		return N_CHECK_STATES;
	while (i < N_CHECK_STATES &&
	       strcmp(v->text + (v->text[0] == '*' ? 2 : 0), check_states[i]) != 0)
		i++;
	return i;
}

static void
put_state(struct metrics *m, const struct statistics_row *row, const char *name, const char *state,
	  size_t value)
{
	put_sample(m, row, name);
	put(m, ",");
	put_label(m, "state", state);
	put(m, "} %zu\n", value);
}

static void
write_status(struct metrics *m, enum statistics_kind kind)
{
	put_family(m, kind_names[kind], "status", GAUGE, "1 for the state it is in.", "");
	for (size_t i = 0; i < m->n; i++)
		for (unsigned s = 0; m->rows[i].kind == kind &&
				     s < (kind == STATISTICS_SERVER ? N_STATES : N_PROXY_STATES);
		     s++)
			put_state(m, &m->rows[i], "status", states[s], state_of(&m->rows[i]) == s);
}

static void
write_check_status(struct metrics *m)
{
	put_family(m, "server", "check_status", GAUGE, "1 for what its last check found.", "");
	for (size_t i = 0; i < m->n; i++)
		for (unsigned s = 0;
		     m->rows[i].kind == STATISTICS_SERVER &&
		     m->rows[i].value[STAT_CHECK_STATUS].is_set && s < N_CHECK_STATES;
		     s++)
			put_state(m, &m->rows[i], "check_status", check_states[s],
				  check_of(&m->rows[i]) == s);
}

/* How many servers of a backend are so; its row stands behind theirs. */
static size_t
count(const struct metrics *m, size_t backend, unsigned (*of)(const struct statistics_row *row),
      unsigned which)
{
	size_t n = 0;

	for (size_t i = backend; i-- > 0 && m->rows[i].kind == STATISTICS_SERVER;)
		n += of(&m->rows[i]) == which;
	return n;
}

static void
write_sums(struct metrics *m, const char *name, unsigned (*of)(const struct statistics_row *row),
	   const char *const *words, unsigned n)
{
	put_family(m, "backend", name, GAUGE, "How many of its servers are so.", "");
	for (size_t i = 0; i < m->n; i++)
		for (unsigned s = 0;
		     m->rows[i].kind == STATISTICS_BACKEND && m->rows[i].proxy->n_servers && s < n;
		     s++)
			put_state(m, &m->rows[i], name, words[s], count(m, i, of, s));
}

/* ---- columns --------------------------------------------------------------------------------- */

/* What checks say stands there for servers that are checked; without a code it is 0. */
static bool
is_left_out(const struct family *f, const struct statistics_row *row)
{
	bool is_of_checks = f->column == STAT_CHECK_CODE || f->column == STAT_CHECK_DURATION;

	return is_of_checks && !row->value[STAT_CHECK_STATUS].is_set;
}

static void
write_family(struct metrics *m, const struct family *f, enum statistics_kind kind)
{
	if (!(f->kinds & 1U << kind))
		return;
	put_family(m, kind_names[kind], f->name, f->type, "Column ",
		   statistics_columns[f->column].name);
	for (size_t i = 0; i < m->n; i++) {
		const struct statistics_value *v = &m->rows[i].value[f->column];

		if (m->rows[i].kind != kind || is_left_out(f, &m->rows[i]))
			continue;
		put_sample(m, &m->rows[i], f->name);
		if (!v->is_set && f->column != STAT_CHECK_CODE)
			put(m, "} NaN\n");
		else if (f->is_ms)
			put(m, "} %.6f\n", (double)v->number / 1000);
		else
			put(m, "} %" PRId64 "\n", v->number);
	}
}

static void
write_kind(struct metrics *m, enum statistics_kind kind)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (kind == STATISTICS_FRONTEND ? i == 0 : families[i].column == STAT_WEIGHT)
			write_status(m, kind);
		write_family(m, &families[i], kind);
	}
}

/* ---- process and tables -----------------------------------------------------------------------
 */

static void
write_process(struct metrics *m, const struct operations *o)
{
	struct statistics_info info;

	statistics_process(o, worker_now(), &info);
	for (size_t i = 0; i < sizeof(process_families) / sizeof(process_families[0]); i++) {
		const struct statistics_value *v = &info.value[process_families[i].line];

		put_family(m, "process", process_families[i].name, process_families[i].type,
			   "Line ", statistics_info_lines[process_families[i].line].name);
		put(m,
		    v->is_set ? "haproxy_process_%s %" PRId64 "\n"
			      : "haproxy_process_%s NaN%.0" PRId64 "\n",
		    process_families[i].name, v->is_set ? v->number : 0);
	}
	put_family(m, "process", "build_info", GAUGE, "The version, as a label.", "");
	put(m, "haproxy_process_build_info{version=\"" USHER_VERSION "\"} 1\n");
}

static void
write_tables(struct metrics *m, const struct operations *o, const char *name, bool is_size)
{
	const struct world *w = o->world(o->arg);

	put_family(m, "sticktable", name, GAUGE,
		   is_size ? "Entries it may have." : "Entries it has.", "");
	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		struct shared_table *shared = w->data_path->tables[i];

		if (!shared)
			continue;
		put(m, "haproxy_sticktable_%s{", name);
		put_label(m, "name", w->topology.proxies[i]->name);
		put(m, ",");
		put_label(m, "type", table_type_word(table_spec(shared->table)->type));
		put(m, "} %u\n",
		    is_size ? table_spec(shared->table)->size : table_count(shared->table));
	}
}

/* ---- all of it --------------------------------------------------------------------------------
 */

/* Texts in a row point into it: they move with it. */
static void
move_texts(struct statistics_row *to, const struct statistics_row *from)
{
	for (int c = 0; c < N_STAT; c++) {
		const char *text = to->value[c].text;

		if (text >= from->memory && text < from->memory + sizeof(from->memory))
			to->value[c].text = to->memory + (text - from->memory);
	}
}

static void
keep_row(void *arg, const struct statistics_row *row)
{
	struct metrics *m = arg;

	if (m->n == m->size) {
		m->ok = false; /* as many as were counted, and the file has not changed since */
		return;
	}
	m->rows[m->n] = *row;
	move_texts(&m->rows[m->n++], row);
}

static size_t
count_rows(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_proxies; i++)
		n += 2 + t->proxies[i]->n_servers;
	return n;
}

bool
haproxy_metrics(const struct operations *o, struct buf *out)
{
	struct metrics m = { .out = out, .ok = true };

	m.size = count_rows(&o->world(o->arg)->topology);
	m.rows = malloc((m.size + 1) * sizeof(*m.rows));
	if (!m.rows)
		return false;
	statistics_each(o, &STATISTICS_ALL, worker_now(), keep_row, &m);
	write_process(&m, o);
	write_kind(&m, STATISTICS_FRONTEND);
	write_kind(&m, STATISTICS_BACKEND);
	write_sums(&m, "agg_server_status", state_of, states, N_STATES);
	write_sums(&m, "agg_server_check_status", state_of, states, N_STATES);
	write_sums(&m, "agg_check_status", check_of, check_states, N_CHECK_STATES);
	write_kind(&m, STATISTICS_SERVER);
	write_check_status(&m);
	write_tables(&m, o, "size", true);
	write_tables(&m, o, "used", false);
	free(m.rows);
	return m.ok;
}
