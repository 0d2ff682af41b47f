/*
 * Looks come from a timer, and at once when HAProxy's process ends: that is the alarm, and the look
 * is the proof. How often the timer looks depends on what may happen next.
 */
#include "agent/standby/service.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/base/mem.h"
#include "agent/io/log.h"
#include "agent/io/worker.h"
#include "agent/standby/drain.h"
#include "agent/standby/memory.h"

/* Seconds between looks. */
#define LOOK_ALARMED 0.002 /* HAProxy's process has just ended, or its sockets have just gone */
#define LOOK_CLOSE 0.02	   /* what may happen next has no alarm */
#define LOOK_EASY 0.1	   /* it has one */

enum {
	ALARM_MS = 1000,    /* how long an alarm lasts that was not proved */
	PATIENCE_MS = 3000, /* with what keeps usher waiting, until it is said */
};

struct standby {
	struct standby_parts parts;
	struct takeover takeover;
	struct watch watch;
	struct drain drain;
	ev_timer look;
	int64_t alarmed_until; /* monotonic ms */
	uint64_t missed_at;    /* monotonic ns: when HAProxy was missed; 0: it is there */
	uint64_t n_takeovers, n_given_back;
	uint32_t last_us;
	bool has_warned; /* of what keeps usher waiting */
};

static const struct standby_policy *
policy_of(const struct standby *s)
{
	return &(*s->parts.world)->policy.standby;
}

static const char *
state_file(const struct standby *s)
{
	const struct standby_policy *p = policy_of(s);

	return p->state_file ? p->state_file : POLICY_STATE_FILE_DEFAULT;
}

/* ---- taking over, giving back --------------------------------------------------------------- */

static void
remember(const struct standby *s, bool reigns)
{
	const char *path = state_file(s);
	int error = reigns ? memory_keep(path, s->takeover.uid) : memory_drop(path);

	if (error)
		log_line(LOG_WARNING,
			 "state file failed path=%s reason=\"%s\" consequence=\"an usher that is "
			 "killed while it stands in waits for start_delay\" "
			 "cure=\"standby.state_file\"",
			 path, strerror(-error));
}

/* HAProxy died with its sessions; what it said of them is over. */
static void
forget_sessions(const struct world *w)
{
	for (size_t i = 0; i < w->topology.n_proxies; i++)
		if (w->pools[i])
			pool_forget_sessions(w->pools[i]);
}

static uint32_t
microseconds(uint64_t ns)
{
	return ns / 1000 < UINT32_MAX ? (uint32_t)(ns / 1000) : UINT32_MAX;
}

/*
 * Clients first, but workers decide as soon as they listen: from then on the clients are ours to
 * carry.
 */
static void
take_over(struct standby *s, enum standby_reason why)
{
	uint64_t now;
	int error;

	engine_set_haproxys(s->parts.engine, false);
	error = proxy_service_listen(s->parts.proxy);
	now = worker_now_ns();
	s->last_us = s->missed_at ? microseconds(now - s->missed_at) : 0;
	s->n_takeovers++;
	forget_sessions(*s->parts.world);
	runtime_poller_set_counts(s->parts.poller, false);
	health_checker_resume(s->parts.checker);
	drain_stop(&s->drain);
	log_line(LOG_WARNING, "takeover done reason=%s ms=%u.%03u addresses=%zu",
		 standby_reason_name(why), s->last_us / 1000, s->last_us % 1000,
		 proxy_service_n_addresses(s->parts.proxy));
	if (error)
		log_line(LOG_ERROR, "takeover incomplete reason=\"%s\"", strerror(-error));
	remember(s, true);
}

static void
give_back(struct standby *s, int64_t now)
{
	proxy_service_rest(s->parts.proxy);
	s->n_given_back++;
	engine_set_haproxys(s->parts.engine, true);
	health_checker_pause(s->parts.checker);
	if ((*s->parts.world)->n_stats_sockets == 0)
		health_checker_release(s->parts.checker);
	runtime_poller_set_counts(s->parts.poller, true);
	drain_start(&s->drain, &policy_of(s)->drain);
	log_line(LOG_INFO, "given back after_ms=%lld sessions=%u",
		 (long long)(now - s->takeover.since), proxy_service_sessions(s->parts.proxy));
	remember(s, false);
}

/* ---- states --------------------------------------------------------------------------------- */

static void
say_state(const struct standby *s, const struct seen *seen, enum standby_state before)
{
	switch (s->takeover.state) {
	case STANDBY_READY:
		if (before == STANDBY_HUNG)
			log_line(LOG_INFO, "haproxy answers again");
		else if (before == STANDBY_WAITING || before == STANDBY_STOPPED)
			log_line(LOG_INFO, "haproxy seen addresses=%u of=%u uid=%u",
				 seen->sockets.n_seen, seen->sockets.n_addresses,
				 (unsigned)seen->sockets.uid);
		break;
	case STANDBY_HUNG:
		log_line(LOG_ERROR, "haproxy hung consequence=\"it listens, so nobody can take its "
				    "place\" cure=\"kill it: usher takes over at once\"");
		break;
	case STANDBY_STOPPED:
		log_line(LOG_WARNING, "haproxy stopped consequence=\"nobody serves its clients, as "
				      "standby.on_stop wants it\"");
		break;
	case STANDBY_UNFIT:
		log_line(
			LOG_ERROR,
			"standby unfit haproxy_uid=%u uid=%u consequence=\"usher will not stand in "
			"for HAProxy, which could not come back\" cure=\"restart usher while "
			"HAProxy runs, or set standby.haproxy_uid\"",
			(unsigned)seen->sockets.uid, (unsigned)s->takeover.uid);
		break;
	default:
		break;
	}
}

static void
enter(struct standby *s, enum standby_state to, enum standby_reason why, const struct seen *seen)
{
	enum standby_state before = s->takeover.state;
	int64_t now = worker_now();

	if (to == STANDBY_REIGN)
		take_over(s, why);
	else if (before == STANDBY_REIGN)
		give_back(s, now);
	else if (before == STANDBY_WAITING)
		remember(s, false); /* of an usher before us, which HAProxy has relieved */
	takeover_enter(&s->takeover, to, why, now);
	s->has_warned = false;
	say_state(s, seen, before);
}

/* What keeps usher waiting longer than anybody expects. */
static void
warn_waiting(struct standby *s, const struct seen *seen)
{
	int64_t waited = worker_now() - s->takeover.since;

	if (s->takeover.state != STANDBY_WAITING || s->has_warned)
		return;
	if (seen->answers && waited >= PATIENCE_MS) {
		log_line(LOG_ERROR,
			 "haproxy unseen consequence=\"its runtime socket answers, and it listens "
			 "nowhere that usher could take its place\" cure=\"usher belongs into its "
			 "network namespace, and both need the same haproxy.cfg\"");
		s->has_warned = true;
	} else if (!s->takeover.uid_is_sure && !seen->answers &&
		   waited >= policy_of(s)->start_delay_ms) {
		log_line(LOG_ERROR,
			 "haproxy absent consequence=\"usher does not know as which user it would "
			 "come back, and waits for it\" cure=\"standby.haproxy_uid, and a "
			 "restart of usher\"");
		s->has_warned = true;
	}
}

static double
next_look(const struct standby *s)
{
	bool has_alarm = watch_process_state(&s->watch) == PROCESS_LIVES;

	if (s->takeover.state == STANDBY_DOUBT || worker_now() < s->alarmed_until)
		return LOOK_ALARMED;
	if ((s->takeover.state == STANDBY_READY || s->takeover.state == STANDBY_HUNG) && has_alarm)
		return LOOK_EASY;
	return LOOK_CLOSE;
}

static void
note_missing(struct standby *s, const struct seen *seen)
{
	if (seen->sockets.n_seen)
		s->missed_at = 0;
	else if (!s->missed_at)
		s->missed_at = worker_now_ns();
}

static void
look(struct standby *s)
{
	const struct runtime_haproxy *h = runtime_poller_haproxy(s->parts.poller);
	struct seen seen = { .answers = h->answers, .is_hung = h->is_hung };
	enum standby_reason why;
	enum standby_state to;

	watch_look(&s->watch, &seen.sockets);
	seen.process = watch_process_state(&s->watch);
	note_missing(s, &seen);
	to = takeover_next(&s->takeover, policy_of(s), &seen, worker_now(), &why);
	if (to != s->takeover.state)
		enter(s, to, why, &seen);
	if (takeover_learn(&s->takeover, &seen, worker_now()))
		log_line(LOG_INFO, "takeover reason=%s", standby_reason_name(s->takeover.reason));
	warn_waiting(s, &seen);
	s->look.repeat = next_look(s);
	ev_timer_again(s->parts.loop, &s->look);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
	look(container_of(timer, struct standby, look));
}

static void
on_end(void *arg)
{
	struct standby *s = arg;

	s->alarmed_until = worker_now() + ALARM_MS;
	s->missed_at = worker_now_ns();
	runtime_poller_forget_process(s->parts.poller);
	look(s);
}

static void
on_process(void *arg, uint64_t pid)
{
	struct standby *s = arg;

	watch_process(&s->watch, pid);
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct standby *
standby_new(const struct standby_parts *parts, const struct meeting *m)
{
	struct standby *s = xcalloc(1, sizeof(*s));

	s->parts = *parts;
	s->takeover = (struct takeover){
		.state = STANDBY_WAITING,
		.since = worker_now(),
		.uid = m->uid,
		.uid_is_sure = m->uid_is_sure,
		.was_reigning = m->was_reigning,
	};
	health_checker_pause(parts->checker);
	watch_init(&s->watch, parts->loop, parts->proxy, on_end, s);
	drain_init(&s->drain, parts->loop, parts->proxy, parts->n_workers);
	runtime_poller_observe(parts->poller, on_process, s);
	ev_init(&s->look, on_look);
	look(s);
	return s;
}

void
standby_report(const struct standby *s, struct standby_report *r)
{
	*r = (struct standby_report){
		.state = s->takeover.state,
		.reason = s->takeover.reason,
		.for_ms = worker_now() - s->takeover.since,
		.n_takeovers = s->n_takeovers,
		.n_given_back = s->n_given_back,
		.last_us = s->last_us,
	};
}

void
standby_stop(struct standby *s)
{
	ev_timer_stop(s->parts.loop, &s->look);
	runtime_poller_observe(s->parts.poller, NULL, NULL);
	drain_stop(&s->drain);
	watch_fini(&s->watch);
}

void
standby_free(struct standby *s)
{
	standby_stop(s);
	free(s);
}
