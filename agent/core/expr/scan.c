/*
 * Arguments in brackets (HAProxy configuration manual, 2.2 and 7.3). A second level of quotes works
 * inside them: strong ones keep all, in weak ones and outside a backslash protects a blank, a quote
 * or a backslash, makes \n, \r and \t of letters, and stays in front of anything else.
 *
 * A blank inside brackets cuts HAProxy's word and is an error there. Where it stands next to a
 * bracket or a comma nothing else can be meant, so reading goes on with the next word and the
 * finding is kept for the caller.
 */
#include "agent/core/expr/scan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"

void
expr_call_fini(struct expr_call *call)
{
	for (unsigned i = 0; i < EXPR_ARGS_MAX; i++)
		free((char *)(uintptr_t)call->args[i].text.p);
	free(call->data);
	*call = (struct expr_call){ 0 };
}

/* The keyword as messages begin with it; at is the argument's position, or 0 for all of them. */
static bool PRINTF_LIKE(5, 6) fail(struct expr_scan *s, enum expr_kind kind,
				   const struct expr_call *call, unsigned at, const char *fmt, ...)
{
	char detail[EXPR_ERROR / 2];
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	if (!at)
		snprintf(s->what, EXPR_ERROR, "invalid args in %s '%s' : %s",
			 kind == EXPR_FETCH ? "fetch method" : "converter", call->keyword->name,
			 detail);
	else if (kind == EXPR_FETCH)
		snprintf(s->what, EXPR_ERROR, "fetch method '%s' : %s", call->keyword->name,
			 detail);
	else
		snprintf(s->what, EXPR_ERROR, "invalid arg %u in converter '%s' : %s", at,
			 call->keyword->name, detail);
	return false;
}

/* Behind a bracket or a comma a word that ended goes on in the next one. */
static void
join_words(struct expr_scan *s)
{
	while (*s->p == '\0' && s->at + 1 < s->n) {
		s->p = s->words[++s->at];
		s->blanks = true;
	}
}

/* In front of a bracket or a comma, too. */
static void
join_separator(struct expr_scan *s)
{
	if (*s->p == '\0' && s->at + 1 < s->n &&
	    (*s->words[s->at + 1] == ',' || *s->words[s->at + 1] == ')')) {
		s->p = s->words[++s->at];
		s->blanks = true;
	}
}

/* What a backslash and this byte stand for; NUL: for themselves. */
static char
unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case ' ':
	case '\\':
	case '"':
	case '\'':
		return c;
	default:
		return '\0';
	}
}

/* One argument's text, unquoted; ends before ',' ')' or the word's end. False: a quote is open. */
static bool
read_text(struct expr_scan *s, struct str *text)
{
	char *out = xmalloc(strlen(s->p) + 1);
	char quote = '\0';
	size_t n = 0;

	for (; *s->p; s->p++) {
		char c = *s->p;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (!quote && (c == ',' || c == ')'))
			break;
		if (c == '\\' && quote != '\'' && unescaped(s->p[1]))
			c = unescaped(*++s->p);
		out[n++] = c;
	}
	out[n] = '\0';
	*text = (struct str){ out, n };
	return quote == '\0';
}

static bool
parse_int(struct str text, int64_t *number)
{
	char *end;

	if (text.n == 0 || isspace((unsigned char)*text.p))
		return false;
	*number = strtoll(text.p, &end, 10);
	return *end == '\0';
}

static bool
is_variable_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

/* "txn.name" → scope; the name moves to the front of the text. */
static bool
parse_variable(struct expr_arg *arg, char *why, size_t size)
{
	static const char *const scopes[] = { "proc.", "sess.", "txn.", "req.", "res." };

	for (size_t i = 0; i < N_VAR_SCOPES; i++) {
		size_t n = strlen(scopes[i]);
		char *name = (char *)(uintptr_t)arg->text.p;

		if (arg->text.n <= n || !str_has_prefix(arg->text, str_of(scopes[i])))
			continue;
		memmove(name, name + n, arg->text.n - n + 1);
		arg->text.n -= n;
		for (size_t k = 0; k < arg->text.n; k++)
			if (!is_variable_char(name[k])) {
				snprintf(why, size, "invalid syntax at char '%s'", name + k);
				return false;
			}
		arg->type = ARG_VAR;
		arg->scope = (enum var_scope)i;
		return true;
	}
	snprintf(why, size,
		 "invalid variable name '%s'. A variable name must be start by its scope. The "
		 "scope can be 'proc', 'sess', 'txn', 'req' or 'res'",
		 arg->text.p);
	return false;
}

/* "8" or "255.0.0.0". */
static bool
parse_mask(struct str text, unsigned bits_max, struct ip *mask)
{
	uint64_t bits;

	if (!str_u64(text, &bits))
		return ip_parse(text, mask) && mask->family == (bits_max == 32 ? 4 : 6);
	if (bits > bits_max)
		return false;
	*mask = (struct ip){ .family = bits_max == 32 ? 4 : 6 };
	for (unsigned i = 0; i < bits; i++)
		mask->bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
	return true;
}

/* Its text as a value of its type, as far as that needs nothing but the text. */
static bool
parse_typed(struct expr_arg *arg)
{
	switch (arg->type) {
	case ARG_INT:
		return parse_int(arg->text, &arg->number);
	case ARG_IPV4:
		return ip_parse(arg->text, &arg->ip) && arg->ip.family == 4;
	case ARG_IPV6:
		return ip_parse(arg->text, &arg->ip) && arg->ip.family == 6;
	case ARG_MASK4:
		return parse_mask(arg->text, 32, &arg->ip);
	case ARG_MASK6:
		return parse_mask(arg->text, 128, &arg->ip);
	default:
		return true;
	}
}

static bool
parse_arg(struct expr_scan *s, enum expr_kind kind, struct expr_call *call, unsigned i)
{
	enum arg_type type = call->keyword->args[i];
	struct expr_arg *arg = &call->args[i];
	char why[EXPR_ERROR / 2];

	arg->type = type;
	if (arg->text.n == 0 && type != ARG_STR) {
		arg->type = ARG_NONE;
		return i >= call->keyword->n_required ||
		       fail(s, kind, call, i + 1,
			    "expected type '%s' at position %u, but got nothing",
			    expr_arg_type_name(type), i + 1);
	}
	if (type == ARG_VALUE) {
		if (parse_int(arg->text, &arg->number)) {
			arg->type = ARG_INT;
			return true;
		}
		return parse_variable(arg, why, sizeof(why)) ||
		       fail(s, kind, call, 0, "expects an integer or a variable name");
	}
	if (type == ARG_VAR)
		return parse_variable(arg, why, sizeof(why)) || fail(s, kind, call, 0, "%s", why);
	return parse_typed(arg) ||
	       fail(s, kind, call, i + 1, "failed to parse '%s' as type '%s' at position %u",
		    arg->text.p, expr_arg_type_name(type), i + 1);
}

static bool
read_args(struct expr_scan *s, enum expr_kind kind, struct expr_call *call)
{
	const struct expr_keyword *k = call->keyword;
	unsigned i = 0;

	s->p++;
	for (join_words(s); *s->p != ')' || i; join_words(s)) {
		if (i == EXPR_ARGS_MAX || k->args[i] == ARG_NONE)
			return fail(s, kind, call, i + 1, "expected ')' before '%.64s'",
				    s->p - (i > 0 && s->p > s->words[s->at]));
		if (!read_text(s, &call->args[i].text))
			return fail(s, kind, call, i + 1, "expected ')'");
		call->n_args = i + 1;
		if (!parse_arg(s, kind, call, i))
			return false;
		i++;
		join_separator(s);
		if (*s->p != ',')
			break;
		s->p++;
	}
	if (*s->p != ')')
		return fail(s, kind, call, i + 1, "expected ')'");
	s->p++;
	if (i && i < k->n_required)
		return fail(s, kind, call, i + 1,
			    "missing arguments (got %u/%u), type '%s' expected", i, k->n_required,
			    expr_arg_type_name(k->args[i]));
	return true;
}

bool
expr_scan_args(struct expr_scan *s, enum expr_kind kind, struct expr_call *call)
{
	char why[EXPR_ERROR] = "";

	if (*s->p == '(' && !read_args(s, kind, call))
		goto bad;
	if (call->n_args == 0 && call->keyword->n_required) {
		fail(s, kind, call, 1, "expected type '%s' at position 1, but got nothing",
		     expr_arg_type_name(call->keyword->args[0]));
		goto bad;
	}
	if (call->keyword->check && !call->keyword->check(call, why)) {
		fail(s, kind, call, 0, "%s", why);
		goto bad;
	}
	return true;
bad:
	expr_call_fini(call);
	return false;
}
