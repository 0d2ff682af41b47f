/* Between two events each worker takes the new world: a message brings it a reference. */
#include "agent/serve_reload.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/base/mem.h"
#include "agent/io/log.h"
#include "agent/load.h"

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

bool
serve_reload(struct process *p)
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
