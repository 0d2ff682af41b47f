/* `usher status` and `usher reload`: ask a running usher. Each returns the exit code. */
#ifndef USHER_CLI_CONTROL_H
#define USHER_CLI_CONTROL_H

#include <stdbool.h>

#include "agent/cli/admin_client.h"

/*
 * Print what it is doing. With `check`, for monitors, one line, and 0: fine, 1: serves, but
 * something wants attention (a refused reload, no runtime socket, a backend without a server),
 * 2: no answer, or nobody is served here (HAProxy is silent, no broker at all is up).
 */
int cli_status(const struct admin_address *a, bool json, bool check);

int cli_reload(const struct admin_address *a);

#endif
