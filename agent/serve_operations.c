/* Who asks knows none of those who are asked: this file knows both. */
#include "agent/serve_operations.h"

#include <time.h>

#include "agent/engine/statistics.h"
#include "agent/io/worker.h"
#include "agent/proxy/limits.h"

static struct world *
view_world(void *arg)
{
	return *((struct serve_operations *)arg)->world;
}

static bool
view_check(void *arg, const struct proxy *backend, unsigned server, struct health_view *v)
{
	const struct serve_operations *s = arg;

	return health_checker_view(s->checker, backend, server, v);
}

static bool
force_check(void *arg, const struct proxy *backend, unsigned server, enum server_status to)
{
	const struct serve_operations *s = arg;

	return health_checker_force(s->checker, backend, server, to);
}

/* In maintenance it is as good as down for those who wait for it or are there. */
static void
tell_changed(void *arg, const struct proxy *backend, unsigned server, enum server_status now)
{
	struct serve_operations *s = arg;

	proxy_service_server_changed(s->proxy, *s->world, backend, server,
				     now == SERVER_MAINT ? SERVER_DOWN : now);
}

static void
each_session(void *arg, unsigned worker, const struct session_look *look)
{
	const struct serve_operations *s = arg;

	proxy_service_each_session(s->proxy, worker, look);
}

static void
end_sessions(void *arg, const struct server *server)
{
	const struct serve_operations *s = arg;

	proxy_service_end_sessions(s->proxy, server);
}

static uint32_t
max_sessions(void *arg)
{
	return limits_sessions(view_world(arg));
}

void
serve_operations_server_changed(void *arg, const struct world *w, const struct proxy *backend,
				unsigned server, enum server_status now)
{
	struct serve_operations *s = arg;

	statistics_look(&s->view, worker_now());
	proxy_service_server_changed(s->proxy, w, backend, server, now);
}

static void
on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct serve_operations *s = container_of(timer, struct serve_operations, second);

	statistics_look(&s->view, worker_now());
}

void
serve_operations_init(struct serve_operations *s, struct ev_loop *loop, struct world **world,
		      struct proxy_service *proxy, unsigned n_workers)
{
	*s = (struct serve_operations){ .loop = loop, .world = world, .proxy = proxy };
	s->view = (struct operations){
		.arg = s,
		.world = view_world,
		.check = view_check,
		.force = force_check,
		.changed = tell_changed,
		.each_session = each_session,
		.end_sessions = end_sessions,
		.max_sessions = max_sessions,
		.statistics = statistics_new(),
		.started_at = time(NULL),
		.n_workers = n_workers,
	};
	statistics_look(&s->view, worker_now());
	ev_timer_init(&s->second, on_second, 1., 1.);
	ev_timer_start(loop, &s->second);
}

void
serve_operations_open(struct serve_operations *s, struct report *r)
{
	s->runtime = runtime_service_new(s->loop, &s->view);
	s->pages = stats_pages_new(s->loop, &s->view, r);
}

void
serve_operations_follow(struct serve_operations *s, struct report *r)
{
	statistics_look(&s->view, worker_now());
	stats_pages_follow(s->pages, r);
}

void
serve_operations_close(struct serve_operations *s)
{
	if (!s->view.statistics)
		return;
	ev_timer_stop(s->loop, &s->second);
	stats_pages_free(s->pages);
	runtime_service_free(s->runtime);
	statistics_free(s->view.statistics);
}
