/*
 * The first line is an expression, a condition and a log format, each as far as it compiles as one;
 * the rest is what a client said, and the head of its request if it is one.
 */
#include <assert.h>
#include <stdlib.h>

#include "agent/core/expr/acl.h"
#include "agent/core/expr/log_format.h"
#include "agent/core/http1/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { WORDS_MAX = 64 };

static size_t
cut(char *line, const char **words)
{
	size_t n = 0;

	for (char *word = strtok(line, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
		words[n++] = word;
	return n;
}

static void
run_format(const char *line, struct expr_context *x)
{
	char what[EXPR_ERROR], out[64];
	struct log_format f;

	if (log_format_compile(&f, line, LOG_FORMAT_LINE, what) == EXPR_BAD)
		return;
	assert(log_format_write(&f, x, NULL, out, sizeof(out)) == strlen(out));
	log_format_fini(&f);
}

static void
run_words(const char **words, size_t n, struct expr_context *x)
{
	struct acl_condition c;
	struct acl_set set;
	char what[EXPR_ERROR];
	struct expr e;
	struct sample s;
	size_t used;

	if (expr_compile(&e, words, n, &used, what) != EXPR_BAD) {
		assert(used <= n);
		expr_eval(&e, x, &s);
		expr_fini(&e);
	}
	acl_set_init(&set);
	if (acl_condition_compile(&c, &set, words, n, what) != EXPR_BAD) {
		acl_condition_eval(&c, x);
		acl_condition_fini(&c);
	}
	acl_set_fini(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *lf = n ? memchr(p, '\n', n) : NULL;
	size_t len = lf ? (size_t)(lf - (const char *)p) : n, rest = lf ? n - len - 1 : 0;
	char *line = str_dup((struct str){ (const char *)p, len });
	const char *words[WORDS_MAX];
	char room[256];
	struct expr_context x = { .scratch = { .p = room, .size = sizeof(room) },
				  .request = { lf ? lf + 1 : "", rest },
				  .request_may_grow = true,
				  .src = { .family = 4, .bytes = { 10 } } };
	struct http1_head head;
	enum http1_fault fault;

	if (http1_request_decode((const uint8_t *)x.request.p, rest, &head, &fault) == PARSE_OK)
		x.http = &head;
	run_format(line, &x);
	run_words(words, cut(line, words), &x);
	free(line);
	return 0;
}
