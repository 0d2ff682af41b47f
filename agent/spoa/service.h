/*
 * The door for HAProxy: SPOP connections on the workers.
 */
#ifndef USHER_SPOA_SERVICE_H
#define USHER_SPOA_SERVICE_H

#include "agent/engine/world.h"
#include "agent/io/worker.h"

struct spoa_service;

/*
 * Open every listening address of the world on every worker, before they start. NULL when none
 * could be opened; each that could not is logged.
 */
struct spoa_service *spoa_service_open(const struct world *world, struct worker **workers,
				       unsigned n_workers);

/*
 * On a worker's thread, before its loop ends: stop accepting, answer what has arrived, say
 * DISCONNECT.
 */
void spoa_service_stop(struct spoa_service *s, struct worker *w);

/* After the workers have ended. */
void spoa_service_free(struct spoa_service *s);

#endif
