/* What an HTTP check asks: `option httpchk` and `http-check send`, put together as bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/core/base/mem.h"
#include "agent/core/health/script_make.h"

struct request {
	const char *method, *uri, *version;
	char *headers;	/* owned; "name: value\r\n" each, names in lower case */
	char *body;	/* owned; NULL: none */
	char *made_uri; /* owned; of a log format */
	bool has_connection;
};

static void
lower(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
}

static void
add_header(struct request *q, struct str name, const char *value)
{
	char *old = q->headers;
	size_t before = old ? strlen(old) : 0;

	/* The length is that of the body, whatever the file says. */
	if (str_ieq(name, STR("content-length")) || str_ieq(name, STR("transfer-encoding")))
		return;
	q->has_connection = q->has_connection || str_ieq(name, STR("connection"));
	if (asprintf(&q->headers, "%s%.*s: %s\r\n", old ? old : "", STR_ARG(name), value) < 0)
		abort();
	free(old);
	lower(q->headers + before, name.n);
}

/* HAProxy's users once hid headers behind the version: "HTTP/1.1\r\nHost:\ www". */
static void
take_hidden_headers(struct request *q, const char *text)
{
	while (text && *(text += strspn(text, "\r\n"))) {
		size_t len = strcspn(text, "\r\n");
		const char *colon = memchr(text, ':', len);

		if (colon) {
			const char *value = colon + 1 + strspn(colon + 1, " \t");
			char *copy = str_dup((struct str){ value, (size_t)(text + len - value) });

			add_header(q, (struct str){ text, (size_t)(colon - text) }, copy);
			free(copy);
		}
		text += len;
	}
}

static bool
has_payload(const char *method)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH" };

	return str_is_one_of(method, methods, 3);
}

static void
put_request(struct request *q, struct script_step *step)
{
	size_t version = strcspn(q->version, "\r\n");
	char length[48] = "", *bytes;
	bool is_11;

	take_hidden_headers(q, q->version + version);
	is_11 = version == 8 && strncmp(q->version, "HTTP/1.1", 8) == 0;
	if (q->body || has_payload(q->method))
		snprintf(length, sizeof(length), "content-length: %zu\r\n",
			 q->body ? strlen(q->body) : 0);
	if (asprintf(&bytes, "%s %s %.*s\r\n%s%s%s\r\n%s", q->method, q->uri, (int)version,
		     q->version, q->headers ? q->headers : "", length,
		     is_11 && !q->has_connection ? "connection: close\r\n" : "",
		     q->body ? q->body : "") < 0)
		abort();
	step->bytes = (uint8_t *)bytes;
	step->n_bytes = strlen(bytes);
}

static void
request_fini(struct request *q)
{
	free(q->headers);
	free(q->body);
	free(q->made_uri);
}

static bool
read_header_words(struct compile *c, size_t i, struct request *q)
{
	const char *name = compile_word(c, i + 1), *format = compile_word(c, i + 2);
	char *value;

	if (!*name || !*format) {
		compile_refuse(c, "'hdr' expects <name> and <value> as arguments.");
		return false;
	}
	value = compile_plain(c, format);
	if (!value)
		return false;
	add_header(q, str_of(name), value);
	free(value);
	return true;
}

/* The text behind the word at i; NULL, with an alert, when it is missing. */
static const char *
argument(struct compile *c, size_t i)
{
	const char *text = compile_word(c, i + 1);

	if (*text)
		return text;
	compile_refuse(c, "'%s' expects a string as argument..", compile_word(c, i));
	return NULL;
}

static void
set_body(struct compile *c, const char *text, bool is_format, struct request *q)
{
	free(q->body);
	q->body = is_format ? compile_plain(c, text) : str_dup(str_of(text));
}

static void
set_uri(struct compile *c, const char *text, bool is_format, struct request *q)
{
	q->uri = text;
	if (!is_format)
		return;
	free(q->made_uri);
	q->made_uri = compile_plain(c, text);
	if (q->made_uri)
		q->uri = q->made_uri;
}

/* One word and its arguments; how many words, 0: the line is given up. */
static size_t
read_send_word(struct compile *c, size_t i, struct request *q)
{
	static const char *const known[] = { "comment", "meth", "uri",	  "uri-lf",
					     "ver",	"body", "body-lf" };
	const char *word = compile_word(c, i), *text;
	bool is_format = strcmp(word, "uri-lf") == 0 || strcmp(word, "body-lf") == 0;

	if (strcmp(word, "hdr") == 0)
		return read_header_words(c, i, q) ? 3 : 0;
	if (!str_is_one_of(word, known, sizeof(known) / sizeof(*known))) {
		compile_refuse(c,
			       "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' "
			       "or 'body-lf' but got '%s' as argument..",
			       word);
		return 0;
	}
	text = argument(c, i);
	if (!text)
		return 0;
	if (*word == 'm')
		q->method = text;
	else if (*word == 'v')
		q->version = text;
	else if (*word == 'b')
		set_body(c, text, is_format, q);
	else if (*word == 'u')
		set_uri(c, text, is_format, q);
	return 2;
}

void
compile_http_send(struct compile *c)
{
	struct script *s = c->script;
	/* The first request is that of `option httpchk`, and what this line says of it. */
	bool is_first = s->n_steps < 2;
	struct request q = {
		.method = is_first ? c->method : "OPTIONS",
		.uri = is_first ? c->uri : "/",
		.version = is_first ? c->version : "HTTP/1.0",
	};
	bool is_ordered = s->n_steps == 0 || s->steps[s->n_steps - 1].op == SCRIPT_CONNECT;
	size_t took = 1, alerts = c->report->n_alerts;

	for (size_t i = 2; i < c->line->n && took; i += took)
		took = read_send_word(c, i, &q);
	if (!is_ordered && c->report->n_alerts == alerts)
		compile_out_of_order(c, "connect");
	put_request(&q, compile_step(c, SCRIPT_SEND));
	request_fini(&q);
}

void
compile_http_implied(struct compile *c, size_t at)
{
	struct request q = { .method = c->method, .uri = c->uri, .version = c->version };

	put_request(&q, script_insert(c->script, at, SCRIPT_SEND));
	request_fini(&q);
}
