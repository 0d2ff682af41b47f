/*
 * Each method reads its values once, so that matching is comparing. Comparisons become ranges:
 * "gt 5" is 6 and above. On a range an operator moves the bound that it looks at, as in HAProxy.
 */
#include "agent/core/expr/match.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/core/base/mem.h"
#include "agent/core/base/pattern.h"

static const char *const method_names[N_MATCH_METHODS] = {
	"",    "found", "bool", "int", "ip",  "bin", "len",
	"str", "beg",	"end",	"sub", "dir", "dom", "reg",
};

enum operator{ EQ, GE, GT, LE, LT };

static const char *const operator_names[] = { "eq", "ge", "gt", "le", "lt" };

void
match_fini(struct match *m)
{
	for (size_t i = 0; i < m->n_values; i++) {
		free(m->values[i].text);
		pattern_free(m->values[i].pattern);
	}
	free(m->values);
	*m = (struct match){ 0 };
}

bool
match_method_parse(struct str word, enum match_method *method)
{
	for (int i = MATCH_METHOD_FOUND; i < N_MATCH_METHODS; i++)
		if (str_is(word, method_names[i])) {
			*method = (enum match_method)i;
			return true;
		}
	return false;
}

const char *
match_method_name(enum match_method method)
{
	return method_names[method];
}

enum match_method
match_method_of(enum sample_type type)
{
	switch (type) {
	case SAMPLE_BOOL:
		return MATCH_METHOD_BOOL;
	case SAMPLE_INT:
		return MATCH_METHOD_INT;
	case SAMPLE_IPV4:
	case SAMPLE_IPV6:
	case SAMPLE_ADDR:
		return MATCH_METHOD_IP;
	case SAMPLE_STR:
		return MATCH_METHOD_STR;
	default:
		return MATCH_METHOD_NONE;
	}
}

enum sample_type
match_type(enum match_method method)
{
	switch (method) {
	case MATCH_METHOD_FOUND:
		return SAMPLE_ANY;
	case MATCH_METHOD_BOOL:
		return SAMPLE_BOOL;
	case MATCH_METHOD_INT:
		return SAMPLE_INT;
	case MATCH_METHOD_IP:
		return SAMPLE_ADDR;
	case MATCH_METHOD_BIN:
		return SAMPLE_BIN;
	default:
		return SAMPLE_STR;
	}
}

static bool
parse_number(const char *p, const char *end, int64_t *number)
{
	struct str digits = { p, (size_t)(end - p) };
	bool negative = digits.n && *p == '-';
	uint64_t v;

	digits.p += negative;
	digits.n -= negative;
	if (!str_u64(digits, &v) || v > (uint64_t)INT64_MAX)
		return false;
	*number = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

/* "5", "1:9", ":9", "1:"; the operator then moves a bound. */
static bool
parse_range(const char *word, enum operator op, struct match_value *v, char *what)
{
	const char *colon = strchr(word, ':'), *end = word + strlen(word);
	bool has_min = colon != word, has_max = !colon || colon + 1 != end;

	*v = (struct match_value){ .min = INT64_MIN, .max = INT64_MAX };
	if ((has_min && !parse_number(word, colon ? colon : end, &v->min)) ||
	    (colon && has_max && !parse_number(colon + 1, end, &v->max))) {
		snprintf(what, EXPR_ERROR, "'%s' is not a number", word);
		return false;
	}
	if ((!has_min && !has_max) || v->min > v->max) {
		snprintf(what, EXPR_ERROR, "'%s' is not a valid number range", word);
		return false;
	}
	if (!colon) {
		if (op == EQ || op == LE || op == LT)
			v->max = v->min;
		if (op == LE || op == LT)
			v->min = INT64_MIN;
	}
	if (op == GT && v->min++ == INT64_MAX)
		*v = (struct match_value){ .min = 1, .max = 0 }; /* nothing is greater */
	if (op == LT && v->max-- == INT64_MIN)
		*v = (struct match_value){ .min = 1, .max = 0 };
	return true;
}

static void
set_mask(struct match_value *v, unsigned bits)
{
	v->mask = (struct ip){ .family = v->ip.family };
	for (unsigned i = 0; i < bits; i++)
		v->mask.bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
}

static bool
parse_mask(struct str text, struct match_value *v)
{
	unsigned bits_max = v->ip.family == 4 ? 32 : 128;
	uint64_t bits = bits_max;

	if (text.p && !str_u64(text, &bits))
		return v->ip.family == 4 && ip_parse(text, &v->mask) && v->mask.family == 4;
	if (bits > bits_max)
		return false;
	set_mask(v, (unsigned)bits);
	return true;
}

/* An IPv4 address may leave out zeros as inet_aton() reads them: "10.12" is 10.0.0.12. */
static bool
parse_address(struct str host, struct ip *ip)
{
	char text[IP_TEXT];
	struct in_addr in;

	if (ip_parse(host, ip))
		return true;
	if (host.n == 0 || host.n >= sizeof(text) || host.p[0] < '0' || host.p[0] > '9')
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (strspn(text, "0123456789.") != host.n || !inet_aton(text, &in))
		return false;
	*ip = (struct ip){ .family = 4 };
	memcpy(ip->bytes, &in, 4);
	return true;
}

static bool
parse_network(const char *word, struct match_value *v, char *what)
{
	const char *slash = strchr(word, '/');
	struct str host = { word, slash ? (size_t)(slash - word) : strlen(word) };

	if (parse_address(host, &v->ip) && parse_mask(str_of(slash ? slash + 1 : NULL), v))
		return true;
	snprintf(what, EXPR_ERROR, "'%s' is not a valid IPv4 or IPv6 address", word);
	return false;
}

static bool
parse_hex(const char *word, struct match_value *v, char *what)
{
	size_t n = strlen(word);

	if (n % 2) {
		snprintf(what, EXPR_ERROR, "an even number of hex digit is expected");
		return false;
	}
	v->text = xmalloc(n / 2 + 1);
	v->len = n / 2;
	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *at = strchr(digits, word[i] | 0x20);

		if (!at || word[i] < '0') {
			snprintf(what, EXPR_ERROR, "an hex digit is expected (found '%c')",
				 word[i]);
			return false;
		}
		v->text[i / 2] =
			(char)(i % 2 ? v->text[i / 2] | (at - digits) : (at - digits) << 4);
	}
	return true;
}

static bool
parse_pattern(const struct match *m, const char *word, struct match_value *v, char *what)
{
	char why[PATTERN_ERROR];

	v->pattern = m->ignores_case ? pattern_new_caseless(str_of(word), why)
				     : pattern_new(str_of(word), why);
	if (!v->pattern)
		snprintf(what, EXPR_ERROR, "regex '%.128s' is invalid (error=%s)", word, why);
	return v->pattern != NULL;
}

/* What delimits a part of the text, for the methods that look for whole parts. */
static const char *
delimiters_of(enum match_method method)
{
	return method == MATCH_METHOD_DIR ? "/" : "/.:?";
}

static bool
is_delimiter(enum match_method method, char c)
{
	return c && strchr(delimiters_of(method), c);
}

static void
copy_text(struct match_value *v, struct str text)
{
	v->text = str_dup(text);
	v->len = text.n;
}

/* Delimiters around the value are ignored. */
static void
copy_part(enum match_method method, struct match_value *v, struct str text)
{
	for (; text.n && is_delimiter(method, text.p[0]); text.n--)
		text.p++;
	while (text.n && is_delimiter(method, text.p[text.n - 1]))
		text.n--;
	copy_text(v, text);
}

static bool
parse_value(const struct match *m, const char *word, enum operator op, struct match_value *v,
	    char *what)
{
	switch (m->method) {
	case MATCH_METHOD_INT:
	case MATCH_METHOD_LEN:
		return parse_range(word, op, v, what);
	case MATCH_METHOD_IP:
		return parse_network(word, v, what);
	case MATCH_METHOD_BIN:
		return parse_hex(word, v, what);
	case MATCH_METHOD_REG:
		return parse_pattern(m, word, v, what);
	case MATCH_METHOD_DIR:
	case MATCH_METHOD_DOM:
		copy_part(m->method, v, str_of(word));
		return true;
	default:
		copy_text(v, str_of(word));
		return true;
	}
}

static bool
take_operator(const struct match *m, const char *word, enum operator* op)
{
	if (m->method != MATCH_METHOD_INT && m->method != MATCH_METHOD_LEN)
		return false;
	for (size_t i = 0; i < sizeof(operator_names) / sizeof(operator_names[0]); i++)
		if (strcmp(word, operator_names[i]) == 0) {
			*op = (enum operator)i;
			return true;
		}
	return false;
}

bool
match_add(struct match *m, const char *const *words, size_t n, char *what)
{
	enum operator op = EQ;

	for (size_t i = 0; i < n; i++) {
		struct match_value v = { 0 };

		if (take_operator(m, words[i], &op))
			continue;
		if (i > 0 && strcmp(words[i], "--") == 0 && take_operator(m, words[i - 1], &op))
			continue; /* "lt -- -3" */
		if (!parse_value(m, words[i], op, &v, what)) {
			free(v.text);
			return false;
		}
		ARRAY_GROW(m->values, m->n_values);
		m->values[m->n_values++] = v;
	}
	return true;
}

static bool
equal(const struct match *m, const char *a, const char *b, size_t n)
{
	return n == 0 || (m->ignores_case ? strncasecmp(a, b, n) : memcmp(a, b, n)) == 0;
}

/* Is the value somewhere in the text, and whole if a method wants that? */
static bool
contains(const struct match *m, struct str text, const struct match_value *v)
{
	bool whole = m->method != MATCH_METHOD_SUB;

	if (whole && v->len == 0)
		return false;
	for (size_t i = 0; i + v->len <= text.n; i++) {
		size_t end = i + v->len;

		if (equal(m, text.p + i, v->text, v->len) &&
		    (!whole || ((i == 0 || is_delimiter(m->method, text.p[i - 1])) &&
				(end == text.n || is_delimiter(m->method, text.p[end])))))
			return true;
	}
	return false;
}

static bool
masked_equal(const uint8_t *a, const struct match_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] ^ v->ip.bytes[i]) & v->mask.bytes[i])
			return false;
	return true;
}

/* The IPv4 address inside an IPv6 one: ::ffff:a.b.c.d, ::a.b.c.d or 2002:ab:cd::. */
static const uint8_t *
embedded_ipv4(const struct ip *ip)
{
	static const uint8_t zeros[12], mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(ip->bytes, mapped, 12) == 0 || memcmp(ip->bytes, zeros, 12) == 0)
		return ip->bytes + 12;
	return ip->bytes[0] == 0x20 && ip->bytes[1] == 0x02 ? ip->bytes + 2 : NULL;
}

static bool
network_has(const struct match_value *v, const struct ip *ip)
{
	struct ip as_v6 = { .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } };
	const uint8_t *v4;

	if (v->ip.family == ip->family)
		return masked_equal(ip->bytes, v, ip->family == 4 ? 4 : 16);
	if (v->ip.family == 4) {
		v4 = embedded_ipv4(ip);
		return v4 && masked_equal(v4, v, 4);
	}
	memcpy(as_v6.bytes + 12, ip->bytes, 4);
	return masked_equal(as_v6.bytes, v, 16);
}

static bool
value_matches(const struct match *m, const struct match_value *v, const struct sample *s)
{
	struct str text = s->bytes;
	int64_t number;

	switch (m->method) {
	case MATCH_METHOD_INT:
		return s->number >= v->min && s->number <= v->max;
	case MATCH_METHOD_LEN:
		number = (int64_t)text.n;
		return number >= v->min && number <= v->max;
	case MATCH_METHOD_IP:
		return network_has(v, &s->ip);
	case MATCH_METHOD_BIN:
	case MATCH_METHOD_STR:
		return text.n == v->len && equal(m, text.p, v->text, v->len);
	case MATCH_METHOD_BEG:
		return text.n >= v->len && equal(m, text.p, v->text, v->len);
	case MATCH_METHOD_END:
		return text.n >= v->len && equal(m, text.p + text.n - v->len, v->text, v->len);
	case MATCH_METHOD_SUB:
	case MATCH_METHOD_DIR:
	case MATCH_METHOD_DOM:
		return contains(m, text, v);
	case MATCH_METHOD_REG:
		return pattern_matches(v->pattern, text);
	default:
		return false;
	}
}

bool
match_holds(const struct match *m, const struct sample *s)
{
	if (m->method == MATCH_METHOD_FOUND)
		return true;
	if (m->method == MATCH_METHOD_BOOL)
		return s->number != 0;
	for (size_t i = 0; i < m->n_values; i++)
		if (value_matches(m, &m->values[i], s))
			return true;
	return false;
}
