/*
 * A `server`, `default-server` or `server-template` line being read: what line_server.c shares
 * with the files that read some of its options. Not for others.
 */
#ifndef USHER_CORE_TOPOLOGY_SERVER_LINE_H
#define USHER_CORE_TOPOLOGY_SERVER_LINE_H

#include "agent/core/topology/parser.h"

struct server_line {
	struct parser *p;
	struct server *s;
	size_t i;	  /* the word at hand: the option's name */
	const char *name; /* for messages; NULL: default-server */
	bool is_copy;	  /* of a template; `id` is of the first of them alone */
};

/* "[file:line] : 'server b/s' : what", or without the server for default-server. */
void server_line_fail(struct server_line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Setters of options: false, with an alert, when the option is in error. They do not step over
 * the arguments; the table of line_server.c knows how many there are.
 */
/* line_check.c: inter, fastinter, downinter */
bool line_check_interval(struct server_line *l) MUST_USE;
/* rise, fall, error-limit */
bool line_check_count(struct server_line *l) MUST_USE;
bool line_check_addr(struct server_line *l) MUST_USE;
bool line_check_port(struct server_line *l) MUST_USE;
bool line_check_observe(struct server_line *l) MUST_USE;
bool line_check_on_error(struct server_line *l) MUST_USE;
/* on-marked-down, on-marked-up */
bool line_check_on_marked(struct server_line *l) MUST_USE;
bool line_check_track(struct server_line *l) MUST_USE;

/* line_names.c */
bool line_names_init_addr(struct server_line *l) MUST_USE;
bool line_names_resolvers(struct server_line *l) MUST_USE;
bool line_names_prefer(struct server_line *l) MUST_USE;

/* line_source.c; this one leaves l->i at the last of its words. */
bool line_source_of_server(struct server_line *l) MUST_USE;
bool line_source_usesrc_alone(struct server_line *l) MUST_USE;

#endif
