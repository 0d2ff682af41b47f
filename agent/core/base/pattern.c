/*
 * What a match may cost is bounded three times: by the subject's length, by the steps (which nested
 * repeats eat exponentially) and by memory for backtracking. The interpreter and not the JIT
 * compiler, because its bounds are exact and because a hardened unit forbids memory that is both
 * writable and executable.
 *
 * Match data is carved out of an arena on the caller's stack: nothing is shared between threads
 * and, but for patterns that backtrack deeply, nothing is allocated.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "agent/core/base/pattern.h"

#include <pcre2.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

enum {
	STEPS_MAX = 20000,
	BACKTRACK_KIB = 1024,
	ARENA = 24 * 1024, /* PCRE2's first frames take 20 KiB */
};

struct pattern {
	pcre2_code *code;	      /* owned */
	pcre2_match_context *bounded; /* owned; read only while matching */
};

/* A view that PCRE2 takes even when it is empty. */
static PCRE2_SPTR
subject_of(struct str s)
{
	return (PCRE2_SPTR)(s.p ? s.p : "");
}

static pcre2_code *
compile(struct str source, uint32_t options, char *what)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_SIZE offset = 0;
	pcre2_code *code;
	int error;

	if (!context)
		abort();
	pcre2_set_max_pattern_length(context, PATTERN_SOURCE_MAX);
	code = pcre2_compile(subject_of(source), source.n,
			     options | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
				     PCRE2_DOLLAR_ENDONLY,
			     &error, &offset, context);
	if (!code) {
		PCRE2_UCHAR words[PATTERN_ERROR - 32];

		pcre2_get_error_message(error, words, sizeof(words));
		snprintf(what, PATTERN_ERROR, "%s at offset %zu", (const char *)words, offset);
	}
	pcre2_compile_context_free(context);
	return code;
}

static struct pattern *
new_with(struct str source, uint32_t options, char *what)
{
	pcre2_code *code = compile(source, options, what);
	struct pattern *p;

	if (!code)
		return NULL;
	p = xmalloc(sizeof(*p));
	*p = (struct pattern){ code, pcre2_match_context_create(NULL) };
	if (!p->bounded)
		abort();
	pcre2_set_match_limit(p->bounded, STEPS_MAX);
	pcre2_set_depth_limit(p->bounded, STEPS_MAX);
	pcre2_set_heap_limit(p->bounded, BACKTRACK_KIB);
	return p;
}

struct pattern *
pattern_new(struct str source, char *what)
{
	return new_with(source, 0, what);
}

struct pattern *
pattern_new_caseless(struct str source, char *what)
{
	return new_with(source, PCRE2_CASELESS, what);
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->bounded);
	pcre2_code_free(p->code);
	free(p);
}

/* Memory for one match; larger requests go to the heap. */
struct arena {
	alignas(max_align_t) char bytes[ARENA];
	size_t used;
};

static void *
arena_take(size_t n, void *data)
{
	struct arena *a = data;
	void *p;

	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (n > sizeof(a->bytes) - a->used)
		return malloc(n);
	p = a->bytes + a->used;
	a->used += n;
	return p;
}

static void
arena_give(void *p, void *data)
{
	struct arena *a = data;
	char *byte = p;

	if (byte < a->bytes || byte >= a->bytes + sizeof(a->bytes))
		free(p);
}

/* Where the group of that name stands: one name may be several groups, as in (?J). */
static struct str
group_span(const struct pattern *p, const char *group, pcre2_match_data *data, struct str subject)
{
	const PCRE2_SIZE *span = pcre2_get_ovector_pointer(data);
	PCRE2_SPTR first, last;
	int step = pcre2_substring_nametable_scan(p->code, (PCRE2_SPTR)group, &first, &last);

	for (PCRE2_SPTR entry = first; step > 0 && entry <= last; entry += step) {
		unsigned number = (unsigned)entry[0] << 8 | entry[1];
		PCRE2_SIZE from = span[2 * number], to = span[2 * number + 1];

		if (from != PCRE2_UNSET && from <= to) /* \K in a lookahead turns them round */
			return (struct str){ subject.p + from, to - from };
	}
	return (struct str){ 0 };
}

/* Match; on success *at is where the group stands, or { NULL } when it took no part or is NULL. */
static bool
match(const struct pattern *p, struct str subject, const char *group, struct str *at)
{
	struct arena
		arena; /* bytes left as they are: 24 KiB of zeros would cost more than matching */
	pcre2_general_context *memory;
	pcre2_match_data *data = NULL;
	int result = PCRE2_ERROR_NOMEMORY;

	arena.used = 0;
	memory = pcre2_general_context_create(arena_take, arena_give, &arena);
	if (memory)
		data = group ? pcre2_match_data_create_from_pattern(p->code, memory)
			     : pcre2_match_data_create(1, memory);
	if (data && subject.n <= PATTERN_SUBJECT_MAX)
		result = pcre2_match(p->code, subject_of(subject), subject.n, 0, 0, data,
				     p->bounded);
	if (result >= 0 && group)
		*at = group_span(p, group, data, subject);
	pcre2_match_data_free(data);
	pcre2_general_context_free(memory);
	return result >= 0;
}

bool
pattern_matches(const struct pattern *p, struct str subject)
{
	return match(p, subject, NULL, NULL);
}

bool
pattern_has_group(const struct pattern *p, const char *group)
{
	PCRE2_SPTR first, last;

	return pcre2_substring_nametable_scan(p->code, (PCRE2_SPTR)group, &first, &last) > 0;
}

struct str
pattern_capture(const struct pattern *p, const char *group, struct str subject)
{
	struct str at = { 0 };

	match(p, subject, group, &at);
	return at;
}
