/*
 * Two shapes of table: words between blanks, and CSV. In both a line that starts with '#' names
 * the columns of the lines that follow; that of a CSV table is told by its commas. Fields of the
 * CSV may be quoted, but not those up to the last one that is read here.
 */
#include "agent/core/wire/runtime.h"

enum { MAX_COLUMNS = 64 };

/* srv_op_state */
enum { OP_STOPPED = 0, OP_STOPPING = 3, OP_MAX = OP_STOPPING };
/* srv_admin_state: forced, inherited, from the file, by name resolution; forced, inherited. */
enum { ADMIN_MAINT = 0x01 | 0x02 | 0x04 | 0x20, ADMIN_DRAIN = 0x08 | 0x10 };

void
runtime_reader_init(struct runtime_reader *r, struct str answer)
{
	*r = (struct runtime_reader){ answer, false, -1, -1, -1, -1, -1, -1 };
}

/* False at the end. A last line without newline was cut short, maybe amid a number: no line. */
static bool
take_line(struct str *rest, struct str *line)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	*line = (struct str){ rest->p, (size_t)(end - rest->p) };
	rest->p += line->n + 1;
	rest->n -= line->n + 1;
	return true;
}

static int
split_words(struct str line, struct str words[MAX_COLUMNS])
{
	int n = 0;
	size_t at = 0;

	while (n < MAX_COLUMNS) {
		size_t start;

		while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\r'))
			at++;
		if (at == line.n)
			break;
		start = at;
		while (at < line.n && line.p[at] != ' ' && line.p[at] != '\r')
			at++;
		words[n++] = (struct str){ line.p + start, at - start };
	}
	return n;
}

static int
split_csv(struct str line, struct str fields[MAX_COLUMNS])
{
	int n = 0;

	while (n < MAX_COLUMNS) {
		const char *comma = line.n ? memchr(line.p, ',', line.n) : NULL;

		fields[n++] = (struct str){ line.p, comma ? (size_t)(comma - line.p) : line.n };
		if (!comma)
			break;
		line.n -= (size_t)(comma + 1 - line.p);
		line.p = comma + 1;
	}
	return n;
}

static int
column(const struct str *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (str_is(names[i], name))
			return i;
	return -1;
}

/* The line behind "# ". */
static void
read_header(struct runtime_reader *r, struct str line)
{
	struct str names[MAX_COLUMNS];
	int n;

	r->is_csv = memchr(line.p, ',', line.n);
	n = r->is_csv ? split_csv(line, names) : split_words(line, names);
	r->backend = column(names, n, r->is_csv ? "pxname" : "be_name");
	r->server = column(names, n, r->is_csv ? "svname" : "srv_name");
	r->op_state = column(names, n, "srv_op_state");
	r->admin_state = column(names, n, "srv_admin_state");
	r->weight = column(names, n, "srv_uweight");
	r->sessions = column(names, n, "scur");
}

static bool
number(const struct str *words, int n, int at, uint64_t max, uint64_t *value)
{
	return at >= 0 && at < n && str_u64(words[at], value) && *value <= max;
}

static bool
read_state(const struct runtime_reader *r, const struct str *words, int n, struct runtime_server *s)
{
	uint64_t op, admin, weight;

	if (r->backend < 0 || r->server < 0 || r->backend >= n || r->server >= n ||
	    !number(words, n, r->op_state, OP_MAX, &op) ||
	    !number(words, n, r->admin_state, 255, &admin) ||
	    !number(words, n, r->weight, 256, &weight))
		return false;
	*s = (struct runtime_server){
		.backend = words[r->backend],
		.server = words[r->server],
		.has_state = true,
		.state = RUNTIME_UP,
		.weight = (uint16_t)weight,
	};
	if (admin & ADMIN_MAINT)
		s->state = RUNTIME_MAINT;
	else if (op == OP_STOPPED)
		s->state = RUNTIME_DOWN;
	else if (admin & ADMIN_DRAIN || op == OP_STOPPING)
		s->state = RUNTIME_DRAIN;
	return true;
}

static bool
read_sessions(const struct runtime_reader *r, const struct str *fields, int n,
	      struct runtime_server *s)
{
	uint64_t sessions;

	if (r->backend < 0 || r->server < 0 || r->backend >= n || r->server >= n ||
	    !number(fields, n, r->sessions, UINT32_MAX, &sessions))
		return false;
	*s = (struct runtime_server){
		.backend = fields[r->backend],
		.server = fields[r->server],
		.has_sessions = true,
		.sessions = (uint32_t)sessions,
	};
	return true;
}

bool
runtime_reader_next(struct runtime_reader *r, struct runtime_server *s)
{
	struct str fields[MAX_COLUMNS], line;

	while (take_line(&r->rest, &line)) {
		int n;

		if (str_has_prefix(line, STR("# "))) {
			read_header(r, (struct str){ line.p + 2, line.n - 2 });
			continue;
		}
		n = r->is_csv ? split_csv(line, fields) : split_words(line, fields);
		if (r->is_csv ? read_sessions(r, fields, n, s) : read_state(r, fields, n, s))
			return true;
	}
	return false;
}

struct str
runtime_info(struct str answer, const char *key)
{
	size_t n = strlen(key);
	struct str line;

	while (take_line(&answer, &line))
		if (line.n > n + 2 && memcmp(line.p, key, n) == 0 && line.p[n] == ':' &&
		    line.p[n + 1] == ' ')
			return (struct str){ line.p + n + 2, line.n - n - 2 };
	return (struct str){ 0 };
}
