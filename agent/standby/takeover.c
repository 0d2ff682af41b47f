/* One function for each state says where it leads; what is seen is all they look at. */
#include "agent/standby/takeover.h"

const char *
standby_state_name(enum standby_state s)
{
	static const char *const names[N_STANDBY_STATES] = {
		[STANDBY_WAITING] = "waiting", [STANDBY_READY] = "standby",
		[STANDBY_HUNG] = "hung",       [STANDBY_DOUBT] = "doubt",
		[STANDBY_STOPPED] = "stopped", [STANDBY_REIGN] = "reigning",
		[STANDBY_UNFIT] = "unfit",
	};

	return names[s];
}

const char *
standby_reason_name(enum standby_reason r)
{
	static const char *const names[] = {
		[REASON_NONE] = "none",	      [REASON_ABSENT] = "absent",
		[REASON_RESUMED] = "resumed", [REASON_CRASHED] = "crashed",
		[REASON_STOPPED] = "stopped", [REASON_GONE] = "gone",
	};

	return names[r];
}

/* `waited_ms`: since its sockets went. A process that ends closes them before it is seen to end. */
static enum standby_reason
why_gone(const struct seen *seen, int64_t waited_ms)
{
	if (seen->process == PROCESS_CRASHED)
		return REASON_CRASHED;
	if (seen->process == PROCESS_STOPPED ||
	    (seen->process == PROCESS_LIVES && waited_ms >= DOUBT_MS))
		return REASON_STOPPED;
	return REASON_GONE;
}

/* HAProxy listens: how is it? */
static enum standby_state
look_at_haproxy(const struct takeover *t, const struct seen *seen)
{
	if (seen->sockets.uid != t->uid)
		return STANDBY_UNFIT;
	return seen->is_hung ? STANDBY_HUNG : STANDBY_READY;
}

/*
 * An HAProxy that answers and listens nowhere is about to listen, or does so out of our sight:
 * nobody would come to us either. One that was never seen may be another user's.
 */
static enum standby_state
from_waiting(const struct takeover *t, const struct standby_policy *policy, const struct seen *seen,
	     int64_t now, enum standby_reason *why)
{
	if (seen->sockets.n_seen)
		return look_at_haproxy(t, seen);
	*why = t->was_reigning ? REASON_RESUMED : REASON_ABSENT;
	if (!t->uid_is_sure || seen->answers)
		return STANDBY_WAITING;
	return t->was_reigning || now - t->since >= policy->start_delay_ms ? STANDBY_REIGN
									   : STANDBY_WAITING;
}

static enum standby_state
from_doubt(const struct takeover *t, const struct standby_policy *policy, const struct seen *seen,
	   int64_t now, enum standby_reason *why)
{
	if (seen->sockets.n_seen)
		return look_at_haproxy(t, seen);
	*why = why_gone(seen, now - t->since);
	if (!policy->stays)
		return STANDBY_REIGN; /* since a reload */
	if (*why == REASON_STOPPED)
		return STANDBY_STOPPED;
	/* Before Linux 6.15 nobody says how it ended: somebody has to serve. */
	if (*why == REASON_CRASHED || seen->process == PROCESS_UNKNOWN ||
	    now - t->since >= DOUBT_MS)
		return STANDBY_REIGN;
	return STANDBY_DOUBT;
}

static enum standby_state
from_stopped(const struct takeover *t, const struct standby_policy *policy, const struct seen *seen,
	     enum standby_reason *why)
{
	if (seen->sockets.n_seen)
		return look_at_haproxy(t, seen);
	*why = REASON_STOPPED;
	return policy->stays ? STANDBY_STOPPED : STANDBY_REIGN;
}

static enum standby_state
from_ready(const struct takeover *t, const struct standby_policy *policy, const struct seen *seen,
	   enum standby_reason *why)
{
	if (seen->sockets.n_seen)
		return look_at_haproxy(t, seen);
	*why = why_gone(seen, 0);
	return policy->stays ? STANDBY_DOUBT : STANDBY_REIGN;
}

/* Its sockets come one after the other; until the last is there both of us serve. */
static enum standby_state
from_reign(struct takeover *t, const struct seen *seen, int64_t now)
{
	unsigned n = seen->sockets.n_seen;

	if (n == 0) {
		t->partial_since = 0;
		return STANDBY_REIGN;
	}
	if (t->partial_since == 0)
		t->partial_since = now;
	if (n < seen->sockets.n_addresses && now - t->partial_since < PARTIAL_MS)
		return STANDBY_REIGN;
	return look_at_haproxy(t, seen);
}

enum standby_state
takeover_next(struct takeover *t, const struct standby_policy *policy, const struct seen *seen,
	      int64_t now, enum standby_reason *why)
{
	*why = REASON_NONE;
	if (seen->sockets.error || seen->sockets.n_addresses == 0)
		return t->state; /* nothing is proved */
	switch (t->state) {
	case STANDBY_WAITING:
		return from_waiting(t, policy, seen, now, why);
	case STANDBY_READY:
	case STANDBY_HUNG:
		return from_ready(t, policy, seen, why);
	case STANDBY_DOUBT:
		return from_doubt(t, policy, seen, now, why);
	case STANDBY_STOPPED:
		return from_stopped(t, policy, seen, why);
	case STANDBY_REIGN:
		return from_reign(t, seen, now);
	default: /* STANDBY_UNFIT */
		return STANDBY_UNFIT;
	}
}

bool
takeover_learn(struct takeover *t, const struct seen *seen, int64_t now)
{
	if (t->state != STANDBY_REIGN || t->reason != REASON_GONE)
		return false;
	t->reason = why_gone(seen, now - t->since);
	return t->reason != REASON_GONE;
}

void
takeover_enter(struct takeover *t, enum standby_state to, enum standby_reason why, int64_t now)
{
	if (to == STANDBY_REIGN)
		t->reason = why;
	t->state = to;
	t->since = now;
	t->partial_since = 0;
	if (to == STANDBY_READY)
		t->uid_is_sure = true;
}
