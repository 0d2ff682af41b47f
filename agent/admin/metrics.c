/*
 * Prometheus' text format: HELP and TYPE before each family, counters end in _total, times are
 * seconds. No label ever carries a client's own word; names of backends and servers come from the
 * operator's files.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/admin/api.h"
#include "agent/admin/haproxy_metrics.h"
#include "agent/engine/data_path.h"
#include "agent/tls/store.h"

/* The buffer and whether all has fitted so far. */
struct page {
	struct buf *out;
	bool ok;
};

static void PRINTF_LIKE(2, 3) line(struct page *page, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	page->ok = page->ok && buf_vprintf(page->out, fmt, args);
	va_end(args);
}

static void
family(struct page *page, const char *name, const char *type, const char *help)
{
	line(page, "# HELP usher_%s %s\n# TYPE usher_%s %s\n", name, help, name, type);
}

static void
one(struct page *page, const char *name, const char *type, const char *help, double value)
{
	family(page, name, type, help);
	line(page, "usher_%s %.17g\n", name, value);
}

/* A label's value: the format wants '\', '"' and newline escaped. */
static const char *
label(const char *value, char *out, size_t size)
{
	size_t w = 0;

	for (; *value && w + 3 < size; value++) {
		if (*value == '\\' || *value == '"')
			out[w++] = '\\';
		out[w++] = *value == '\n' ? ' ' : *value;
	}
	out[w] = '\0';
	return out;
}

static void
write_decisions(struct page *page, const struct counters *c)
{
	static const struct {
		enum counter counter;
		const char *by;
	} by[] = {
		{ COUNTER_BY_RULE, "rule" },
		{ COUNTER_BY_STICKY, "sticky" },
		{ COUNTER_BY_ALGORITHM, "algorithm" },
		{ COUNTER_BY_NOBODY, "nobody" },
	};

	family(page, "decisions_total", "counter", "Verdicts on CONNECTs.");
	line(page, "usher_decisions_total{action=\"accept\"} %" PRIu64 "\n",
	     c->value[COUNTER_ACCEPTED]);
	line(page, "usher_decisions_total{action=\"reject\"} %" PRIu64 "\n",
	     c->value[COUNTER_REJECTED]);

	family(page, "choices_total", "counter", "Accepted clients, by how the server was found.");
	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		line(page, "usher_choices_total{by=\"%s\"} %" PRIu64 "\n", by[i].by,
		     c->value[by[i].counter]);

	family(page, "refusals_total", "counter", "Refused clients, by reason.");
	for (enum refusal r = 0; r < N_REFUSALS; r++)
		line(page, "usher_refusals_total{reason=\"%s\"} %" PRIu64 "\n", refusal_name(r),
		     c->refusals[r]);

	for (enum counter i = COUNTER_OVERLOADED; i < N_COUNTERS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s_total", counter_name(i));
		one(page, name, "counter", counter_help(i), (double)c->value[i]);
	}
}

static void
write_closed(struct page *page, const struct counters *c)
{
	family(page, "sessions_closed_total", "counter", "Carried sessions that ended, by reason.");
	for (enum close_reason r = 0; r < N_CLOSE_REASONS; r++)
		line(page, "usher_sessions_closed_total{reason=\"%s\"} %" PRIu64 "\n",
		     close_reason_name(r), c->closed[r]);
}

static void
write_latency(struct page *page, const struct counters *c)
{
	uint64_t n = 0;

	family(page, "decision_duration_seconds", "histogram", "Time from question to verdict.");
	for (int i = 0; i < N_LATENCIES; i++) {
		n += c->latencies[i];
		line(page, "usher_decision_duration_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
		     counters_latency_us[i] / 1e6, n);
	}
	n += c->latencies[N_LATENCIES];
	line(page, "usher_decision_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", n);
	line(page, "usher_decision_duration_seconds_sum %.9f\n", (double)c->latency_ns / 1e9);
	line(page, "usher_decision_duration_seconds_count %" PRIu64 "\n", n);
}

static void
write_servers(struct page *page, const struct world *w)
{
	char backend[256], server[256];

	family(page, "server_state", "gauge",
	       "1 for the state a server is in, as HAProxy's runtime socket says.");
	for (size_t i = 0; i < w->topology.n_proxies; i++) {
		const struct proxy *p = w->topology.proxies[i];

		for (unsigned j = 0; w->pools[i] && j < p->n_servers; j++)
			for (enum server_status s = 0; s < N_SERVER_STATUSES; s++)
				line(page,
				     "usher_server_state{backend=\"%s\",server=\"%s\",state=\"%s\"}"
				     " %d\n",
				     label(p->name, backend, sizeof(backend)),
				     label(p->servers[j]->name, server, sizeof(server)),
				     server_status_name(s),
				     pool_server(w->pools[i], j).status == s);
	}
}

static void
write_entries(struct page *page, const struct world *w)
{
	struct stick_stats s = stick_table_stats(w->env.table);

	family(page, "sticky_entries", "gauge", "Entries of the sticky table.");
	line(page, "usher_sticky_entries{state=\"real\"} %" PRIu64 "\n", s.entries - s.tentative);
	line(page, "usher_sticky_entries{state=\"tentative\"} %" PRIu64 "\n", s.tentative);
	one(page, "sticky_evictions_total", "counter", "Entries pushed out before their time.",
	    (double)s.evicted);
}

/* Who keeps no file has no such families: an age without end would be an alert. */
static void
write_sticky_file(struct page *page, const struct sticky_file *f)
{
	struct sticky_file_stats s = sticky_file_stats(f);

	if (!s.is_wanted)
		return;
	family(page, "sticky_file_saves_total", "counter",
	       "Attempts to keep the sticky table on disk, by result.");
	line(page, "usher_sticky_file_saves_total{result=\"done\"} %" PRIu64 "\n", s.saves);
	line(page, "usher_sticky_file_saves_total{result=\"failed\"} %" PRIu64 "\n", s.failures);
	one(page, "sticky_file_entries", "gauge", "Entries in the file since the last save.",
	    (double)s.entries);
	one(page, "sticky_file_last_save_time_seconds", "gauge",
	    "When the file was written last, UNIX time; 0: not by this process.",
	    (double)s.last_save);
}

static void
write_certificates(struct page *page, const struct tls_store *store)
{
	char file[1024], frontend[256], name[2 * TLS_PRESENTED_NAME];

	family(page, "certificate_expiry_timestamp_seconds", "gauge",
	       "Until when a certificate is valid that clients are shown, UNIX time.");
	for (size_t i = 0; i < tls_store_n_presented(store); i++) {
		struct tls_presented c = tls_store_presented(store, i);

		if (tls_store_is_repeated(store, i))
			continue;
		line(page,
		     "usher_certificate_expiry_timestamp_seconds{frontend=\"%s\",file=\"%s\","
		     "name=\"%s\"} %" PRId64 "\n",
		     label(c.frontend, frontend, sizeof(frontend)),
		     label(c.file, file, sizeof(file)), label(c.name, name, sizeof(name)),
		     c.expires_at);
	}
}

/* Where usher carries clients. */
static void
write_tls(struct page *page, const struct world *w)
{
	if (!w->data_path || !w->data_path->tls)
		return;
	one(page, "tls_handshakes_under_way", "gauge", "Handshakes with clients that are not done.",
	    atomic_load(&w->data_path->process->n_handshakes));
	one(page, "tls_handshakes_limit", "gauge", "How many of them may be.",
	    (double)w->policy.max_handshakes);
	write_certificates(page, w->data_path->tls);
}

static void
count_engine(void *arg, const struct admin_engine *engine)
{
	unsigned *n = arg;

	n[0]++;
	n[1] += engine->connections;
}

static void
write_process(struct page *page, const struct admin_view *view)
{
	struct admin_haproxy h;
	unsigned n[2] = { 0 };

	view->engines(view->arg, count_engine, n);
	view->haproxy(view->arg, &h);
	one(page, "engines", "gauge", "SPOE engines of HAProxy that are connected.", n[0]);
	one(page, "engine_connections", "gauge", "Their connections.", n[1]);
	one(page, "runtime_socket_up", "gauge", "1 while HAProxy's runtime socket answers.",
	    h.answers);
	family(page, "reloads_total", "counter", "Reloads, by result.");
	line(page, "usher_reloads_total{result=\"done\"} %u\n", view->reloads->done);
	line(page, "usher_reloads_total{result=\"refused\"} %u\n", view->reloads->refused);
	one(page, "last_reload_refused", "gauge", "1 if the files changed since are not in use.",
	    view->reloads->last_refused);
	one(page, "start_time_seconds", "gauge", "When this process started, UNIX time.",
	    (double)view->started);
	family(page, "build_info", "gauge", "The version, as a label.");
	line(page, "usher_build_info{version=\"" USHER_VERSION "\"} 1\n");
}

static void
write_standby(struct page *page, const struct admin_view *view)
{
	struct admin_standby s;

	if (!view->standby)
		return;
	view->standby(view->arg, &s);
	family(page, "standby_state", "gauge", "1 for the state that usher is in beside HAProxy.");
	for (unsigned i = 0; i < s.n_states; i++)
		line(page, "usher_standby_state{state=\"%s\"} %d\n", s.state_name(i), i == s.state);
	one(page, "takeovers_total", "counter", "How often usher took HAProxy's place.",
	    (double)s.n_takeovers);
	one(page, "given_back_total", "counter", "How often HAProxy came back.",
	    (double)s.n_given_back);
	one(page, "takeover_last_seconds", "gauge",
	    "From missing HAProxy to listening in its place, the last time.", s.last_us / 1e6);
}

bool
api_metrics(const struct admin_view *view, struct buf *out)
{
	struct page page = { out, true };
	struct counters c;

	view->counters(view->arg, &c);
	write_decisions(&page, &c);
	write_latency(&page, &c);
	one(&page, "store_connections_up", "gauge",
	    "Connections to the shared store that answer: one a worker, and one more.",
	    (double)c.store_up);
	write_entries(&page, view->world(view->arg));
	write_sticky_file(&page, view->sticky_file);
	write_servers(&page, view->world(view->arg));
	write_tls(&page, view->world(view->arg));
	write_process(&page, view);
	if (view->operations)
		write_closed(&page, &c);
	write_standby(&page, view);
	return page.ok && (!view->operations || haproxy_metrics(view->operations, out));
}
