/* Lines of the client's side: default_backend, use_backend, filter spoe, log. */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/parser.h"

static bool
is_condition(const char *word)
{
	return strcmp(word, "if") == 0 || strcmp(word, "unless") == 0;
}

void
line_default_backend(struct parser *p)
{
	if (!word(p, 1)[0]) {
		parser_alert(p, "'default_backend' expects a backend name.");
		return;
	}
	parser_set_text(&p->proxy->default_backend_name, word(p, 1));
	p->proxy->default_backend_at = parser_place(p);
	(void)!parser_too_many_words(p, 1);
}

void
line_use_backend(struct parser *p)
{
	if (!word(p, 1)[0])
		parser_alert(p, "'use_backend' expects a backend name.");
	else if (word(p, 2)[0] && !is_condition(word(p, 2)))
		parser_alert(p,
			     "unexpected keyword '%s' after switching rule, only 'if' and 'unless' "
			     "are allowed.",
			     word(p, 2));
	else
		parser_keep_line(p);
}

/* ---- filter ---------------------------------------------------------------------------------- */

/* `filter spoe [engine NAME] config FILE`; the last of each counts, as in HAProxy. */
static bool
read_spoe_words(struct parser *p, const char **engine, const char **config)
{
	for (size_t i = 2; i < p->in.line.n_words; i++) {
		bool is_engine = strcmp(word(p, i), "engine") == 0;

		if (!is_engine && strcmp(word(p, i), "config") != 0) {
			if (!p->env->strict)
				continue;
			parser_alert(p, "'filter' : 'unknown keyword '%s''", word(p, i));
			return false;
		}
		if (!word(p, i + 1)[0]) {
			parser_alert(p, "'filter' : ''spoe' : '%s' option without value'",
				     word(p, i));
			return false;
		}
		*(is_engine ? engine : config) = word(p, ++i);
	}
	if (!*config)
		parser_alert(p, "'filter' : ''spoe' : missing config file'");
	return *config != NULL;
}

void
line_filter(struct parser *p)
{
	struct proxy *proxy = p->proxy;
	const char *engine = NULL, *config = NULL;

	if (proxy->kind == PROXY_DEFAULTS) {
		parser_alert(p, "parsing [%s:%d] : filter is not allowed in a 'default' section.",
			     p->in.file, p->in.at);
	} else if (!word(p, 1)[0]) {
		parser_alert(p, "parsing [%s:%d] : missing argument for 'filter' in proxy '%s'.",
			     p->in.file, p->in.at, proxy->name);
	} else if (strcmp(word(p, 1), "spoe") == 0 && read_spoe_words(p, &engine, &config)) {
		ARRAY_GROW(proxy->filters, proxy->n_filters);
		proxy->filters[proxy->n_filters] = (struct spoe_filter){ .at = parser_place(p) };
		parser_set_text(&proxy->filters[proxy->n_filters].engine, engine);
		parser_set_text(&proxy->filters[proxy->n_filters++].config, config);
	}
}
