/* Converters on text (HAProxy configuration manual, 7.3.1). Views are narrowed where that will do.
 */
#include "agent/core/expr/keyword.h"

#include <stdio.h>

static bool
convert_length(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_int(s, (int64_t)s->bytes.n);
	return true;
}

enum { TO_LOWER, TO_UPPER };

static bool
convert_case(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	char first = call->keyword->detail == TO_LOWER ? 'A' : 'a';
	char *out = scratch_take(&x->scratch, s->bytes.n);

	if (!out)
		return false;
	for (size_t i = 0; i < s->bytes.n; i++) {
		char c = s->bytes.p[i];

		out[i] = c >= first && c <= first + 25 ? (char)(c ^ 0x20) : c;
	}
	s->bytes.p = out;
	return true;
}

static bool
is_one_of(char c, struct str chars)
{
	return chars.n && memchr(chars.p, c, chars.n);
}

static bool
check_index(struct expr_call *call, char *what)
{
	if (call->args[0].number != 0)
		return true;
	snprintf(what, EXPR_ERROR, "Unexpected value 0 for index");
	return false;
}

/* How many pieces are asked for: 1, or the third argument, where 0 means all. */
static uint64_t
pieces(const struct expr_call *call)
{
	if (call->args[2].type != ARG_INT)
		return 1;
	return call->args[2].number > 0 ? (uint64_t)call->args[2].number : UINT64_MAX;
}

/* The end of the nth field, and its start; false when there are fewer. */
static bool
field_forward(struct str text, struct str delimiters, uint64_t index, uint64_t n, struct str *out)
{
	size_t start = 0, i;

	for (i = 0; index > 1; i++) {
		if (i == text.n)
			return false;
		if (is_one_of(text.p[i], delimiters)) {
			start = i + 1;
			index--;
		}
	}
	for (i = start; i < text.n; i++)
		if (is_one_of(text.p[i], delimiters) && --n == 0)
			break;
	*out = (struct str){ text.p + start, i - start };
	return true;
}

static bool
field_backward(struct str text, struct str delimiters, uint64_t index, uint64_t n, struct str *out)
{
	size_t end = text.n, i;

	for (i = text.n; index > 1; i--) {
		if (i == 0)
			return false;
		if (is_one_of(text.p[i - 1], delimiters)) {
			end = i - 1;
			index--;
		}
	}
	for (i = end; i > 0; i--)
		if (is_one_of(text.p[i - 1], delimiters) && --n == 0)
			break;
	*out = (struct str){ text.p + i, end - i };
	return true;
}

/* -n as a count, for any n. */
static uint64_t
count_of(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

/* field(index,delimiters[,count]): a field that is not there is no value, an empty one is. */
static bool
convert_field(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t index = call->args[0].number;

	return (index > 0 ? field_forward : field_backward)(
		s->bytes, call->args[1].text, count_of(index), pieces(call), &s->bytes);
}

static bool
word_forward(struct str text, struct str delimiters, uint64_t index, uint64_t n, struct str *out)
{
	size_t i = 0, start;

	for (;;) {
		while (i < text.n && is_one_of(text.p[i], delimiters))
			i++;
		start = i;
		if (start == text.n)
			return false;
		if (--index == 0)
			break;
		while (i < text.n && !is_one_of(text.p[i], delimiters))
			i++;
	}
	for (; i < text.n; i++) /* a word ends where its first delimiter stands */
		if (is_one_of(text.p[i], delimiters) && !is_one_of(text.p[i - 1], delimiters) &&
		    --n == 0)
			break;
	*out = (struct str){ text.p + start, i - start };
	return true;
}

static bool
word_backward(struct str text, struct str delimiters, uint64_t index, uint64_t n, struct str *out)
{
	size_t i = text.n, end;

	for (;;) {
		while (i > 0 && is_one_of(text.p[i - 1], delimiters))
			i--;
		end = i;
		if (end == 0)
			return false;
		if (--index == 0)
			break;
		while (i > 0 && !is_one_of(text.p[i - 1], delimiters))
			i--;
	}
	for (; i > 0; i--)
		if (is_one_of(text.p[i - 1], delimiters) && !is_one_of(text.p[i], delimiters) &&
		    --n == 0)
			break;
	*out = (struct str){ text.p + i, end - i };
	return true;
}

/* word(index,delimiters[,count]): as field, but delimiters in a row are one. */
static bool
convert_word(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t index = call->args[0].number;

	if (call->args[1].text.n == 0) /* nothing delimits: all of it is one word */
		return count_of(index) == 1;
	return (index > 0 ? word_forward : word_backward)(s->bytes, call->args[1].text,
							  count_of(index), pieces(call), &s->bytes);
}

static bool
convert_ltrim(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	for (; s->bytes.n && is_one_of(*s->bytes.p, call->args[0].text); s->bytes.n--)
		s->bytes.p++;
	return true;
}

static bool
convert_rtrim(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	while (s->bytes.n && is_one_of(s->bytes.p[s->bytes.n - 1], call->args[0].text))
		s->bytes.n--;
	return true;
}

static bool
convert_cut_crlf(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	size_t n = 0;

	while (n < s->bytes.n && s->bytes.p[n] != '\r' && s->bytes.p[n] != '\n')
		n++;
	s->bytes.n = n;
	return true;
}

/* A variable as text; absent when it is not set. */
static struct str
variable_text(const struct expr_arg *arg, struct expr_context *x)
{
	struct sample value = { 0 };

	if (arg->type != ARG_VAR || !x->get_var ||
	    !x->get_var(x->arg, arg->scope, arg->text, &value) ||
	    !sample_cast(&value, SAMPLE_STR, &x->scratch))
		return (struct str){ 0 };
	return value.bytes;
}

static bool
join(struct sample *s, struct scratch *m, const struct str *parts, size_t n)
{
	size_t len = 0;
	char *out, *w;

	for (size_t i = 0; i < n; i++)
		len += parts[i].n;
	w = out = scratch_take(m, len);
	if (!out)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(w, parts[i].p, parts[i].n);
		w += parts[i].n;
	}
	sample_set_str(s, (struct str){ out, len });
	return true;
}

/* concat([start],[variable],[end]) */
static bool
convert_concat(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str parts[] = { s->bytes, call->args[0].text, variable_text(&call->args[1], x),
			       call->args[2].text };

	return join(s, &x->scratch, parts, 4);
}

/* add_item(delimiter[,variable[,suffix]]): the delimiter only between two things. */
static bool
convert_add_item(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str parts[] = { s->bytes, call->args[0].text, variable_text(&call->args[1], x),
			       call->args[2].text };

	if (s->bytes.n == 0 || parts[2].n + parts[3].n == 0)
		parts[1].n = 0;
	return join(s, &x->scratch, parts, 4);
}

/* strcmp(variable), with the C function's sign and, as in HAProxy, the bytes' difference. */
static bool
convert_strcmp(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str a = s->bytes, b = variable_text(&call->args[0], x);
	size_t n = a.n < b.n ? a.n : b.n;
	int64_t difference = (int64_t)a.n - (int64_t)b.n;

	if (!b.p)
		return false;
	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i]) {
			difference = (unsigned char)a.p[i] - (unsigned char)b.p[i];
			break;
		}
	sample_set_int(s, difference);
	return true;
}

#define PLAIN(word, function, type)                                                                \
	{                                                                                          \
		.name = word, .in = SAMPLE_STR, .out = type, .eval = function                      \
	}
#define TRIM(word, function)                                                                       \
	{                                                                                          \
		.name = word, .args = { ARG_STR }, .n_required = 1, .in = SAMPLE_STR,              \
		.out = SAMPLE_STR, .eval = function                                                \
	}

/* Of "host:port" the digits at the end; n 0: none, or no colon before them. */
static struct str
port_of(struct str host)
{
	size_t n = 0;

	while (n < host.n && host.p[host.n - n - 1] >= '0' && host.p[host.n - n - 1] <= '9')
		n++;
	if (n == host.n || host.p[host.n - n - 1] != ':')
		n = 0;
	return (struct str){ host.p + host.n - n, n };
}

/* In lower case, too (its keyword has TO_LOWER). */
static bool
convert_host_only(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	size_t n = port_of(s->bytes).n;

	if (n || (s->bytes.n && s->bytes.p[s->bytes.n - 1] == ':'))
		s->bytes.n -= n + 1;
	return convert_case(call, x, s);
}

/* None is 0. */
static bool
convert_port_only(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct str port = port_of(s->bytes);
	uint64_t number = 0;

	(void)str_u64(port, &number);
	sample_set_int(s, (int64_t)number);
	return true;
}

const struct expr_keyword expr_convert_text[] = {
	{ .name = "add_item",
	  .args = { ARG_STR, ARG_VAR, ARG_STR },
	  .n_required = 1,
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_add_item },
	{ .name = "concat",
	  .args = { ARG_STR, ARG_VAR, ARG_STR },
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_concat },
	PLAIN("cut_crlf", convert_cut_crlf, SAMPLE_STR),
	{ .name = "field",
	  .args = { ARG_INT, ARG_STR, ARG_INT },
	  .n_required = 2,
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_field,
	  .check = check_index },
	{ .name = "host_only",
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_host_only,
	  .detail = TO_LOWER },
	PLAIN("length", convert_length, SAMPLE_INT),
	{ .name = "lower",
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_case,
	  .detail = TO_LOWER },
	TRIM("ltrim", convert_ltrim),
	PLAIN("port_only", convert_port_only, SAMPLE_INT),
	TRIM("rtrim", convert_rtrim),
	{ .name = "strcmp",
	  .args = { ARG_VAR },
	  .n_required = 1,
	  .in = SAMPLE_STR,
	  .out = SAMPLE_INT,
	  .eval = convert_strcmp },
	{ .name = "upper",
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_case,
	  .detail = TO_UPPER },
	{ .name = "word",
	  .args = { ARG_INT, ARG_STR, ARG_INT },
	  .n_required = 2,
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_word,
	  .check = check_index },
	{ 0 },
};
