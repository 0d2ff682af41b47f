/* Each event is told to the frontend, and to the backend and the server once they are chosen. */
#include "agent/engine/counters.h"
#include "agent/proxy/state.h"

static struct frontend_load *
front_of(const struct session *s)
{
	return s->world->data_path->fronts[s->frontend->index];
}

/* NULL: no backend yet, or one without servers. */
static struct backend_load *
back_of(const struct session *s)
{
	if (!s->backend || s->backend->n_servers == 0)
		return NULL;
	return pool_load(s->world->pools[s->backend->index], 0)->backend;
}

static struct server_load *
server_of(const struct session *s)
{
	return s->backend && s->index != NO_SERVER ? server_load_of(s) : NULL;
}

/* To the backend and the server at hand. */
static void
add_behind(const struct session *s, enum traffic_count what)
{
	struct backend_load *back = back_of(s);
	struct server_load *server = server_of(s);

	if (back)
		traffic_add(&back->traffic, what);
	if (server)
		traffic_add(&server->traffic, what);
}

void
account_accepted(struct session *s)
{
	struct frontend_load *front = front_of(s), *process = s->world->data_path->process;
	struct traffic *t = &front->traffic;

	rate_meter_add(&front->connection_rate, session_now(s));
	rate_meter_add(&process->connection_rate, session_now(s));
	traffic_add(t, TRAFFIC_CONNECTIONS);
	traffic_add(&process->traffic, TRAFFIC_CONNECTIONS);
	traffic_peak(t, TRAFFIC_PEAK_SESSIONS, atomic_fetch_add(&front->n_sessions, 1) + 1);
	traffic_peak(&process->traffic, TRAFFIC_PEAK_SESSIONS,
		     atomic_fetch_add(&process->n_sessions, 1) + 1);
	traffic_peak(t, TRAFFIC_PEAK_CONNECTION_RATE,
		     rate_meter_read(&front->connection_rate, session_now(s)));
}

void
account_admitted(struct session *s)
{
	struct frontend_load *front = front_of(s), *process = s->world->data_path->process;

	rate_meter_add(&front->rate, session_now(s));
	rate_meter_add(&process->rate, session_now(s));
	traffic_add(&front->traffic, TRAFFIC_SESSIONS);
	traffic_add(&process->traffic, TRAFFIC_SESSIONS);
	traffic_peak(&front->traffic, TRAFFIC_PEAK_RATE,
		     rate_meter_read(&front->rate, session_now(s)));
}

void
account_denied(struct session *s, enum rules_stage stage)
{
	static const enum traffic_count counts[N_RULES_STAGES] = {
		[RULES_CONNECTION] = TRAFFIC_DENIED_CONNECTIONS,
		[RULES_SESSION] = TRAFFIC_DENIED_SESSIONS,
		[RULES_CONTENT] = TRAFFIC_DENIED_REQUESTS,
		[RULES_HTTP] = TRAFFIC_DENIED_REQUESTS,
	};
	struct backend_load *back = s->state == SESSION_BACK ? back_of(s) : NULL;

	traffic_add(&front_of(s)->traffic, counts[stage]);
	if (back)
		traffic_add(&back->traffic, counts[stage]);
}

void
account_backend(struct session *s)
{
	struct backend_load *back = back_of(s);

	if (!back)
		return;
	load_note_connection(back, session_now(s));
	traffic_add(&back->traffic, TRAFFIC_SESSIONS);
	atomic_store(&back->traffic.last_session_ms, session_now(s));
	traffic_peak(&back->traffic, TRAFFIC_PEAK_RATE,
		     rate_meter_read(&back->rate, session_now(s)));
}

void
account_waiting(struct session *s)
{
	struct backend_load *back = back_of(s);
	struct server_load *server = server_of(s);

	traffic_peak(&back->traffic, TRAFFIC_PEAK_WAITING, atomic_load(&back->n_waiting));
	if (server)
		traffic_peak(&server->traffic, TRAFFIC_PEAK_WAITING,
			     atomic_load(&server->n_waiting));
}

/* The session is the server's from its first attempt on, whatever comes of it. */
void
account_dial(struct session *s, bool is_first)
{
	struct backend_load *back = back_of(s);
	struct server_load *server = server_of(s);
	struct traffic *t = &server->traffic;

	add_behind(s, TRAFFIC_CONNECTS);
	traffic_peak(&back->traffic, TRAFFIC_PEAK_SESSIONS, atomic_load(&back->n_sessions));
	traffic_peak(t, TRAFFIC_PEAK_SESSIONS, atomic_load(&server->n_sessions));
	if (!is_first)
		return;
	traffic_add(t, TRAFFIC_SESSIONS);
	rate_meter_add(&server->rate, session_now(s));
	traffic_peak(t, TRAFFIC_PEAK_RATE, rate_meter_read(&server->rate, session_now(s)));
	atomic_store(&t->last_session_ms, session_now(s));
}

void
account_behind(struct session *s, enum traffic_count what)
{
	add_behind(s, what);
}

void
account_time(struct session *s, enum traffic_time which, int64_t ms)
{
	struct backend_load *back = back_of(s);
	struct server_load *server = server_of(s);

	if (back)
		traffic_time(&back->traffic, which, (uint32_t)ms);
	if (server)
		traffic_time(&server->traffic, which, (uint32_t)ms);
}

void
account_bytes(struct session *s, uint64_t up, uint64_t down)
{
	unsigned worker = s->carrier->worker->index;
	struct backend_load *back = back_of(s);
	struct server_load *server = server_of(s);

	traffic_add_bytes(&front_of(s)->traffic, worker, up, down);
	if (back)
		traffic_add_bytes(&back->traffic, worker, up, down);
	if (server)
		traffic_add_bytes(&server->traffic, worker, up, down);
	if (s->extra && (up || down))
		tracks_add_bytes(s, up, down);
}

void
account_end(struct session *s)
{
	enum close_reason reason = s->reason;
	bool had_server = s->state == SESSION_ANSWER || s->state == SESSION_RELAY;
	struct counters *counters = s->carrier->worker->counters;

	counters_bump(&counters->closed[reason], 1);
	if (reason == CLOSE_REFUSED)
		traffic_add(&front_of(s)->traffic, TRAFFIC_DENIED_REQUESTS);
	else if (!s->backend && reason != CLOSE_REJECTED && reason != CLOSE_STOPPING)
		traffic_add(&front_of(s)->traffic, TRAFFIC_REQUEST_ERRORS);
	else if (reason == CLOSE_CONNECT_FAILED || reason == CLOSE_NO_SERVER ||
		 reason == CLOSE_QUEUE_LATE || reason == CLOSE_QUEUE_FULL)
		add_behind(s, TRAFFIC_CONNECT_ERRORS);
	if (had_server && reason == CLOSE_CLIENT_GONE)
		add_behind(s, TRAFFIC_CLIENT_ABORTS);
	if (had_server && (reason == CLOSE_SERVER_GONE || reason == CLOSE_SERVER_DOWN))
		add_behind(s, TRAFFIC_SERVER_ABORTS);
	if (had_server)
		account_time(s, TRAFFIC_TIME_TOTAL, session_now(s) - s->started);
	atomic_fetch_sub(&front_of(s)->n_sessions, 1);
	atomic_fetch_sub(&s->world->data_path->process->n_sessions, 1);
}
