/*
 * Sample expressions: "req.payload(0,0),mqtt_field_value(connect,username),lower" (HAProxy
 * configuration manual, 7.3), compiled once, evaluated on one session's context.
 *
 * A compiled expression is immutable and may be evaluated from many threads, each with a context of
 * its own. Evaluation allocates nothing.
 */
#ifndef USHER_CORE_EXPR_EXPR_H
#define USHER_CORE_EXPR_EXPR_H

#include "agent/core/expr/keyword.h"

struct expr {
	struct expr_call *calls; /* owned: a fetch, then converters */
	size_t n_calls;
};

/* How compiling ended. The greater, the worse; what[EXPR_ERROR] says more unless it is OK. */
enum expr_status {
	EXPR_OK,
	EXPR_BLANKS, /* good but for blanks inside brackets, which HAProxy refuses */
	EXPR_NEVER,  /* an ACL without a value to match, so that it never will */
	EXPR_BAD,
};

void expr_fini(struct expr *e);

/*
 * Compile the expression that starts at words[0], of n; *used is set to the number of words it
 * takes. As in HAProxy converters may follow behind a comma and a blank, and even without comma.
 * *e is overwritten; on EXPR_BAD it needs no expr_fini().
 */
enum expr_status expr_compile(struct expr *e, const char *const *words, size_t n, size_t *used,
			      char *what) MUST_USE;

/*
 * Compile the expression at the front of a text, as in "%[src,lower] and more". It ends where it
 * cannot go on; *after is that place.
 */
enum expr_status expr_compile_text(struct expr *e, const char *text, const char **after, char *what)
	MUST_USE;

/* The type of what comes out; SAMPLE_ANY: known when it is evaluated. */
enum sample_type expr_type(const struct expr *e);

/* What must be there for it to have a value: enum expr_needs, or-ed. */
unsigned expr_needs(const struct expr *e);

/*
 * Evaluate. False: no value; s->may_change then tells whether more bytes may bring one. The value
 * lies in the context, in the compiled expression or in the scratch, which every evaluation starts
 * over: whoever keeps it past the next one copies it.
 */
bool expr_eval(const struct expr *e, struct expr_context *x, struct sample *s);

/* Evaluate and cast. */
bool expr_eval_as(const struct expr *e, struct expr_context *x, enum sample_type type,
		  struct sample *s);

#endif
