/*
 * Matching a sample against the values of an ACL (HAProxy configuration manual, 7.1): one method,
 * any number of values, of which one must match.
 */
#ifndef USHER_CORE_EXPR_MATCH_H
#define USHER_CORE_EXPR_MATCH_H

#include "agent/core/expr/keyword.h"

enum match_method {
	MATCH_METHOD_NONE, /* not told, and the sample's type has no usual one */
	MATCH_METHOD_FOUND,
	MATCH_METHOD_BOOL,
	MATCH_METHOD_INT,
	MATCH_METHOD_IP,
	MATCH_METHOD_BIN,
	MATCH_METHOD_LEN,
	MATCH_METHOD_STR,
	MATCH_METHOD_BEG,
	MATCH_METHOD_END,
	MATCH_METHOD_SUB,
	MATCH_METHOD_DIR,
	MATCH_METHOD_DOM,
	MATCH_METHOD_REG,
	N_MATCH_METHODS,
};

struct match_value {
	int64_t min, max;   /* INT, LEN: both inclusive */
	struct ip ip, mask; /* IP */
	char *text;	    /* owned: BIN, STR, BEG, END, SUB, DIR, DOM */
	size_t len;
	struct pattern *pattern; /* owned: REG */
};

struct match {
	enum match_method method;
	bool ignores_case;
	struct match_value *values; /* owned */
	size_t n_values;
};

void match_fini(struct match *m);

/* "str", …; false if there is none of that name. */
bool match_method_parse(struct str word, enum match_method *method);

/* "str", … */
const char *match_method_name(enum match_method method);

/* The method that goes without saying for samples of a type. */
enum match_method match_method_of(enum sample_type type);

/* The type a sample is cast to before it is matched. */
enum sample_type match_type(enum match_method method);

/*
 * Add values. For INT and LEN the words eq, ge, gt, le, lt among them say how those behind compare.
 * False: what[EXPR_ERROR] names the value that is none.
 */
bool match_add(struct match *m, const char *const *words, size_t n, char *what);

/* *s has been cast to match_type(). */
bool match_holds(const struct match *m, const struct sample *s);

#endif
