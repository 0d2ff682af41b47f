/* Lines of blank-separated words; a line that starts with '#' names the columns that follow. */
#include "agent/core/wire/runtime.h"

enum { MAX_COLUMNS = 64 };

/* srv_op_state */
enum { OP_STOPPED = 0, OP_STOPPING = 3, OP_MAX = OP_STOPPING };
/* srv_admin_state: forced, inherited, from the file, by name resolution; forced, inherited. */
enum { ADMIN_MAINT = 0x01 | 0x02 | 0x04 | 0x20, ADMIN_DRAIN = 0x08 | 0x10 };

void
runtime_reader_init(struct runtime_reader *r, struct str answer)
{
	*r = (struct runtime_reader){ .rest = answer, -1, -1, -1, -1, -1, -1, -1 };
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
split(struct str line, struct str words[MAX_COLUMNS])
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

/* The header's first word is '#', so names[i + 1] names the column of words[i]. */
static int
column(const struct str *names, int n, const char *name)
{
	for (int i = 1; i < n; i++)
		if (str_is(names[i], name))
			return i - 1;
	return -1;
}

static void
read_header(struct runtime_reader *r, const struct str *words, int n)
{
	r->backend = column(words, n, "be_name");
	r->server = column(words, n, "srv_name");
	r->op_state = column(words, n, "srv_op_state");
	r->admin_state = column(words, n, "srv_admin_state");
	r->weight = column(words, n, "srv_uweight");
	r->names = column(words, n, "bkname/svname");
	r->used = column(words, n, "used_cur");
}

static bool
number(const struct str *words, int n, int at, uint64_t max, uint64_t *value)
{
	return at >= 0 && at < n && str_u64(words[at], value) && *value <= max;
}

static bool
read_state(const struct runtime_reader *r, const struct str *words, int n,
	   struct runtime_server *s)
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
read_sessions(const struct runtime_reader *r, const struct str *words, int n,
	      struct runtime_server *s)
{
	const char *slash;
	uint64_t used;

	if (r->names < 0 || r->names >= n || !number(words, n, r->used, UINT32_MAX, &used))
		return false;
	slash = memchr(words[r->names].p, '/', words[r->names].n);
	if (!slash)
		return false;
	s->backend = (struct str){ words[r->names].p, (size_t)(slash - words[r->names].p) };
	s->server = (struct str){ slash + 1, words[r->names].n - s->backend.n - 1 };
	s->has_state = false;
	s->has_sessions = true;
	s->sessions = (uint32_t)used;
	return true;
}

bool
runtime_reader_next(struct runtime_reader *r, struct runtime_server *s)
{
	struct str line, words[MAX_COLUMNS];

	while (take_line(&r->rest, &line)) {
		int n = split(line, words);

		*s = (struct runtime_server){ 0 };
		if (n && str_is(words[0], "#"))
			read_header(r, words, n);
		else if (read_state(r, words, n, s) || read_sessions(r, words, n, s))
			return true;
	}
	return false;
}

struct str
runtime_info(struct str answer, const char *key)
{
	size_t n = strlen(key);
	struct str line;

	while (take_line(&answer, &line)) {
		if (line.n > n + 2 && memcmp(line.p, key, n) == 0 && line.p[n] == ':' &&
		    line.p[n + 1] == ' ')
			return (struct str){ line.p + n + 2, line.n - n - 2 };
	}
	return (struct str){ 0 };
}
