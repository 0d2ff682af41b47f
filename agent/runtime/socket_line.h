/* What the global section says of runtime sockets (management guide, 9.3; manual, 3.1). */
#ifndef USHER_RUNTIME_SOCKET_LINE_H
#define USHER_RUNTIME_SOCKET_LINE_H

#include "agent/core/topology/model.h"

enum runtime_level {
	RUNTIME_USER,	  /* looks at what is not sensitive */
	RUNTIME_OPERATOR, /* looks at all, resets counters */
	RUNTIME_ADMIN,	  /* changes servers and sessions */
};

const char *runtime_level_name(enum runtime_level level);

struct socket_line {
	const char *address; /* as written; of the topology */
	struct addr addr;
	enum runtime_level level;
	int mode;		  /* of a UNIX socket; -1: as the umask leaves it */
	const char *user, *group; /* names or numbers, of the topology; NULL: ours */
};

/*
 * A `stats socket` line. NULL, or what is wrong with it. Words that are of no use here, such as
 * `expose-fd listeners`, are passed over.
 */
const char *socket_line_read(const struct raw_line *line, struct socket_line *s);

/* `stats timeout`, `stats maxconn`: 10 s and 10 unless the file says otherwise. */
struct socket_limits {
	int64_t timeout_ms;
	unsigned maxconn;
};

struct socket_limits socket_limits_read(const struct topology *t);

#endif
