/*
 * What the admin service is shown of the process. A part of serve.c.
 */
#ifndef USHER_SERVE_ADMIN_H
#define USHER_SERVE_ADMIN_H

#include "agent/serve_process.h"

/* Once all the services are open. */
void serve_open_admin(struct process *p);

#endif
