/* Line by line; a line ends in LF, with or without CR before it. */
#include "agent/core/health/response.h"

#include <string.h>

/* The line at *at, without its end. PARSE_MORE: it is not whole yet. */
static enum parse
next_line(const uint8_t *p, size_t n, size_t *at, struct str *line)
{
	const uint8_t *end = memchr(p + *at, '\n', n - *at);
	size_t len;

	if (!end)
		return PARSE_MORE;
	len = (size_t)(end - (p + *at));
	*line = (struct str){ (const char *)p + *at, len };
	if (len && line->p[len - 1] == '\r')
		line->n--;
	*at += len + 1;
	return PARSE_OK;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; the reason may be missing, and the blank before it. */
static bool
read_status_line(struct str line, struct response *r)
{
	const char *c = line.p;

	if (line.n < 12 || memcmp(c, "HTTP/", 5) != 0 || !is_digit(c[5]) || c[6] != '.' ||
	    !is_digit(c[7]) || c[8] != ' ' || !is_digit(c[9]) || c[9] == '0' || !is_digit(c[10]) ||
	    !is_digit(c[11]) || (line.n > 12 && c[12] != ' '))
		return false;
	r->status = (c[9] - '0') * 100 + (c[10] - '0') * 10 + (c[11] - '0');
	r->reason = line.n > 13 ? (struct str){ c + 13, line.n - 13 } : STR("");
	return true;
}

static bool
is_token(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct str
trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool
read_header(struct str line, struct response *r)
{
	size_t n = 0;
	struct str name, value;

	while (n < line.n && is_token(line.p[n]))
		n++;
	if (n == 0 || n == line.n || line.p[n] != ':')
		return false;
	name = (struct str){ line.p, n };
	value = trim((struct str){ line.p + n + 1, line.n - n - 1 });
	if (str_ieq(name, STR("transfer-encoding"))) {
		r->is_chunked = str_ieq(value, STR("chunked"));
		return r->is_chunked;
	}
	if (str_ieq(name, STR("content-length"))) {
		r->has_length = true;
		return str_u64(value, &r->length);
	}
	return true;
}

/* No more of a status line can mend a wrong beginning. */
static bool
begins_wrong(const uint8_t *p, size_t n)
{
	return memcmp(p, "HTTP/", n < 5 ? n : 5) != 0;
}

enum parse
response_head(const uint8_t *p, size_t n, struct response *r)
{
	size_t at = 0;
	struct str line;

	*r = (struct response){ .reason = STR("") };
	if (n && begins_wrong(p, n))
		return PARSE_BAD;
	if (n == 0 || next_line(p, n, &at, &line) == PARSE_MORE)
		return PARSE_MORE;
	if (!read_status_line(line, r))
		return PARSE_BAD;
	while (next_line(p, n, &at, &line) == PARSE_OK) {
		if (line.n == 0) {
			r->head_len = at;
			return PARSE_OK;
		}
		if (!read_header(line, r))
			return PARSE_BAD;
	}
	return PARSE_MORE;
}

static int
hex_value(char c)
{
	return is_digit(c)	      ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* A chunk's size; extensions behind it are skipped. False: it is none, or larger than any check. */
static bool
read_chunk_size(struct str line, size_t *size)
{
	size_t i = 0;

	*size = 0;
	for (; i < line.n && hex_value(line.p[i]) >= 0; i++) {
		if (*size >> 24)
			return false;
		*size = *size * 16 + (size_t)hex_value(line.p[i]);
	}
	return i > 0;
}

static size_t
unchunk(const uint8_t *p, size_t n, uint8_t *out, size_t size, bool *is_whole)
{
	size_t at = 0, got = 0, chunk, part;
	struct str line;

	while (next_line(p, n, &at, &line) == PARSE_OK) {
		if (!read_chunk_size(line, &chunk) || chunk == 0) {
			*is_whole = true; /* a broken frame ends it as the last chunk does */
			return got;
		}
		part = chunk < n - at ? chunk : n - at;
		if (part > size - got)
			part = size - got;
		memcpy(out + got, p + at, part);
		got += part;
		if (part < chunk)
			return got;
		at += part;
		(void)next_line(p, n, &at, &line);
	}
	return got;
}

size_t
response_body(const struct response *r, const uint8_t *p, size_t n, uint8_t *out, size_t size,
	      bool *is_whole)
{
	size_t have = n - r->head_len;

	*is_whole = false;
	if (r->is_chunked)
		return unchunk(p + r->head_len, have, out, size, is_whole);
	if (r->has_length && have >= r->length) {
		have = (size_t)r->length;
		*is_whole = true;
	}
	if (have > size)
		have = size;
	memcpy(out, p + r->head_len, have);
	return have;
}
