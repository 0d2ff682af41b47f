/*
 * The door for clients: the file's frontends, listening on every worker.
 */
#ifndef USHER_PROXY_SERVICE_H
#define USHER_PROXY_SERVICE_H

#include "agent/engine/world.h"
#include "agent/io/worker.h"

struct proxy_service;

/*
 * Open every `bind` of every frontend on every worker, before they start. NULL, with an alert
 * in HAProxy's words for each that could not be opened, when one is missing.
 */
struct proxy_service *proxy_service_open(const struct world *world, struct worker **workers,
					 unsigned n_workers);

/* On a worker's thread, before its loop ends: stop accepting, end what is carried. */
void proxy_service_stop(struct proxy_service *s, struct worker *w);

/* After the workers have ended. */
void proxy_service_free(struct proxy_service *s);

#endif
