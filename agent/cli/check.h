/* `usher check`: everything that is wrong with the files, at once. */
#ifndef USHER_CLI_CHECK_H
#define USHER_CLI_CHECK_H

#include "agent/core/advice/advice.h"
#include "agent/engine/world.h"

/*
 * Print the findings to standard output, errors before warnings; with `quiet`, errors alone.
 * Returns the exit code: 1 when there is an error.
 */
int cli_check(struct engine *e, const struct world_files *files, bool quiet);

/*
 * The SPOE engines of usher's that haproxy.cfg names, as far as they can be read; alerts for the
 * others. Owned by the caller, with cli_engines_free().
 */
struct advice_engine *cli_engines(const struct topology *t, const struct policy *p, size_t *n,
				  struct report *r);
void cli_engines_free(struct advice_engine *engines, size_t n);

#endif
