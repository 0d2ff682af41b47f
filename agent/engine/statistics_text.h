/*
 * Statistics as text: HAProxy's CSV, typed lines and JSON, byte for byte (management guide, 9.1
 * and 9.2). Each function appends whole to a buffer and says whether it fitted.
 */
#ifndef USHER_ENGINE_STATISTICS_TEXT_H
#define USHER_ENGINE_STATISTICS_TEXT_H

#include "agent/core/base/buf.h"
#include "agent/engine/statistics.h"

enum statistics_form {
	STATISTICS_CSV,
	STATISTICS_TYPED,
	STATISTICS_JSON,
};

/* All the rows the filter lets through, with what stands before and behind them. */
bool statistics_write(const struct operations *o, const struct statistics_filter *filter,
		      enum statistics_form form, int64_t now_ms, struct buf *out) MUST_USE;

/* `show info`: "Name: value" lines in the place of CSV. */
bool statistics_write_info(const struct operations *o, enum statistics_form form, int64_t now_ms,
			   struct buf *out) MUST_USE;

/* One row, for tests and for those who want no other. */
bool statistics_write_csv_header(struct buf *out) MUST_USE;
bool statistics_write_csv_row(const struct statistics_row *row, struct buf *out) MUST_USE;

/* A text as it stands between quotes in JSON. */
bool statistics_put_json_text(struct buf *out, const char *text) MUST_USE;

#endif
