/*
 * What those who show and operate a running `usher proxy` in HAProxy's manner may see and do of
 * the process: the runtime socket, the statistics page, the metrics. serve.c fills it in, so that
 * these doors know none of the others. All of it happens on the main thread.
 */
#ifndef USHER_ENGINE_OPERATIONS_H
#define USHER_ENGINE_OPERATIONS_H

#include "agent/core/health/view.h"
#include "agent/engine/session_row.h"
#include "agent/engine/world.h"

struct statistics;

struct operations {
	void *arg; /* handed to each function */
	struct world *(*world)(void *arg);
	/* What is known of a server's check. False: it is not checked. */
	bool (*check)(void *arg, const struct proxy *backend, unsigned server,
		      struct health_view *v);
	/* As if its check had said so. False: it is not checked itself. */
	bool (*force)(void *arg, const struct proxy *backend, unsigned server,
		      enum server_status to);
	/* An operator changed a server, the pool knows: whoever waits for it or is there hears. */
	void (*changed)(void *arg, const struct proxy *backend, unsigned server,
			enum server_status now);
	/*
	 * Sessions live on workers. The functions given are called there; end() is the last one,
	 * and always called, on that worker's thread, unless the process stops before.
	 */
	void (*each_session)(void *arg, unsigned worker, const struct session_look *look);
	/* End those of one server, on all workers. */
	void (*end_sessions)(void *arg, const struct server *server);
	uint32_t (*max_sessions)(void *arg); /* the process may have now */
	struct statistics *statistics;
	int64_t started_at; /* UNIX time, s */
	unsigned n_workers;
	bool is_stopping;
};

/* "backend/server" in the present world; what is missing is NULL. */
struct target_server {
	const struct proxy *backend;
	struct pool *pool;
	const struct server *server;
};

struct target_server operations_find(const struct operations *o, struct str backend,
				     struct str server);

enum operator_state {
	OPERATOR_READY, /* what its checks say, or up */
	OPERATOR_DRAIN, /* nobody new */
	OPERATOR_MAINT, /* nobody new, and not checked */
};

/* Servers that track this one follow, as in HAProxy. */
void operations_set_state(const struct operations *o, const struct target_server *t,
			  enum operator_state to);

/* UP, DOWN, or DRAIN as a check may say. False: it tracks another server. */
bool operations_set_health(const struct operations *o, const struct target_server *t,
			   enum server_status to);

/* 0..256. */
void operations_set_weight(const struct operations *o, const struct target_server *t,
			   uint16_t weight);

#endif
