/*
 * Lines about logs: where they go, what they are called, what they say. The words of `log` have a
 * fixed order in HAProxy 2.6; where that is not asked for they may come in any.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/address.h"
#include "agent/core/topology/parser.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- sample RANGES:SIZE ---------------------------------------------------------------------- */

/* The number that is the whole of a text; 0, which is none of ours, if it is not. */
static uint32_t
whole_number(struct str text)
{
	uint64_t n;

	return str_u64(text, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* "3" or "2-5". */
static bool
read_range(struct str text, struct log_range *range)
{
	const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	size_t n = dash ? (size_t)(dash - text.p) : text.n;

	range->first = whole_number((struct str){ text.p, n });
	range->last = dash ? whole_number((struct str){ dash + 1, text.n - n - 1 }) : range->first;
	return range->first && range->first <= range->last;
}

/* Keep them in order. False: two of them have a line in common. */
static bool
add_range(struct log_target *t, struct log_range range)
{
	size_t i = t->n_ranges;

	ARRAY_GROW(t->ranges, t->n_ranges);
	for (t->n_ranges++; i > 0 && t->ranges[i - 1].first > range.first; i--)
		t->ranges[i] = t->ranges[i - 1];
	t->ranges[i] = range;
	return (i == 0 || t->ranges[i - 1].last < range.first) &&
	       (i + 1 == t->n_ranges || range.last < t->ranges[i + 1].first);
}

static bool
read_ranges(struct parser *p, struct str text, struct log_target *t)
{
	struct log_range range;
	bool overlap = false;

	while (text.n) {
		const char *comma = memchr(text.p, ',', text.n);
		struct str one = { text.p, comma ? (size_t)(comma - text.p) : text.n };

		if (!read_range(one, &range)) {
			parser_alert(p, "log : wrong sample range '%.*s'", STR_ARG(one));
			return false;
		}
		overlap |= !add_range(t, range);
		text.p += one.n + (comma != NULL);
		text.n -= one.n + (comma != NULL);
	}
	if (overlap)
		parser_alert(p, "log : ranges are overlapping");
	else if (t->n_ranges == 0)
		parser_alert(p, "log : no sampling ranges given");
	return !overlap && t->n_ranges;
}

static bool
read_sample(struct parser *p, const char *text, struct log_target *t)
{
	const char *colon = strchr(text, ':');
	uint32_t highest;

	if (!colon) {
		parser_alert(p, "log : Missing sample size");
		return false;
	}
	if (!read_ranges(p, (struct str){ text, (size_t)(colon - text) }, t))
		return false;
	t->sample_size = whole_number(str_of(colon + 1));
	highest = t->ranges[t->n_ranges - 1].last;
	if (t->sample_size == 0)
		parser_alert(p, "log : wrong sample size '%s' for sample range '%.*s'", colon + 1,
			     (int)(colon - text), text);
	else if (t->sample_size < highest)
		parser_alert(p,
			     "log : sample size %u should be greater or equal to %u the maximum of "
			     "the high ranges limits",
			     t->sample_size, highest);
	return t->sample_size && t->sample_size >= highest;
}

/* ---- log ------------------------------------------------------------------------------------- */

/* The number of a name; false, when that matters: there is none. */
static bool
find_number(const struct parser *p, const char *text, const char *(*name)(unsigned),
	    uint8_t *number)
{
	for (unsigned i = 0; name(i); i++)
		if (strcmp(name(i), text) == 0) {
			*number = (uint8_t)i;
			return true;
		}
	return !p->env->strict;
}

/* Facility and levels, from word i on. */
static bool
read_facility(struct parser *p, size_t i, struct log_target *t)
{
	if (!word(p, i)[0]) {
		parser_alert(p, "log : expects <address> and <facility> %s as arguments",
			     p->proxy ? "or global" : "");
		return false;
	}
	if (!find_number(p, word(p, i), log_facility_name, &t->facility)) {
		parser_alert(p, "log : unknown log facility '%s'", word(p, i));
		return false;
	}
	for (size_t level = i + 1; level < i + 3 && word(p, level)[0]; level++) {
		if (!find_number(p, word(p, level), log_severity_name,
				 level == i + 1 ? &t->level : &t->min_level)) {
			parser_alert(p, "log : unknown optional log level '%s'", word(p, level));
			return false;
		}
	}
	if (word(p, i + 3)[0] && p->env->strict) {
		parser_alert(p, "log : cannot handle unexpected argument '%s'", word(p, i + 3));
		return false;
	}
	return true;
}

static bool
read_length(struct parser *p, const char *text, struct log_target *t)
{
	long length = strtol(text, NULL, 10);

	if (length < 80 || length > LOG_LEN_MAX) {
		parser_alert(p, "log : invalid log length '%s', must be between 80 and 65535",
			     text);
		return false;
	}
	t->len = (uint32_t)length;
	return true;
}

static bool
read_format(struct parser *p, const char *text, struct log_target *t)
{
	static const char *const formats[] = { "local", "rfc3164", "rfc5424", "priority",
					       "short", "timed",   "iso",     "raw" };

	if (p->env->strict && !str_is_one_of(text, formats, N(formats))) {
		parser_alert(p, "log : unknown log format '%s'", text);
		return false;
	}
	parser_set_text(&t->format, text);
	return true;
}

/* What stands between the address and the facility; *i is moved behind it. */
static bool
read_settings(struct parser *p, size_t *i, struct log_target *t)
{
	static const struct {
		const char *name;
		bool (*read)(struct parser *p, const char *text, struct log_target *t);
	} settings[] = {
		{ "len", read_length },
		{ "format", read_format },
		{ "sample", read_sample },
		{ "profile", NULL }, /* of later versions */
	};

	for (size_t k = 0; k < N(settings); k++) {
		bool is_later = !settings[k].read;

		if (strcmp(word(p, *i), settings[k].name) != 0 || (is_later && p->env->strict))
			continue;
		if (!is_later && !settings[k].read(p, word(p, *i + 1), t))
			return false;
		*i += 2;
		if (!p->env->strict)
			k = (size_t)-1; /* in any order */
	}
	return true;
}

/* Names are looked up by whoever sends lines. */
static bool
check_address(struct parser *p, const char *text)
{
	const char *digits = text + strlen("fd@");
	char why[ADDRESS_WHY];

	if (!p->env->strict)
		return true;
	if (strncmp(text, "fd@", 3) == 0) {
		if (digits[0] && strspn(digits, "0123456789") == strlen(digits))
			return true;
		parser_alert(p, "log : file descriptor '%s' is not a valid integer in '%s'\n",
			     digits, text);
		return false;
	}
	if (address_check_port(text, 0, why))
		return true;
	parser_alert(p, "log : %s", why);
	return false;
}

static bool
read_target(struct parser *p, struct log_target *t)
{
	size_t i = 2;

	parser_set_text(&t->address, word(p, 1));
	return read_settings(p, &i, t) && read_facility(p, i, t) && check_address(p, t->address);
}

static void
add_target(struct log_target **logs, size_t *n, const struct log_target *from)
{
	struct log_target t = *from;

	t.address = str_dup(str_of(from->address));
	t.format = from->format ? str_dup(str_of(from->format)) : NULL;
	t.ranges = xcalloc(from->n_ranges + 1, sizeof(*t.ranges));
	for (size_t i = 0; i < from->n_ranges; i++)
		t.ranges[i] = from->ranges[i];
	ARRAY_GROW(*logs, *n);
	(*logs)[(*n)++] = t;
}

void
line_log_inherit(struct proxy *to, const struct proxy *from)
{
	for (size_t i = 0; i < from->n_logs; i++)
		add_target(&to->logs, &to->n_logs, &from->logs[i]);
	parser_set_text(&to->log_tag, from->log_tag);
}

static bool
has_target(const struct proxy *proxy, const struct log_target *t)
{
	for (size_t i = 0; i < proxy->n_logs; i++)
		if (proxy->logs[i].is_global && proxy->logs[i].at.file == t->at.file &&
		    proxy->logs[i].at.line == t->at.line)
			return true;
	return false;
}

/* Those that stand above this line, each but once. */
static void
add_global_targets(struct parser *p)
{
	struct proxy *proxy = p->proxy;

	for (size_t i = 0; i < p->t->n_logs; i++) {
		if (has_target(proxy, &p->t->logs[i]))
			continue;
		add_target(&proxy->logs, &proxy->n_logs, &p->t->logs[i]);
		proxy->logs[proxy->n_logs - 1].is_global = true;
	}
}

void
line_log(struct parser *p)
{
	struct log_target t = {
		.len = LOG_LEN_DEFAULT,
		.level = SEVERITY_DEBUG,
		.at = parser_place(p),
	};
	bool is_global = p->in.line.n_words == 2 && strcmp(word(p, 1), "global") == 0;

	if (is_global && p->proxy)
		add_global_targets(p);
	else if (is_global)
		parser_alert(p, "log : 'global' is not supported for a global syslog server");
	else if (read_target(p, &t))
		add_target(p->proxy ? &p->proxy->logs : &p->t->logs,
			   p->proxy ? &p->proxy->n_logs : &p->t->n_logs, &t);
	free(t.address);
	free(t.format);
	free(t.ranges);
}

/* ---- what they are called, what they say ------------------------------------------------------
 */

void
line_log_tag(struct parser *p)
{
	if (!p->proxy && parser_too_many_words(p, 1))
		return;
	if (word(p, 1)[0])
		parser_set_text(p->proxy ? &p->proxy->log_tag : &p->t->log_tag, word(p, 1));
	else
		parser_alert(p, "'log-tag' expects a tag for use in syslog.");
}

void
line_log_send_hostname(struct parser *p)
{
	if (p->t->log_send_hostname)
		parser_warn(p, "'log-send-hostname' already specified. Continuing.");
	else
		parser_set_text(&p->t->log_send_hostname, word(p, 1));
}

/* Of log-format and `option tcplog` the last one counts. */
static void
set_format(struct parser *p, const char *name)
{
	struct proxy *proxy = p->proxy;

	if (strcmp(name, "log-format") == 0) {
		parser_set_text(&proxy->log_format, word(p, 1));
		proxy->log_format_at = parser_place(p);
		proxy->options &= ~(unsigned)OPTION_TCPLOG;
	} else if (strcmp(name, "log-format-sd") == 0) {
		parser_set_text(&proxy->log_format_sd, word(p, 1));
	} else {
		parser_set_text(&proxy->error_log_format, word(p, 1));
		proxy->error_log_format_at = parser_place(p);
	}
}

void
line_log_format(struct parser *p)
{
	const char *name = word(p, 0);

	if (!word(p, 1)[0])
		parser_alert(p, "%s expects an argument.", name);
	else if (word(p, 2)[0])
		parser_alert(p, "%s expects only one argument, don't forget to escape spaces!",
			     name);
	else if (p->proxy->kind == PROXY_BACKEND)
		parser_warn(p, "backend '%s' : '%s' directive is ignored in backends.",
			    p->proxy->name, name);
	else
		set_format(p, name);
}
