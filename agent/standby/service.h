/*
 * usher standing by: watches HAProxy, listens in its place while it is gone, and makes way when it
 * is back (docs/run.md).
 *
 * Main thread.
 */
#ifndef USHER_STANDBY_SERVICE_H
#define USHER_STANDBY_SERVICE_H

#include "agent/health/checker.h"
#include "agent/health/runtime.h"
#include "agent/proxy/service.h"
#include "agent/standby/meet.h"
#include "agent/standby/takeover.h"

/* Those it goes by and commands; all of them outlive it. */
struct standby_parts {
	struct ev_loop *loop;
	struct engine *engine;
	struct world **world; /* the process's newest one */
	struct proxy_service *proxy;
	struct health_checker *checker;
	struct runtime_poller *poller;
	unsigned n_workers;
};

/* What is to be seen of it. */
struct standby_report {
	enum standby_state state;
	enum standby_reason reason; /* of the last takeover; REASON_NONE: none yet */
	int64_t for_ms;		    /* in this state */
	uint64_t n_takeovers, n_given_back;
	uint32_t last_us; /* from missing HAProxy to listening, of the last takeover */
};

struct standby;

/* The proxy stands by with sockets of m->uid. Begins to watch. */
struct standby *standby_new(const struct standby_parts *parts, const struct meeting *m);
void standby_report(const struct standby *s, struct standby_report *r);
/* Nobody is stood in for from now on; the proxy's sockets stay as they are. */
void standby_stop(struct standby *s);
void standby_free(struct standby *s);

#endif
