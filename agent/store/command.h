/* Writes as Redis commands. What depends on the present value is one script, so one step. */
#ifndef USHER_STORE_COMMAND_H
#define USHER_STORE_COMMAND_H

#include "agent/store/store.h"

/* In Redis' protocol, on the heap as hiredis has it: freed by redisFreeCommand(). -1: no memory. */
int command_format(char **command, const struct store_write *w);

#endif
