/*
 * haproxy.cfg → topology.
 *
 *	topology_init(&t);
 *	for each -f:   topology_parse(&t, text, file, &env, &report);
 *	topology_resolve(&t, &report);
 *
 * Reading goes on after an error, and every alert has the words HAProxy 2.6 would use for the same
 * file. HAProxy then prints two more, which are the caller's, who knows when all is said:
 *	[ALERT]    (pid) : config : Error(s) found in configuration file : FILE     for each such
 *file [ALERT]    (pid) : config : Fatal errors found in configuration.
 */
#ifndef USHER_CORE_TOPOLOGY_PARSE_H
#define USHER_CORE_TOPOLOGY_PARSE_H

#include "agent/core/base/report.h"
#include "agent/core/topology/model.h"

struct topology_env {
	/* The value of an environment variable, or NULL. The function may be NULL: none is set. */
	const char *(*getenv)(void *arg, struct str name);
	void *arg;
	/*
	 * True: what usher does not know is an alert, as it is to HAProxy 2.6. False: HAProxy, of
	 * whatever version, reads the same file and judges it; usher skips the keywords, server
	 * options, modes and the like that it does not know.
	 */
	bool strict;
};

/* Read one file; `file` is its name for messages. Several files continue one another. */
void topology_parse(struct topology *t, struct str text, const char *file,
		    const struct topology_env *env, struct report *r);

/*
 * Once all files are read: find what is referred to by name. As in HAProxy this comes only when
 * the files were sound: otherwise half of it would be consequences of the alerts already there.
 */
void topology_resolve(struct topology *t, struct report *r);

#endif
