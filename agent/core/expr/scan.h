/* Where the compiler reads: a word, and the words behind it. For agent/core/expr alone. */
#ifndef USHER_CORE_EXPR_SCAN_H
#define USHER_CORE_EXPR_SCAN_H

#include "agent/core/expr/keyword.h"

struct expr_scan {
	const char *p;		  /* the next byte of words[at] */
	const char *const *words; /* n of them; the first is where it began */
	size_t n, at;
	bool blanks; /* went on to the next word inside brackets */
	char *what;  /* EXPR_ERROR bytes */
};

/*
 * Read "(arg,arg)", which may be missing, behind a keyword's name into call->args, and check them.
 * False: call holds nothing, and what[] says why.
 */
bool expr_scan_args(struct expr_scan *s, enum expr_kind kind, struct expr_call *call);

void expr_call_fini(struct expr_call *call);

#endif
