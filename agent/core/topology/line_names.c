/*
 * Options of a server whose address is a name: init-addr, resolvers, resolve-prefer. Nothing is
 * looked up here.
 */
#include "agent/core/topology/server_line.h"

/* "last,libc,none,192.0.2.1": the words are told from addresses as HAProxy does. */
bool
line_names_init_addr(struct server_line *l)
{
	static const char *const methods[] = { "last", "libc", "none" };
	const char *text = word(l->p, l->i + 1);
	struct ip ip;

	for (const char *next = text; *next;) {
		struct str one = { next, strcspn(next, ",") };
		bool known = ip_parse(one, &ip);

		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
			known |= str_is(one, methods[i]);
		if (!known && l->p->env->strict) {
			server_line_fail(l,
					 "'init-addr' : unknown init-addr method '%.*s', supported "
					 "methods are 'libc', 'last', 'none'..",
					 STR_ARG(one));
			return false;
		}
		next += one.n + (next[one.n] == ',');
	}
	parser_set_text(&l->s->init_addr, text);
	return true;
}

bool
line_names_resolvers(struct server_line *l)
{
	parser_set_text(&l->s->resolvers, word(l->p, l->i + 1));
	return true;
}

bool
line_names_prefer(struct server_line *l)
{
	const char *family = word(l->p, l->i + 1);

	if (strcmp(family, "ipv4") != 0 && strcmp(family, "ipv6") != 0) {
		server_line_fail(l, "'resolve-prefer' expects either ipv4 or ipv6 as argument..");
		return false;
	}
	l->s->resolve_prefer = (uint8_t)(family[3] - '0');
	return true;
}
