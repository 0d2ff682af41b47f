/* The reader of haproxy.cfg keeps these lines as words; they have a meaning for the service alone.
 */
#include "agent/runtime/socket_line.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/base/units.h"

static const char *const level_names[] = { "user", "operator", "admin" };

const char *
runtime_level_name(enum runtime_level level)
{
	return level_names[level];
}

static bool
read_level(const char *word, struct socket_line *s)
{
	for (enum runtime_level i = RUNTIME_USER; i <= RUNTIME_ADMIN; i++)
		if (strcmp(word, level_names[i]) == 0) {
			s->level = i;
			return true;
		}
	return false;
}

static bool
read_mode(const char *word, struct socket_line *s)
{
	char *end;
	long mode = strtol(word, &end, 8);

	if (!*word || *end || mode < 0 || mode > 0777)
		return false;
	s->mode = (int)mode;
	return true;
}

/* One option and its argument; NULL, or what is wrong. */
static const char *
read_option(const char *word, const char *argument, struct socket_line *s)
{
	if (strcmp(word, "level") == 0 && !read_level(argument, s))
		return "'level' only supports 'user', 'operator', and 'admin'";
	if (strcmp(word, "mode") == 0 && !read_mode(argument, s))
		return "'mode' wants an octal number";
	if (strcmp(word, "user") == 0 || strcmp(word, "uid") == 0)
		s->user = argument;
	if (strcmp(word, "group") == 0 || strcmp(word, "gid") == 0)
		s->group = argument;
	return NULL;
}

const char *
socket_line_read(const struct raw_line *line, struct socket_line *s)
{
	const char *wrong = NULL;

	*s = (struct socket_line){ .level = RUNTIME_OPERATOR, .mode = -1 };
	if (line->n < 3)
		return "it names no address";
	s->address = line->words[2];
	if (addr_parse(str_of(s->address), true, &s->addr) != ADDR_OK)
		return "its address is neither a path nor an IP address with a port";
	for (size_t i = 3; i + 1 < line->n && !wrong; i++)
		wrong = read_option(line->words[i], line->words[i + 1], s);
	return wrong;
}

struct socket_limits
socket_limits_read(const struct topology *t)
{
	struct socket_limits limits = { .timeout_ms = 10000, .maxconn = 10 };

	for (size_t i = 0; i < t->n_global; i++) {
		const struct raw_line *line = &t->global[i];
		uint64_t n;

		if (line->n < 3 || strcmp(line->words[0], "stats") != 0)
			continue;
		if (strcmp(line->words[1], "maxconn") == 0 && str_u64(str_of(line->words[2]), &n) &&
		    n > 0 && n < 10000)
			limits.maxconn = (unsigned)n;
		if (strcmp(line->words[1], "timeout") == 0 &&
		    units_duration(str_of(line->words[2]), 1, &limits.timeout_ms, NULL) != UNITS_OK)
			limits.timeout_ms = 10000;
	}
	return limits;
}
