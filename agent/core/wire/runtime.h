/*
 * What HAProxy's runtime socket says of its servers (management guide, "show servers state" and
 * "show servers conn").
 *
 * Columns are found by the name in the header line, since their order and number differ between
 * versions. Lines that do not make sense are passed over.
 */
#ifndef USHER_CORE_WIRE_RUNTIME_H
#define USHER_CORE_WIRE_RUNTIME_H

#include "agent/core/base/str.h"

/* The command whose answer is read here. */
#define RUNTIME_COMMAND "show servers state; show servers conn; show info\n"

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
	uint32_t sessions; /* connections in use */
};

struct runtime_reader {
	struct str rest;
	/* Columns of the table at hand; -1: it has none such. */
	int backend, server, op_state, admin_state, weight, names, used;
};

void runtime_reader_init(struct runtime_reader *r, struct str answer);

/* The next server; false at the end. */
bool runtime_reader_next(struct runtime_reader *r, struct runtime_server *s);

/* The value of a line "Key: value" of `show info`; p == NULL if there is none. */
struct str runtime_info(struct str answer, const char *key);

#endif
