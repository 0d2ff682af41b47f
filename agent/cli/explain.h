/* `usher explain`: where a client would go, and why. Each returns the exit code. */
#ifndef USHER_CLI_EXPLAIN_H
#define USHER_CLI_EXPLAIN_H

#include "agent/cli/admin_client.h"
#include "agent/engine/fact_text.h"
#include "agent/engine/world.h"

/* Who is asked about. */
struct explain_client {
	const struct facts *facts;
	const struct named_text *named; /* headers and user properties */
	size_t n_named;
};

/* From the files alone: every server as the file has it, no entries. */
int cli_explain(const struct world *w, const struct explain_client *c, bool json);

/* From a running usher's state, without changing it. */
int cli_explain_live(const struct admin_address *a, const struct explain_client *c, bool json);

#endif
