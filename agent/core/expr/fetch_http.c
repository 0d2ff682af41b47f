/*
 * Fetches on the head of an HTTP request (HAProxy configuration manual, 7.3.6). What may be there
 * several times is numbered from 1; without a number it is the last one, or, in a condition, each
 * in turn (context's `nth`).
 */
#include <stdio.h>

#include "agent/core/expr/keyword.h"
#include "agent/core/http1/head.h"

enum { WHOLE_LINES = 1 }; /* a keyword's detail: a field's line is one value, commas and all */
enum { TAIL_MAX = 10 };	  /* how far back a negative number reaches, as in HAProxy */

/* Views of the head that are there several times: the values of a field, cookies, parameters. */
struct values {
	const struct http1_head *head;
	struct str name;
	bool whole_lines;
	bool (*next)(struct values *v, struct str *value);
	size_t field;	 /* the next field to look at */
	struct str rest; /* of the present one; absent: none is */
};

/* ---- the target ------------------------------------------------------------------------------ */

/* From its first slash on, behind the authority if there is one. Absent: it has no path. */
static struct str
path_and_query(struct str target)
{
	const char *end = target.p + target.n, *scheme_end;
	struct str rest = target;

	if (target.n == 0)
		return (struct str){ 0 };
	scheme_end = memmem(target.p, target.n, "://", 3);
	if (target.p[0] != '/' && scheme_end)
		rest = (struct str){ scheme_end + 3, (size_t)(end - scheme_end) - 3 };
	rest.p = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
	if (!rest.p || (target.p[0] != '/' && !scheme_end))
		return (struct str){ 0 };
	return (struct str){ rest.p, (size_t)(end - rest.p) };
}

static struct str
before_query(struct str s)
{
	const char *mark = s.n ? memchr(s.p, '?', s.n) : NULL;

	return mark ? (struct str){ s.p, (size_t)(mark - s.p) } : s;
}

static bool
give(struct sample *s, struct str text)
{
	if (!text.p)
		return false;
	sample_set_str(s, text);
	return true;
}

static bool
fetch_url(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, x->http->target);
}

static bool
fetch_path(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, before_query(path_and_query(x->http->target)));
}

static bool
fetch_pathq(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, path_and_query(x->http->target));
}

/* Behind the first question mark. */
static struct str
query_of(const struct http1_head *h)
{
	struct str all = path_and_query(h->target);
	size_t n = before_query(all).n;

	return n < all.n ? (struct str){ all.p + n + 1, all.n - n - 1 } : (struct str){ 0 };
}

static bool
fetch_query(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, query_of(x->http));
}

static bool
fetch_method(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, x->http->method);
}

/* The reader takes no other (HTTP1_FAULT_VERSION). */
static bool
fetch_version(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return x->http && give(s, STR("1.1"));
}

static struct str
first_host(const struct http1_head *h)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (str_ieq(h->fields[i].name, STR("host")))
			return h->fields[i].value;
	return (struct str){ 0 };
}

/* The host and the path, in one. */
static bool
fetch_base(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str host, path;
	char *out;

	if (!x->http)
		return false;
	host = first_host(x->http);
	path = before_query(path_and_query(x->http->target));
	if (host.n == 0)
		return give(s, path);
	out = scratch_take(&x->scratch, host.n + path.n);
	if (!out)
		return false;
	memcpy(out, host.p, host.n);
	if (path.n)
		memcpy(out + host.n, path.p, path.n);
	sample_set_str(s, (struct str){ out, host.n + path.n });
	return true;
}

/* ---- what is there several times ------------------------------------------------------------- */

static struct str
trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Up to the separator, unless that is quoted; *rest goes behind it, or becomes absent. */
static struct str
cut_at(struct str *rest, char separator)
{
	struct str part = *rest;
	bool quoted = false;

	for (part.n = 0; part.n < rest->n; part.n++) {
		char c = rest->p[part.n];

		if (c == '\\' && quoted && part.n + 1 < rest->n)
			part.n++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == separator && !quoted)
			break;
	}
	*rest = part.n < rest->n ? (struct str){ part.p + part.n + 1, rest->n - part.n - 1 }
				 : (struct str){ 0 };
	return part;
}

/* The next line of that field. */
static bool
next_line(struct values *v, struct str name, struct str *line)
{
	while (v->field < v->head->n_fields) {
		const struct http1_field *f = &v->head->fields[v->field++];

		if (!str_ieq(f->name, name))
			continue;
		*line = f->value;
		return true;
	}
	return false;
}

static bool
next_field_value(struct values *v, struct str *value)
{
	if (v->whole_lines)
		return next_line(v, v->name, value);
	if (!v->rest.p && !next_line(v, v->name, &v->rest))
		return false;
	*value = trim(cut_at(&v->rest, ','));
	return true;
}

/* RFC 6265, 4.2.1: NAME=VALUE; …; names have case. */
static bool
next_cookie(struct values *v, struct str *value)
{
	for (;;) {
		struct str pair, name;

		if (!v->rest.p && !next_line(v, STR("cookie"), &v->rest))
			return false;
		pair = trim(cut_at(&v->rest, ';'));
		name = (struct str){ pair.p, 0 };
		while (name.n < pair.n && pair.p[name.n] != '=')
			name.n++;
		if (name.n == pair.n || !str_eq(trim(name), v->name))
			continue;
		*value = trim((struct str){ pair.p + name.n + 1, pair.n - name.n - 1 });
		return true;
	}
}

/* NAME=VALUE& …, names have case, nothing is unescaped. */
static bool
next_parameter(struct values *v, struct str *value)
{
	if (v->field == 0) {
		v->rest = query_of(v->head);
		v->field = 1;
	}
	while (v->rest.p) {
		struct str pair = { v->rest.p, 0 };

		while (pair.n < v->rest.n && !strchr("&;", pair.p[pair.n]))
			pair.n++;
		v->rest = pair.n < v->rest.n
				  ? (struct str){ pair.p + pair.n + 1, v->rest.n - pair.n - 1 }
				  : (struct str){ 0 };
		if (pair.n > v->name.n && pair.p[v->name.n] == '=' &&
		    str_has_prefix(pair, v->name)) {
			*value = (struct str){ pair.p + v->name.n + 1, pair.n - v->name.n - 1 };
			return true;
		}
	}
	return false;
}

static bool
nth_from_front(struct values *v, int64_t n, struct str *value)
{
	for (; n > 0; n--)
		if (!v->next(v, value))
			return false;
	return true;
}

/* -1 is the last one. */
static bool
nth_from_back(struct values *v, int64_t n, struct str *value)
{
	struct str tail[TAIL_MAX], one;
	int64_t seen = 0;

	while (v->next(v, &one))
		tail[seen++ % TAIL_MAX] = one;
	if (seen < -n || -n > TAIL_MAX)
		return false;
	*value = tail[(seen + n) % TAIL_MAX];
	return true;
}

/* In a condition's turn: the first one, or the one behind the last one's. */
static bool
next_of_all(struct values *v, struct expr_context *x, struct str *value)
{
	struct str more;

	if (x->nth > 1) {
		v->field = x->behind.field;
		v->rest = x->behind.rest;
	}
	if (!v->next(v, value))
		return false;
	x->behind.field = v->field;
	x->behind.rest = v->rest;
	x->has_more = v->next(v, &more);
	return true;
}

/* The one that is asked for: by its number, in a condition's turn, or the `otherwise`th. */
static bool
pick(struct values *v, struct expr_context *x, int64_t number, int64_t otherwise, struct str *value)
{
	if (number == 0 && x->nth)
		return next_of_all(v, x, value);
	number = number ? number : otherwise;
	return number > 0 ? nth_from_front(v, number, value) : nth_from_back(v, number, value);
}

static struct values
fields_of(const struct expr_call *call, const struct expr_context *x)
{
	return (struct values){ .head = x->http,
				.name = call->args[0].text,
				.whole_lines = call->keyword->detail == WHOLE_LINES,
				.next = next_field_value };
}

static bool
fetch_field(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct values v = fields_of(call, x);
	struct str value;

	if (!x->http || !pick(&v, x, call->args[1].number, -1, &value))
		return false;
	sample_set_str(s, value);
	return true;
}

static bool
fetch_field_ip(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return fetch_field(call, x, s) && sample_cast(s, SAMPLE_ADDR, &x->scratch);
}

static bool
fetch_field_number(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return fetch_field(call, x, s) && sample_cast(s, SAMPLE_INT, &x->scratch);
}

static bool
count_values(struct values *v, struct sample *s)
{
	struct str value;
	int64_t n = 0;

	while (v->next(v, &value))
		n++;
	sample_set_int(s, n);
	return true;
}

static bool
fetch_field_count(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct values v = fields_of(call, x);

	return x->http && count_values(&v, s);
}

static bool
fetch_cookie(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct values v = { .head = x->http, .name = call->args[0].text, .next = next_cookie };
	struct str value;

	if (!x->http || !pick(&v, x, 0, -1, &value))
		return false;
	sample_set_str(s, value);
	return true;
}

static bool
fetch_cookie_number(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return fetch_cookie(call, x, s) && sample_cast(s, SAMPLE_INT, &x->scratch);
}

static bool
fetch_cookie_count(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct values v = { .head = x->http, .name = call->args[0].text, .next = next_cookie };

	return x->http && count_values(&v, s);
}

static bool
fetch_parameter(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct values v = { .head = x->http, .name = call->args[0].text, .next = next_parameter };
	struct str value;

	if (!x->http || !pick(&v, x, 0, 1, &value))
		return false;
	sample_set_str(s, value);
	return true;
}

static bool
fetch_parameter_number(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return fetch_parameter(call, x, s) && sample_cast(s, SAMPLE_INT, &x->scratch);
}

/* HAProxy's own bound. */
static bool
check_number(struct expr_call *call, char *what)
{
	if (call->args[1].number >= -TAIL_MAX)
		return true;
	snprintf(what, EXPR_ERROR, "occurrence too large, must be >= %d", -TAIL_MAX);
	return false;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define PLAIN(word, function)                                                                      \
	{                                                                                          \
		.name = word, .out = SAMPLE_STR, .needs = EXPR_NEEDS_HTTP, .eval = function        \
	}
#define NAMED(word, type, function)                                                                \
	{                                                                                          \
		.name = word, .args = { ARG_STR }, .n_required = 1, .out = type,                   \
		.needs = EXPR_NEEDS_HTTP, .eval = function                                         \
	}
#define NUMBERED(word, type, function, how)                                                        \
	{                                                                                          \
		.name = word, .args = { ARG_STR, ARG_INT }, .n_required = 1, .out = type,          \
		.needs = EXPR_NEEDS_HTTP, .eval = function, .check = check_number, .detail = how   \
	}

const struct expr_keyword expr_fetch_http[] = {
	PLAIN("base", fetch_base),
	NAMED("cook", SAMPLE_STR, fetch_cookie),
	NAMED("cook_cnt", SAMPLE_INT, fetch_cookie_count),
	NAMED("cook_val", SAMPLE_INT, fetch_cookie_number),
	NUMBERED("hdr", SAMPLE_STR, fetch_field, 0),
	NAMED("hdr_cnt", SAMPLE_INT, fetch_field_count),
	NUMBERED("hdr_ip", SAMPLE_ADDR, fetch_field_ip, 0),
	NUMBERED("hdr_val", SAMPLE_INT, fetch_field_number, 0),
	PLAIN("method", fetch_method),
	PLAIN("path", fetch_path),
	PLAIN("pathq", fetch_pathq),
	PLAIN("query", fetch_query),
	NAMED("req.cook", SAMPLE_STR, fetch_cookie),
	NAMED("req.cook_cnt", SAMPLE_INT, fetch_cookie_count),
	NAMED("req.cook_val", SAMPLE_INT, fetch_cookie_number),
	NUMBERED("req.fhdr", SAMPLE_STR, fetch_field, WHOLE_LINES),
	{ .name = "req.fhdr_cnt",
	  .args = { ARG_STR },
	  .n_required = 1,
	  .out = SAMPLE_INT,
	  .needs = EXPR_NEEDS_HTTP,
	  .eval = fetch_field_count,
	  .detail = WHOLE_LINES },
	NUMBERED("req.hdr", SAMPLE_STR, fetch_field, 0),
	NAMED("req.hdr_cnt", SAMPLE_INT, fetch_field_count),
	NUMBERED("req.hdr_ip", SAMPLE_ADDR, fetch_field_ip, 0),
	NUMBERED("req.hdr_val", SAMPLE_INT, fetch_field_number, 0),
	PLAIN("req.ver", fetch_version),
	PLAIN("req_ver", fetch_version),
	PLAIN("url", fetch_url),
	NAMED("url_param", SAMPLE_STR, fetch_parameter),
	NAMED("urlp", SAMPLE_STR, fetch_parameter),
	NAMED("urlp_val", SAMPLE_INT, fetch_parameter_number),
	{ 0 },
};
