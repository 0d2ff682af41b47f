/*
 * "standby": when `usher run` stands in for HAProxy. A part of policy_load().
 */
#ifndef USHER_CORE_POLICY_LOAD_STANDBY_H
#define USHER_CORE_POLICY_LOAD_STANDBY_H

#include "agent/core/policy/reader.h"

extern const struct object standby_object;

void load_standby(struct reader *rd, struct at at, void *into);

#endif
