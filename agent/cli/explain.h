/* `usher explain`: where a client would go, and why. Each returns the exit code. */
#ifndef USHER_CLI_EXPLAIN_H
#define USHER_CLI_EXPLAIN_H

#include "agent/cli/admin_client.h"
#include "agent/engine/world.h"

/* From the files alone: every server as the file has it, no entries. */
int cli_explain(const struct world *w, const struct facts *facts, bool json);

/* From a running usher's state, without changing it. */
int cli_explain_live(const struct admin_address *a, const struct facts *facts, bool json);

#endif
