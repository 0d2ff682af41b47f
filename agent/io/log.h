/*
 * usher's own log: one line an event, "event key=value …", to standard error.
 *
 * Any thread may log; a line leaves in one write. Values that strangers choose are escaped by the
 * caller (str_escape). Payloads and passwords are never logged.
 */
#ifndef USHER_IO_LOG_H
#define USHER_IO_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/base/parse.h"

enum log_level {
	LOG_ERROR,   /* someone must act */
	LOG_WARNING, /* someone should know */
	LOG_INFO,    /* a change of state, a verdict */
	LOG_DEBUG,   /* for us */
};

/* Lines above this level are dropped. LOG_INFO until said otherwise; set before threads start. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * For lines that a fault can repeat without end: at most one a second passes, and the next that
 * does says how many were left out. Plain struct, zero-initialised, one for each such line.
 */
struct log_limit {
	_Atomic int64_t second; /* the last one that had a line */
	_Atomic uint32_t left_out;
};

/* May this line be written now? *left_out: how many were not, since the last one. */
bool log_limit_pass(struct log_limit *l, uint32_t *left_out);

#endif
