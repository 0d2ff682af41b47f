/* What stands in the brackets of set-var, set-var-fmt and unset-var. */
#include "agent/core/rules/rule.h"

static bool
read_scope(struct rule_compiler *c, enum rules_stage stage, struct rule *rule, struct str *name,
	   bool *has_effect)
{
	static const char *const scopes[] = { "proc.", "sess.", "txn.", "req.", "res.", "check." };

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct str scope = str_of(scopes[i]);

		if (name->n <= scope.n || !str_has_prefix(*name, scope))
			continue;
		rule->scope = (enum var_scope)(i < N_VAR_SCOPES ? i : 0);
		*name = (struct str){ name->p + scope.n, name->n - scope.n };
		/* The others do not exist at that time: HAProxy sets nothing. */
		*has_effect =
			i == VAR_SESS || (stage >= RULES_CONTENT && (i == VAR_TXN || i == VAR_REQ));
		if (i != VAR_PROC)
			return true;
		rule_alert(c,
			   "'tcp-request %s %s' is not supported by usher proxy; a variable of the "
			   "whole process is not kept: use 'sess' or 'txn'.",
			   rule_word(c, 1), rule_word(c, c->action));
		return false;
	}
	rule_alert(c,
		   "invalid variable name '%.*s'. A variable name must be start by its scope. The "
		   "scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'",
		   STR_ARG(*name));
	return false;
}

static bool
read_set_ifs(struct rule_compiler *c, struct rule *rule, struct str rest)
{
	static const struct {
		const char *word;
		unsigned bit;
	} table[] = {
		{ "ifexists", SET_IF_SET },  { "ifnotexists", SET_IF_NOT_SET },
		{ "ifempty", SET_IF_EMPTY }, { "ifnotempty", SET_IF_NOT_EMPTY },
		{ "ifset", SET_IF_SET },     { "ifnotset", SET_IF_NOT_SET },
		{ "ifgt", SET_IF_GREATER },  { "iflt", SET_IF_LESS },
	};

	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct str one = { rest.p, comma ? (size_t)(comma - rest.p) : rest.n };
		size_t used = one.n + (comma != NULL), i = 0;

		while (i < sizeof(table) / sizeof(table[0]) && !str_is(one, table[i].word))
			i++;
		if (i == sizeof(table) / sizeof(table[0])) {
			rule_alert(c, "unknown condition \"%.*s\"", STR_ARG(one));
			return false;
		}
		rule->set_if |= table[i].bit;
		rest = (struct str){ rest.p + used, rest.n - used };
	}
	return true;
}

bool
rule_read_variable(struct rule_compiler *c, enum rules_stage stage, const char *after,
		   struct rule *rule, bool *has_effect)
{
	static const char *const forms =
		"Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or "
		"'unset-var(<var-name>)'";
	struct str text = str_of(after), name, rest = STR("");
	const char *comma;

	if (*after != '(') {
		rule_alert(c, "invalid or incomplete action '%s'. %s", rule_word(c, c->action),
			   forms);
		return false;
	}
	if (text.p[text.n - 1] != ')') {
		rule_alert(c, "incomplete argument after action '%s'. %s", rule_word(c, c->action),
			   forms);
		return false;
	}
	text = (struct str){ text.p + 1, text.n - 2 };
	comma = memchr(text.p, ',', text.n);
	name = (struct str){ text.p, comma ? (size_t)(comma - text.p) : text.n };
	if (comma)
		rest = (struct str){ comma + 1, text.n - name.n - 1 };
	if (name.n == 0) {
		rule_alert(c, "Empty variable name cannot be accepted");
		return false;
	}
	if (!read_scope(c, stage, rule, &name, has_effect))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char byte = (unsigned char)name.p[i], letter = byte | 0x20;

		if ((letter < 'a' || letter > 'z') && (byte < '0' || byte > '9') && byte != '_' &&
		    byte != '.') {
			rule_alert(c, "invalid syntax at char '%s'", name.p + i);
			return false;
		}
	}
	rule->name = str_dup(name);
	return read_set_ifs(c, rule, rest);
}
