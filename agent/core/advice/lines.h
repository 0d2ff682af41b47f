/*
 * Questions about lines of haproxy.cfg: what a section says, and what an expression is made of.
 * Pure reading; nothing is reported here.
 */
#ifndef USHER_CORE_ADVICE_LINES_H
#define USHER_CORE_ADVICE_LINES_H

#include "agent/core/topology/model.h"

/* The word at i, "" behind the last one. */
static inline const char *
line_word(const struct raw_line *l, size_t i)
{
	return i < l->n ? l->words[i] : "";
}

/* Does the line begin with these words? "tcp-request content". */
bool line_starts(const struct raw_line *l, const char *words);

/* Does some word of the line contain the text? */
bool line_mentions(const struct raw_line *l, const char *text);

/* Does the line stand in that section itself, not in the defaults it inherits from? */
bool line_is_own(const struct raw_line *l, const struct proxy *p);

/* The index in p->all of the last line that starts so, or SIZE_MAX. */
size_t proxy_last_line(const struct proxy *p, const char *words);
/* The same among those that also mention a text, and the first of them. */
size_t proxy_last_mention(const struct proxy *p, const char *words, const char *text);
size_t proxy_first_mention(const struct proxy *p, const char *words, const char *text);

/* `option NAME`, unless a later `no option NAME` takes it back. */
bool proxy_has_option(const struct proxy *p, const char *name);

/* `timeout NAME` in milliseconds; -1 when there is none. */
int64_t proxy_timeout(const struct proxy *p, const char *name);

/* Is there a delay, above 0, for `tcp-request` or `tcp-response` content rules? */
bool proxy_has_inspect_delay(const struct proxy *p, const char *keyword);

/* Does any `bind` line have that word? */
bool proxy_binds_with(const struct proxy *p, const char *word);
/* Does a `bind` line, or a server, use that port? */
bool proxy_binds_port(const struct proxy *p, const char *port);
bool proxy_serves_port(const struct proxy *p, const char *port);

/*
 * The sample expression of a `stick on|match|store-…` line, with the blanks that HAProxy allows
 * between converters taken out, into out[EXPRESSION]. Returns out.
 */
enum { EXPRESSION = 512 };
const char *stick_expression(const struct raw_line *l, char *out);

/* Is it made smaller by a hash? A converter in Lua may be one. */
bool expression_is_hashed(const char *expression);

/* The name X when the expression begins with var(X), into out[VARIABLE]; "" if it does not. */
enum { VARIABLE = 128 };
const char *expression_variable(const char *expression, char *out);

/* Does a line of p before index `end` of p->all set the variable? */
bool proxy_sets_variable(const struct proxy *p, const char *variable, size_t end);

/*
 * Two slips of the pen in published examples. Where a blank interrupts the bracket that the word
 * at i opens, *last is the word that closes it (i itself, when it is quoted; or the line's last).
 */
bool line_blank_in_brackets(const struct raw_line *l, size_t i, size_t *last);
/* Is the word a pattern to compare with, behind a flag of an ACL? Anything may stand there. */
bool line_word_is_pattern(const struct raw_line *l, size_t i);
/* The full-width character in the word (， （ ） and their like) as UTF-8, or NULL. */
const char *full_width_in(const char *word, const char **ascii);

#endif
