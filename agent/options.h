/*
 * The command line. Options that haproxy has mean what they mean to haproxy, so that usher can
 * stand in its unit file; usher's own are -P, -j and the long ones.
 */
#ifndef USHER_OPTIONS_H
#define USHER_OPTIONS_H

#include <stdbool.h>

#include "agent/cli/admin_client.h"
#include "agent/core/facts/facts.h"
#include "agent/engine/fact_text.h"
#include "agent/engine/world.h"

struct options {
	const char *command; /* "agent", … */
	struct world_files files;
	unsigned n_workers;    /* 0: as many as there are processors */
	const char *directory; /* -C: where to work */
	const char *pid_file;  /* -p */
	bool check_only;       /* -c, --check */
	bool quiet;	       /* -q, and no -V */
	bool verbose;	       /* -V */
	bool debug;	       /* -d */
	bool daemon;	       /* -D */
	bool json, live;       /* --json, --live */
	struct admin_address admin;
	struct facts facts; /* of explain; views into argv */
	struct named_text named[FACTS_NAMED_MAX];
	size_t n_named;
};

/*
 * What the process is to do. Returns false when it is already done (help, version) or cannot be
 * (a mistake): then *status is the exit code and everything is printed.
 */
bool options_parse(struct options *o, int argc, char **argv, int *status);

#endif
