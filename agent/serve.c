/*
 * World → workers → services → signals. This file, its parts (serve_*.c) and main.c alone know
 * everybody.
 *
 * The main thread has the default loop, with signals, HAProxy's runtime socket and session ends;
 * workers have the connections. A reload builds a new world there and hands each worker a
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

#include "agent/core/base/mem.h"
#include "agent/engine/session_line.h"
#include "agent/io/log.h"
#include "agent/io/privileges.h"
#include "agent/load.h"
#include "agent/serve_admin.h"
#include "agent/serve_process.h"
#include "agent/serve_reload.h"

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
	struct worker *w = arg;
	const struct process *p = w->owner;

	proxy_service_close(p->proxy, w);
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
	for (unsigned i = 0; i < p->n_workers; i++)
		inbox_send(&p->workers[i]->inbox, close_doors, p->workers[i]);
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
		serve_reload(p);
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
	struct worker *w = arg;

	stop_services(w->owner, w);
	sharing_free(w->sharing);
	w->sharing = NULL;
	worker_stop(w);
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
	for (unsigned i = 0; i < p->n_workers; i++)
		inbox_send(&p->workers[i]->inbox, stop_worker, p->workers[i]);
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
	serve_open_admin(p);
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
