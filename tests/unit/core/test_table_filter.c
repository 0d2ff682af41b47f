/* What operators say of stick-table entries: which data, compared how, set to what. */
#include "agent/core/table/filter.h"
#include "tests/unit/run.h"

enum { MOST = 18 };

#define STORED (1U << TABLE_GPC0 | 1U << TABLE_CONN_CUR | 1U << TABLE_KBYTES_IN)

static const struct {
	const char *name;
	const char *words[MOST];
	enum table_filter_fault fault;
	unsigned at;
} rows[] = {
	{ "none at all", { "" }, TABLE_FILTER_OK, 0 },
	{ "one", { "data.gpc0", "gt", "1" }, TABLE_FILTER_OK, 1 },
	{ "two", { "data.gpc0", "gt", "1", "data.conn_cur", "le", "-7" }, TABLE_FILTER_OK, 2 },
	{ "bytes", { "data.bytes_in_cnt", "ne", "0" }, TABLE_FILTER_OK, 1 },
	{ "no data", { "gpc0", "gt", "1" }, TABLE_FILTER_NO_DATA, 1 },
	{ "no data behind a filter", { "data.gpc0", "gt", "1", "foo" }, TABLE_FILTER_OPERATOR, 2 },
	{ "unknown data", { "data.foo", "gt", "1" }, TABLE_FILTER_UNKNOWN, 1 },
	{ "empty name", { "data.", "gt", "1" }, TABLE_FILTER_UNKNOWN, 1 },
	{ "data not stored", { "data.gpc1", "gt", "1" }, TABLE_FILTER_NOT_STORED, 1 },
	{ "HAProxy's alone", { "data.http_req_cnt", "gt", "1" }, TABLE_FILTER_NOT_STORED, 1 },
	{ "unknown operator", { "data.gpc0", "xx", "1" }, TABLE_FILTER_OPERATOR, 1 },
	{ "no operator", { "data.gpc0" }, TABLE_FILTER_OPERATOR, 1 },
	{ "no value", { "data.gpc0", "eq" }, TABLE_FILTER_VALUE, 1 },
	{ "value with a tail", { "data.gpc0", "eq", "1x" }, TABLE_FILTER_VALUE, 1 },
	{ "the second is wrong",
	  { "data.gpc0", "eq", "1", "data.gpc0", "eq", "" },
	  TABLE_FILTER_VALUE,
	  2 },
	{ "one too many",
	  { "data.gpc0", "eq", "1", "data.gpc0", "eq", "1", "data.gpc0", "eq", "1", "data.gpc0",
	    "eq", "1", "data.gpc0", "eq", "1" },
	  TABLE_FILTER_EXTRA,
	  12 },
};

START_TEST(test_parse)
{
	const char *words[MOST + 3];
	struct table_spec spec = { .stores = STORED };
	struct table_filter f;
	unsigned at = 0;
	enum table_filter_fault fault;

	for (int i = 0; i < MOST + 3; i++)
		words[i] = i < MOST && rows[_i].words[i] ? rows[_i].words[i] : "";
	fault = table_filter_parse(&f, &spec, words, &at);
	ck_assert_msg(fault == rows[_i].fault, "%s: %d", rows[_i].name, fault);
	ck_assert_msg(at == rows[_i].at, "%s: at %u", rows[_i].name, at);
}
END_TEST

static const struct {
	const char *op;
	bool less, same, more; /* what it says of 4, 5 and 6 against 5 */
} operators[] = {
	{ "eq", false, true, false }, { "ne", true, false, true },  { "le", true, true, false },
	{ "ge", false, true, true },  { "lt", true, false, false }, { "gt", false, false, true },
};

START_TEST(test_operators)
{
	const char *words[] = { "data.gpc0", operators[_i].op, "5", "", "", "" };
	struct table_spec spec = { .stores = STORED };
	struct table_row row = { 0 };
	struct table_filter f;
	unsigned at;

	ck_assert_int_eq(table_filter_parse(&f, &spec, words, &at), TABLE_FILTER_OK);
	row.data[TABLE_GPC0] = 4;
	ck_assert_int_eq(table_filter_fits(&f, &row), operators[_i].less);
	row.data[TABLE_GPC0] = 5;
	ck_assert_int_eq(table_filter_fits(&f, &row), operators[_i].same);
	row.data[TABLE_GPC0] = 6;
	ck_assert_int_eq(table_filter_fits(&f, &row), operators[_i].more);
}
END_TEST

START_TEST(test_all_must_fit)
{
	const char *words[] = { "data.gpc0", "gt", "1", "data.conn_cur", "eq", "0", "", "", "" };
	struct table_spec spec = { .stores = STORED };
	struct table_row row = { 0 };
	struct table_filter f;
	unsigned at;

	ck_assert_int_eq(table_filter_parse(&f, &spec, words, &at), TABLE_FILTER_OK);
	ck_assert(!table_filter_fits(&f, &row));
	row.data[TABLE_GPC0] = 2;
	ck_assert(table_filter_fits(&f, &row));
	row.data[TABLE_CONN_CUR] = 1;
	ck_assert(!table_filter_fits(&f, &row));
}
END_TEST

static const struct {
	const char *text;
	bool good;
	int64_t value;
} numbers[] = {
	{ "0", true, 0 },   { "-5", true, -5 },
	{ "+7", true, 7 },  { "4294967296", true, 1LL << 32 },
	{ "", false, 0 },   { "x", false, 0 },
	{ "5x", false, 0 }, { "5 ", false, 0 },
	{ "-", false, 0 },
};

START_TEST(test_numbers)
{
	int64_t value;

	ck_assert_int_eq(table_number(numbers[_i].text, &value), numbers[_i].good);
	if (numbers[_i].good)
		ck_assert_int_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(test_shown_in_haproxys_order)
{
	static const char *const names[] = { "server_id",      "gpt0",		"gpc0",
					     "gpc0_rate",      "conn_cnt",	"conn_rate",
					     "conn_cur",       "sess_cnt",	"sess_rate",
					     "bytes_in_cnt",   "bytes_in_rate", "bytes_out_cnt",
					     "bytes_out_rate", "gpc1",		"gpc1_rate" };
	enum table_data what;
	unsigned i = 0;

	for (; table_data_shown(i, &what); i++)
		ck_assert_str_eq(table_data_shown(i, &what), names[i]);
	ck_assert_int_eq(i, N_ROWS(names));
}
END_TEST

/* ---- table_put ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum table_data what;
	int64_t n, read;
} puts_[] = {
	{ "counter", TABLE_GPC0, 5, 5 },
	{ "counter of 32 bits", TABLE_GPC0, -1, UINT32_MAX },
	{ "bytes", TABLE_KBYTES_IN, INT64_C(1) << 40, INT64_C(1) << 40 },
	{ "rate", TABLE_CONN_RATE, 7, 7 },
	{ "not stored", TABLE_GPC1, 7, 0 },
};

static void
keep_row(void *arg, const struct table_row *row)
{
	*(struct table_row *)arg = *row;
}

START_TEST(test_put)
{
	struct table_spec spec = {
		.type = SAMPLE_INT,
		.key_len = 4,
		.size = 2,
		.expire_ms = 1000,
		.stores = STORED | 1U << TABLE_CONN_RATE,
		.period_ms[TABLE_CONN_RATE] = 10000,
	};
	struct table *t = table_new(&spec, 1);
	struct table_key key = { .len = 4, .bytes = { 1 } };
	struct table_row row;

	ck_assert(table_put(t, &key, N_TABLE_DATA, 0, 100));
	ck_assert(table_put(t, &key, puts_[_i].what, 3, 100));
	ck_assert(table_put(t, &key, puts_[_i].what, puts_[_i].n, 600));
	ck_assert_uint_eq(table_count(t), 1);
	table_each(t, 600, keep_row, &row);
	ck_assert_int_eq(row.data[puts_[_i].what], puts_[_i].read);
	ck_assert_int_eq(row.expires_in_ms, 1000);
	table_free(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("table filter");
	TCase *tcase = tcase_create("table filter");

	tcase_add_loop_test(tcase, test_parse, 0, N_ROWS(rows));
	tcase_add_loop_test(tcase, test_operators, 0, N_ROWS(operators));
	tcase_add_test(tcase, test_all_must_fit);
	tcase_add_loop_test(tcase, test_numbers, 0, N_ROWS(numbers));
	tcase_add_test(tcase, test_shown_in_haproxys_order);
	tcase_add_loop_test(tcase, test_put, 0, N_ROWS(puts_));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
