/* The environment as the file changes it: `setenv` and its kin in the global section. */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

static struct variable *
find_variable(const struct topology *t, struct str name)
{
	for (size_t i = 0; i < t->n_variables; i++)
		if (str_is(name, t->variables[i].name))
			return &t->variables[i];
	return NULL;
}

const char *
variables_get(void *parser, struct str name)
{
	const struct parser *p = parser;
	const struct variable *v = find_variable(p->t, name);

	if (v)
		return v->value;
	if (p->t->environment_reset || !p->env->getenv)
		return NULL;
	return p->env->getenv(p->env->arg, name);
}

/* The value may be a view into what is replaced. */
static void
set_variable(struct topology *t, const char *name, const char *value)
{
	struct variable *v = find_variable(t, str_of(name));
	char *copy = value ? str_dup(str_of(value)) : NULL;

	if (!v) {
		ARRAY_GROW(t->variables, t->n_variables);
		v = &t->variables[t->n_variables++];
		*v = (struct variable){ .name = str_dup(str_of(name)) };
	}
	free(v->value);
	v->value = copy;
}

/* `resetenv A B`: nothing but A and B is left. */
static void
reset_variables(struct parser *p)
{
	struct topology *t = p->t;
	char *kept[LEXER_WORDS_MAX];
	size_t n = p->in.line.n_words;

	for (size_t i = 1; i < n; i++) {
		const char *value = variables_get(p, str_of(word(p, i)));

		kept[i] = value ? str_dup(str_of(value)) : NULL;
	}
	for (size_t i = 0; i < t->n_variables; i++)
		parser_set_text(&t->variables[i].value, NULL);
	for (size_t i = 1; i < n; i++) {
		set_variable(t, word(p, i), kept[i]);
		free(kept[i]);
	}
	t->environment_reset = true;
}

void
line_environment(struct parser *p)
{
	const char *keyword = word(p, 0);

	if (strcmp(keyword, "resetenv") == 0) {
		reset_variables(p);
	} else if (strcmp(keyword, "unsetenv") == 0) {
		if (p->in.line.n_words < 2)
			reader_alert(&p->in, "'unsetenv' expects at least one variable name.");
		for (size_t i = 1; i < p->in.line.n_words; i++)
			set_variable(p->t, word(p, i), NULL);
	} else if (p->in.line.n_words < 3) {
		reader_alert(&p->in, "'%s' expects a name and a value.", keyword);
	} else if (strcmp(keyword, "setenv") == 0 || !variables_get(p, str_of(word(p, 1)))) {
		set_variable(p->t, word(p, 1), word(p, 2));
	}
}
