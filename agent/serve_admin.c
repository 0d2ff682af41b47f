/* The admin service knows none of those it shows: this file knows all of them. */
#include "agent/serve_admin.h"

#include <stdio.h>
#include <time.h>

#include "agent/serve_reload.h"
#include "agent/spoa/engines.h"

static struct world *
view_world(void *arg)
{
	return ((struct process *)arg)->world;
}

static void
view_counters(void *arg, struct counters *sum)
{
	const struct process *p = arg;

	counters_sum(p->counters, p->n_workers + 1, sum);
}

struct engine_row {
	admin_engine_fn *row;
	void *arg;
};

static void
view_engine(void *arg, struct str id, unsigned connections)
{
	const struct engine_row *to = arg;

	to->row(to->arg, &(struct admin_engine){ id, connections });
}

static void
view_engines(void *arg, admin_engine_fn *row, void *row_arg)
{
	engines_each(view_engine, &(struct engine_row){ row, row_arg });
}

static void
view_haproxy(void *arg, struct admin_haproxy *h)
{
	const struct process *p = arg;
	const struct runtime_haproxy *from;

	*h = (struct admin_haproxy){ 0 };
	if (!p->poller)
		return;
	from = runtime_poller_haproxy(p->poller);
	h->is_wanted = true;
	h->has_socket = p->world->n_stats_sockets > 0;
	h->answers = from->answers;
	h->pid = from->pid;
	h->uptime_s = from->uptime_s;
	snprintf(h->version, sizeof(h->version), "%s", from->version);
}

static const char *
standby_name(unsigned state)
{
	return standby_state_name((enum standby_state)state);
}

static void
view_standby(void *arg, struct admin_standby *s)
{
	const struct process *p = arg;
	struct standby_report r;

	standby_report(p->standby, &r);
	*s = (struct admin_standby){
		.state = r.state,
		.n_states = N_STANDBY_STATES,
		.state_name = standby_name,
		.reason = standby_reason_name(r.reason),
		.for_ms = r.for_ms,
		.n_takeovers = r.n_takeovers,
		.n_given_back = r.n_given_back,
		.last_us = r.last_us,
		.sessions = proxy_service_sessions(p->proxy),
	};
}

static bool
view_reload(void *arg)
{
	return serve_reload(arg);
}

void
serve_open_admin(struct process *p)
{
	struct admin_view view = {
		.arg = p,
		.world = view_world,
		.counters = view_counters,
		.engines = view_engines,
		.haproxy = view_haproxy,
		.standby = p->standby ? view_standby : NULL,
		.reload = view_reload,
		.operations = p->proxy ? &p->operations.view : NULL,
		.sticky_file = p->sticky_file,
		.reloads = &p->reloads,
		.started = time(NULL),
		.n_workers = p->n_workers,
	};

	p->admin = admin_service_new(p->loop, &p->world->policy, &view);
}
