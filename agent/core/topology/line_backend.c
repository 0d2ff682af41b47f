/* Lines of the servers' side: balance, hash-type, use-server, stick. */
#include <stdlib.h>

#include "agent/core/topology/parser.h"

/* HAProxy's algorithms; `kind` is what usher does for them. */
static const struct algorithm {
	const char *name;
	enum balance_kind kind;
	bool same; /* usher does just that */
} algorithms[] = {
	{ "roundrobin", BALANCE_ROUNDROBIN, true },  { "static-rr", BALANCE_ROUNDROBIN, true },
	{ "leastconn", BALANCE_LEASTCONN, true },    { "source", BALANCE_SOURCE, true },
	{ "first", BALANCE_ROUNDROBIN, false },	     { "hdr", BALANCE_ROUNDROBIN, false },
	{ "rdp-cookie", BALANCE_ROUNDROBIN, false }, { "uri", BALANCE_ROUNDROBIN, false },
	{ "url_param", BALANCE_ROUNDROBIN, false },
};

/* The algorithm a word names, be it alone or with an argument in parentheses. */
static const struct algorithm *
find_algorithm(const char *word)
{
	size_t len = strcspn(word, "(");

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		const struct algorithm *a = &algorithms[i];

		if (!str_is((struct str){ word, len }, a->name))
			continue;
		if (!word[len])
			return strcmp(a->name, "hdr") ? a : NULL;
		return a->same ? NULL : a;
	}
	return NULL;
}

/* `random` or `random(DRAWS)`, at the parenthesis or the end. */
static void
set_random(struct parser *p, const char *argument)
{
	char *end = NULL;
	long draws = *argument ? strtol(argument + 1, &end, 10) : 2;

	if (*argument && !strchr(argument, ')'))
		parser_alert(p, "balance random : missing closing parenthesis.");
	else if (*argument && *end != ')')
		parser_alert(p, "balance random : unexpected character '%c' after argument.", *end);
	else if (draws < 1)
		parser_alert(p, "balance random : number of draws must be at least 1.");
	else
		p->proxy->balance = BALANCE_RANDOM;
}

/* `balance hash EXPRESSION`, which is one word. */
static void
set_hash(struct parser *p)
{
	if (!word(p, 2)[0]) {
		parser_alert(p, "balance hash requires a sample expression.");
	} else if (word(p, 3)[0]) {
		parser_alert(p, "balance hash takes no other argument (got '%s').", word(p, 3));
	} else {
		p->proxy->balance = BALANCE_HASH;
		parser_set_text(&p->proxy->balance_by, word(p, 2));
		p->proxy->balance_at = parser_place(p);
	}
}

void
line_balance(struct parser *p)
{
	const char *name = word(p, 1);
	const struct algorithm *a = find_algorithm(name[0] ? name : "roundrobin");

	if (strcmp(name, "hash") == 0) {
		set_hash(p);
		return;
	}
	parser_set_text(&p->proxy->balance_by, NULL);
	if (strncmp(name, "random", 6) == 0 && (!name[6] || name[6] == '(')) {
		set_random(p, name + 6);
		return;
	}
	p->proxy->balance = a ? a->kind : BALANCE_ROUNDROBIN;
	if (!a && p->env->strict)
		parser_alert(p, "balance only supports 'roundrobin', 'static-rr', 'leastconn', "
				"'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' "
				"options.");
	else if (!a || !a->same)
		parser_warn(p,
			    "usher has no 'balance %s': where it chooses the server of %s '%s', it "
			    "does so by 'roundrobin'.",
			    name, proxy_kind_name(p->proxy->kind), p->proxy->name);
}

/* `hash-type METHOD [FUNCTION [MODIFIER]]`; newer ones have a function that does nothing. */
void
line_hash_type(struct parser *p)
{
	static const char *const functions[] = { [HASH_SDBM] = "sdbm",
						 [HASH_DJB2] = "djb2",
						 [HASH_WT6] = "wt6",
						 [HASH_CRC32] = "crc32",
						 [HASH_NONE] = "none" };
	const char *method = word(p, 1), *function = word(p, 2), *modifier = word(p, 3);
	struct hash_type type = { .avalanche = *modifier };
	size_t n = p->env->strict ? HASH_NONE : HASH_NONE + 1, i;

	if (strcmp(method, "consistent") == 0) {
		type.method = HASH_CONSISTENT;
		type.avalanche |= !*function;
	} else if (strcmp(method, "map-based") != 0) {
		parser_alert(p, "'hash-type' only supports 'consistent' and 'map-based'.");
		return;
	}
	for (i = 0; i < n && *function && strcmp(function, functions[i]) != 0; i++)
		;
	if (i == n) {
		parser_alert(p, "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash "
				"functions.");
	} else if (*modifier && strcmp(modifier, "avalanche") != 0) {
		parser_alert(p, "'hash-type' only supports 'avalanche' as a modifier for hash "
				"functions.");
	} else {
		type.function = (enum hash_function)i;
		p->proxy->hash = type;
	}
}

void
line_use_server(struct parser *p)
{
	bool condition = strcmp(word(p, 2), "if") == 0 || strcmp(word(p, 2), "unless") == 0;

	if (!word(p, 1)[0])
		parser_alert(p, "'use-server' expects a server name.");
	else if (!condition)
		parser_alert(p, "'use-server' requires either 'if' or 'unless' followed by a "
				"condition.");
	else
		parser_keep_line(p);
}

void
line_stick(struct parser *p)
{
	static const char *const forms[] = { "on", "match", "store-request", "store-response" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(word(p, 1), forms[i]) == 0) {
			parser_keep_line(p);
			return;
		}
	}
	parser_alert(p, "'stick' expects 'on', 'match', or 'store'.");
}
