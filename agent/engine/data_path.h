/*
 * What a world has for carrying clients itself: the compiled rules of its proxies, their
 * stick-tables, the counts of their sessions. Arrays by proxy index, as world.pools is.
 */
#ifndef USHER_ENGINE_DATA_PATH_H
#define USHER_ENGINE_DATA_PATH_H

#include "agent/core/base/report.h"
#include "agent/core/policy/model.h"
#include "agent/core/rules/rules.h"
#include "agent/engine/loads.h"
#include "agent/engine/tables.h"

struct line_text;
struct tls_store;
struct tls_tickets;
struct log_targets;

struct data_path {
	size_t n;			 /* of each array */
	struct rules **rules;		 /* owned, and so is each; NULL: not carried */
	struct shared_table **tables;	 /* owned; refs; NULL: the proxy declares none */
	struct frontend_load **fronts;	 /* owned; NULL: no frontend */
	struct frontend_load *process;	 /* the engine's: all of them together */
	struct line_text **lines;	 /* owned, and so is each; NULL: no frontend */
	struct log_targets *log_targets; /* owned */
	struct tls_store *tls;		 /* owned; certificates and contexts */
	char **var_prefixes; /* owned; what our SPOE engine there calls its variables, NULL: none */
};

/* What the engine lends to each. */
struct data_path_env {
	struct loads *loads;
	struct tables *tables;
	struct tls_tickets *tickets;
	unsigned n_workers; /* 0: as many as the file says */
};

/* NULL when there was an alert. */
struct data_path *data_path_new(const struct topology *t, const struct policy *policy,
				const struct data_path_env *env, struct report *r);
void data_path_free(struct data_path *d);

/*
 * Read the certificates, once `bind` lines have their addresses. False: there was an alert.
 */
bool data_path_load_tls(struct data_path *d, const struct topology *t,
			const struct data_path_env *env, struct report *r) MUST_USE;

/* The files of this one are in use from now on. */
void data_path_begin(const struct data_path *d, struct tables *tables);

#endif
