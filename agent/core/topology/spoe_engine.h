/*
 * The file that `filter spoe engine NAME config FILE` names, as far as the agent needs it: who
 * asks, over which backend, how long it waits, what it calls our variables.
 */
#ifndef USHER_CORE_TOPOLOGY_SPOE_ENGINE_H
#define USHER_CORE_TOPOLOGY_SPOE_ENGINE_H

#include "agent/core/topology/parse.h"

/* One argument of a message: `args NAME=EXPRESSION`. */
struct spoe_arg {
	char *name, *expression; /* owned; a name not given is "" */
	char *message;		 /* owned; whose it is */
};

/* `spoe-group NAME` with its `messages`. */
struct spoe_group {
	char *name;	 /* owned */
	char **messages; /* owned */
	size_t n_messages;
};

struct spoe_engine {
	char *agent;	  /* owned; `spoe-agent` */
	char *backend;	  /* owned; `use-backend`, not resolved */
	char *var_prefix; /* owned; the agent's name unless `option var-prefix` says otherwise */
	int64_t processing_ms; /* `timeout processing`; 0: none, HAProxy waits for ever */
	int agent_line;	       /* of `spoe-agent`, for messages */
	char **messages;       /* owned; what `messages` sends on events */
	size_t n_messages;
	char **groups; /* owned; what `groups` offers to send-spoe-group */
	size_t n_groups;
	struct spoe_group *group_sections; /* owned; what each sends */
	size_t n_group_sections;
	struct spoe_arg *args; /* owned; of all messages of the scope */
	size_t n_args;
};

void spoe_engine_init(struct spoe_engine *e);
void spoe_engine_fini(struct spoe_engine *e);

/* Is the argument sent with the group? Any is, with a group that has no section. */
bool spoe_engine_sends(const struct spoe_engine *e, const char *group, const struct spoe_arg *arg);

/*
 * Read the scope [engine] of the text, or, with engine.n == 0, what stands outside of any scope.
 * False, with alerts in HAProxy's words, when HAProxy would refuse it. Each call fills *out anew;
 * it must be ended in either case.
 */
bool spoe_engine_parse(struct str text, const char *file, struct str engine,
		       const struct topology_env *env, struct spoe_engine *out, struct report *r)
	MUST_USE;

#endif
