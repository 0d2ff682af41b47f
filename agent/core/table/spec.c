/*
 * The words are read in their order, as HAProxy 2.6 reads them, and the first fault ends the line.
 * Its habits were seen by running it: the line ends at its first empty word; lengths are read with
 * atol(); what stands behind the closing parenthesis of a store option is ignored; what stands
 * behind the unit of a time earns a warning.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/core/base/units.h"
#include "agent/core/table/table.h"

enum {
	STRING_LEN = 31, /* without `len` HAProxy's string has 32 bytes, its NUL among them */
	BINARY_LEN = 32,
	ARRAY_MAX = 100,
};

struct reader {
	struct table_spec *spec;
	const struct proxy *proxy;
	const struct raw_line *line;
	struct report *report;
	size_t at;     /* the word at hand */
	uint32_t seen; /* bit for each row of store_options[] */
};

static const char *
word(const struct reader *rd, size_t i)
{
	return i < rd->line->n ? rd->line->words[i] : "";
}

#define ALERT(rd, fmt, ...)                                                                        \
	report_cfg((rd)->report, FINDING_ALERT, "parsing [%s:%d] : stick-table" fmt,               \
		   (rd)->line->at.file, (rd)->line->at.line, ##__VA_ARGS__)

/* The argument of the keyword at hand; NULL, with an alert: there is none. */
static const char *
take_argument(struct reader *rd)
{
	const char *keyword = word(rd, rd->at), *argument = word(rd, ++rd->at);

	if (argument[0])
		return argument;
	ALERT(rd, ": missing argument after '%s'.", keyword);
	return NULL;
}

static uint16_t
limit_len(struct reader *rd, const char *text, long len)
{
	if (len > 0 && len <= TABLE_KEY_MAX)
		return (uint16_t)len;
	report_cfg(rd->report, FINDING_WARNING,
		   "parsing [%s:%d] : stick-table: usher keeps at most %d bytes of a key of %s "
		   "'%s' (got 'len %s').",
		   rd->line->at.file, rd->line->at.line, TABLE_KEY_MAX,
		   proxy_kind_name(rd->proxy->kind), rd->proxy->name, text);
	return TABLE_KEY_MAX;
}

/* `len N` behind a type that has one; a negative N is as good as no bound at all. */
static bool
read_len(struct reader *rd)
{
	const char *text = word(rd, rd->at + 2);
	long len;

	if (strcmp(word(rd, rd->at + 1), "len") != 0)
		return true;
	len = strtol(text, NULL, 10);
	rd->at += 2;
	if (len == 0) {
		ALERT(rd, ": unknown type '%s'.", text);
		return false;
	}
	rd->spec->key_len = limit_len(rd, text, len);
	return true;
}

static bool
read_type(struct reader *rd)
{
	static const struct {
		const char *name;
		enum sample_type type;
		uint16_t len;
		bool has_len;
	} types[] = {
		{ "ip", SAMPLE_IPV4, 4, false },
		{ "ipv6", SAMPLE_IPV6, 16, false },
		{ "integer", SAMPLE_INT, 4, false },
		{ "string", SAMPLE_STR, STRING_LEN, true },
		{ "binary", SAMPLE_BIN, BINARY_LEN, true },
	};
	const char *name = word(rd, ++rd->at);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(name, types[i].name) != 0)
			continue;
		rd->spec->type = types[i].type;
		rd->spec->key_len = types[i].len;
		return !types[i].has_len || read_len(rd);
	}
	ALERT(rd, ": unknown type '%s'.", name);
	return false;
}

/* 32 bits, as HAProxy's; *bad is the digit or the unit that is too much. */
static bool
read_size_text(const char *text, uint32_t *size, size_t *bad)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9'; i++) {
		value = value * 10 + (uint64_t)(text[i] - '0');
		*bad = i;
		if (value > UINT32_MAX)
			return false;
	}
	*bad = i;
	if (units_size(str_of(text), &value, NULL) != UNITS_OK) {
		*bad += i && text[i] && strchr("kKmMgG", text[i]); /* then it is what follows */
		return false;
	}
	*size = (uint32_t)value;
	return value <= UINT32_MAX;
}

static bool
read_size(struct reader *rd)
{
	const char *text = take_argument(rd);
	size_t bad = 0;

	if (!text)
		return false;
	if (read_size_text(text, &rd->spec->size, &bad))
		return true;
	ALERT(rd, ": unexpected character '%c' in argument of 'size'.", text[bad]);
	return false;
}

/* units_duration() for what stands before the first byte that is neither number nor unit. */
static enum units
read_time(struct reader *rd, struct str text, int64_t *ms, size_t *bad)
{
	size_t digits = 0, used;
	enum units result;

	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	used = digits;
	if (used < text.n && strchr("smhd", text.p[used]))
		used++;
	if (used < text.n && text.p[used] == 's' && strchr("mu", text.p[used - 1]))
		used++; /* "ms": the m was taken for minutes */
	else if (used == digits && used + 1 < text.n && memcmp(text.p + used, "us", 2) == 0)
		used += 2;
	result = units_duration((struct str){ text.p, used > digits ? used : text.n }, 1, ms, bad);
	if (result == UNITS_OK && used < text.n)
		report_cfg(rd->report, FINDING_WARNING,
			   "unexpected character '%c' after the timer value '%.*s', only "
			   "(us=microseconds,ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) "
			   "are supported. This will be reported as an error in next versions.",
			   text.p[used], STR_ARG(text));
	return result;
}

static bool
read_expire(struct reader *rd)
{
	const char *text = take_argument(rd);
	size_t bad = 0;

	if (!text)
		return false;
	switch (read_time(rd, str_of(text), &rd->spec->expire_ms, &bad)) {
	case UNITS_OK:
		return true;
	case UNITS_BAD:
		ALERT(rd, ": unexpected character '%c' in argument of 'expire'.", text[bad]);
		return false;
	case UNITS_RANGE:
		report_cfg(rd->report, FINDING_ALERT,
			   "parsing [%s:%d]: stick-table: timer overflow in argument <%s> to "
			   "<expire>, maximum value is 2147483647 ms (~24.8 days).",
			   rd->line->at.file, rd->line->at.line, text);
		return false;
	}
	return false;
}

static bool
read_nopurge(struct reader *rd)
{
	rd->spec->nopurge = true;
	return true;
}

/* `peers`, `write-to`: of other processes' tables. */
static bool
skip_argument(struct reader *rd)
{
	return take_argument(rd) != NULL;
}

static bool
read_srvkey(struct reader *rd)
{
	const char *key = word(rd, ++rd->at);

	if (strcmp(key, "name") == 0 || strcmp(key, "addr") == 0)
		return true;
	ALERT(rd, " : unknown server key type '%s'.", key);
	return false;
}

enum store_kind {
	STORE_PLAIN,
	STORE_RATE,	  /* NAME(PERIOD) */
	STORE_ARRAY,	  /* NAME(SIZE) */
	STORE_ARRAY_RATE, /* NAME(SIZE,PERIOD) */
};

enum {
	STORE_GPC0,
	STORE_GPC0_RATE,
	STORE_GPC1,
	STORE_GPC1_RATE,
	STORE_GPT0,
	STORE_GPC,
	STORE_GPC_RATE,
	STORE_GPT
};

/*
 * N_TABLE_DATA: HAProxy's, not kept by usher. Of an array the first elements are kept, those that
 * the fetches and actions without a number mean.
 */
static const struct {
	const char *name;
	enum store_kind kind;
	enum table_data data;
} store_options[] = {
	[STORE_GPC0] = { "gpc0", STORE_PLAIN, TABLE_GPC0 },
	[STORE_GPC0_RATE] = { "gpc0_rate", STORE_RATE, TABLE_GPC0_RATE },
	[STORE_GPC1] = { "gpc1", STORE_PLAIN, TABLE_GPC1 },
	[STORE_GPC1_RATE] = { "gpc1_rate", STORE_RATE, TABLE_GPC1_RATE },
	[STORE_GPT0] = { "gpt0", STORE_PLAIN, TABLE_GPT0 },
	[STORE_GPC] = { "gpc", STORE_ARRAY, TABLE_GPC0 },
	[STORE_GPC_RATE] = { "gpc_rate", STORE_ARRAY_RATE, TABLE_GPC0_RATE },
	[STORE_GPT] = { "gpt", STORE_ARRAY, TABLE_GPT0 },
	{ "bytes_in_cnt", STORE_PLAIN, TABLE_KBYTES_IN },
	{ "bytes_in_rate", STORE_RATE, TABLE_BYTES_IN_RATE },
	{ "bytes_out_cnt", STORE_PLAIN, TABLE_KBYTES_OUT },
	{ "bytes_out_rate", STORE_RATE, TABLE_BYTES_OUT_RATE },
	{ "conn_cnt", STORE_PLAIN, TABLE_CONN_CNT },
	{ "conn_cur", STORE_PLAIN, TABLE_CONN_CUR },
	{ "conn_rate", STORE_RATE, TABLE_CONN_RATE },
	{ "sess_cnt", STORE_PLAIN, TABLE_SESS_CNT },
	{ "sess_rate", STORE_RATE, TABLE_SESS_RATE },
	{ "server_id", STORE_PLAIN, TABLE_SERVER_ID },
	{ "server_key", STORE_PLAIN, N_TABLE_DATA },
	{ "server_name", STORE_PLAIN, N_TABLE_DATA },
	{ "http_req_cnt", STORE_PLAIN, N_TABLE_DATA },
	{ "http_req_rate", STORE_RATE, N_TABLE_DATA },
	{ "http_err_cnt", STORE_PLAIN, N_TABLE_DATA },
	{ "http_err_rate", STORE_RATE, N_TABLE_DATA },
	{ "http_fail_cnt", STORE_PLAIN, N_TABLE_DATA },
	{ "http_fail_rate", STORE_RATE, N_TABLE_DATA },
};
enum { N_STORE_OPTIONS = sizeof(store_options) / sizeof(store_options[0]) };
_Static_assert(N_STORE_OPTIONS <= 32, "a bit of reader.seen for each");

/* One element of a store list, "NAME(ARGUMENT)"; argument.p is NULL without parentheses. */
struct store_word {
	struct str name, argument;
};

/* Cut the element at *p out and go behind its comma. */
static bool
cut_store_word(struct reader *rd, const char **p, struct store_word *w)
{
	const char *at = *p, *close;

	w->name = (struct str){ at, strcspn(at, ",(") };
	w->argument = (struct str){ 0 };
	for (at += w->name.n; *at && *at != ','; at++) {
		if (*at != '(')
			continue;
		close = strchr(at, ')');
		if (!close) {
			ALERT(rd, ": missing closing parenthesis after store option '%.*s'.",
			      STR_ARG(w->name));
			return false;
		}
		w->argument = (struct str){ at + 1, (size_t)(close - at - 1) };
		at = close;
	}
	*p = at + (*at == ',');
	return true;
}

static void
keep(struct reader *rd, enum table_data data, int64_t period_ms)
{
	if (data == N_TABLE_DATA)
		return;
	rd->spec->stores |= UINT32_C(1) << data;
	rd->spec->period_ms[data] = (uint32_t)period_ms;
}

static bool
read_period(struct reader *rd, const struct store_word *w, struct str text, int64_t *ms)
{
	if (read_time(rd, text, ms, NULL) == UNITS_OK)
		return true;
	ALERT(rd, ": error when processing store option '%.*s'.", STR_ARG(w->name));
	return false;
}

static bool
read_rate(struct reader *rd, const struct store_word *w, size_t option)
{
	const char *comma = memchr(w->argument.p, ',', w->argument.n);
	struct str period = { w->argument.p,
			      comma ? (size_t)(comma - w->argument.p) : w->argument.n };
	int64_t ms;

	if (!read_period(rd, w, period, &ms))
		return false;
	keep(rd, store_options[option].data, ms);
	return true;
}

/* "SIZE" or "SIZE,PERIOD", where the last comma counts. */
static bool
read_array(struct reader *rd, const struct store_word *w, size_t option)
{
	const char *end = w->argument.p + w->argument.n;
	const char *comma = memrchr(w->argument.p, ',', w->argument.n);
	bool is_rate = store_options[option].kind == STORE_ARRAY_RATE;
	int32_t size = (int32_t)strtol(w->argument.p, NULL, 10); /* the low 32 bits count */
	int64_t ms = 0;

	if (size < 1 || size > ARRAY_MAX) {
		ALERT(rd, ": array size is out of allowed range (1-100) for store option '%.*s'.",
		      STR_ARG(w->name));
		return false;
	}
	if (is_rate != (comma != NULL)) {
		ALERT(rd, ": %s argument to store option '%.*s'.",
		      is_rate ? "missing" : "unexpected", STR_ARG(w->name));
		return false;
	}
	if (is_rate &&
	    !read_period(rd, w, (struct str){ comma + 1, (size_t)(end - comma - 1) }, &ms))
		return false;
	keep(rd, store_options[option].data, ms);
	if (size > 1 && option != STORE_GPT)
		keep(rd, is_rate ? TABLE_GPC1_RATE : TABLE_GPC1, ms);
	return true;
}

static bool
read_store_option(struct reader *rd, const struct store_word *w, size_t option)
{
	enum store_kind kind = store_options[option].kind;

	if ((kind == STORE_PLAIN) != (w->argument.p == NULL)) {
		ALERT(rd, ": %s argument to store option '%.*s'.",
		      w->argument.p ? "unexpected" : "missing", STR_ARG(w->name));
		return false;
	}
	if (kind == STORE_RATE)
		return read_rate(rd, w, option);
	if (kind != STORE_PLAIN)
		return read_array(rd, w, option);
	keep(rd, store_options[option].data, 0);
	return true;
}

static bool
store(struct reader *rd, const struct store_word *w)
{
	size_t i = 0;

	while (i < N_STORE_OPTIONS && !str_is(w->name, store_options[i].name))
		i++;
	if (i == N_STORE_OPTIONS) {
		ALERT(rd, ": unknown store option '%.*s'.", STR_ARG(w->name));
		return false;
	}
	if (rd->seen & UINT32_C(1) << i) {
		report_cfg(rd->report, FINDING_WARNING,
			   "parsing [%s:%d]: stick-table: store option '%.*s' already enabled, "
			   "ignored.",
			   rd->line->at.file, rd->line->at.line, STR_ARG(w->name));
		return true;
	}
	rd->seen |= UINT32_C(1) << i;
	return read_store_option(rd, w, i);
}

static bool
read_store(struct reader *rd)
{
	const char *p = word(rd, ++rd->at);
	struct store_word w;

	while (*p)
		if (!cut_store_word(rd, &p, &w) || !store(rd, &w))
			return false;
	return true;
}

/* Arrays stand for the single ones. */
static bool
check_arrays(struct reader *rd)
{
	static const struct {
		int array;
		uint32_t singles;
		const char *array_name, *singles_name;
	} rows[] = {
		{ STORE_GPT, 1 << STORE_GPT0, "gpt", "gpt0" },
		{ STORE_GPC, 1 << STORE_GPC0 | 1 << STORE_GPC1, "gpc", "gpc[0/1]" },
		{ STORE_GPC_RATE, 1 << STORE_GPC0_RATE | 1 << STORE_GPC1_RATE, "gpc_rate",
		  "gpc[0/1]_rate" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(rd->seen & UINT32_C(1) << rows[i].array) || !(rd->seen & rows[i].singles))
			continue;
		ALERT(rd,
		      ": simultaneous usage of '%s' and '%s' in a same table is not permitted as "
		      "'%s' overrides '%s'.",
		      rows[i].array_name, rows[i].singles_name, rows[i].array_name,
		      rows[i].singles_name);
		return false;
	}
	return true;
}

static bool
read_word(struct reader *rd)
{
	static const struct {
		const char *name;
		bool (*read)(struct reader *rd);
	} keywords[] = {
		{ "size", read_size },	     { "expire", read_expire },
		{ "nopurge", read_nopurge }, { "peers", skip_argument },
		{ "type", read_type },	     { "srvkey", read_srvkey },
		{ "store", read_store },     { "write-to", skip_argument },
	};
	const char *name = word(rd, rd->at);

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(name, keywords[i].name) == 0)
			return keywords[i].read(rd);
	ALERT(rd, ": unknown argument '%s'.", name);
	return false;
}

bool
table_spec_parse(struct table_spec *spec, const struct proxy *p, const struct raw_line *line,
		 struct report *r)
{
	struct reader rd = { .spec = spec, .proxy = p, .line = line, .report = r };

	*spec = (struct table_spec){ .at = line->at };
	for (rd.at = 1; word(&rd, rd.at)[0]; rd.at++)
		if (!read_word(&rd))
			return false;
	if (!check_arrays(&rd))
		return false;
	if (spec->size == 0) {
		ALERT(&rd, ": missing size.");
		return false;
	}
	if (spec->type == SAMPLE_NONE) {
		ALERT(&rd, ": missing type.");
		return false;
	}
	return true;
}

bool
table_spec_is_alike(const struct table_spec *a, const struct table_spec *b)
{
	return a->type == b->type && a->key_len == b->key_len && a->stores == b->stores &&
	       memcmp(a->period_ms, b->period_ms, sizeof(a->period_ms)) == 0;
}
