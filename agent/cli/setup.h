/* `usher setup`: the lines that a haproxy.cfg lacks, as a patch to read and to apply. */
#ifndef USHER_CLI_SETUP_H
#define USHER_CLI_SETUP_H

#include "agent/engine/world.h"

/* Print it to standard output; no file is touched. Returns the exit code. */
int cli_setup(struct engine *e, const struct world_files *files);

#endif
