/*
 * A line that somebody sends to HAProxy's runtime socket (management guide, 9.3): commands parted
 * by ';', each of words parted by blanks. A backslash takes the next byte as it is.
 */
#ifndef USHER_CORE_WIRE_COMMAND_H
#define USHER_CORE_WIRE_COMMAND_H

#include "agent/core/base/str.h"

enum {
	COMMAND_LINE_MAX = 16 << 10, /* bytes, its newline among them */
	COMMAND_WORDS_MAX = 64,	     /* what stands behind them is ignored */
};

struct command {
	unsigned n;
	/* NUL-terminated; "" from n on, so that what is missing reads as empty. */
	const char *words[COMMAND_WORDS_MAX + 1];
	bool has_payload; /* its last word was "<<": lines up to an empty one belong to it */
};

/*
 * Take the next command off the front of *line, which has no newline, and write its words into
 * memory[] (at least line->n + 1 bytes). False: there is none left; *line is absent then. An empty
 * line, or nothing between two ';', is a command of no words.
 */
bool command_next(struct str *line, char *memory, struct command *c);

#endif
