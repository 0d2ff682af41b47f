/*
 * Arithmetic, bits and truth (HAProxy configuration manual, 7.3.1). Results that do not fit stay at
 * the bound, so that a comparison with them keeps its meaning.
 */
#include "agent/core/expr/keyword.h"

enum operation { ADD, SUB, MUL, DIV, MOD, AND, OR, XOR };

/* The operand: a constant, or a variable's value as a number. */
static bool
operand(const struct expr_call *call, struct expr_context *x, int64_t *number)
{
	const struct expr_arg *arg = &call->args[0];
	struct sample value = { 0 };

	*number = arg->number;
	if (arg->type == ARG_INT)
		return true;
	if (!x->get_var || !x->get_var(x->arg, arg->scope, arg->text, &value) ||
	    !sample_cast(&value, SAMPLE_INT, &x->scratch))
		return false;
	*number = value.number;
	return true;
}

static int64_t
add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static int64_t
subtract(int64_t a, int64_t b)
{
	int64_t difference;

	return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN)
							 : difference;
}

static int64_t
multiply(int64_t a, int64_t b)
{
	int64_t product;

	return __builtin_mul_overflow(a, b, &product) ? ((a < 0) == (b < 0) ? INT64_MAX : INT64_MIN)
						      : product;
}

static int64_t
divide(int64_t a, int64_t b)
{
	if (b == 0 || (a == INT64_MIN && b == -1))
		return INT64_MAX;
	return a / b;
}

static bool
convert_operation(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t a = s->number, b;

	if (!operand(call, x, &b))
		return false;
	switch ((enum operation)call->keyword->detail) {
	case ADD:
		a = add(a, b);
		break;
	case SUB:
		a = subtract(a, b);
		break;
	case MUL:
		a = multiply(a, b);
		break;
	case DIV:
		a = divide(a, b);
		break;
	case MOD:
		a = b == 0 || b == -1 ? 0 : a % b;
		break;
	case AND:
		a &= b;
		break;
	case OR:
		a |= b;
		break;
	case XOR:
		a ^= b;
		break;
	}
	sample_set_int(s, a);
	return true;
}

static bool
convert_neg(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	s->number = subtract(0, s->number);
	return true;
}

static bool
convert_cpl(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	s->number = ~s->number;
	return true;
}

static bool
convert_not(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, !s->number);
	return true;
}

static bool
convert_bool(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, s->number != 0);
	return true;
}

/* odd and even: detail is the lowest bit that is asked for. */
static bool
convert_parity(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_bool(s, (s->number & 1) == call->keyword->detail);
	return true;
}

/* iif(true,false) */
static bool
convert_iif(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	sample_set_str(s, call->args[s->number ? 0 : 1].text);
	return true;
}

/* 32 bits in network order. */
static bool
convert_htonl(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	char *bytes = scratch_take(&x->scratch, 4);

	if (!bytes)
		return false;
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)((uint64_t)s->number >> (24 - 8 * i));
	sample_set_bin(s, (struct str){ bytes, 4 });
	return true;
}

/* ipmask(mask4[,mask6]): an IPv6 address without mask6 has no value. */
static bool
convert_ipmask(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	const struct expr_arg *mask;

	if (s->type == SAMPLE_IPV6) { /* one that is IPv4 in disguise is masked as such */
		struct sample v4 = *s;

		if (sample_cast(&v4, SAMPLE_IPV4, &x->scratch))
			*s = v4;
	}
	mask = &call->args[s->type == SAMPLE_IPV6];
	if (mask->type == ARG_NONE)
		return false;
	for (size_t i = 0; i < sizeof(s->ip.bytes); i++)
		s->ip.bytes[i] &= mask->ip.bytes[i];
	return true;
}

#define OPERATION(word, what)                                                                      \
	{                                                                                          \
		.name = word, .args = { ARG_VALUE }, .n_required = 1, .in = SAMPLE_INT,            \
		.out = SAMPLE_INT, .eval = convert_operation, .detail = what                       \
	}

const struct expr_keyword expr_convert_number[] = {
	OPERATION("add", ADD),
	OPERATION("and", AND),
	{ .name = "bool", .in = SAMPLE_INT, .out = SAMPLE_BOOL, .eval = convert_bool },
	{ .name = "cpl", .in = SAMPLE_INT, .out = SAMPLE_INT, .eval = convert_cpl },
	OPERATION("div", DIV),
	{ .name = "even", .in = SAMPLE_INT, .out = SAMPLE_BOOL, .eval = convert_parity },
	{ .name = "htonl", .in = SAMPLE_INT, .out = SAMPLE_BIN, .eval = convert_htonl },
	{ .name = "iif",
	  .args = { ARG_STR, ARG_STR },
	  .n_required = 2,
	  .in = SAMPLE_BOOL,
	  .out = SAMPLE_STR,
	  .eval = convert_iif },
	{ .name = "ipmask",
	  .args = { ARG_MASK4, ARG_MASK6 },
	  .n_required = 1,
	  .in = SAMPLE_ADDR,
	  .out = SAMPLE_ADDR,
	  .eval = convert_ipmask },
	OPERATION("mod", MOD),
	OPERATION("mul", MUL),
	{ .name = "neg", .in = SAMPLE_INT, .out = SAMPLE_INT, .eval = convert_neg },
	{ .name = "not", .in = SAMPLE_INT, .out = SAMPLE_BOOL, .eval = convert_not },
	{ .name = "odd",
	  .in = SAMPLE_INT,
	  .out = SAMPLE_BOOL,
	  .eval = convert_parity,
	  .detail = 1 },
	OPERATION("or", OR),
	OPERATION("sub", SUB),
	OPERATION("xor", XOR),
	{ 0 },
};
