/* A line of haproxy.cfg whose expression HAProxy refuses for its blanks or its punctuation. */
#ifndef USHER_CORE_ADVICE_MEND_H
#define USHER_CORE_ADVICE_MEND_H

#include "agent/core/topology/model.h"

bool mend_is_needed(const struct raw_line *l);

/*
 * The line as it was meant: full-width punctuation made plain, no blank inside the brackets of an
 * expression; all else, comments included, to the byte. Owned by the caller.
 */
char *mend_line(struct str line);

/* May the line have such an expression? Others hold text for people. */
bool mend_concerns(const struct raw_line *l);

#endif
