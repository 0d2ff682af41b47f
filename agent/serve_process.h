/*
 * The process: what serve.c begins and ends, and serve_*.c work on. Theirs alone. Main thread.
 */
#ifndef USHER_SERVE_PROCESS_H
#define USHER_SERVE_PROCESS_H

#include <ev.h>

#include "agent/admin/service.h"
#include "agent/engine/counters.h"
#include "agent/engine/sharing.h"
#include "agent/engine/sticky_file.h"
#include "agent/engine/world.h"
#include "agent/health/checker.h"
#include "agent/health/runtime.h"
#include "agent/io/worker.h"
#include "agent/names/names.h"
#include "agent/proxy/service.h"
#include "agent/serve.h"
#include "agent/serve_operations.h"
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

#endif
