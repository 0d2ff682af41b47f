/*
 * What HAProxy's runtime socket says of its servers (management guide, "show servers state" and
 * "show stat"). "show servers conn" would be shorter, but counts no connection in mode tcp.
 *
 * Columns are found by the name in the header line, since their order and number differ between
 * versions. Lines that do not make sense are passed over.
 */
#ifndef USHER_CORE_WIRE_RUNTIME_H
#define USHER_CORE_WIRE_RUNTIME_H

#include "agent/core/base/str.h"

/* The command whose answer is read here; 4: of the statistics those of servers alone. */
#define RUNTIME_COMMAND "show servers state; show stat -1 4 -1; show info\n"

enum runtime_state {
	RUNTIME_UP,
	RUNTIME_DOWN,
	RUNTIME_MAINT,
	RUNTIME_DRAIN,
};

/* One line about one server; the two tables fill different members. */
struct runtime_server {
	struct str backend, server; /* views into the answer */
	bool has_state;
	enum runtime_state state;
	uint16_t weight;
	bool has_sessions;
	uint32_t sessions; /* current ones */
};

struct runtime_reader {
	struct str rest;
	bool is_csv; /* the table at hand */
	/* Its columns; -1: it has none such. */
	int backend, server, op_state, admin_state, weight, sessions;
};

void runtime_reader_init(struct runtime_reader *r, struct str answer);

/* The next server; false at the end. */
bool runtime_reader_next(struct runtime_reader *r, struct runtime_server *s);

/* The value of a line "Key: value" of `show info`; p == NULL if there is none. */
struct str runtime_info(struct str answer, const char *key);

#endif
