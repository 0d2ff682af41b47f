/* The kernel's limit is asked each time: nobody else keeps it. */
#include "agent/proxy/limits.h"

#include <sys/resource.h>

enum {
	PER_SESSION = 2,
	RESERVE = 128, /* listeners, checks, loops, log; a quarter of what there is, if that is less
			*/
};

static rlim_t
descriptors(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RESERVE;
}

static uint32_t
affordable(void)
{
	rlim_t n = descriptors(), reserve = n / 4 < RESERVE ? n / 4 : RESERVE;

	n = (n - reserve) / PER_SESSION;
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* To its hard limit, or beyond where that is allowed. */
static void
raise_to(rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (wanted > limit.rlim_max &&
	    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ wanted, wanted }) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void
limits_raise(const struct world *w, struct report *r)
{
	const struct topology *t = &w->topology;
	rlim_t needed = (rlim_t)t->maxconn * PER_SESSION + (t->maxconn ? RESERVE : 0);

	raise_to(needed > t->ulimit_n ? needed : t->ulimit_n);
	if (t->ulimit_n > descriptors())
		report_cfg(
			r, FINDING_WARNING,
			"ulimit-n %u is more than this process may have: it has %llu descriptors.",
			t->ulimit_n, (unsigned long long)descriptors());
	if (t->maxconn <= affordable())
		return;
	if (policy_as_haproxy(&w->policy, DIFFERENCE_MAXCONN))
		report_cfg(r, FINDING_ALERT,
			   "[haproxy.main()] Cannot raise FD limit to %llu, limit is %llu.",
			   (unsigned long long)needed, (unsigned long long)descriptors());
	else
		report_cfg(r, FINDING_WARNING,
			   "[%s:%d] : 'maxconn %u' needs %llu descriptors, and there are %llu: at "
			   "most %u sessions at once",
			   t->maxconn_at.file, t->maxconn_at.line, t->maxconn,
			   (unsigned long long)needed, (unsigned long long)descriptors(),
			   affordable());
}

uint32_t
limits_sessions(const struct world *w)
{
	uint32_t most = affordable(), maxconn = w->topology.maxconn;

	return maxconn && maxconn < most ? maxconn : most;
}
