/*
 * usher at work: from the files to serving, until a signal ends it.
 */
#ifndef USHER_SERVE_H
#define USHER_SERVE_H

#include "agent/engine/world.h"
#include "agent/options.h"

enum serve_mode {
	SERVE_AGENT,
	SERVE_PROXY,
	SERVE_RUN, /* the agent, and the proxy standing by */
};

/* Returns the exit code. */
int serve(struct engine *e, const struct options *options, enum serve_mode mode);

#endif
