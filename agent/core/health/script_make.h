/* Making scripts, step by step: for script.c and its compiler alone. */
#ifndef USHER_CORE_HEALTH_SCRIPT_MAKE_H
#define USHER_CORE_HEALTH_SCRIPT_MAKE_H

#include "agent/core/health/script.h"

/* A step before the one at `at`, or behind the last; expects nothing special yet. */
struct script_step *script_insert(struct script *s, size_t at, enum script_op op);

void script_remove_last(struct script *s);

/* A copy with a NUL behind it, owned by the caller. */
uint8_t *script_copy(const void *bytes, size_t n);

/* While the lines of a backend are compiled. */
struct compile {
	struct script *script;
	const struct proxy *backend;
	const struct raw_line *line; /* the one at hand */
	struct report *report;
	const char *comment; /* of a `comment` line directly before; NULL: none */
	unsigned n_rules;    /* lines so far that count as steps */
	/* `option httpchk METHOD URI VERSION`: what a request is without `http-check send` */
	const char *method, *uri, *version;
};

/* The word at i, "" behind the end. */
const char *compile_word(const struct compile *c, size_t i);

/* "parsing [file:line] : 'tcp-check send' : …" as an alert, once for a line that many inherit. */
void compile_refuse(const struct compile *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same without the words of the line. */
void compile_alert(const struct compile *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A line of http-check that must follow one of another kind. */
void compile_out_of_order(const struct compile *c, const char *missing);

/* A step for the line at hand, behind the others. */
struct script_step *compile_step(struct compile *c, enum script_op op);

/*
 * A log format, of which plain text is taken: `%%` is a percent sign, any other `%` is refused.
 * Owned by the caller; NULL: refused.
 */
char *compile_plain(const struct compile *c, const char *text);

/* Hexadecimal digits into bytes, in place. False: they are none, and *why says so. */
bool compile_hex(const char *text, uint8_t **bytes, size_t *n, const char **why, char *found);

/* The lines' own compilers. */
void compile_expect(struct compile *c);
void compile_http_send(struct compile *c);
/* The request that `option httpchk` alone makes, as a step at `at`. */
void compile_http_implied(struct compile *c, size_t at);

#endif
