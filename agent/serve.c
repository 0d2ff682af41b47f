/*
 * World → workers → services → signals. This file and main.c alone know everybody.
 *
 * The main thread has the default loop, with signals, HAProxy's runtime socket and session ends;
 * workers have the connections. A reload builds the new world here and hands each worker a
 * reference by message.
 */
#include "agent/serve.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/admin/service.h"
#include "agent/core/base/mem.h"
#include "agent/engine/counters.h"
#include "agent/engine/session_line.h"
#include "agent/engine/sharing.h"
#include "agent/engine/sticky_file.h"
#include "agent/engine/world.h"
#include "agent/health/checker.h"
#include "agent/health/runtime.h"
#include "agent/io/log.h"
#include "agent/io/privileges.h"
#include "agent/io/worker.h"
#include "agent/load.h"
#include "agent/names/names.h"
#include "agent/proxy/service.h"
#include "agent/serve_operations.h"
#include "agent/spoa/engines.h"
#include "agent/spoa/service.h"
#include "agent/spoa/session_end.h"
#include "agent/standby/service.h"

enum { SIGNALS = 5 };

struct process {
	const struct options *options;
	struct ev_loop *loop;
	struct engine *engine;
	struct world *world; /* ref; the newest one */
	struct worker **workers;
	unsigned n_workers;
	struct counters *counters; /* one set for each worker, and the main thread's last */
	struct sharing *sharing;   /* the main thread's */
	enum serve_mode mode;
	struct spoa_service *agent; /* NULL: not in this mode, and so are the next six */
	struct proxy_service *proxy;
	struct names *names;
	struct health_checker *checker;
	struct runtime_poller *poller;
	struct session_end_receiver *ends;
	struct standby *standby;
	struct meeting meeting; /* with standby: what HAProxy is like */
	struct proxy_stand stand;
	struct admin_service *admin;
	struct sticky_file *sticky_file;
	struct admin_reloads reloads;
	struct serve_operations operations; /* with the proxy */
	ev_signal signals[SIGNALS];
	ev_timer leave;	    /* runs while a soft stop waits for the last sessions */
	int64_t stopped_at; /* monotonic ms, of the soft stop; 0: none */
};

/* ---- reload --------------------------------------------------------------------------------- */

struct handover {
	struct worker *worker;
	struct world *world;	 /* the worker's reference */
	struct proxy_plan *plan; /* what becomes of the listeners; NULL: nothing */
};

/* Between two events: no client meets half of the change. */
static void
take_world(void *arg)
{
	struct handover *h = arg;

	if (h->plan)
		proxy_plan_leave(h->plan, h->worker);
	world_unref(h->worker->world);
	h->worker->world = h->world;
	sharing_set_world(h->worker->sharing, h->world);
	if (h->plan)
		proxy_plan_enter(h->plan, h->worker);
	free(h);
}

/* What cannot follow the files without a restart is said, lest somebody waits for it. */
static void
compare_listeners(const struct world *old, const struct world *new)
{
	bool same = old->n_listen == new->n_listen;

	for (size_t i = 0; same && i < new->n_listen; i++)
		same = strcmp(old->listen[i].text, new->listen[i].text) == 0;
	if (!same)
		log_line(LOG_WARNING, "listener addresses differ consequence=\"those of the start "
				      "stay open\" cure=\"restart usher\"");
}

/* The new world and its listeners; NULL, with alerts printed, and nothing has changed. */
static struct world *
prepare(struct process *p, struct proxy_plan **plan)
{
	struct world *world = load_world(p->engine, p->options, p->world);
	struct report report;

	*plan = NULL;
	if (!world || !p->proxy)
		return world;
	report_init(&report);
	if (p->standby)
		standby_check(world, &report);
	*plan = report.n_alerts ? NULL : proxy_service_plan(p->proxy, world, &report);
	if (!*plan) {
		print_report(p->options, &report);
		world_unref(world);
		world = NULL;
	}
	report_fini(&report);
	return world;
}

static void
hand_over(struct process *p, struct world *world, struct proxy_plan *plan)
{
	world_begin(world, p->ends && session_end_receiver_hears(p->ends, world));
	if (plan)
		proxy_service_commit(p->proxy, plan, world);
	for (unsigned i = 0; i < p->n_workers; i++) {
		struct handover *h = xmalloc(sizeof(*h));

		*h = (struct handover){ p->workers[i], world_ref(world), plan };
		inbox_send(&p->workers[i]->inbox, take_world, h);
	}
	sharing_set_world(p->sharing, world);
	if (p->poller)
		runtime_poller_set_world(p->poller, world);
	if (p->ends)
		session_end_receiver_set_world(p->ends, world);
	if (p->names)
		names_set_world(p->names, world);
	if (p->checker)
		health_checker_set_world(p->checker, world);
	sticky_file_follow(p->sticky_file, world);
}

static void
follow_operations(struct process *p)
{
	struct report report;

	report_init(&report);
	serve_operations_follow(&p->operations, &report);
	print_report(p->options, &report);
	report_fini(&report);
}

/* False: the files have errors, printed, and nothing changed. */
static bool
reload(struct process *p)
{
	struct proxy_plan *plan;
	struct world *world = p->stopped_at ? NULL : prepare(p, &plan);

	p->reloads.last = time(NULL);
	p->reloads.last_refused = !world;
	if (!world) {
		p->reloads.refused++;
		log_line(LOG_ERROR,
			 "reload refused consequence=\"the running configuration stays\"");
		return false;
	}
	p->reloads.done++;
	if (p->agent)
		compare_listeners(p->world, world);
	if (p->proxy && world->topology.nbthread != p->world->topology.nbthread)
		log_line(LOG_WARNING, "nbthread differs consequence=\"the threads of the start "
				      "stay\" cure=\"restart usher\"");
	hand_over(p, world, plan);
	world_unref(p->world);
	p->world = world;
	if (p->mode == SERVE_PROXY)
		follow_operations(p);
	log_line(LOG_INFO, "reload done");
	return true;
}

/* ---- what the admin service sees ------------------------------------------------------------ */

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
	return reload(arg);
}

static void
open_admin(struct process *p)
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

/* ---- signals -------------------------------------------------------------------------------- */

#define LEAVE_POLL_S 0.05

/* The last session has ended, or `hard-stop-after` is over. */
static void
on_leave(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct process *p = container_of(timer, struct process, leave);
	int64_t patience = p->world->topology.hard_stop_after_ms;
	uint32_t n = proxy_service_sessions(p->proxy);
	bool is_over = patience > 0 && worker_now() - p->stopped_at >= patience;

	if (n == 0 || is_over) {
		log_line(LOG_INFO, "soft stop over sessions=%u", n);
		ev_break(loop, EVBREAK_ALL);
	}
}

static void
close_doors(void *arg)
{
	struct handover *h = arg;
	const struct process *p = h->worker->owner;

	proxy_service_close(p->proxy, h->worker);
	free(h);
}

/* SIGUSR1, as HAProxy: nobody new, and those who are there may stay until they go. */
static void
stop_softly(struct process *p)
{
	if (p->stopped_at)
		return;
	p->stopped_at = worker_now();
	if (p->standby)
		standby_stop(p->standby);
	p->operations.view.is_stopping = true;
	for (unsigned i = 0; i < p->n_workers; i++) {
		struct handover *h = xmalloc(sizeof(*h));

		*h = (struct handover){ .worker = p->workers[i] };
		inbox_send(&p->workers[i]->inbox, close_doors, h);
	}
	session_line_say_stopped(p->world);
	log_line(LOG_INFO, "stopping softly sessions=%u", proxy_service_sessions(p->proxy));
	ev_timer_init(&p->leave, on_leave, LEAVE_POLL_S, LEAVE_POLL_S);
	ev_timer_start(p->loop, &p->leave);
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct process *p = w->data;

	if (w->signum == SIGHUP || w->signum == SIGUSR2) {
		reload(p);
		return;
	}
	if (w->signum == SIGUSR1 && p->proxy) {
		stop_softly(p);
		return;
	}
	log_line(LOG_INFO, "stopping signal=%d", w->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void
watch_signals(struct process *p)
{
	static const int numbers[SIGNALS] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP };

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SIGNALS; i++) {
		ev_signal_init(&p->signals[i], on_signal, numbers[i]);
		p->signals[i].data = p;
		ev_signal_start(p->loop, &p->signals[i]);
	}
}

/* ---- start and stop ------------------------------------------------------------------------- */

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
write_pid_file(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		log_line(LOG_WARNING, "pid file failed path=%s reason=\"%s\"", path,
			 strerror(errno));
		return;
	}
	fprintf(f, "%d\n", getpid());
	fclose(f);
}

/* One for each processor, as far as -j would let anybody go. */
static unsigned
default_workers(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static bool
make_workers(struct process *p)
{
	uint32_t threads = p->mode == SERVE_AGENT ? 0 : p->world->topology.nbthread;

	p->n_workers = p->options->n_workers ? p->options->n_workers : threads;
	if (p->n_workers == 0 || p->n_workers > WORKERS_MAX)
		p->n_workers = default_workers();
	engine_set_workers(p->engine, p->n_workers);
	p->workers = xcalloc(p->n_workers, sizeof(*p->workers));
	p->counters = xcalloc(p->n_workers + 1, sizeof(*p->counters));
	for (unsigned i = 0; i < p->n_workers; i++) {
		p->workers[i] = worker_new(i);
		if (!p->workers[i])
			return false;
		p->workers[i]->counters = &p->counters[i];
		p->workers[i]->owner = p;
		p->workers[i]->world = world_ref(p->world);
		p->workers[i]->sharing =
			sharing_new(p->workers[i]->loop, &p->counters[i], p->world, false);
	}
	p->sharing = sharing_new(p->loop, &p->counters[p->n_workers], p->world, true);
	return true;
}

/* A worker's part of it. */
static void
stop_services(const struct process *p, struct worker *w)
{
	if (p->agent)
		spoa_service_stop(p->agent, w);
	if (p->proxy)
		proxy_service_stop(p->proxy, w);
}

static void
stop_worker(void *arg)
{
	struct handover *h = arg;

	stop_services(h->worker->owner, h->worker);
	sharing_free(h->worker->sharing);
	h->worker->sharing = NULL;
	worker_stop(h->worker);
	free(h);
}

static void
run_workers(struct process *p)
{
	for (unsigned i = 0; i < p->n_workers; i++)
		if (worker_start(p->workers[i]) < 0) {
			log_line(LOG_ERROR, "worker failed index=%u", i);
			exit(1);
		}
	log_line(LOG_INFO, "%s ready workers=%u pid=%d", p->options->command, p->n_workers,
		 getpid());
	ev_run(p->loop, 0);
	for (unsigned i = 0; i < p->n_workers; i++) {
		struct handover *h = xmalloc(sizeof(*h));

		*h = (struct handover){ .worker = p->workers[i] };
		inbox_send(&p->workers[i]->inbox, stop_worker, h);
	}
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_join(p->workers[i]);
	for (unsigned i = 0; i < p->n_workers; i++)
		inbox_run(&p->workers[i]->inbox); /* what others sent it while it left */
}

static void
fini(struct process *p)
{
	for (unsigned i = 0; p->workers && i < p->n_workers; i++)
		if (p->workers[i]) {
			sharing_free(p->workers[i]->sharing); /* it never ran */
			world_unref(p->workers[i]->world);
			worker_free(p->workers[i]);
		}
	free(p->workers);
	sharing_free(p->sharing);
	free(p->counters);
	world_unref(p->world);
}

/* The services of `usher agent`. */
static bool
open_agent(struct process *p)
{
	if (p->world->n_listen) {
		p->agent = spoa_service_open(p->world, p->workers, p->n_workers);
		if (!p->agent)
			return false;
	}
	p->poller = runtime_poller_new(p->loop, p->world);
	p->ends =
		session_end_receiver_new(p->loop, p->world, &p->counters[p->n_workers], p->sharing);
	world_begin(p->world, session_end_receiver_hears(p->ends, p->world));
	return true;
}

static void
close_agent(struct process *p)
{
	if (p->ends)
		session_end_receiver_free(p->ends);
	if (p->poller)
		runtime_poller_free(p->poller);
	if (p->agent)
		spoa_service_free(p->agent);
}

static void
note_connect(void *checker, const struct server *server, bool ok)
{
	health_note_connect(checker, server, ok);
}

/* What operators hold on to. As in HAProxy, a page that cannot be opened stops the start. */
static bool
open_operations(struct process *p)
{
	struct report report;
	bool ok;

	report_init(&report);
	serve_operations_open(&p->operations, &report);
	print_report(p->options, &report);
	ok = report.n_alerts == 0;
	report_fini(&report);
	return ok;
}

/* What carries clients; `stand` as proxy_service_open() has it. */
static bool
open_carriers(struct process *p, const struct proxy_stand *stand)
{
	struct report report;

	report_init(&report);
	p->proxy = proxy_service_open(p->world, p->workers, p->n_workers, stand, &report);
	print_report(p->options, &report);
	report_fini(&report);
	if (!p->proxy)
		return false;
	p->names = names_new(p->loop, p->world);
	serve_operations_init(&p->operations, p->loop, &p->world, p->proxy, p->n_workers);
	p->checker = health_checker_new(p->loop, p->world, serve_operations_server_changed,
					&p->operations);
	p->operations.checker = p->checker;
	proxy_service_observe(p->proxy, note_connect, p->checker);
	return true;
}

/* The services of `usher proxy`. */
static bool
open_proxy(struct process *p)
{
	world_begin(p->world, true);
	return open_carriers(p, NULL) && open_operations(p);
}

/* As it may be that HAProxy could not come back, it is met before anything is bound. */
static bool
meet_haproxy(struct process *p)
{
	struct report report;
	bool ok;

	report_init(&report);
	ok = standby_meet(p->world, &p->meeting, &report);
	print_report(p->options, &report);
	report_fini(&report);
	p->stand.uid = p->meeting.uid;
	return ok;
}

/*
 * Those of `usher run`: the agent's and the proxy's. HAProxy's runtime socket and statistics page
 * are HAProxy's alone, so what operators hold on to is not opened.
 */
static bool
open_run(struct process *p)
{
	struct standby_parts parts;

	if (!meet_haproxy(p) || !open_agent(p) || !open_carriers(p, &p->stand))
		return false;
	parts = (struct standby_parts){ p->loop,    p->engine, &p->world,   p->proxy,
					p->checker, p->poller, p->n_workers };
	p->standby = standby_new(&parts, &p->meeting);
	return true;
}

static bool
open_services(struct process *p)
{
	switch (p->mode) {
	case SERVE_PROXY:
		return open_proxy(p);
	case SERVE_RUN:
		return open_run(p);
	case SERVE_AGENT:
		break;
	}
	return open_agent(p);
}

static void
close_services(struct process *p)
{
	if (p->standby)
		standby_free(p->standby);
	close_agent(p);
	serve_operations_close(&p->operations);
	names_free(p->names);
	health_checker_free(p->checker);
	if (p->proxy)
		proxy_service_free(p->proxy);
}

/* A service could not be opened; those before it were. */
static void
give_up(struct process *p)
{
	for (unsigned i = 0; i < p->n_workers; i++)
		stop_services(p, p->workers[i]);
	close_services(p);
}

/* The agent binds and reads nothing but at start; in a reload the proxy may have to again. */
static void
give_up_privileges(const struct process *p)
{
	int error = p->mode == SERVE_AGENT ? 0 : privileges_keep_for_reload();

	if (error)
		log_line(LOG_WARNING, "privileges stay reason=\"%s\"", strerror(-error));
}

static int
run(struct process *p)
{
	if (p->mode == SERVE_AGENT && p->world->n_listen == 0) {
		fprintf(stderr, "usher: nobody would ask: no frontend has a `filter spoe engine "
				"usher` line, and usher.json has no agent.listen. See "
				"haproxy/README.md for the lines that HAProxy needs.\n");
		return 1;
	}
	if (p->options->daemon && daemon(1, 1) < 0) {
		perror("usher: cannot go to the background");
		return 1;
	}
	raise_descriptor_limit();
	p->loop = ev_default_loop(EVFLAG_AUTO);
	if (!p->loop || !make_workers(p))
		return 1;
	if (!open_services(p)) {
		give_up(p);
		return 1;
	}
	if (p->options->pid_file)
		write_pid_file(p->options->pid_file);
	watch_signals(p);
	p->sticky_file = sticky_file_new(p->engine);
	open_admin(p);
	give_up_privileges(p);
	sticky_file_start(p->sticky_file, p->world);
	run_workers(p);
	sticky_file_free(p->sticky_file);
	admin_service_free(p->admin);
	close_services(p);
	if (p->options->pid_file)
		unlink(p->options->pid_file);
	log_line(LOG_INFO, "stopped");
	return 0;
}

int
serve(struct engine *e, const struct options *options, enum serve_mode mode)
{
	struct process p = { .options = options, .engine = e, .mode = mode };
	int status;

	if (mode != SERVE_AGENT)
		engine_carries(e, options->n_workers);
	if (mode == SERVE_RUN)
		engine_stands_by(e);
	p.world = load_world(e, options, NULL);
	status = p.world ? run(&p) : 1;
	fini(&p);
	return status;
}
