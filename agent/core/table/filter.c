/* One list of names, in the order in which HAProxy shows them. */
#include "agent/core/table/filter.h"

#include <stdlib.h>

static const struct {
	const char *name;
	enum table_data what; /* N_TABLE_DATA: HAProxy's alone */
} names[] = {
	{ "server_id", TABLE_SERVER_ID },
	{ "gpt0", TABLE_GPT0 },
	{ "gpc0", TABLE_GPC0 },
	{ "gpc0_rate", TABLE_GPC0_RATE },
	{ "conn_cnt", TABLE_CONN_CNT },
	{ "conn_rate", TABLE_CONN_RATE },
	{ "conn_cur", TABLE_CONN_CUR },
	{ "sess_cnt", TABLE_SESS_CNT },
	{ "sess_rate", TABLE_SESS_RATE },
	{ "bytes_in_cnt", TABLE_KBYTES_IN },
	{ "bytes_in_rate", TABLE_BYTES_IN_RATE },
	{ "bytes_out_cnt", TABLE_KBYTES_OUT },
	{ "bytes_out_rate", TABLE_BYTES_OUT_RATE },
	{ "gpc1", TABLE_GPC1 },
	{ "gpc1_rate", TABLE_GPC1_RATE },
	{ "http_req_cnt", N_TABLE_DATA },
	{ "http_req_rate", N_TABLE_DATA },
	{ "http_err_cnt", N_TABLE_DATA },
	{ "http_err_rate", N_TABLE_DATA },
	{ "http_fail_cnt", N_TABLE_DATA },
	{ "http_fail_rate", N_TABLE_DATA },
	{ "server_key", N_TABLE_DATA },
	{ "gpc", N_TABLE_DATA },
	{ "gpc_rate", N_TABLE_DATA },
	{ "gpt", N_TABLE_DATA },
};
enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

const char *
table_data_shown(unsigned i, enum table_data *what)
{
	if (i >= N_NAMES || names[i].what == N_TABLE_DATA)
		return NULL;
	*what = names[i].what;
	return names[i].name;
}

enum table_data_name
table_data_by_name(const struct table_spec *spec, const char *name, enum table_data *what)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		if (names[i].what == N_TABLE_DATA || !(spec->stores & 1U << names[i].what))
			return TABLE_NAME_NOT_STORED;
		*what = names[i].what;
		return TABLE_NAME_STORED;
	}
	return TABLE_NAME_UNKNOWN;
}

static enum table_operator
operator_of(const char *word)
{
	static const char *const words[N_TABLE_OPERATORS] = { "eq", "ne", "le", "ge", "lt", "gt" };
	enum table_operator op = 0;

	while (op < N_TABLE_OPERATORS && strcmp(words[op], word) != 0)
		op++;
	return op;
}

bool
table_number(const char *text, int64_t *value)
{
	char *end;

	*value = strtoll(text, &end, 10);
	return *text && *end == '\0';
}

/* One comparison: three words. */
static enum table_filter_fault
parse_one(struct table_filter *f, const struct table_spec *spec, const char *const *words)
{
	enum table_data what = N_TABLE_DATA;

	if (strncmp(words[0], "data.", 5) != 0)
		return f->n ? TABLE_FILTER_OPERATOR : TABLE_FILTER_NO_DATA;
	switch (table_data_by_name(spec, words[0] + 5, &what)) {
	case TABLE_NAME_UNKNOWN:
		return TABLE_FILTER_UNKNOWN;
	case TABLE_NAME_NOT_STORED:
		return TABLE_FILTER_NOT_STORED;
	case TABLE_NAME_STORED:
		break;
	}
	f->at[f->n].what = what;
	f->at[f->n].op = words[1][0] ? operator_of(words[1]) : N_TABLE_OPERATORS;
	if (f->at[f->n].op == N_TABLE_OPERATORS)
		return TABLE_FILTER_OPERATOR;
	if (!words[2][0] || !table_number(words[2], &f->at[f->n].value))
		return TABLE_FILTER_VALUE;
	return TABLE_FILTER_OK;
}

enum table_filter_fault
table_filter_parse(struct table_filter *f, const struct table_spec *spec, const char *const *words,
		   unsigned *at)
{
	*f = (struct table_filter){ 0 };
	for (; words[3 * f->n][0]; f->n++) {
		enum table_filter_fault fault;

		*at = f->n == TABLE_FILTERS_MAX ? 3 * f->n : f->n + 1;
		if (f->n == TABLE_FILTERS_MAX)
			return TABLE_FILTER_EXTRA;
		fault = parse_one(f, spec, words + 3 * f->n);
		if (fault)
			return fault;
	}
	return TABLE_FILTER_OK;
}

static bool
compare(int64_t a, enum table_operator op, int64_t b)
{
	switch (op) {
	case TABLE_EQ:
		return a == b;
	case TABLE_NE:
		return a != b;
	case TABLE_LE:
		return a <= b;
	case TABLE_GE:
		return a >= b;
	case TABLE_LT:
		return a < b;
	case TABLE_GT:
		return a > b;
	case N_TABLE_OPERATORS:
		break;
	}
	return false;
}

bool
table_filter_fits(const struct table_filter *f, const struct table_row *row)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!compare(row->data[f->at[i].what], f->at[i].op, f->at[i].value))
			return false;
	return true;
}

const char *
table_type_word(enum sample_type type)
{
	switch (type) {
	case SAMPLE_IPV4:
		return "ip";
	case SAMPLE_IPV6:
		return "ipv6";
	case SAMPLE_INT:
		return "integer";
	case SAMPLE_STR:
		return "string";
	default:
		return "binary";
	}
}
