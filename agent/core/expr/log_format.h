/*
 * Log-format strings (HAProxy configuration manual, 8.2.6): text, %variables and %[expressions].
 * For log lines, and for names such as `use_backend %[var(txn.backend)]`.
 */
#ifndef USHER_CORE_EXPR_LOG_FORMAT_H
#define USHER_CORE_EXPR_LOG_FORMAT_H

#include "agent/core/expr/expr.h"
#include "agent/core/expr/log_fields.h"

enum log_format_use {
	LOG_FORMAT_LINE, /* what is missing is "-", control bytes "#XX"; no blank in front, and of
			    those in a row one */
	LOG_FORMAT_NAME, /* what is missing is nothing */
};

struct log_format {
	enum log_format_use use;
	struct log_item *items; /* owned */
	size_t n_items;
};

void log_format_fini(struct log_format *f);

/*
 * Compile. EXPR_BAD: what[EXPR_ERROR] is what HAProxy writes behind "failed to parse log-format :
 * ", and *f needs no log_format_fini(). EXPR_BLANKS: as for expr_compile().
 */
enum expr_status log_format_compile(struct log_format *f, const char *text, enum log_format_use use,
				    char *what) MUST_USE;

/*
 * Write it into out, NUL-terminated, at most size - 1 bytes; returns their number. What does not
 * fit is cut. Without fields (NULL) what they would say reads as 0 or missing.
 */
size_t log_format_write(const struct log_format *f, struct expr_context *x,
			const struct log_fields *fields, char *out, size_t size);

/* enum expr_needs of all its expressions. */
unsigned log_format_needs(const struct log_format *f);

/* Has it one of these variables? Their names are without "%". */
bool log_format_uses(const struct log_format *f, const char *const *names, size_t n);

/* Walk its expressions: *i starts at 0. NULL behind the last. */
const struct expr *log_format_expr(const struct log_format *f, size_t *i);

/* Walk the variables for the manual, i from 0 on; NULL behind the last. */
const char *log_format_variable(size_t i);

#endif
