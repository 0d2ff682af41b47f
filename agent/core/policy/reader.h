/*
 * Reading JSON values strictly: each function takes one value, says what is wrong with it and
 * how to mend it, and lets the rest be read. Only policy_load() and its parts use it.
 *
 * A function that returns false has reported why; a result it was to fill is untouched.
 */
#ifndef USHER_CORE_POLICY_READER_H
#define USHER_CORE_POLICY_READER_H

#include <jansson.h>

#include "agent/core/base/report.h"
#include "agent/core/policy/lines.h"
#include "agent/core/policy/model.h"

struct reader {
	const char *file;
	struct report *report;
	struct lines lines;
	struct policy *policy; /* being filled */
};

/* One value of the file and its place in it. */
struct at {
	json_t *json;
	const struct line_node *node;
};

/* What one key of an object does with its value; `into` is the struct being filled. */
typedef void read_fn(struct reader *rd, struct at at, void *into);

struct key {
	const char *name;
	read_fn *read;
	bool is_needed;
};

enum { KEYS_MAX = 32 };

/* One kind of object. Its name is that of its definition in docs/usher.schema.json. */
struct object {
	const char *name;
	const struct key *keys;
	size_t n_keys; /* at most KEYS_MAX */
};

#define OBJECT(NAME, KEYS)                                                                         \
	{                                                                                          \
		.name = (NAME), .keys = (KEYS), .n_keys = sizeof(KEYS) / sizeof(*(KEYS))           \
	}

/* Report "file:line: path: …". */
void reader_refuse(struct reader *rd, struct at at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void reader_warn(struct reader *rd, struct at at, const char *fmt, ...) PRINTF_LIKE(3, 4);

int reader_line(struct at at);
/* The member of that key, or { NULL, NULL }. */
struct at reader_member(const struct reader *rd, struct at at, const char *key);
struct at reader_element(const struct reader *rd, struct at at, size_t index);

/* Read every member by its key; unknown keys and missing ones are reported. */
bool reader_object(struct reader *rd, struct at at, const struct object *object, void *into);
/* Give every member of a map from names to something to `read`; names are not empty. */
bool reader_map(struct reader *rd, struct at at, read_fn *read, void *into);
/* Give every element of an array to `read`. */
bool reader_array(struct reader *rd, struct at at, read_fn *read, void *into);
/* The same, for arrays that mean nothing when they are empty. */
bool reader_filled_array(struct reader *rd, struct at at, read_fn *read, void *into);
/* The same, and a value that is no array counts as the only element. */
bool reader_one_or_many(struct reader *rd, struct at at, read_fn *read, void *into);

/* `example` completes "write …": "a name such as \"x\"". */
bool reader_is(struct reader *rd, struct at at, json_type type, const char *example);

/* Text that is not empty; a view into the JSON value. */
bool reader_text(struct reader *rd, struct at at, const char *example, struct str *text);
bool reader_bool(struct reader *rd, struct at at, bool *value);
bool reader_number(struct reader *rd, struct at at, uint64_t min, uint64_t max, uint64_t *value);
bool reader_duration(struct reader *rd, struct at at, int64_t min_ms, int64_t max_ms, int64_t *ms);
bool reader_rate(struct reader *rd, struct at at, struct rate *rate);
/* One of some words; *index says which. `noun` as in "unknown NOUN 'x'; known: …". */
bool reader_choice(struct reader *rd, struct at at, const char *noun, const char *const *words,
		   size_t n, size_t *index);
/* A name to keep; owned by the caller. NULL: reported. */
char *reader_name(struct reader *rd, struct at at, const char *example);
/* A compiled pattern, owned by the caller. NULL: reported. */
struct pattern *reader_pattern(struct reader *rd, struct at at);
/* The key that the value stands under. */
struct str reader_key(struct at at);

/* For messages: text without what could harm a terminal, into out[QUOTED]. Returns out. */
enum { QUOTED = 72 };
const char *reader_quoted(struct str text, char *out);

/* For messages: "a, b, c", into out[KNOWN], cut with "..." when there are too many. Returns out. */
enum { KNOWN = 400 };
const char *reader_known(const char *const *words, size_t n, char *out);

#endif
