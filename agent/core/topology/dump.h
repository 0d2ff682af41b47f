/* A topology printed back, as far as usher understood it: for tests and for people who wonder. */
#ifndef USHER_CORE_TOPOLOGY_DUMP_H
#define USHER_CORE_TOPOLOGY_DUMP_H

#include "agent/core/base/buf.h"
#include "agent/core/topology/model.h"

/*
 * Append the text to *out; a section is a line "KIND NAME FILE:LINE", what belongs to it is
 * indented. What has its ordinary value is left out. False: it did not fit.
 */
bool topology_dump(const struct topology *t, struct buf *out) MUST_USE;

#endif
