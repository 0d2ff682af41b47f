/*
 * bind (configuration manual, 5.1): addresses, then words. Those of TLS are kept and judged here;
 * of the others usher needs to know how many arguments they take.
 */
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/topology/line_tls.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct bind_word {
	const char *name;
	size_t n_args;
};

static const struct bind_word bind_words[] = {
	{ "accept-netscaler-cip", 1 },
	{ "accept-proxy", 0 },
	{ "allow-0rtt", 0 },
	{ "backlog", 1 },
	{ "ca-sign-file", 1 },
	{ "ca-sign-pass", 1 },
	{ "defer-accept", 0 },
	{ "expose-fd", 1 },
	{ "generate-certificates", 0 },
	{ "gid", 1 },
	{ "group", 1 },
	{ "id", 1 },
	{ "interface", 1 },
	{ "level", 1 },
	{ "maxconn", 1 },
	{ "mode", 1 },
	{ "mss", 1 },
	{ "name", 1 },
	{ "namespace", 1 },
	{ "nice", 1 },
	{ "npn", 1 },
	{ "process", 1 },
	{ "proto", 1 },
	{ "severity-output", 1 },
	{ "shards", 1 },
	{ "ssl", 0 },
	{ "tcp-ut", 1 },
	{ "tfo", 0 },
	{ "thread", 1 },
	{ "transparent", 0 },
	{ "uid", 1 },
	{ "user", 1 },
	{ "v4v6", 0 },
	{ "v6only", 0 },
};

/* Those of server lines alone. */
static const char *const not_of_bind[] = {
	"check-alpn", "check-sni", "no-ssl-reuse", "sni", "ssl-reuse", "tls-tickets", "verifyhost",
};

static bool
is_of_tls(const char *name, size_t *n_args)
{
	return !str_is_one_of(name, not_of_bind, N(not_of_bind)) && line_tls_knows(name, n_args);
}

static const struct bind_word *
find_word(const char *name)
{
	for (size_t i = 0; i < N(bind_words); i++)
		if (strcmp(name, bind_words[i].name) == 0)
			return &bind_words[i];
	return NULL;
}

/* The words that a mistyped one may have been meant for. */
static const char *
find_hint(const char *name, char *hint)
{
	const char **names = NULL;
	size_t n = 0;

	for (size_t i = 0; i < N(bind_words); i++) {
		ARRAY_GROW(names, n);
		names[n++] = bind_words[i].name;
	}
	for (size_t i = 0; line_tls_name(i); i++) {
		if (str_is_one_of(line_tls_name(i), not_of_bind, N(not_of_bind)))
			continue;
		ARRAY_GROW(names, n);
		names[n++] = line_tls_name(i);
	}
	parser_hint(name, names, n, sizeof(*names), hint);
	free(names);
	return hint;
}

/* Read the words into b, which knows its place alone. False, with an alert: one is in error. */
static bool
read_words(struct parser *p, struct bind *b)
{
	struct tls_line line = { .p = p, .s = &b->tls };
	char hint[PARSER_HINT];
	size_t n_args;

	for (line.i = 2; line.i < p->in.line.n_words; line.i += 1 + n_args) {
		const char *name = word(p, line.i);
		const struct bind_word *w = find_word(name);

		n_args = w ? w->n_args : 0;
		b->ssl |= strcmp(name, "ssl") == 0;
		b->accept_proxy |= strcmp(name, "accept-proxy") == 0;
		if (w)
			continue;
		if (is_of_tls(name, &n_args)) {
			if (line_tls_word(&line))
				continue;
			parser_alert(p, "'bind %s' in section '%s' : %s", word(p, 1),
				     p->section->name, line.why);
			return false;
		}
		if (!p->env->strict)
			continue; /* of a later version; its arguments will look so as well */
		find_hint(name, hint);
		parser_alert(p, "'bind %s' in section '%s': unknown keyword '%s'%s", word(p, 1),
			     p->section->name, name, hint[0] ? hint : ".");
		return false;
	}
	return true;
}

static void
add_bind(struct parser *p, const struct bind *like, struct str text)
{
	struct proxy *proxy = p->proxy;
	struct bind *b;

	ARRAY_GROW(proxy->binds, proxy->n_binds);
	b = &proxy->binds[proxy->n_binds++];
	*b = *like;
	b->text = str_dup(text);
	tls_settings_copy(&b->tls, &like->tls);
	if (addr_parse(text, true, &b->addr) != ADDR_OK)
		b->addr.len = 0; /* a name, a range of ports, a descriptor: HAProxy's business */
}

void
line_bind(struct parser *p)
{
	struct bind like = { .at = parser_place(p) };
	struct str rest = str_of(word(p, 1));

	if (!rest.n) {
		parser_alert(p, "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}"
				"... as arguments.");
		return;
	}
	(void)!read_words(p, &like);
	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct str one = { rest.p, comma ? (size_t)(comma - rest.p) : rest.n };

		add_bind(p, &like, one);
		rest.p += one.n + (comma != NULL);
		rest.n -= one.n + (comma != NULL);
	}
	tls_settings_fini(&like.tls);
}
