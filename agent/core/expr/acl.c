/*
 * Terms stand in one row; an `or` marks where the next alternative starts. As HAProxy does it, an
 * `or` with nothing on one side is no alternative, and `!` may be repeated.
 */
#include "agent/core/expr/acl.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/core/base/mem.h"

static void
acl_free(struct acl *acl)
{
	for (size_t i = 0; i < acl->n_tests; i++) {
		expr_fini(&acl->tests[i].expr);
		match_fini(&acl->tests[i].match);
	}
	free(acl->tests);
	free(acl->name);
	free(acl);
}

void
acl_set_init(struct acl_set *set)
{
	*set = (struct acl_set){ 0 };
	map_init(&set->by_name);
}

void
acl_set_fini(struct acl_set *set)
{
	for (size_t i = 0; i < set->n_acls; i++)
		acl_free(set->acls[i]);
	free(set->acls);
	map_fini(&set->by_name);
}

/* Criteria that are a fetch and a method in one word, where they stand without converter. */
static const struct {
	const char *name, *fetch;
	enum match_method method;
} derivatives[] = {
#define DERIVED(fetch, suffix, method)                                                             \
	{                                                                                          \
		fetch "_" suffix, fetch, MATCH_METHOD_##method                                     \
	}
#define ALL_OF(fetch)                                                                              \
	DERIVED(fetch, "beg", BEG), DERIVED(fetch, "dir", DIR), DERIVED(fetch, "dom", DOM),        \
		DERIVED(fetch, "end", END), DERIVED(fetch, "len", LEN),                            \
		DERIVED(fetch, "reg", REG), DERIVED(fetch, "sub", SUB)
	ALL_OF("base"),
	ALL_OF("cook"),
	ALL_OF("hdr"),
	ALL_OF("path"),
	ALL_OF("url"),
	ALL_OF("urlp"),
	DERIVED("ssl_c_i_dn", "beg", BEG),
	DERIVED("ssl_c_i_dn", "end", END),
	DERIVED("ssl_c_i_dn", "reg", REG),
	DERIVED("ssl_c_i_dn", "sub", SUB),
	DERIVED("ssl_c_s_dn", "beg", BEG),
	DERIVED("ssl_c_s_dn", "end", END),
	DERIVED("ssl_c_s_dn", "reg", REG),
	DERIVED("ssl_c_s_dn", "sub", SUB),
	DERIVED("ssl_fc_sni", "end", END),
	DERIVED("ssl_fc_sni", "reg", REG),
};

/* The criterion as a plain expression in text[], if it is one of those; and its method. */
static const char *
plain_criterion(const char *word, char *text, size_t size, enum match_method *method)
{
	for (size_t i = 0; i < sizeof(derivatives) / sizeof(derivatives[0]); i++) {
		size_t n = strlen(derivatives[i].name);

		if (strncmp(word, derivatives[i].name, n) != 0 ||
		    (word[n] && !strchr("(,", word[n])))
			continue;
		if ((size_t)snprintf(text, size, "%s%s", derivatives[i].fetch, word + n) >= size)
			return word;
		*method = derivatives[i].method;
		return text;
	}
	return word;
}

/* "-m", "-i", … up to the first value. */
static bool
read_flags(struct match *m, const char *const *words, size_t n, size_t *at, bool *ended, char *what)
{
	for (; *at < n && words[*at][0] == '-'; ++*at) {
		const char *flag = words[*at];

		if (strcmp(flag, "--") == 0) {
			*ended = true;
			++*at;
			return true;
		}
		if (strcmp(flag, "-i") == 0) {
			m->ignores_case = true;
		} else if (strcmp(flag, "-m") == 0) {
			struct str name = str_of(*at + 1 < n ? words[++*at] : "");

			if (!match_method_parse(name, &m->method)) {
				snprintf(what, EXPR_ERROR,
					 "unknown matching method '%s' when parsing ACL expression",
					 name.p);
				return false;
			}
		} else if (strcmp(flag, "-f") == 0 || strcmp(flag, "-M") == 0 ||
			   strcmp(flag, "-u") == 0) {
			snprintf(what, EXPR_ERROR,
				 "the flag '%s' is not supported by usher: pattern files are not "
				 "read; write the values behind the criterion",
				 flag);
			return false;
		} else if (strcmp(flag, "-n") != 0) { /* usher never resolves names here */
			snprintf(what, EXPR_ERROR,
				 "'%s' is not a valid ACL option. Please use '--' before any "
				 "pattern beginning with a '-'",
				 flag);
			return false;
		}
	}
	return true;
}

static bool
check_method(const struct acl_test *t, char *what)
{
	const char *fetch = t->expr.calls[0].keyword->name;

	if (t->match.method == MATCH_METHOD_NONE)
		snprintf(what, EXPR_ERROR,
			 "matching method must be specified first (using '-m') when using a sample "
			 "fetch of this type ('%s')",
			 fetch);
	else if (!sample_can_cast(expr_type(&t->expr), match_type(t->match.method)))
		snprintf(what, EXPR_ERROR,
			 "matching method '%s' cannot be used with fetch keyword '%s'",
			 match_method_name(t->match.method), fetch);
	else
		return true;
	return false;
}

/* HAProxy warns of a criterion that has nothing to be compared with. */
static bool
never_matches(const struct match *m)
{
	return m->n_values == 0 && m->method != MATCH_METHOD_FOUND &&
	       m->method != MATCH_METHOD_BOOL;
}

/* A criterion, flags and values: all n words. */
static enum expr_status
compile_test(struct acl_test *t, const char *const *words, size_t n, char *what)
{
	enum match_method derived = MATCH_METHOD_NONE;
	char criterion[EXPR_ERROR];
	const char *first = n ? words[0] : "";
	const char *all[EXPR_WORDS_MAX] = { "" };
	enum expr_status status;
	bool ended = false;
	size_t at;

	*t = (struct acl_test){ 0 };
	if (n > EXPR_WORDS_MAX) {
		snprintf(what, EXPR_ERROR, "too many words in ACL expression '%.128s'", first);
		return EXPR_BAD;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = i ? words[i]
			   : plain_criterion(first, criterion, sizeof(criterion), &derived);
	status = expr_compile(&t->expr, all, n, &at, what);
	if (status == EXPR_BAD) {
		size_t len = strlen(what);

		snprintf(what + len, EXPR_ERROR - len, " in ACL expression '%.128s'", first);
		return EXPR_BAD;
	}
	t->match.method =
		t->expr.n_calls == 1 && derived ? derived : match_method_of(expr_type(&t->expr));
	if (!read_flags(&t->match, words, n, &at, &ended, what) || !check_method(t, what) ||
	    !match_add(&t->match, words + at, n - at, what)) {
		expr_fini(&t->expr);
		match_fini(&t->match);
		return EXPR_BAD;
	}
	if (!ended && status == EXPR_OK && never_matches(&t->match)) {
		snprintf(what, EXPR_ERROR,
			 "parsing acl keyword '%.128s' :\n"
			 "  no pattern to match against were provided, so this ACL will never "
			 "match.\n",
			 first);
		return EXPR_NEVER;
	}
	return status;
}

static enum expr_status
add_test(struct acl *acl, const char *const *words, size_t n, char *what)
{
	struct acl_test t;
	enum expr_status status = compile_test(&t, words, n, what);

	if (status == EXPR_BAD)
		return status;
	ARRAY_GROW(acl->tests, acl->n_tests);
	acl->tests[acl->n_tests++] = t;
	return status;
}

/* The ACL of that name, made if there is none. */
static struct acl *
named_acl(struct acl_set *set, const char *name)
{
	struct acl *acl = map_get(&set->by_name, str_of(name));

	if (acl)
		return acl;
	acl = xcalloc(1, sizeof(*acl));
	acl->name = str_dup(str_of(name));
	map_add(&set->by_name, str_of(acl->name), acl);
	ARRAY_GROW(set->acls, set->n_acls);
	set->acls[set->n_acls++] = acl;
	return acl;
}

static bool
check_name(const char *name, char *what)
{
	const char *bad = name + strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789-_.:");

	if (*bad)
		snprintf(what, EXPR_ERROR, "character '%c' is not permitted in acl name '%.64s'.",
			 *bad, name);
	else if (strcasecmp(name, "or") == 0)
		snprintf(what, EXPR_ERROR,
			 "acl name '%s' will never match. 'or' is used to express a logical "
			 "disjunction within a condition.",
			 name);
	else
		return true;
	return false;
}

enum expr_status
acl_set_add(struct acl_set *set, const char *const *words, size_t n, char *what)
{
	if (n == 0 || !*words[0]) {
		snprintf(what, EXPR_ERROR, "missing acl name");
		return EXPR_BAD;
	}
	if (!check_name(words[0], what))
		return EXPR_BAD;
	return add_test(named_acl(set, words[0]), words + 1, n - 1, what);
}

/* HAProxy's predefined ACLs (7.4). */
static const struct {
	const char *name;
	const char *words[3];
	size_t n;
} predefined[] = {
	{ "FALSE", { "always_false" }, 1 },
	{ "HTTP_1.0", { "req.ver", "1.0" }, 2 },
	{ "HTTP_1.1", { "req.ver", "1.1" }, 2 },
	{ "HTTP_URL_ABS", { "url_reg", "^[^/:]*://" }, 2 },
	{ "HTTP_URL_SLASH", { "url_beg", "/" }, 2 },
	{ "HTTP_URL_STAR", { "url", "*" }, 2 },
	{ "METH_CONNECT", { "method", "CONNECT" }, 2 },
	{ "METH_DELETE", { "method", "DELETE" }, 2 },
	{ "METH_GET", { "method", "GET", "HEAD" }, 3 },
	{ "METH_HEAD", { "method", "HEAD" }, 2 },
	{ "METH_OPTIONS", { "method", "OPTIONS" }, 2 },
	{ "METH_POST", { "method", "POST" }, 2 },
	{ "METH_PUT", { "method", "PUT" }, 2 },
	{ "METH_TRACE", { "method", "TRACE" }, 2 },
	{ "TRUE", { "always_true" }, 1 },
	{ "LOCALHOST", { "src", "127.0.0.1/8", "::1" }, 3 },
	{ "REQ_CONTENT", { "req.len", "gt", "0" }, 3 },
	{ "WAIT_END", { "wait_end" }, 1 },
};

static struct acl *
find_acl(struct acl_set *set, const char *name, char *what)
{
	struct acl *acl = map_get(&set->by_name, str_of(name));

	if (acl && acl->n_tests)
		return acl;
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++)
		if (strcmp(name, predefined[i].name) == 0) {
			acl = named_acl(set, name);
			acl->is_predefined = true;
			if (add_test(acl, predefined[i].words, predefined[i].n, what) != EXPR_OK)
				abort(); /* our own table */
			return acl;
		}
	if (strcmp(name, "HTTP") == 0 || strcmp(name, "HTTP_CONTENT") == 0)
		snprintf(what, EXPR_ERROR,
			 "ACL '%.64s' is not supported by usher: where there is HTTP, all of it is "
			 "upgrades without content",
			 name);
	else
		snprintf(what, EXPR_ERROR, "no such ACL : '%.128s'", name);
	return NULL;
}

void
acl_condition_fini(struct acl_condition *c)
{
	for (size_t i = 0; i < c->n_terms; i++)
		if (!c->terms[i].acl->name)
			acl_free(c->terms[i].acl);
	free(c->terms);
	*c = (struct acl_condition){ 0 };
}

/* "{ criterion ... }" from words[*at] on, which is the opening brace. */
static enum expr_status
compile_anonymous(const char *const *words, size_t n, size_t *at, struct acl **acl, char *what)
{
	size_t start = ++*at;
	enum expr_status status;

	while (*at < n && strcmp(words[*at], "}") != 0)
		++*at;
	if (*at == n) {
		snprintf(what, EXPR_ERROR, "missing closing '}' in condition");
		return EXPR_BAD;
	}
	*acl = xcalloc(1, sizeof(**acl));
	status = add_test(*acl, words + start, *at - start, what);
	if (status == EXPR_BAD)
		acl_free(*acl);
	return status;
}

static enum expr_status
compile_term(struct acl_condition *c, struct acl_set *set, const char *const *words, size_t n,
	     size_t *at, struct acl_term term, char *what)
{
	const char *word = words[*at];
	enum expr_status status = EXPR_OK;

	for (; *word == '!'; word++)
		term.is_negated = !term.is_negated;
	if (strcmp(word, "{") == 0) {
		status = compile_anonymous(words, n, at, &term.acl, what);
	} else {
		term.acl = find_acl(set, word, what);
		if (!term.acl)
			status = EXPR_BAD;
	}
	if (status == EXPR_BAD)
		return status;
	ARRAY_GROW(c->terms, c->n_terms);
	c->terms[c->n_terms++] = term;
	return status;
}

static bool
is_all_bangs(const char *word)
{
	return *word && word[strspn(word, "!")] == '\0';
}

enum expr_status
acl_condition_compile(struct acl_condition *c, struct acl_set *set, const char *const *words,
		      size_t n, char *what)
{
	struct acl_term next = { .starts_alternative = true };
	enum expr_status worst = EXPR_OK;
	char found[EXPR_ERROR] = "";

	*c = (struct acl_condition){ .is_unless = n && strcmp(words[0], "unless") == 0 };
	what[0] = '\0';
	if (n == 0 || (!c->is_unless && strcmp(words[0], "if") != 0)) {
		snprintf(what, EXPR_ERROR, "expects 'if' or 'unless'");
		return EXPR_BAD;
	}
	for (size_t i = 1; i < n; i++) {
		enum expr_status status;

		if (strcasecmp(words[i], "or") == 0 || strcmp(words[i], "||") == 0) {
			next = (struct acl_term){ .starts_alternative = true };
			continue;
		}
		if (is_all_bangs(words[i])) {
			next.is_negated ^= strlen(words[i]) % 2;
			continue;
		}
		status = compile_term(c, set, words, n, &i, next, found);
		if (status == EXPR_BAD) {
			acl_condition_fini(c);
			memcpy(what, found, EXPR_ERROR);
			return EXPR_BAD;
		}
		if (status > worst) {
			worst = status;
			memcpy(what, found, EXPR_ERROR);
		}
		next = (struct acl_term){ 0 };
	}
	return worst;
}

static enum acl_result
eval_test(const struct acl_test *t, struct expr_context *x)
{
	bool holds = false;
	struct sample s;

	x->nth = 0;
	do { /* one of several values suffices */
		x->nth++;
		x->has_more = false;
		holds = expr_eval_as(&t->expr, x, match_type(t->match.method), &s) &&
			match_holds(&t->match, &s);
	} while (!holds && x->has_more);
	x->nth = 0;
	if (holds)
		return ACL_PASS;
	return s.may_change ? ACL_UNDECIDED : ACL_FAIL;
}

static enum acl_result
eval_acl(const struct acl *acl, struct expr_context *x)
{
	enum acl_result result = ACL_FAIL;

	for (size_t i = 0; i < acl->n_tests && result != ACL_PASS; i++) {
		enum acl_result one = eval_test(&acl->tests[i], x);

		if (one > result)
			result = one;
	}
	return result;
}

enum acl_result
acl_condition_eval(const struct acl_condition *c, struct expr_context *x)
{
	enum acl_result any = ACL_FAIL, all = ACL_FAIL;

	for (size_t i = 0; i < c->n_terms; i++) {
		const struct acl_term *term = &c->terms[i];
		enum acl_result one;

		if (term->starts_alternative) {
			any = all > any ? all : any;
			if (any == ACL_PASS)
				break;
			all = ACL_PASS;
		}
		if (all == ACL_FAIL) /* this alternative is lost already */
			continue;
		one = eval_acl(term->acl, x);
		if (term->is_negated)
			one = ACL_PASS - one;
		all = one < all ? one : all;
	}
	any = all > any ? all : any;
	return c->is_unless ? ACL_PASS - any : any;
}

unsigned
acl_condition_needs(const struct acl_condition *c)
{
	unsigned needs = 0;

	for (size_t i = 0; i < c->n_terms; i++)
		for (size_t k = 0; k < c->terms[i].acl->n_tests; k++)
			needs |= expr_needs(&c->terms[i].acl->tests[k].expr);
	return needs;
}
