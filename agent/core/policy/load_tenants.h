/*
 * The part of policy_load() that reads tenants: where their names come from, what each may do,
 * and the two settings they share with clients that have none, identity and key.
 */
#ifndef USHER_CORE_POLICY_LOAD_TENANTS_H
#define USHER_CORE_POLICY_LOAD_TENANTS_H

#include "agent/core/policy/reader.h"

/* These are read_fns; `into` of load_key() is an enum key_kind, the others fill rd->policy. */
void load_key(struct reader *rd, struct at at, void *into);
void load_identity(struct reader *rd, struct at at, void *into);
void load_tenant_from(struct reader *rd, struct at at, void *into);
void load_unknown_tenant(struct reader *rd, struct at at, void *into);
void load_tenants(struct reader *rd, struct at at, void *into);

/* What a tenant does not say, the policy says for it: called when all is read. */
void load_inherit(struct policy *p);

/* For policy_object(). */
extern const struct object identity_object, tenant_object;

#endif
