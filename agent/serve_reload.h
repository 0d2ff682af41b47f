/*
 * A reload: a new world is built beside the old one and handed to everybody. A part of serve.c.
 */
#ifndef USHER_SERVE_RELOAD_H
#define USHER_SERVE_RELOAD_H

#include "agent/serve_process.h"

/* False: the files have errors, printed, and nothing changed; or the process stops softly. */
bool serve_reload(struct process *p);

#endif
