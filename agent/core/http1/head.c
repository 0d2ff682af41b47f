/*
 * Line by line. A line is found by its CRLF while each of its bytes is judged, so that binary bytes
 * at an HTTP port are refused at the first one; then it is taken apart.
 */
#include "agent/core/http1/head.h"

static const char *const names[N_HTTP1_FAULTS] = {
	[HTTP1_FAULT_NONE] = "none",	     [HTTP1_FAULT_START_LINE] = "start_line",
	[HTTP1_FAULT_VERSION] = "version",   [HTTP1_FAULT_LINE_END] = "line_end",
	[HTTP1_FAULT_CONTROL] = "control",   [HTTP1_FAULT_FOLD] = "fold",
	[HTTP1_FAULT_FIELD] = "field",	     [HTTP1_FAULT_TOO_LONG] = "too_long",
	[HTTP1_FAULT_TOO_MANY] = "too_many",
};

const char *
http1_fault_name(enum http1_fault fault)
{
	return names[fault];
}

typedef enum http1_fault start_line_fn(struct str line, struct http1_head *h);

static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool
http1_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.n > 0;
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/*
 * The line at p, without its CRLF. PARSE_BAD: one of its bytes may not stand in any line (RFC 9110,
 * 5.5; RFC 9112, 2.2). Bytes above 0x7f may: they are opaque.
 */
static enum parse
find_line(const char *p, size_t n, struct str *line, enum http1_fault *fault)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c >= ' ' && c != 0x7f) || c == '\t')
			continue;
		if (c == '\r' && i + 1 == n)
			return PARSE_MORE;
		if (c == '\r' && p[i + 1] == '\n') {
			*line = (struct str){ p, i };
			return PARSE_OK;
		}
		*fault = c == '\r' || c == '\n' ? HTTP1_FAULT_LINE_END : HTTP1_FAULT_CONTROL;
		return PARSE_BAD;
	}
	return PARSE_MORE;
}

/* RFC 9112, 2.3: "HTTP/" DIGIT "." DIGIT, in capitals. */
static enum http1_fault
check_version(struct str s)
{
	static const struct str shape = { "HTTP/0.0", 8 };

	if (s.n != shape.n || !str_has_prefix(s, STR("HTTP/")) || s.p[5] < '0' || s.p[5] > '9' ||
	    s.p[6] != '.' || s.p[7] < '0' || s.p[7] > '9')
		return HTTP1_FAULT_START_LINE;
	return str_is(s, "HTTP/1.1") ? HTTP1_FAULT_NONE : HTTP1_FAULT_VERSION;
}

/* Up to the first space; *rest goes behind it. Absent if there is no space. */
static struct str
next_word(struct str *rest)
{
	const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
	struct str word = { rest->p, space ? (size_t)(space - rest->p) : 0 };

	if (!space)
		return (struct str){ 0 };
	*rest = (struct str){ space + 1, rest->n - word.n - 1 };
	return word;
}

/* RFC 9112, 3: method SP target SP version; a target is visible ASCII (RFC 3986, 2). */
static enum http1_fault
read_request_line(struct str line, struct http1_head *h)
{
	h->method = next_word(&line);
	h->target = next_word(&line);
	if (!http1_is_token(h->method) || h->target.n == 0)
		return HTTP1_FAULT_START_LINE;
	for (size_t i = 0; i < h->target.n; i++)
		if (h->target.p[i] <= ' ' || (unsigned char)h->target.p[i] > 0x7e)
			return HTTP1_FAULT_START_LINE;
	return check_version(line);
}

/* RFC 9112, 4: version SP three digits SP reason; who has no reason often leaves that space out. */
static enum http1_fault
read_status_line(struct str line, struct http1_head *h)
{
	struct str version = next_word(&line);
	struct str digits = { line.p, line.n < 3 ? line.n : 3 };
	enum http1_fault fault = check_version(version);
	uint64_t status;

	if (fault)
		return fault;
	if (digits.n != 3 || !str_u64(digits, &status) || status < 100 ||
	    (line.n > 3 && line.p[3] != ' '))
		return HTTP1_FAULT_START_LINE;
	h->status = (unsigned)status;
	h->reason =
		line.n > 3 ? (struct str){ line.p + 4, line.n - 4 } : (struct str){ line.p + 3, 0 };
	return HTTP1_FAULT_NONE;
}

/* RFC 9112, 5 */
static enum http1_fault
read_field(struct str line, struct http1_head *h)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct http1_field f;

	if (line.p[0] == ' ' || line.p[0] == '\t') /* 5.2 */
		return HTTP1_FAULT_FOLD;
	if (!colon)
		return HTTP1_FAULT_FIELD;
	f.name = (struct str){ line.p, (size_t)(colon - line.p) };
	f.value = trim((struct str){ colon + 1, line.n - f.name.n - 1 });
	if (!http1_is_token(f.name)) /* 5.1: no blank before the colon either */
		return HTTP1_FAULT_FIELD;
	if (h->n_fields == HTTP1_FIELDS_MAX)
		return HTTP1_FAULT_TOO_MANY;
	h->fields[h->n_fields++] = f;
	return HTTP1_FAULT_NONE;
}

static enum parse
decode(const char *p, size_t n, start_line_fn *read_start_line, struct http1_head *h,
       enum http1_fault *fault)
{
	bool is_first = true;
	struct str line;
	enum parse parse;

	while ((parse = find_line(p + h->len, n - h->len, &line, fault)) == PARSE_OK) {
		h->len += line.n + 2;
		if (is_first)
			*fault = read_start_line(line, h);
		else if (line.n == 0)
			return PARSE_OK;
		else
			*fault = read_field(line, h);
		if (*fault)
			return PARSE_BAD;
		is_first = false;
	}
	return parse;
}

static enum parse
decode_bounded(const uint8_t *p, size_t n, start_line_fn *read_start_line, struct http1_head *h,
	       enum http1_fault *fault)
{
	bool is_cut = n > HTTP1_HEAD_MAX;
	enum parse parse;

	h->len = h->n_fields = 0;
	h->method = h->target = h->reason = (struct str){ 0 };
	h->status = 0;
	*fault = HTTP1_FAULT_NONE;
	if (n == 0)
		return PARSE_MORE;
	parse = decode((const char *)p, is_cut ? HTTP1_HEAD_MAX : n, read_start_line, h, fault);
	if (parse == PARSE_MORE && n >= HTTP1_HEAD_MAX) {
		*fault = HTTP1_FAULT_TOO_LONG;
		return PARSE_BAD;
	}
	return parse;
}

enum parse
http1_request_decode(const uint8_t *p, size_t n, struct http1_head *h, enum http1_fault *fault)
{
	return decode_bounded(p, n, read_request_line, h, fault);
}

enum parse
http1_response_decode(const uint8_t *p, size_t n, struct http1_head *h, enum http1_fault *fault)
{
	return decode_bounded(p, n, read_status_line, h, fault);
}

size_t
http1_field_find(const struct http1_head *h, const char *name, struct str *value)
{
	size_t n = 0;

	*value = (struct str){ 0 };
	for (size_t i = 0; i < h->n_fields; i++) {
		if (!str_ieq(h->fields[i].name, str_of(name)))
			continue;
		*value = h->fields[i].value;
		n++;
	}
	return n;
}

bool
http1_list_next(struct str *list, struct str *element)
{
	while (list->n > 0) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma ? (size_t)(comma - list->p) : list->n;
		size_t used = comma ? n + 1 : n;

		*element = trim((struct str){ list->p, n });
		*list = (struct str){ list->p + used, list->n - used };
		if (element->n)
			return true;
	}
	return false;
}

bool
http1_list_has(const struct http1_head *h, const char *name, struct str token)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct str list = h->fields[i].value, element;

		if (!str_ieq(h->fields[i].name, str_of(name)))
			continue;
		while (http1_list_next(&list, &element))
			if (str_ieq(element, token))
				return true;
	}
	return false;
}
