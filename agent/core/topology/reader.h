/*
 * The lines of a configuration file, one after the other, as words: for haproxy.cfg and for the
 * files it names, which are all read alike (configuration manual, 2.2 to 2.4).
 */
#ifndef USHER_CORE_TOPOLOGY_READER_H
#define USHER_CORE_TOPOLOGY_READER_H

#include "agent/core/topology/lexer.h"

enum { CONDITIONS_MAX = 64 }; /* nested `.if` */

/* Where we are between .if and .endif. */
enum branch {
	BRANCH_TAKEN, /* these lines count */
	BRANCH_DONE,  /* an earlier branch was taken */
	BRANCH_AHEAD, /* none was, so far */
	BRANCH_NEVER, /* all of it stands in a branch that is not taken */
};

struct reader {
	/* given by the caller */
	const char *file; /* for messages */
	struct report *r;
	struct lexer_variables variables; /* file and line are kept by the reader */
	void (*take)(struct reader *in);  /* a line has words, and counts */

	/* for take() */
	struct lexer line;
	int at;	   /* line number */
	bool stop; /* set it when nothing sensible can follow */

	struct {
		enum branch branch;
		bool after_else;
	} conditions[CONDITIONS_MAX];
	size_t n_conditions;
};

/* Read it all. Faults of lines, directives and the file's end are reported here. */
void reader_run(struct reader *in, struct str text);

/* An alert in the other of HAProxy's two dresses: no blank before the colon. */
void reader_alert(struct reader *in, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
