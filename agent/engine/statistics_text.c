/* The three forms differ in what stands around each value; all of it goes through one buffer. */
#include "agent/engine/statistics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* In CSV, between the columns of the process and those of its protocols. */
enum { CSV_MARK = STAT_SSL_SESS };

static bool PRINTF_LIKE(2, 3) put(struct buf *out, const char *fmt, ...)
{
	va_list args;
	bool ok;

	va_start(args, fmt);
	ok = buf_vprintf(out, fmt, args);
	va_end(args);
	return ok;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

bool
statistics_write_csv_header(struct buf *out)
{
	bool ok = put(out, "# ");

	for (int c = 0; c < N_STAT && ok; c++)
		ok = put(out, "%s%s,", c == CSV_MARK ? "-," : "", statistics_columns[c].name);
	return ok && put(out, "\n");
}

/* RFC 4180: a text that a comma or a quote would tear apart stands in quotes. */
static bool
put_csv_text(struct buf *out, const char *text)
{
	bool ok = true;

	if (!strpbrk(text, ",\"\r\n"))
		return put(out, "%s", text);
	ok = put(out, "\"");
	for (; *text && ok; text++)
		ok = put(out, *text == '"' ? "\"\"" : "%c", *text);
	return ok && put(out, "\"");
}

static bool
put_value(struct buf *out, const struct statistics_field *f, const struct statistics_value *v)
{
	return f->type == STATISTICS_TEXT ? put(out, "%s", v->text)
					  : put(out, "%" PRId64, v->number);
}

bool
statistics_write_csv_row(const struct statistics_row *row, struct buf *out)
{
	bool ok = true;

	for (int c = 0; c < N_STAT && ok; c++) {
		const struct statistics_value *v = &row->value[c];

		ok = c != CSV_MARK || put(out, "-,");
		if (v->is_set && statistics_columns[c].type == STATISTICS_TEXT)
			ok = ok && put_csv_text(out, v->text);
		else if (v->is_set)
			ok = ok && put(out, "%" PRId64, v->number);
		ok = ok && put(out, ",");
	}
	return ok && put(out, "\n");
}

/* ---- typed and JSON -------------------------------------------------------------------------- */

static const char *
type_name(enum statistics_type type)
{
	static const char *const names[] = {
		[STATISTICS_TEXT] = "str",
		[STATISTICS_U32] = "u32",
		[STATISTICS_U64] = "u64",
		[STATISTICS_S32] = "s32",
	};

	return names[type];
}

/* A few columns are of another nature for backends, as HAProxy has it. */
static struct statistics_field
column_of(enum statistics_kind kind, int c)
{
	struct statistics_field f = statistics_columns[c];

	if (kind != STATISTICS_BACKEND)
		return f;
	if (c == STAT_ACT || c == STAT_BCK)
		f.origin = "Metric";
	if (c == STAT_RATE || c == STAT_RATE_MAX)
		f.nature = "Gauge";
	return f;
}

/* The letter of a tag in the typed form is its first one, but that "Avg" and "Age" part. */
static char
letter_of(const char *nature)
{
	static const struct {
		const char *word;
		char letter;
	} others[] = { { "Age", 'a' }, { "Avg", 'a' }, { "Output", 'O' }, { "Rate", 'R' } };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(nature, others[i].word) == 0)
			return others[i].letter;
	return nature[0];
}

static bool
put_typed(struct buf *out, const struct statistics_field *f, const struct statistics_value *v)
{
	return put(out, "%c%c%c:%s:", strcmp(f->origin, "Product") ? f->origin[0] : 'P',
		   letter_of(f->nature), f->scope[0], type_name(f->type)) &&
	       put_value(out, f, v) && put(out, "\n");
}

bool
statistics_put_json_text(struct buf *out, const char *text)
{
	bool ok = true;

	for (; *text && ok; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			ok = put(out, "\\%c", c);
		else
			ok = put(out, c < ' ' ? "\\u%04x" : "%c", c);
	}
	return ok;
}

/* From "field" to the end of the value's object. */
static bool
put_json(struct buf *out, int pos, const struct statistics_field *f,
	 const struct statistics_value *v)
{
	bool ok = put(out,
		      "\"field\":{\"pos\":%d,\"name\":\"%s\"},\"processNum\":1,\"tags\":{"
		      "\"origin\":\"%s\",\"nature\":\"%s\",\"scope\":\"%s\"},\"value\":{"
		      "\"type\":\"%s\",\"value\":",
		      pos, f->name, f->origin, f->nature, f->scope, type_name(f->type));

	if (f->type == STATISTICS_TEXT)
		return ok && put(out, "\"") && statistics_put_json_text(out, v->text) &&
		       put(out, "\"}}");
	return ok && put_value(out, f, v) && put(out, "}}");
}

static const char *
object_name(enum statistics_kind kind)
{
	return kind == STATISTICS_FRONTEND  ? "Frontend"
	       : kind == STATISTICS_BACKEND ? "Backend"
					    : "Server";
}

static bool
put_typed_row(struct buf *out, const struct statistics_row *row)
{
	bool ok = true;

	for (int c = 0; c < N_STAT && ok; c++) {
		struct statistics_field f = column_of(row->kind, c);

		if (row->value[c].is_set)
			ok = put(out, "%c.%u.%u.%d.%s.1:", object_name(row->kind)[0], row->iid,
				 row->sid, c, f.name) &&
			     put_typed(out, &f, &row->value[c]);
	}
	return ok;
}

static bool
put_json_row(struct buf *out, const struct statistics_row *row)
{
	const char *separator = "[";
	bool ok = true;

	for (int c = 0; c < N_STAT && ok; c++) {
		struct statistics_field f = column_of(row->kind, c);

		if (!row->value[c].is_set)
			continue;
		ok = put(out, "%s{\"objType\":\"%s\",\"proxyId\":%u,\"id\":%u,", separator,
			 object_name(row->kind), row->iid, row->sid) &&
		     put_json(out, c, &f, &row->value[c]);
		separator = ",";
	}
	return ok && put(out, "]");
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct page_text {
	struct buf *out;
	enum statistics_form form;
	size_t n;
	bool ok;
};

static void
put_row(void *arg, const struct statistics_row *row)
{
	struct page_text *page = arg;

	if (!page->ok)
		return;
	switch (page->form) {
	case STATISTICS_CSV:
		page->ok = statistics_write_csv_row(row, page->out);
		break;
	case STATISTICS_TYPED:
		page->ok = put_typed_row(page->out, row);
		break;
	case STATISTICS_JSON:
		page->ok = put(page->out, page->n ? "," : "") && put_json_row(page->out, row);
		break;
	}
	page->n++;
}

bool
statistics_write(const struct operations *o, const struct statistics_filter *filter,
		 enum statistics_form form, int64_t now_ms, struct buf *out)
{
	struct page_text page = { .out = out, .form = form, .ok = true };

	if (form == STATISTICS_CSV)
		page.ok = statistics_write_csv_header(out);
	if (form == STATISTICS_JSON)
		page.ok = put(out, "[");
	statistics_each(o, filter, now_ms, put_row, &page);
	return page.ok && (form != STATISTICS_JSON || put(out, "]\n"));
}

static bool
put_info_line(struct buf *out, enum statistics_form form, int i, const struct statistics_value *v,
	      bool is_first)
{
	const struct statistics_field *f = &statistics_info_lines[i];

	if (form == STATISTICS_TYPED)
		return put(out, "%d.%s.1:", i, f->name) && put_typed(out, f, v);
	if (form == STATISTICS_JSON)
		return put(out, "%s{", is_first ? "" : ",") && put_json(out, i, f, v);
	return put(out, "%s: ", f->name) && put_value(out, f, v) && put(out, "\n");
}

bool
statistics_write_info(const struct operations *o, enum statistics_form form, int64_t now_ms,
		      struct buf *out)
{
	struct statistics_info info;
	bool ok = form != STATISTICS_JSON || put(out, "["), is_first = true;

	statistics_process(o, now_ms, &info);
	for (int i = 0; i < N_INFO && ok; i++) {
		if (!info.value[i].is_set)
			continue;
		ok = put_info_line(out, form, i, &info.value[i], is_first);
		is_first = false;
	}
	return ok && (form != STATISTICS_JSON || put(out, "]\n"));
}
