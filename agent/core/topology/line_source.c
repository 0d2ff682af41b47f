/*
 * `source ADDRESS[:PORT[-PORT]] [usesrc WHAT] [interface NAME]`, of a backend and of a server.
 * Both are read alike; they differ in their words for the same faults, and a range of ports is
 * for servers. Of what follows the address nothing is kept.
 */
#include <stdio.h>

#include "agent/core/topology/address.h"
#include "agent/core/topology/server_line.h"

/* What is wrong with the words; SOURCE_OK: nothing. */
enum source_fault {
	SOURCE_OK,
	SOURCE_ADDRESS,
	SOURCE_USESRC,
	SOURCE_USESRC_ADDRESS,
	SOURCE_INTERFACE,
};

/* "client", "clientip", "hdr_ip(…)" or an address. */
static enum source_fault
read_usesrc(const struct parser *p, const char *what, char *why)
{
	struct source unused;
	enum address_result result;

	if (!*what)
		return SOURCE_USESRC;
	if (strcmp(what, "client") == 0 || strcmp(what, "clientip") == 0 ||
	    strncmp(what, "hdr_ip(", 7) == 0)
		return SOURCE_OK;
	result = address_read(what, 0, &unused, why);
	if (result == ADDRESS_OK || (result == ADDRESS_NAMED && !p->env->strict))
		return SOURCE_OK;
	return SOURCE_USESRC_ADDRESS;
}

/* From the word behind `source` at *i on; leaves *i at the first word that is not its own. */
static enum source_fault
read_source(const struct parser *p, size_t *i, unsigned flags, struct source *s, char *why)
{
	enum address_result result = address_read(word(p, *i), flags, s, why);
	enum source_fault fault = SOURCE_OK;

	if (result == ADDRESS_REFUSED || (result == ADDRESS_NAMED && p->env->strict))
		return SOURCE_ADDRESS;
	if (s->addr.len && s->addr.sa.sa_family == AF_UNIX)
		*s = (struct source){ 0 }; /* HAProxy takes it, and it means nothing */
	for (++*i; !fault; *i += 2) {
		if (strcmp(word(p, *i), "usesrc") == 0)
			fault = read_usesrc(p, word(p, *i + 1), why);
		else if (strcmp(word(p, *i), "interface") != 0)
			break;
		else if (!word(p, *i + 1)[0])
			fault = SOURCE_INTERFACE;
	}
	return fault;
}

void
line_source(struct parser *p)
{
	struct source s;
	char why[ADDRESS_WHY];
	size_t i = 1;

	if (!word(p, 1)[0]) {
		parser_alert(p, "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, "
				"and 'interface' <name>.");
		return;
	}
	switch (read_source(p, &i, 0, &s, why)) {
	case SOURCE_ADDRESS:
		parser_alert(p, "'source %s' : %s", word(p, 1), why);
		return;
	case SOURCE_USESRC:
		parser_alert(p, "'usesrc' expects <addr>[:<port>], 'client', or 'clientip' as "
				"argument.");
		return;
	case SOURCE_USESRC_ADDRESS:
		parser_alert(p, "'usesrc %s' : %s", word(p, i - 1), why);
		return;
	case SOURCE_INTERFACE:
		parser_alert(p, "'source' : missing interface name.");
		return;
	case SOURCE_OK:
		break;
	}
	if (word(p, i)[0] && p->env->strict)
		parser_alert(p, "'source' only supports optional keywords 'interface' and "
				"'usesrc'.");
	else
		p->proxy->source = s;
}

/* Some faults HAProxy wraps in lines of their own. */
static void
refuse_address(struct server_line *l, const char *text, const char *why)
{
	struct str s = str_of(why);
	bool wrapped = str_has_prefix(s, STR("invalid address")) ||
		       str_has_prefix(s, STR("invalid character"));

	server_line_fail(l, wrapped ? "\n  'source %s' : %s\n." : "'source %s' : %s.", text, why);
}

/* Of what follows `source ADDRESS` HAProxy's keyword functions complain by themselves. */
static void
refuse_rest(struct server_line *l, const char *name)
{
	report_cfg(l->p->in.r, FINDING_ALERT, "error encountered while processing '%s'.", name);
}

bool
line_source_of_server(struct server_line *l)
{
	const char *address = word(l->p, l->i + 1);
	size_t i = l->i + 1;
	struct source s;
	char why[ADDRESS_WHY];

	if (!*address) {
		server_line_fail(l, "'source' expects <addr>[:<port>[-<port>]], and optionally "
				    "'usesrc' <addr>, and 'interface' <name> as argument..");
		return false;
	}
	switch (read_source(l->p, &i, ADDRESS_RANGE, &s, why)) {
	case SOURCE_ADDRESS:
		refuse_address(l, address, why);
		return false;
	case SOURCE_USESRC:
		server_line_fail(l, "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or "
				    "'hdr_ip(name,#)' as argument.");
		refuse_rest(l, "usesrc");
		return false;
	case SOURCE_USESRC_ADDRESS:
		server_line_fail(l, "'usesrc %s' : %s", word(l->p, i - 1), why);
		refuse_rest(l, "usesrc");
		return false;
	case SOURCE_INTERFACE:
		server_line_fail(l, "'server' : missing interface name.");
		refuse_rest(l, "interface");
		return false;
	case SOURCE_OK:
		break;
	}
	l->s->source = s;
	l->s->has_source = true;
	l->i = i - 1;
	return true;
}

bool
line_source_usesrc_alone(struct server_line *l)
{
	server_line_fail(l, "'usesrc' only allowed after a 'source' statement..");
	return false;
}
