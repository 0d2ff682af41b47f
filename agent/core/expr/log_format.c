/*
 * A format becomes a row of items: text, a variable or an expression, each with its flags. "%o"
 * writes nothing; it sets the flags of those behind it.
 */
#include "agent/core/expr/log_format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/civil.h"
#include "agent/core/base/mem.h"

enum { FLAG_QUOTE = 1, FLAG_HEX = 2, FLAG_ESCAPE = 4 };

/* Bytes written so far; what passes the end is dropped. */
struct writer {
	char *p;
	size_t n, size;
	enum log_format_use use;
	unsigned flags;
	bool after_blank; /* in a line: another one would be a second, or the first byte */
};

/* What a variable is written from. */
struct source {
	const struct expr_context *x;
	const struct log_fields *fields;
};

struct log_variable {
	const char *name;
	void (*write)(struct writer *w, const struct source *s);
	const char *refused;
};

struct log_item {
	unsigned flags;
	struct str text;		     /* owned: TEXT */
	const struct log_variable *variable; /* or a variable */
	struct expr expr;		     /* or an expression */
};

static void
put_char(struct writer *w, char c)
{
	if (w->n < w->size)
		w->p[w->n++] = c;
}

static void
put_raw(struct writer *w, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		put_char(w, s.p[i]);
}

static void PRINTF_LIKE(2, 3) put_format(struct writer *w, const char *fmt, ...)
{
	char text[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_raw(w, str_of(text));
}

/* A byte of somebody else's text: it must not end the line, nor leave its quotes. */
static void
put_escaped(struct writer *w, char c)
{
	if (w->use == LOG_FORMAT_LINE && ((unsigned char)c < 0x20 || c == 0x7f)) {
		put_format(w, "#%02X", (unsigned char)c);
		return;
	}
	if ((w->flags & FLAG_ESCAPE) && (c == '"' || c == '\\' || c == ']'))
		put_char(w, '\\');
	put_char(w, c);
}

static void
put_text(struct writer *w, struct str s)
{
	bool quote = w->flags & FLAG_QUOTE;

	if (s.n == 0 && !quote && w->use == LOG_FORMAT_LINE)
		put_char(w, '-');
	if (quote)
		put_char(w, '"');
	for (size_t i = 0; i < s.n; i++)
		put_escaped(w, s.p[i]);
	if (quote)
		put_char(w, '"');
}

static void
put_ip(struct writer *w, const struct ip *ip)
{
	char text[IP_TEXT];

	if (!ip->family) {
		put_text(w, STR(""));
	} else if (w->flags & FLAG_HEX) {
		for (size_t i = 0; i < (ip->family == 4 ? 4 : 16); i++)
			put_format(w, "%02X", ip->bytes[i]);
	} else {
		put_text(w, str_of(ip_format(ip, text)));
	}
}

static void
put_port(struct writer *w, const struct ip *ip, uint16_t port)
{
	if (!ip->family)
		put_text(w, STR(""));
	else
		put_format(w, w->flags & FLAG_HEX ? "%04X" : "%u", port);
}

static void
put_hex_or_number(struct writer *w, int digits, uint64_t number)
{
	if (w->flags & FLAG_HEX)
		put_format(w, "%0*" PRIX64, digits, number);
	else
		put_format(w, "%" PRIu64, number);
}

/* "22/Nov/2026:07:54:04" */
static void
put_date(struct writer *w, int64_t seconds)
{
	struct civil c = civil_of(seconds);

	put_format(w, "%02u/%s/%04" PRId64 ":%02u:%02u:%02u", c.day, civil_month(c.month), c.year,
		   c.hour, c.minute, c.second);
}

static int64_t
seconds_of(const struct source *s)
{
	int64_t us = s->fields->accepted_us;

	return us / 1000000 - (us % 1000000 < 0);
}

static unsigned
milliseconds_of(const struct source *s)
{
	return (unsigned)((s->fields->accepted_us - seconds_of(s) * 1000000) / 1000);
}

static void
write_local_ms(struct writer *w, const struct source *s)
{
	put_date(w, seconds_of(s) + s->fields->utc_offset_s);
	put_format(w, ".%03u", milliseconds_of(s));
}

static void
write_gmt(struct writer *w, const struct source *s)
{
	put_date(w, seconds_of(s));
	put_raw(w, STR(" +0000"));
}

static void
write_local(struct writer *w, const struct source *s)
{
	int minutes = s->fields->utc_offset_s / 60;

	put_date(w, seconds_of(s) + s->fields->utc_offset_s);
	put_format(w, " %c%02d%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60, abs(minutes) % 60);
}

static void
write_timestamp(struct writer *w, const struct source *s)
{
	put_hex_or_number(w, 8, (uint64_t)seconds_of(s));
}

static void
write_ms(struct writer *w, const struct source *s)
{
	if (w->flags & FLAG_HEX)
		put_format(w, "%02X", milliseconds_of(s));
	else
		put_format(w, "%03u", milliseconds_of(s));
}

static void
put_early(struct writer *w, const struct source *s)
{
	if (s->fields->is_early)
		put_char(w, '+');
}

static void
write_total(struct writer *w, const struct source *s)
{
	put_early(w, s);
	put_format(w, "%" PRId64, s->fields->total_ms);
}

/* From the connection's first byte on: with the handshake. */
static void
write_user_total(struct writer *w, const struct source *s)
{
	put_early(w, s);
	put_format(w, "%" PRId64,
		   s->fields->total_ms +
			   (s->fields->handshake_ms > 0 ? s->fields->handshake_ms : 0));
}

static void
write_bytes_out(struct writer *w, const struct source *s)
{
	put_early(w, s);
	put_format(w, "%" PRIu64, s->fields->bytes_out);
}

static void
write_retries(struct writer *w, const struct source *s)
{
	if (s->fields->redispatched)
		put_char(w, '+');
	put_format(w, "%u", s->fields->retries);
}

/* Without backend, the frontend's name: the session ended there. */
static void
write_backend(struct writer *w, const struct source *s)
{
	put_text(w, s->x->backend.p ? s->x->backend : s->x->frontend);
}

static void
write_server(struct writer *w, const struct source *s)
{
	put_text(w, s->x->server.p ? s->x->server : STR("<NOSRV>"));
}

static void
write_frontend(struct writer *w, const struct source *s)
{
	put_text(w, s->x->frontend);
}

/* The name, and "~" if the client came by TLS, inside the quotes. */
static void
write_frontend_transport(struct writer *w, const struct source *s)
{
	char name[256];

	snprintf(name, sizeof(name), "%.*s%s", STR_ARG(s->x->frontend), s->x->tls ? "~" : "");
	put_text(w, str_of(name));
}

static void
write_termination(struct writer *w, const struct source *s)
{
	put_raw(w, s->fields->termination.p ? s->fields->termination : STR("--"));
}

static void
write_cipher(struct writer *w, const struct source *s)
{
	put_text(w, s->x->tls ? s->x->tls->cipher : STR(""));
}

static void
write_tls_version(struct writer *w, const struct source *s)
{
	put_text(w, s->x->tls ? s->x->tls->protocol : STR(""));
}

static void
write_nothing(struct writer *w, const struct source *s)
{
}

#define WRITE(function, statement)                                                                 \
	static void function(struct writer *w, const struct source *s)                             \
	{                                                                                          \
		statement;                                                                         \
	}
WRITE(write_client_ip, put_ip(w, &s->x->src))
WRITE(write_client_port, put_port(w, &s->x->src, s->x->src_port))
WRITE(write_frontend_ip, put_ip(w, &s->x->dst))
WRITE(write_frontend_port, put_port(w, &s->x->dst, s->x->dst_port))
WRITE(write_backend_ip, put_ip(w, &s->x->server_src))
WRITE(write_backend_port, put_port(w, &s->x->server_src, s->x->server_src_port))
WRITE(write_server_ip, put_ip(w, &s->x->server_dst))
WRITE(write_server_port, put_port(w, &s->x->server_dst, s->x->server_dst_port))
WRITE(write_unique_id, put_text(w, s->x->unique_id))
WRITE(write_hostname, put_text(w, s->fields->hostname))
WRITE(write_handshake, put_format(w, "%" PRId64, s->fields->handshake_ms))
WRITE(write_wait, put_format(w, "%" PRId64, s->fields->wait_ms))
WRITE(write_connect, put_format(w, "%" PRId64, s->fields->connect_ms))
WRITE(write_bytes_in, put_format(w, "%" PRIu64, s->fields->bytes_in))
WRITE(write_n_process, put_format(w, "%u", s->fields->n_process))
WRITE(write_n_frontend, put_format(w, "%u", s->fields->n_frontend))
WRITE(write_n_backend, put_format(w, "%u", s->fields->n_backend))
WRITE(write_n_server, put_format(w, "%u", s->fields->n_server))
WRITE(write_server_queue, put_format(w, "%u", s->fields->server_queue))
WRITE(write_backend_queue, put_format(w, "%u", s->fields->backend_queue))
WRITE(write_log_counter, put_format(w, "%u", s->fields->log_counter))
WRITE(write_request_counter, put_hex_or_number(w, 4, s->fields->request_counter))
WRITE(write_pid, put_hex_or_number(w, 4, (uint64_t)s->fields->pid))
WRITE(write_status, put_char(w, '0')) /* no HTTP, no status */

#define HTTP "is reserved for HTTP mode."
#define HEADERS "is not supported by usher: it reads HTTP"

static const struct log_variable variables[] = {
	{ "B", write_bytes_out, NULL },
	{ "CC", NULL, HTTP },
	{ "CS", NULL, HTTP },
	{ "H", write_hostname, NULL },
	{ "HM", NULL, HTTP },
	{ "HP", NULL, HTTP },
	{ "HPO", NULL, HTTP },
	{ "HQ", NULL, HTTP },
	{ "HU", NULL, HTTP },
	{ "HV", NULL, HTTP },
	{ "ID", write_unique_id, NULL },
	{ "ST", write_status, NULL },
	{ "T", write_gmt, NULL },
	{ "TR", NULL, HTTP },
	{ "Ta", NULL, HTTP },
	{ "Tc", write_connect, NULL },
	{ "Th", write_handshake, NULL },
	{ "Ti", NULL, HTTP },
	{ "Tl", write_local, NULL },
	{ "Tq", NULL, HTTP },
	{ "Tr", NULL, HTTP },
	{ "Ts", write_timestamp, NULL },
	{ "Tt", write_total, NULL },
	{ "Tu", write_user_total, NULL },
	{ "Tw", write_wait, NULL },
	{ "U", write_bytes_in, NULL },
	{ "ac", write_n_process, NULL },
	{ "b", write_backend, NULL },
	{ "bc", write_n_backend, NULL },
	{ "bi", write_backend_ip, NULL },
	{ "bp", write_backend_port, NULL },
	{ "bq", write_backend_queue, NULL },
	{ "ci", write_client_ip, NULL },
	{ "cp", write_client_port, NULL },
	{ "f", write_frontend, NULL },
	{ "fc", write_n_frontend, NULL },
	{ "fi", write_frontend_ip, NULL },
	{ "fp", write_frontend_port, NULL },
	{ "ft", write_frontend_transport, NULL },
	{ "hr", NULL, HEADERS },
	{ "hrl", NULL, HEADERS },
	{ "hs", NULL, HEADERS },
	{ "hsl", NULL, HEADERS },
	{ "lc", write_log_counter, NULL },
	{ "ms", write_ms, NULL },
	{ "o", write_nothing, NULL },
	{ "pid", write_pid, NULL },
	{ "r", NULL, HTTP },
	{ "rc", write_retries, NULL },
	{ "rt", write_request_counter, NULL },
	{ "s", write_server, NULL },
	{ "sc", write_n_server, NULL },
	{ "si", write_server_ip, NULL },
	{ "sp", write_server_port, NULL },
	{ "sq", write_server_queue, NULL },
	{ "sslc", write_cipher, NULL },
	{ "sslv", write_tls_version, NULL },
	{ "t", write_local_ms, NULL },
	{ "tr", NULL, HTTP },
	{ "trg", NULL, HTTP },
	{ "trl", NULL, HTTP },
	{ "ts", write_termination, NULL },
	{ "tsc", NULL, HTTP },
};

enum { N_VARIABLES = sizeof(variables) / sizeof(variables[0]) };

const char *
log_format_variable(size_t i)
{
	for (size_t k = 0; k < N_VARIABLES; k++)
		if (!variables[k].refused && i-- == 0)
			return variables[k].name;
	return NULL;
}

void
log_format_fini(struct log_format *f)
{
	for (size_t i = 0; i < f->n_items; i++) {
		free((char *)(uintptr_t)f->items[i].text.p);
		expr_fini(&f->items[i].expr);
	}
	free(f->items);
	*f = (struct log_format){ 0 };
}

struct format_scan {
	const char *p;
	unsigned flags; /* set by "%o" for all that follow */
	bool blanks;
	char *what;
};

static struct log_item *
add_item(struct log_format *f, unsigned flags)
{
	ARRAY_GROW(f->items, f->n_items);
	f->items[f->n_items] = (struct log_item){ .flags = flags };
	return &f->items[f->n_items++];
}

/* Text up to the next variable. */
static void
read_text(struct log_format *f, struct format_scan *s)
{
	char *text = xmalloc(strlen(s->p) + 1);
	size_t n = 0;

	for (; *s->p && (*s->p != '%' || s->p[1] == '%'); s->p++) {
		if (*s->p == '%')
			s->p++;
		text[n++] = *s->p;
	}
	add_item(f, 0)->text = (struct str){ text, n };
}

/* "+Q,-E}" behind "{". HAProxy takes flags that it does not know, and words without sign. */
static bool
read_flags(struct format_scan *s, unsigned *flags)
{
	const char *start = s->p, *end = strchr(s->p, '}');

	if (!end) {
		snprintf(s->what, EXPR_ERROR, "truncated line after '%.64s'.", start);
		return false;
	}
	for (; s->p < end; s->p++) {
		unsigned flag = s->p[1] == 'Q'	 ? FLAG_QUOTE
				: s->p[1] == 'X' ? FLAG_HEX
				: s->p[1] == 'E' ? FLAG_ESCAPE
						 : 0;

		if (*s->p == '+')
			*flags |= flag;
		else if (*s->p == '-')
			*flags &= ~flag;
	}
	s->p = end + 1;
	if (*s->p && *s->p != ' ' && *s->p != '%')
		return true;
	snprintf(s->what, EXPR_ERROR,
		 "parse argument modifier without variable name near '%%{%.*s'.",
		 (int)(s->p - start > 64 ? 64 : s->p - start), start);
	return false;
}

/* The expression behind "[". */
static bool
read_expression(struct log_format *f, struct format_scan *s, unsigned flags)
{
	const char *start = s->p;
	char found[EXPR_ERROR];
	struct expr e;
	enum expr_status status = expr_compile_text(&e, s->p, &s->p, found);

	if (status == EXPR_BAD) {
		snprintf(s->what, EXPR_ERROR, "failed to parse sample expression <%.64s> : %.256s.",
			 start, found);
		return false;
	}
	if (*s->p != ']') {
		if (*s->p)
			snprintf(s->what, EXPR_ERROR, "expected ']' after '%.*s', but found '%c'.",
				 (int)(s->p - start > 128 ? 128 : s->p - start), start, *s->p);
		else
			snprintf(s->what, EXPR_ERROR, "missing ']' after '%.128s'.", start);
		expr_fini(&e);
		return false;
	}
	s->p++;
	s->blanks |= status == EXPR_BLANKS;
	add_item(f, flags)->expr = e;
	return true;
}

static bool
read_variable(struct log_format *f, struct format_scan *s, unsigned flags)
{
	const char *start = s->p;
	struct str name;

	while (isalnum((unsigned char)*s->p))
		s->p++;
	name = (struct str){ start, (size_t)(s->p - start) };
	for (size_t i = 0; i < N_VARIABLES; i++) {
		if (!str_is(name, variables[i].name))
			continue;
		if (variables[i].refused) {
			snprintf(s->what, EXPR_ERROR, "format variable '%s' %s", variables[i].name,
				 variables[i].refused);
			return false;
		}
		if (str_is(name, "o"))
			s->flags = flags;
		add_item(f, flags)->variable = &variables[i];
		return true;
	}
	snprintf(s->what, EXPR_ERROR,
		 "no such format variable '%.*s'. If you wanted to emit the '%%' character "
		 "verbatim, you need to use '%%%%'.",
		 name.n > 64 ? 64 : (int)name.n, name.p);
	return false;
}

/* What follows a "%". */
static bool
read_item(struct log_format *f, struct format_scan *s)
{
	unsigned flags = s->flags;

	s->p++;
	if (!*s->p) {
		snprintf(s->what, EXPR_ERROR, "truncated line after '%%'.");
		return false;
	}
	if (*s->p == '{') {
		s->p++;
		if (!read_flags(s, &flags))
			return false;
	}
	if (*s->p == '[') {
		s->p++;
		return read_expression(f, s, flags);
	}
	return read_variable(f, s, flags);
}

enum expr_status
log_format_compile(struct log_format *f, const char *text, enum log_format_use use, char *what)
{
	struct format_scan s = { .p = text, .what = what };

	*f = (struct log_format){ .use = use };
	what[0] = '\0';
	while (*s.p) {
		if (*s.p != '%' || s.p[1] == '%') {
			read_text(f, &s);
		} else if (!read_item(f, &s)) {
			log_format_fini(f);
			return EXPR_BAD;
		}
	}
	if (!s.blanks)
		return EXPR_OK;
	snprintf(what, EXPR_ERROR, "blanks inside a sample expression, which HAProxy refuses");
	return EXPR_BLANKS;
}

/* Blanks of a line's own text: none in front, and none behind another. */
static void
put_own_text(struct writer *w, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool is_blank = w->use == LOG_FORMAT_LINE && s.p[i] == ' ';

		if (!is_blank || !w->after_blank)
			put_char(w, s.p[i]);
		w->after_blank = is_blank;
	}
}

static void
write_item(struct writer *w, const struct log_item *item, struct expr_context *x,
	   const struct source *source)
{
	struct sample s;

	w->flags = item->flags;
	if (item->text.p) {
		put_own_text(w, item->text);
		return;
	}
	if (item->variable && item->variable->write == write_nothing)
		return;
	w->after_blank = false;
	if (item->variable)
		item->variable->write(w, source);
	else
		put_text(w, expr_eval_as(&item->expr, x, SAMPLE_STR, &s) ? s.bytes : STR(""));
}

size_t
log_format_write(const struct log_format *f, struct expr_context *x,
		 const struct log_fields *fields, char *out, size_t size)
{
	static const struct log_fields none;
	struct writer w = {
		.p = out, .size = size ? size - 1 : 0, .use = f->use, .after_blank = true
	};
	const struct source source = { .x = x, .fields = fields ? fields : &none };

	for (size_t i = 0; i < f->n_items; i++)
		write_item(&w, &f->items[i], x, &source);
	if (size)
		out[w.n] = '\0';
	return w.n;
}

unsigned
log_format_needs(const struct log_format *f)
{
	unsigned needs = 0;

	for (size_t i = 0; i < f->n_items; i++)
		needs |= expr_needs(&f->items[i].expr);
	return needs;
}

bool
log_format_uses(const struct log_format *f, const char *const *names, size_t n)
{
	for (size_t i = 0; i < f->n_items; i++)
		if (f->items[i].variable && str_is_one_of(f->items[i].variable->name, names, n))
			return true;
	return false;
}

const struct expr *
log_format_expr(const struct log_format *f, size_t *i)
{
	while (*i < f->n_items) {
		const struct expr *e = &f->items[(*i)++].expr;

		if (e->n_calls)
			return e;
	}
	return NULL;
}
