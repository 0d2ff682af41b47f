/*
 * Fetches from stick tables (HAProxy configuration manual, 7.3.3): of the keys that the session
 * tracks, sc_x(counter[,table]) and sc0_x([table]), and of its source, src_x([table]).
 */
#include "agent/core/expr/keyword.h"

#include <stdio.h>

static struct str
table_arg(const struct expr_call *call, unsigned i)
{
	return call->n_args > i ? call->args[i].text : STR("");
}

static bool
check_counter(struct expr_call *call, char *what)
{
	if (call->args[0].number >= 0 && call->args[0].number <= 2)
		return true;
	snprintf(what, EXPR_ERROR, "counter ID must be between 0 and 2");
	return false;
}

static bool
look_up_tracked(const struct expr_call *call, struct expr_context *x, unsigned counter,
		struct str table, struct sample *s)
{
	return x->tracked &&
	       x->tracked(x->arg, counter, table, (enum table_data)call->keyword->detail, s);
}

static bool
fetch_numbered(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return look_up_tracked(call, x, (unsigned)call->args[0].number, table_arg(call, 1), s);
}

static bool
fetch_named(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	return look_up_tracked(call, x, call->keyword->counter, table_arg(call, 0), s);
}

/* sc_tracked: whether there is a key, which an answer of any kind shows. */
static bool
fetch_numbered_tracked(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	bool yes = fetch_numbered(call, x, s);

	sample_set_bool(s, yes);
	return true;
}

static bool
fetch_named_tracked(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	bool yes = fetch_named(call, x, s);

	sample_set_bool(s, yes);
	return true;
}

static bool
fetch_source(const struct expr_call *call, struct expr_context *x, struct sample *s)
{
	struct sample key = { 0 };

	if (!x->src.family || !x->table_lookup)
		return false;
	sample_set_ip(&key, &x->src);
	return x->table_lookup(x->arg, table_arg(call, 0), &key,
			       (enum table_data)call->keyword->detail, s);
}

#define TRACKED(name_, data, type, numbered, named)                                                \
	{ .name = "sc_" name_,                                                                     \
	  .args = { ARG_INT, ARG_TABLE },                                                          \
	  .n_required = 1,                                                                         \
	  .out = type,                                                                             \
	  .eval = numbered,                                                                        \
	  .check = check_counter,                                                                  \
	  .detail = data,                                                                          \
	  .needs = EXPR_NEEDS_TRACKING },                                                          \
		TRACKED_BY("sc0_" name_, data, type, named, 0),                                    \
		TRACKED_BY("sc1_" name_, data, type, named, 1),                                    \
		TRACKED_BY("sc2_" name_, data, type, named, 2)
#define TRACKED_BY(name_, data, type, named, number)                                               \
	{                                                                                          \
		.name = name_, .args = { ARG_TABLE }, .out = type, .eval = named, .detail = data,  \
		.counter = number, .needs = EXPR_NEEDS_TRACKING                                    \
	}
#define SOURCE(name_, data)                                                                        \
	{                                                                                          \
		.name = "src_" name_, .args = { ARG_TABLE }, .out = SAMPLE_INT,                    \
		.eval = fetch_source, .detail = data                                               \
	}
#define COUNTER(name_, data)                                                                       \
	TRACKED(name_, data, SAMPLE_INT, fetch_numbered, fetch_named), SOURCE(name_, data)

const struct expr_keyword expr_fetch_table[] = {
#define X(data, word) COUNTER(#word, TABLE_##data),
	EXPR_TABLE_DATA(X)
#undef X
		COUNTER("get_gpc0", TABLE_GPC0),
	COUNTER("get_gpc1", TABLE_GPC1),
	COUNTER("get_gpt0", TABLE_GPT0),
	TRACKED("tracked", TABLE_PRESENT, SAMPLE_BOOL, fetch_numbered_tracked, fetch_named_tracked),
	TRACKED("trackers", TABLE_TRACKERS, SAMPLE_INT, fetch_numbered, fetch_named),
	{ 0 },
};
