/* Converters that ask a stick table or a backend by the sample's value. */
#include "agent/core/expr/keyword.h"

static bool
convert_lookup(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct sample key = *s;

	if (!x->table_lookup)
		return false;
	if (x->table_lookup(x->arg, call->args[0].text, &key,
			    (enum table_data)call->keyword->detail, s))
		return true;
	if (call->args[1].type != ARG_INT)
		return false;
	sample_set_int(s, call->args[1].number);
	return true;
}

static bool
convert_nbsrv(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	int64_t number;

	if (!x->count || !x->count(x->arg, COUNT_NBSRV, s->bytes, STR(""), &number))
		return false;
	sample_set_int(s, number);
	return true;
}

#define LOOKUP(word, data, type)                                                                   \
	{                                                                                          \
		.name = word, .args = { ARG_TABLE }, .n_required = 1, .in = SAMPLE_ANY,            \
		.out = type, .eval = convert_lookup, .detail = data                                \
	}
#define LOOKUP_OR(word, data)                                                                      \
	{                                                                                          \
		.name = word, .args = { ARG_TABLE, ARG_INT }, .n_required = 1, .in = SAMPLE_ANY,   \
		.out = SAMPLE_INT, .eval = convert_lookup, .detail = data                          \
	}

const struct expr_keyword expr_convert_table[] = {
	LOOKUP("in_table", TABLE_PRESENT, SAMPLE_BOOL),
	{ .name = "nbsrv", .in = SAMPLE_STR, .out = SAMPLE_INT, .eval = convert_nbsrv },
#define X(data, word) LOOKUP("table_" #word, TABLE_##data, SAMPLE_INT),
	EXPR_TABLE_DATA(X)
#undef X
		LOOKUP_OR("table_expire", TABLE_EXPIRE),
	LOOKUP("table_gpc0", TABLE_GPC0, SAMPLE_INT),
	LOOKUP("table_gpc1", TABLE_GPC1, SAMPLE_INT),
	LOOKUP("table_gpt0", TABLE_GPT0, SAMPLE_INT),
	LOOKUP_OR("table_idle", TABLE_IDLE),
	LOOKUP("table_server_id", TABLE_SERVER_ID, SAMPLE_INT),
	LOOKUP("table_trackers", TABLE_TRACKERS, SAMPLE_INT),
	{ 0 },
};
