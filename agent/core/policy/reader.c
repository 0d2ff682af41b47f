/* Each typed read: is it of the type, is it sound, is it in range; one message for each. */
#include "agent/core/policy/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/units.h"

static void
report_at(struct reader *rd, enum finding_level level, struct at at, const char *fmt, va_list args)
{
	char path[LINES_PATH];
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	lines_path(at.node, path);
	report_policy(rd->report, level, "%s:%d: %s%s%s", rd->file, reader_line(at), path,
		      *path ? ": " : "", text);
	free(text);
}

void
reader_refuse(struct reader *rd, struct at at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_at(rd, FINDING_ALERT, at, fmt, args);
	va_end(args);
}

void
reader_warn(struct reader *rd, struct at at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_at(rd, FINDING_WARNING, at, fmt, args);
	va_end(args);
}

int
reader_line(struct at at)
{
	return at.node ? at.node->line : 1;
}

struct str
reader_key(struct at at)
{
	return at.node ? at.node->key : (struct str){ 0 };
}

struct at
reader_member(const struct reader *rd, struct at at, const char *key)
{
	json_t *json = json_object_get(at.json, key);

	return (struct at){ json, json ? lines_member(&rd->lines, at.node, str_of(key)) : NULL };
}

struct at
reader_element(const struct reader *rd, struct at at, size_t index)
{
	return (struct at){ json_array_get(at.json, index),
			    lines_element(&rd->lines, at.node, index) };
}

const char *
reader_quoted(struct str text, char *out)
{
	return str_escape(text, out, QUOTED);
}

const char *
reader_known(const char *const *words, size_t n, char *out)
{
	size_t w = 0;

	if (n == 0)
		return strcpy(out, "none");
	for (size_t i = 0; i < n; i++) {
		char word[QUOTED];
		size_t len = strlen(reader_quoted(str_of(words[i]), word));

		if (w + len + 2 + sizeof("...") > KNOWN) {
			strcpy(out + w, "...");
			return out;
		}
		memcpy(out + w, word, len);
		w += len;
		if (i + 1 < n)
			w += (size_t)sprintf(out + w, ", ");
	}
	out[w] = '\0';
	return out;
}

static const char *
type_words(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "text";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static void
refuse_type(struct reader *rd, struct at at, const char *example)
{
	reader_refuse(rd, at, "is %s; write %s", type_words(at.json), example);
}

bool
reader_is(struct reader *rd, struct at at, json_type type, const char *example)
{
	if (json_typeof(at.json) == type)
		return true;
	refuse_type(rd, at, example);
	return false;
}

#define OBJECT_EXAMPLE "an object, { … }"

static void
refuse_key(struct reader *rd, struct at at, const struct object *object)
{
	const char *names[KEYS_MAX];
	const char *nearest;
	char words[KNOWN];
	size_t n = object->n_keys;

	assert(n <= KEYS_MAX);
	for (size_t i = 0; i < n; i++)
		names[i] = object->keys[i].name;
	nearest = str_nearest(reader_key(at), names, n);
	if (nearest)
		reader_refuse(rd, at, "unknown key; did you mean '%s'?", nearest);
	else
		reader_refuse(rd, at, "unknown key; known: %s", reader_known(names, n, words));
}

static void
read_member(struct reader *rd, struct at at, const struct object *object, void *into)
{
	for (size_t i = 0; i < object->n_keys; i++)
		if (str_is(reader_key(at), object->keys[i].name)) {
			object->keys[i].read(rd, at, into);
			return;
		}
	refuse_key(rd, at, object);
}

bool
reader_object(struct reader *rd, struct at at, const struct object *object, void *into)
{
	if (!reader_is(rd, at, JSON_OBJECT, OBJECT_EXAMPLE))
		return false;
	for (size_t i = 0; i < object->n_keys; i++)
		if (object->keys[i].is_needed && !json_object_get(at.json, object->keys[i].name))
			reader_refuse(rd, at, "has no \"%s\"; add it", object->keys[i].name);
	for (void *iter = json_object_iter(at.json); iter;
	     iter = json_object_iter_next(at.json, iter)) {
		const char *key = json_object_iter_key(iter);

		read_member(rd, reader_member(rd, at, key), object, into);
	}
	return true;
}

bool
reader_map(struct reader *rd, struct at at, read_fn *read, void *into)
{
	if (!reader_is(rd, at, JSON_OBJECT, OBJECT_EXAMPLE))
		return false;
	for (void *iter = json_object_iter(at.json); iter;
	     iter = json_object_iter_next(at.json, iter)) {
		const char *key = json_object_iter_key(iter);
		struct at member = reader_member(rd, at, key);

		if (*key)
			read(rd, member, into);
		else
			reader_refuse(rd, member, "is an empty name; name it");
	}
	return true;
}

bool
reader_array(struct reader *rd, struct at at, read_fn *read, void *into)
{
	if (!reader_is(rd, at, JSON_ARRAY, "an array, [ … ]"))
		return false;
	for (size_t i = 0; i < json_array_size(at.json); i++)
		read(rd, reader_element(rd, at, i), into);
	return true;
}

bool
reader_filled_array(struct reader *rd, struct at at, read_fn *read, void *into)
{
	if (!reader_array(rd, at, read, into))
		return false;
	if (json_array_size(at.json) > 0)
		return true;
	reader_refuse(rd, at, "is empty; leave it out or fill it");
	return false;
}

bool
reader_one_or_many(struct reader *rd, struct at at, read_fn *read, void *into)
{
	if (json_is_array(at.json))
		return reader_filled_array(rd, at, read, into);
	read(rd, at, into);
	return true;
}

bool
reader_text(struct reader *rd, struct at at, const char *example, struct str *text)
{
	if (!reader_is(rd, at, JSON_STRING, example))
		return false;
	if (json_string_length(at.json) == 0) {
		reader_refuse(rd, at, "is empty; write %s", example);
		return false;
	}
	*text = (struct str){ json_string_value(at.json), json_string_length(at.json) };
	return true;
}

bool
reader_bool(struct reader *rd, struct at at, bool *value)
{
	if (!json_is_boolean(at.json)) {
		refuse_type(rd, at, "true or false");
		return false;
	}
	*value = json_is_true(at.json);
	return true;
}

bool
reader_number(struct reader *rd, struct at at, uint64_t min, uint64_t max, uint64_t *value)
{
	char example[96];
	json_int_t number = json_integer_value(at.json);

	snprintf(example, sizeof(example), "a whole number from %" PRIu64 " to %" PRIu64, min, max);
	if (!reader_is(rd, at, JSON_INTEGER, example))
		return false;
	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
		reader_refuse(rd, at, "%" JSON_INTEGER_FORMAT " is out of range; write %s", number,
			      example);
		return false;
	}
	*value = (uint64_t)number;
	return true;
}

/* The duration in the largest unit that divides it, as the user would write it. */
static const char *
format_duration(int64_t ms, char *out, size_t size)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
	};
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	snprintf(out, size, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
	return out;
}

#define DURATION_EXAMPLE "a number and a unit (us, ms, s, m, h, d), such as \"30m\""

bool
reader_duration(struct reader *rd, struct at at, int64_t min_ms, int64_t max_ms, int64_t *ms)
{
	char from[24], to[24], shown[QUOTED];
	struct str text;
	int64_t value = 0;
	enum units result;

	if (!reader_text(rd, at, DURATION_EXAMPLE, &text))
		return false;
	result = units_duration(text, 0, &value, NULL); /* 0: no number without unit */
	if (result == UNITS_BAD) {
		reader_refuse(rd, at, "'%s' is no duration; write " DURATION_EXAMPLE,
			      reader_quoted(text, shown));
		return false;
	}
	if (result == UNITS_RANGE || value < min_ms || value > max_ms) {
		reader_refuse(rd, at, "'%s' is out of range; write %s to %s",
			      reader_quoted(text, shown),
			      format_duration(min_ms, from, sizeof(from)),
			      format_duration(max_ms, to, sizeof(to)));
		return false;
	}
	*ms = value;
	return true;
}

#define RATE_EXAMPLE "events and a duration, such as \"20/10s\""
enum { RATE_PERIOD_MAX_MS = 24 * 60 * 60 * 1000 };

bool
reader_rate(struct reader *rd, struct at at, struct rate *rate)
{
	struct str text, count, period;
	char shown[QUOTED];
	uint64_t events;
	int64_t ms;
	const char *slash;

	if (!reader_text(rd, at, RATE_EXAMPLE, &text))
		return false;
	slash = memchr(text.p, '/', text.n);
	count = (struct str){ text.p, slash ? (size_t)(slash - text.p) : 0 };
	period = (struct str){ slash ? slash + 1 : text.p, slash ? text.n - count.n - 1 : 0 };
	if (!str_u64(count, &events) || units_duration(period, 0, &ms, NULL) != UNITS_OK) {
		reader_refuse(rd, at, "'%s' is no rate; write " RATE_EXAMPLE,
			      reader_quoted(text, shown));
		return false;
	}
	if (events == 0) {
		reader_refuse(rd, at, "nothing would pass; leave it out for no limit");
		return false;
	}
	if (events > UINT32_MAX || ms < 1 || ms > RATE_PERIOD_MAX_MS) {
		reader_refuse(rd, at,
			      "'%s' is out of range; write up to %" PRIu32 " events in 1ms to 1d",
			      reader_quoted(text, shown), UINT32_MAX);
		return false;
	}
	*rate = (struct rate){ (uint32_t)events, (uint32_t)ms };
	return true;
}

bool
reader_choice(struct reader *rd, struct at at, const char *noun, const char *const *words, size_t n,
	      size_t *index)
{
	char all[KNOWN], example[KNOWN + 16], shown[QUOTED];
	struct str text;

	snprintf(example, sizeof(example), "one of: %s", reader_known(words, n, all));
	if (!reader_text(rd, at, example, &text))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_is(text, words[i])) {
			*index = i;
			return true;
		}
	reader_refuse(rd, at, "unknown %s '%s'; known: %s", noun, reader_quoted(text, shown), all);
	return false;
}

char *
reader_name(struct reader *rd, struct at at, const char *example)
{
	struct str text;

	return reader_text(rd, at, example, &text) ? str_dup(text) : NULL;
}

struct pattern *
reader_pattern(struct reader *rd, struct at at)
{
	char what[PATTERN_ERROR];
	struct pattern *pattern;
	struct str text;

	if (!reader_text(rd, at, "a regular expression, such as \"^sensor-[0-9]+$\"", &text))
		return NULL;
	pattern = pattern_new(text, what);
	if (!pattern)
		reader_refuse(rd, at, "bad pattern: %s; write a PCRE2 pattern", what);
	return pattern;
}
