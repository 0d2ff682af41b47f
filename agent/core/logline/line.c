/* The head is put together part by part: whoever reads a line must not meet half a host name. */
#include "agent/core/logline/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/civil.h"

enum line_form
line_form_of(const struct log_target *t, bool with_hostname)
{
	static const char *const names[] = {
		[LINE_LOCAL] = "local",	    [LINE_RFC3164] = "rfc3164",
		[LINE_RFC5424] = "rfc5424", [LINE_PRIORITY] = "priority",
		[LINE_SHORT] = "short",	    [LINE_TIMED] = "timed",
		[LINE_ISO] = "iso",	    [LINE_RAW] = "raw",
	};

	for (size_t i = 0; t->format && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(t->format, names[i]) == 0)
			return (enum line_form)i;
	return with_hostname ? LINE_RFC3164 : LINE_LOCAL;
}

int
line_severity(const struct log_target *t, enum log_severity severity)
{
	if (severity > t->level)
		return -1;
	return severity < t->min_level ? t->min_level : (int)severity;
}

bool
line_is_sampled(const struct log_target *t, uint64_t nth)
{
	uint64_t at = t->n_ranges ? nth % t->sample_size + 1 : 0;

	for (size_t i = 0; i < t->n_ranges; i++)
		if (at >= t->ranges[i].first && at <= t->ranges[i].last)
			return true;
	return t->n_ranges == 0;
}

struct line {
	char *out;
	size_t n, max;
	bool is_full;
};

/* Whole or not at all. */
static void
add_part(struct line *l, struct str part)
{
	l->is_full |= part.n > l->max - l->n;
	if (l->is_full || part.n == 0)
		return;
	memcpy(l->out + l->n, part.p, part.n);
	l->n += part.n;
}

static void PRINTF_LIKE(2, 3) add_format(struct line *l, const char *fmt, ...)
{
	char part[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(part, sizeof(part), fmt, args);
	va_end(args);
	add_part(l, str_of(part));
}

static struct civil
local_time(const struct line_head *h)
{
	int64_t seconds = h->now_us / 1000000 - (h->now_us % 1000000 < 0);

	return civil_of(seconds + h->utc_offset_s);
}

/* "Nov  2 10:44:15": RFC 3164, 4.1.2. */
static void
add_date(struct line *l, const struct line_head *h)
{
	struct civil c = local_time(h);

	add_format(l, "<%d>%s %2u %02u:%02u:%02u ", h->facility * 8 + (int)h->severity,
		   civil_month(c.month), c.day, c.hour, c.minute, c.second);
}

/* `before` and "2026-11-22T10:44:15.892467+00:00": RFC 5424, 6.2.3. */
static void
add_iso_date(struct line *l, const struct line_head *h, const char *before)
{
	struct civil c = local_time(h);
	int minutes = abs(h->utc_offset_s) / 60;
	int us = (int)(h->now_us % 1000000);

	add_format(l, "%s%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%06d%c%02d:%02d ", before, c.year,
		   c.month + 1, c.day, c.hour, c.minute, c.second, us < 0 ? us + 1000000 : us,
		   h->utc_offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void
add_word(struct line *l, struct str word, struct str otherwise)
{
	add_part(l, word.n ? word : otherwise);
	add_part(l, STR(" "));
}

static void
add_bsd_head(struct line *l, const struct line_head *h)
{
	add_date(l, h);
	if (h->form == LINE_RFC3164)
		add_word(l, h->hostname, STR("localhost"));
	add_part(l, h->tag);
	add_format(l, "[%" PRId64 "]: ", h->pid);
}

static void
add_rfc5424_head(struct line *l, const struct line_head *h)
{
	char before[16];

	snprintf(before, sizeof(before), "<%d>1 ", h->facility * 8 + (int)h->severity);
	add_iso_date(l, h, before);
	add_word(l, h->hostname, STR("-"));
	add_word(l, h->tag, STR("-"));
	add_format(l, "%" PRId64 " - ", h->pid);
	add_word(l, h->data, STR("-"));
}

static void
add_head(struct line *l, const struct line_head *h)
{
	char level[8];

	snprintf(level, sizeof(level), "<%d>", (int)h->severity);
	switch (h->form) {
	case LINE_LOCAL:
	case LINE_RFC3164:
		add_bsd_head(l, h);
		break;
	case LINE_RFC5424:
		add_rfc5424_head(l, h);
		break;
	case LINE_PRIORITY:
		add_format(l, "<%d>", h->facility * 8 + (int)h->severity);
		break;
	case LINE_SHORT:
		add_part(l, str_of(level));
		break;
	case LINE_TIMED:
		add_iso_date(l, h, level);
		break;
	case LINE_ISO:
		add_iso_date(l, h, "");
		break;
	case LINE_RAW:
		break;
	}
}

size_t
line_write(const struct line_head *h, struct str text, char *out, size_t max)
{
	struct line l = { .out = out, .max = max };

	add_head(&l, h);
	if (text.n > max - l.n)
		text.n = max - l.n;
	add_part(&l, text);
	out[l.n++] = '\n';
	return l.n;
}
