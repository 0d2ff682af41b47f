/* All tables in a row. Looking up is for configuration: it simply walks. */
#include "agent/core/expr/keyword.h"

static const struct expr_keyword *const fetches[] = {
	expr_fetch_state, expr_fetch_session, expr_fetch_payload, expr_fetch_http,
	expr_fetch_tls,	  expr_fetch_table,   expr_fetch_refused, NULL,
};

static const struct expr_keyword *const converters[] = {
	expr_convert_number, expr_convert_text, expr_convert_bytes,   expr_convert_hash,
	expr_convert_table,  expr_convert_mqtt, expr_convert_refused, NULL,
};

const struct expr_keyword *
expr_keyword_next(enum expr_kind kind, struct expr_cursor *at)
{
	const struct expr_keyword *const *tables = kind == EXPR_FETCH ? fetches : converters;

	for (; tables[at->table]; at->table++, at->row = 0)
		if (tables[at->table][at->row].name)
			return &tables[at->table][at->row++];
	return NULL;
}

const struct expr_keyword *
expr_keyword_find(enum expr_kind kind, struct str name)
{
	const struct expr_keyword *k;

	for (struct expr_cursor at = { 0 }; (k = expr_keyword_next(kind, &at));)
		if (str_is(name, k->name))
			return k;
	return NULL;
}

const char *
expr_keyword_nearest(enum expr_kind kind, struct str name)
{
	enum { NAMES_MAX = 512 };
	const char *names[NAMES_MAX];
	const struct expr_keyword *k;
	size_t n = 0;

	for (struct expr_cursor at = { 0 }; n < NAMES_MAX && (k = expr_keyword_next(kind, &at));)
		if (!k->refused)
			names[n++] = k->name;
	return str_nearest(name, names, n);
}

const char *
expr_arg_type_name(enum arg_type type)
{
	static const char *const names[] = {
		[ARG_NONE] = "none",	     [ARG_STR] = "string",	  [ARG_INT] = "integer",
		[ARG_IPV4] = "IPv4 address", [ARG_IPV6] = "IPv6 address", [ARG_MASK4] = "IPv4 mask",
		[ARG_MASK6] = "IPv6 mask",   [ARG_VAR] = "variable",	  [ARG_VALUE] = "string",
		[ARG_FRONTEND] = "frontend", [ARG_BACKEND] = "backend",	  [ARG_SERVER] = "server",
		[ARG_TABLE] = "table",
	};

	return names[type];
}
