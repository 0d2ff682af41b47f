/* The shared store of sticky entries: "stickiness.store". Parts of policy_load(). */
#ifndef USHER_CORE_POLICY_LOAD_STORE_H
#define USHER_CORE_POLICY_LOAD_STORE_H

#include "agent/core/policy/reader.h"

extern const struct object store_object;

/* Into the reader's policy; `into` is not used. */
void load_store(struct reader *rd, struct at at, void *into);
/* When the whole file is read: a decision that waited too long would be answered empty. */
void load_store_check(struct reader *rd);

#endif
