/*
 * What operators of a running `usher proxy` hold on to, put together: statistics, the runtime
 * socket, the statistics page. A part of serve.c, which owns it and what it points at.
 */
#ifndef USHER_SERVE_OPERATIONS_H
#define USHER_SERVE_OPERATIONS_H

#include <ev.h>

#include "agent/admin/stats_page.h"
#include "agent/engine/operations.h"
#include "agent/health/checker.h"
#include "agent/proxy/service.h"
#include "agent/runtime/service.h"

struct serve_operations {
	struct operations view;
	struct ev_loop *loop;
	struct world **world; /* the process's newest one */
	struct proxy_service *proxy;
	struct health_checker *checker; /* NULL until it is there */
	struct runtime_service *runtime;
	struct stats_pages *pages;
	ev_timer second;
};

/* Before the health checks begin; the checker is set as soon as there is one. */
void serve_operations_init(struct serve_operations *s, struct ev_loop *loop, struct world **world,
			   struct proxy_service *proxy, unsigned n_workers);

/* For health_checker_new(): a server's check changed it. `s` is the struct serve_operations. */
void serve_operations_server_changed(void *s, const struct world *w, const struct proxy *backend,
				     unsigned server, enum server_status now);

/* Answer. Addresses of statistics pages that cannot be had are alerts. */
void serve_operations_open(struct serve_operations *s, struct report *r);

/* The newest world is another. */
void serve_operations_follow(struct serve_operations *s, struct report *r);

/* When the workers have ended; also if it was never opened, or never begun (all 0). */
void serve_operations_close(struct serve_operations *s);

#endif
