/*
 * Which entries of a stick-table an operator means: `data.conn_cur gt 5 data.gpc0 eq 1` on
 * HAProxy's runtime socket (management guide, "show table").
 */
#ifndef USHER_CORE_TABLE_FILTER_H
#define USHER_CORE_TABLE_FILTER_H

#include "agent/core/table/table.h"

enum { TABLE_FILTERS_MAX = 4 };

enum table_operator {
	TABLE_EQ,
	TABLE_NE,
	TABLE_LE,
	TABLE_GE,
	TABLE_LT,
	TABLE_GT,
	N_TABLE_OPERATORS,
};

struct table_filter {
	unsigned n;
	struct {
		enum table_data what;
		enum table_operator op;
		int64_t value;
	} at[TABLE_FILTERS_MAX];
};

enum table_data_name {
	TABLE_NAME_STORED,
	TABLE_NAME_NOT_STORED, /* HAProxy knows it, this table does not */
	TABLE_NAME_UNKNOWN,
};

/* Data by HAProxy's name: "bytes_in_cnt". *what is set for what is stored alone. */
enum table_data_name table_data_by_name(const struct table_spec *spec, const char *name,
					enum table_data *what);

/* In the order in which HAProxy shows what an entry has; NULL behind the last. */
const char *table_data_shown(unsigned i, enum table_data *what);

/* What is wrong with a filter, for a message in HAProxy's words. */
enum table_filter_fault {
	TABLE_FILTER_OK,
	TABLE_FILTER_NO_DATA, /* the first word does not begin with "data." */
	TABLE_FILTER_UNKNOWN,
	TABLE_FILTER_NOT_STORED,
	TABLE_FILTER_OPERATOR,
	TABLE_FILTER_VALUE,
	TABLE_FILTER_EXTRA, /* more than TABLE_FILTERS_MAX */
};

/*
 * Words up to an empty one. On a fault *at is which of the comparisons it is in, from 1, or, of
 * TABLE_FILTER_EXTRA, the index of the first word too many.
 */
enum table_filter_fault table_filter_parse(struct table_filter *f, const struct table_spec *spec,
					   const char *const *words, unsigned *at) MUST_USE;

/* row->data[TABLE_SERVER_ID] is the server's number, if that is asked for. */
bool table_filter_fits(const struct table_filter *f, const struct table_row *row);

/* "ip", "string": the word of `stick-table type`. */
const char *table_type_word(enum sample_type type);

/* A whole number with its sign and nothing else; what does not fit wraps, as in HAProxy. */
bool table_number(const char *text, int64_t *value);

#endif
