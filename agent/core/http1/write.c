/* Text, put together; the writer counts whether it fitted. */
#include "agent/core/http1/write.h"

#include <assert.h>

#include "agent/core/base/writer.h"
#include "agent/core/http1/accept.h"

#define END "\r\n"

static void
put_field(struct writer *w, struct str name, struct str value)
{
	writer_str(w, name);
	writer_str(w, STR(": "));
	writer_str(w, value);
	writer_str(w, STR(END));
}

size_t
http1_switch_encode(const struct upgrade *u, char *out, size_t size)
{
	struct writer w = { .p = (uint8_t *)out, .size = size };
	char accept[HTTP1_ACCEPT_LEN];

	http1_accept_make(u->key, accept);
	writer_str(&w, STR("HTTP/1.1 101 Switching Protocols" END "Upgrade: websocket" END
			   "Connection: Upgrade" END));
	put_field(&w, STR("Sec-WebSocket-Accept"), (struct str){ accept, sizeof(accept) });
	put_field(&w, STR("Sec-WebSocket-Protocol"), u->protocol);
	writer_str(&w, STR(END));
	return writer_end(&w);
}

static const struct refusal {
	unsigned status;
	const char *line, *fields;
} refusals[] = {
	{ 200, "200 OK", "" },
	{ 400, "400 Bad Request", "" },
	{ 401, "401 Unauthorized", "" },
	{ 403, "403 Forbidden", "" },
	{ 404, "404 Not Found", "" },
	{ 405, "405 Method Not Allowed", "Allow: GET" END }, /* RFC 9110, 15.5.6 */
	{ 407, "407 Proxy Authentication Required", "" },
	{ 408, "408 Request Timeout", "" },
	{ 410, "410 Gone", "" },
	{ 413, "413 Payload Too Large", "" },
	{ 421, "421 Misdirected Request", "" },
	{ 422, "422 Unprocessable Entity", "" },
	{ 425, "425 Too Early", "" },
	{ 426, "426 Upgrade Required", "Upgrade: websocket" END "Sec-WebSocket-Version: 13" END },
	{ 429, "429 Too Many Requests", "" },
	{ 431, "431 Request Header Fields Too Large", "" },
	{ 500, "500 Internal Server Error", "" },
	{ 501, "501 Not Implemented", "" },
	{ 502, "502 Bad Gateway", "" },
	{ 503, "503 Service Unavailable", "" },
	{ 504, "504 Gateway Timeout", "" },
	{ 505, "505 HTTP Version Not Supported", "" },
};

static const struct refusal *
find_refusal(unsigned status)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].status == status)
			return &refusals[i];
	return NULL;
}

bool
http1_refusal_is_known(unsigned status)
{
	return find_refusal(status);
}

size_t
http1_refusal_encode(unsigned status, char *out, size_t size)
{
	struct writer w = { .p = (uint8_t *)out, .size = size };
	const struct refusal *r = find_refusal(status);

	assert(r);
	writer_str(&w, STR("HTTP/1.1 "));
	writer_str(&w, str_of(r->line));
	writer_str(&w, STR(END));
	writer_str(&w, str_of(r->fields));
	/* RFC 9110, 7.8: who sends Upgrade names it in Connection. */
	put_field(&w, STR("Connection"), status == 426 ? STR("Upgrade, close") : STR("close"));
	writer_str(&w, STR("Content-Length: 0" END END));
	return writer_end(&w);
}

static bool
is_one_of(struct str name, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

/* Of one connection alone, or written anew; see the header. */
bool
http1_field_is_ours(struct str name)
{
	static const char *const names[] = {
		"connection",
		"upgrade",
		"keep-alive",
		"proxy-connection",
		"proxy-authenticate",
		"proxy-authorization",
		"te",
		"trailer",
		"transfer-encoding",
		"expect",
		"content-length",
		"http2-settings",
		"sec-websocket-key",
		"sec-websocket-protocol",
		"sec-websocket-extensions",
		"sec-websocket-accept",
		"sec-websocket-version",
		NULL,
	};

	return is_one_of(name, names);
}

/* What a client says of who it is. */
static bool
is_claim(struct str name)
{
	static const char *const names[] = { "forwarded", "x-forwarded-for", "x-forwarded-port",
					     NULL };

	return is_one_of(name, names);
}

/* Without these two the broker would refuse what we found sound. */
static bool
is_needed(struct str name)
{
	return str_ieq(name, STR("host")) || str_ieq(name, STR("sec-websocket-version"));
}

static bool
goes_on(const struct http1_head *h, struct str name)
{
	if (is_needed(name))
		return true;
	return !http1_field_is_ours(name) && !is_claim(name) &&
	       !http1_list_has(h, "connection", name);
}

static bool
is_written(const struct http1_head *h, size_t n_written, struct str name)
{
	for (size_t i = h->n_fields - n_written; i < h->n_fields; i++)
		if (str_ieq(h->fields[i].name, name))
			return true;
	return false;
}

/* As its registry spells it: brokers may be strict about that, and clients are not. */
static struct str
registered(struct str protocol)
{
	return str_ieq(protocol, STR("mqtt")) ? STR("mqtt") : STR("mqttv3.1");
}

size_t
http1_forward_encode(const struct http1_head *h, const struct upgrade *u,
		     const struct http1_forward *f, char *out, size_t size)
{
	struct writer w = { .p = (uint8_t *)out, .size = size };
	char client[IP_TEXT];

	writer_str(&w, h->method);
	writer_str(&w, STR(" "));
	writer_str(&w, h->target);
	writer_str(&w, STR(" HTTP/1.1" END));
	for (size_t i = 0; i < h->n_fields; i++)
		if (i >= h->n_fields - f->n_written || goes_on(h, h->fields[i].name))
			put_field(&w, h->fields[i].name, h->fields[i].value);
	writer_str(&w, STR("Upgrade: websocket" END "Connection: Upgrade" END));
	put_field(&w, STR("Sec-WebSocket-Key"), f->key.p ? f->key : u->key);
	put_field(&w, STR("Sec-WebSocket-Protocol"), registered(u->protocol));
	if (f->client.family && !is_written(h, f->n_written, STR("x-forwarded-for")))
		put_field(&w, STR("X-Forwarded-For"), str_of(ip_format(&f->client, client)));
	writer_str(&w, STR(END));
	return writer_end(&w);
}
