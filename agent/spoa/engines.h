/*
 * Who is connected: the SPOE engines of HAProxy, by the engine-id of their HELLO, and how many
 * connections each has. A bounded list behind a lock; it changes when connections come and go.
 */
#ifndef USHER_SPOA_ENGINES_H
#define USHER_SPOA_ENGINES_H

#include "agent/core/base/str.h"

void engines_add(struct str id);
void engines_remove(struct str id);

/* Calls row for each engine, under the lock: it must not call back. */
void engines_each(void (*row)(void *arg, struct str id, unsigned connections), void *arg);

#endif
