/* Converters between bytes and text (HAProxy configuration manual, 7.3.1). */
#include "agent/core/expr/keyword.h"

#include <stdio.h>

/* bytes(offset[,length]): behind the end there is nothing. */
static bool
convert_bytes(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t offset = call->args[0].number, length = call->args[1].number;

	if (offset < 0 || (uint64_t)offset >= s->bytes.n)
		return false;
	s->bytes.p += offset;
	s->bytes.n -= (size_t)offset;
	if (call->args[1].type == ARG_INT && length >= 0 && (uint64_t)length < s->bytes.n)
		s->bytes.n = (size_t)length;
	return true;
}

static bool
convert_hex(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = scratch_take(&x->scratch, 2 * s->bytes.n);

	if (!out)
		return false;
	for (size_t i = 0; i < s->bytes.n; i++) {
		out[2 * i] = digits[(uint8_t)s->bytes.p[i] >> 4];
		out[2 * i + 1] = digits[(uint8_t)s->bytes.p[i] & 15];
	}
	sample_set_str(s, (struct str){ out, 2 * s->bytes.n });
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
convert_hex2i(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	uint64_t number = 0;

	for (size_t i = 0; i < s->bytes.n; i++) {
		int digit = hex_digit(s->bytes.p[i]);

		if (digit < 0)
			return false;
		number = number << 4 | (unsigned)digit;
	}
	sample_set_int(s, (int64_t)number);
	return true;
}

enum { BASE64_PLAIN, BASE64_URL };

static const char *const alphabets[] = {
	[BASE64_PLAIN] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/* RFC 4648, sections 4 and 5; the alphabet for URLs goes without padding. */
static bool
convert_base64(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const char *alphabet = alphabets[call->keyword->detail];
	const uint8_t *in = (const uint8_t *)s->bytes.p;
	char *out = scratch_take(&x->scratch, (s->bytes.n + 2) / 3 * 4);
	size_t w = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < s->bytes.n; i += 3) {
		size_t left = s->bytes.n - i;
		uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
				(left > 2 ? in[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			if (k <= left)
				out[w++] = alphabet[bits >> (18 - 6 * k) & 63];
			else if (call->keyword->detail == BASE64_PLAIN)
				out[w++] = '=';
	}
	sample_set_str(s, (struct str){ out, w });
	return true;
}

/* The text without padding; false if its length cannot be. */
static bool
strip_padding(struct str *text, bool is_padded)
{
	if (is_padded) {
		if (text->n % 4)
			return false;
		for (int i = 0; i < 2 && text->n && text->p[text->n - 1] == '='; i++)
			text->n--;
	}
	return text->n % 4 != 1;
}

static bool
convert_base64_decode(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const char *alphabet = alphabets[call->keyword->detail];
	struct str in = s->bytes;
	char *out = scratch_take(&x->scratch, in.n / 4 * 3 + 3);
	uint32_t bits = 0;
	size_t w = 0;

	if (!out || !strip_padding(&in, call->keyword->detail == BASE64_PLAIN))
		return false;
	for (size_t i = 0; i < in.n; i++) {
		const char *at = in.p[i] ? strchr(alphabet, in.p[i]) : NULL;

		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		if (i % 4) /* the second to fourth character complete a byte each */
			out[w++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	sample_set_bin(s, (struct str){ out, w });
	return true;
}

/* url_dec([in_form]): '+' is a blank in forms, elsewhere only behind the question mark. */
static bool
convert_url_dec(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	bool in_form = call->args[0].number != 0;
	struct str in = s->bytes;
	char *out = scratch_take(&x->scratch, in.n);
	size_t w = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && in_form) {
			c = ' ';
		} else if (c == '?') {
			in_form = true;
		}
		out[w++] = c;
	}
	s->bytes = (struct str){ out, w };
	return true;
}

#define CODEC(word, from, to, function, what)                                                      \
	{                                                                                          \
		.name = word, .in = from, .out = to, .eval = function, .detail = what              \
	}

const struct expr_keyword expr_convert_bytes[] = {
	CODEC("b64dec", SAMPLE_STR, SAMPLE_BIN, convert_base64_decode, BASE64_PLAIN),
	CODEC("base64", SAMPLE_BIN, SAMPLE_STR, convert_base64, BASE64_PLAIN),
	{ .name = "bytes",
	  .args = { ARG_INT, ARG_INT },
	  .n_required = 1,
	  .in = SAMPLE_BIN,
	  .out = SAMPLE_BIN,
	  .eval = convert_bytes },
	CODEC("hex", SAMPLE_BIN, SAMPLE_STR, convert_hex, 0),
	CODEC("hex2i", SAMPLE_STR, SAMPLE_INT, convert_hex2i, 0),
	CODEC("ub64dec", SAMPLE_STR, SAMPLE_BIN, convert_base64_decode, BASE64_URL),
	CODEC("ub64enc", SAMPLE_BIN, SAMPLE_STR, convert_base64, BASE64_URL),
	{ .name = "url_dec",
	  .args = { ARG_INT },
	  .in = SAMPLE_STR,
	  .out = SAMPLE_STR,
	  .eval = convert_url_dec },
	{ 0 },
};
