/*
 * One line of haproxy.cfg → its words (configuration manual, 2.2 and 2.3): blanks, comments,
 * backslash escapes, strong and weak quotes, variables inside weak quotes.
 *
 * Pure: the bytes of the line come in, variables are asked for through a function.
 */
#ifndef USHER_CORE_TOPOLOGY_LEXER_H
#define USHER_CORE_TOPOLOGY_LEXER_H

#include <stddef.h>

#include "agent/core/base/parse.h"
#include "agent/core/base/report.h"
#include "agent/core/base/str.h"

/* HAProxy's MAX_LINE_ARGS; and what variables may blow one line up to. */
enum { LEXER_WORDS_MAX = 64, LEXER_TEXT_MAX = 1 << 18 };

/* Where variables come from. */
struct lexer_variables {
	/* The value of a variable, or NULL when it is not set. */
	const char *(*getenv)(void *arg, struct str name);
	void *arg;
	/* The pseudo-variables ${.FILE}, ${.LINE}, ${.SECTION}. */
	const char *file;
	int line;
	const char *section; /* "": before the first one */
	/* For `.if`: it is as if HAProxy 2.6.12 read the file; else it is not known which one. */
	bool is_haproxy_2_6;
};

enum lexer_fault {
	LEXER_OK,
	LEXER_QUOTE,	 /* a quote is not closed */
	LEXER_HEX,	 /* \x without two hexadecimal digits */
	LEXER_BRACE,	 /* ${ is not closed */
	LEXER_NAME,	 /* no name behind the dollar */
	LEXER_EXPANSION, /* [ without *] */
	LEXER_WORDS,	 /* more than LEXER_WORDS_MAX */
	LEXER_TEXT,	 /* more than LEXER_TEXT_MAX */
};

struct lexer {
	const char
		*words[LEXER_WORDS_MAX]; /* NUL-terminated, views into text; until the next read */
	size_t n_words;			 /* 0: nothing but blanks and comment */
	size_t fault_at;		 /* offset into the line, except LEXER_WORDS */

	char *text; /* owned; the words, each with its NUL */
	size_t len, cap;
};

void lexer_init(struct lexer *l);
void lexer_fini(struct lexer *l);

/*
 * Cut a line, given without its LF, into l->words. The words before a fault stay readable.
 * On LEXER_WORDS fault_at is HAProxy's: the offset of the 64th word in the text.
 */
enum lexer_fault lexer_read(struct lexer *l, struct str line, const struct lexer_variables *v)
	MUST_USE;

/* The word at i, "" behind the last one: what is missing reads as empty, as in HAProxy. */
static inline const char *
lexer_word(const struct lexer *l, size_t i)
{
	return i < l->n_words ? l->words[i] : "";
}

/* Drop the first word. */
void lexer_shift(struct lexer *l);

/* Say in HAProxy's words, with a caret under the spot, what is wrong with the line. */
void lexer_report(const struct lexer *l, enum lexer_fault fault, struct str line, const char *file,
		  int at, struct report *r);

/*
 * The excerpt and the caret under it that HAProxy puts below such messages: "\n  TEXT\n    ^".
 * Long texts are cut to a window around `at`. Returns out.
 */
enum { LEXER_EXCERPT = 192 };
const char *lexer_excerpt(struct str text, size_t at, char *out);

#endif
