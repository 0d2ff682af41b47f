/* Edits of one file as a unified diff, for people and for patch(1). */
#ifndef USHER_CORE_ADVICE_DIFF_H
#define USHER_CORE_ADVICE_DIFF_H

#include "agent/core/advice/setup.h"
#include "agent/core/base/buf.h"

/*
 * Append the diff of `file`, whose bytes are text, to out. The edits are those of that file, in
 * the order of their lines. False when out is full.
 */
bool diff_write(const char *file, struct str text, const struct setup_edit *edits, size_t n,
		struct buf *out) MUST_USE;

#endif
