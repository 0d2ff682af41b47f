/* Each line of the input is cut into words; they must be strings, and a fault must have a place. */
#include <assert.h>

#include "agent/core/topology/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *
get_variable(void *arg, struct str name)
{
	return name.n % 2 ? " a  b c " : NULL;
}

static void
cut(struct lexer *l, struct str line)
{
	const struct lexer_variables v = {
		.getenv = get_variable, .file = "f", .line = 1, .section = "s"
	};
	char excerpt[LEXER_EXCERPT];
	enum lexer_fault fault = lexer_read(l, line, &v);

	assert(l->n_words <= LEXER_WORDS_MAX);
	for (size_t i = 0; i < l->n_words; i++)
		assert(l->words[i] + strlen(l->words[i]) < l->text + l->len);
	if (fault && fault != LEXER_WORDS) {
		assert(l->fault_at <= line.n);
		assert(strlen(lexer_excerpt(line, l->fault_at, excerpt)) < sizeof(excerpt));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = { (const char *)p, n };
	struct lexer l;

	lexer_init(&l);
	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t len = lf ? (size_t)(lf - text.p) : text.n;

		cut(&l, (struct str){ text.p, len });
		text.p += len + (lf != NULL);
		text.n -= len + (lf != NULL);
	}
	lexer_fini(&l);
	return 0;
}
