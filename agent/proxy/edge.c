/*
 * A reader writes the MQTT of its frames into a buffer that has room for as much as there are raw
 * bytes: payload is never longer than its frames.
 */
#include "agent/proxy/edge.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/http1/accept.h"

enum { MQTT_MAX = 256 << 10 }; /* more than the raw bytes that a session keeps */

/* The MQTT of one side. */
struct inside {
	struct websocket_reader reader;
	struct buf mqtt;
	bool is_closed; /* by a close frame */
};

/* A field's value that a rule has written. */
struct written {
	struct written *next;
	char text[];
};

struct edge {
	char *head;		   /* owned; the client's, as it came: the next two look at it */
	struct http1_head request; /* the last n_written fields are not the client's */
	struct written *written;   /* owned; those that are not used any more as well */
	size_t n_written;
	size_t written_len; /* of all of them, names and values */
	struct upgrade upgrade;
	char *host;		 /* owned; in lower case; NULL: nobody has asked */
	char key[HTTP1_KEY_LEN]; /* that the present server was sent */
	struct inside client, server;
};

static void
inside_init(struct inside *in, enum websocket_side from)
{
	websocket_reader_init(&in->reader, from, NULL, 0);
	in->is_closed = false;
	buf_init(&in->mqtt, MQTT_MAX);
}

struct edge *
edge_new(void)
{
	struct edge *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	inside_init(&e->client, WEBSOCKET_CLIENT);
	inside_init(&e->server, WEBSOCKET_SERVER);
	return e;
}

void
edge_free(struct edge *e)
{
	if (!e)
		return;
	buf_fini(&e->client.mqtt);
	buf_fini(&e->server.mqtt);
	while (e->written) {
		struct written *next = e->written->next;

		free(e->written);
		e->written = next;
	}
	free(e->host);
	free(e->head);
	free(e);
}

/* ---- frames --------------------------------------------------------------------------------- */

static enum edge_event
read_frames(struct inside *in, const struct buf *raw)
{
	size_t n = raw ? buf_len(raw) : 0, unread = n - in->reader.at, had = in->reader.n_mqtt;
	enum websocket_event event;

	if (in->is_closed)
		return EDGE_CLOSED;
	if (unread == 0)
		return EDGE_OPEN;
	if (!buf_reserve(&in->mqtt, unread))
		return EDGE_MEMORY;
	in->reader.mqtt = buf_front(&in->mqtt);
	in->reader.mqtt_max = had + unread;
	do
		event = websocket_read(&in->reader, buf_front(raw), n);
	while (event == WEBSOCKET_DATA || event == WEBSOCKET_PINGED || event == WEBSOCKET_PONGED);
	buf_commit(&in->mqtt, in->reader.n_mqtt - had);
	in->is_closed = event == WEBSOCKET_CLOSED;
	if (in->is_closed)
		return EDGE_CLOSED;
	return event == WEBSOCKET_BAD ? EDGE_BAD : EDGE_OPEN;
}

static struct str
mqtt_of(const struct inside *in)
{
	size_t n = buf_len(&in->mqtt);

	return n ? (struct str){ (const char *)buf_front(&in->mqtt), n } : STR("");
}

/* ---- the client ----------------------------------------------------------------------------- */

/* Decode it where it stays. */
static enum parse
decode_request(struct edge *e, const struct buf *raw, unsigned *status, const char **fault)
{
	enum http1_fault why;
	enum parse parse = http1_request_decode(buf_front(raw), buf_len(raw), &e->request, &why);

	if (parse == PARSE_BAD) {
		*status = http1_fault_status(why);
		*fault = http1_fault_name(why);
	}
	return parse;
}

static bool
keep_head(struct edge *e, struct buf *raw)
{
	size_t len = e->request.len;
	enum http1_fault why;

	e->head = malloc(len);
	if (!e->head)
		return false;
	memcpy(e->head, buf_front(raw), len);
	buf_consume(raw, len);
	return http1_request_decode((const uint8_t *)e->head, len, &e->request, &why) == PARSE_OK;
}

enum parse
edge_take_request(struct edge *e, struct buf *raw, unsigned *status, const char **fault)
{
	enum parse parse = decode_request(e, raw, status, fault);
	enum upgrade_fault why;

	if (parse != PARSE_OK)
		return parse;
	if (!keep_head(e, raw)) {
		*status = 503;
		*fault = "memory";
		return PARSE_BAD;
	}
	why = upgrade_check(&e->request, &e->upgrade);
	*status = upgrade_fault_status(why);
	*fault = upgrade_fault_name(why);
	return why ? PARSE_BAD : PARSE_OK;
}

const struct upgrade *
edge_upgrade(const struct edge *e)
{
	return e->head ? &e->upgrade : NULL;
}

const struct http1_head *
edge_request(const struct edge *e)
{
	return e->head ? &e->request : NULL;
}

struct str
edge_lower_host(struct edge *e, struct str host)
{
	free(e->host);
	e->host = malloc(host.n + 1);
	if (!e->host)
		return host;
	for (size_t i = 0; i < host.n; i++)
		e->host[i] =
			(char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
	return (struct str){ e->host, host.n };
}

static void
remove_fields(struct edge *e, struct str name)
{
	struct http1_head *h = &e->request;
	size_t first_written = h->n_fields - e->n_written, n = 0;

	for (size_t i = 0; i < h->n_fields; i++) {
		if (!str_ieq(h->fields[i].name, name))
			h->fields[n++] = h->fields[i];
		else if (i >= first_written)
			e->n_written--;
	}
	h->n_fields = n;
}

/* A line's end in it would begin one more field, or end the head. */
static bool
may_stand_in_field(char c)
{
	return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f);
}

/* As HAProxy writes it: what may not stand there in percent. */
static void
encode_value(struct str value, char *to)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (may_stand_in_field(value.p[i])) {
			*to++ = value.p[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
}

static size_t
encoded_len(struct str value)
{
	size_t n = value.n;

	for (size_t i = 0; i < value.n; i++)
		n += may_stand_in_field(value.p[i]) ? 0 : 2;
	return n;
}

static bool
add_field(struct edge *e, struct str name, struct str value)
{
	struct http1_head *h = &e->request;
	size_t n = encoded_len(value), len = name.n + n + 4; /* ": " and CRLF */
	struct written *w;

	if (h->n_fields == HTTP1_FIELDS_MAX || len > HTTP1_WRITTEN_MAX - e->written_len)
		return false;
	w = malloc(sizeof(*w) + n + 1);
	if (!w)
		return false;
	encode_value(value, w->text);
	w->next = e->written;
	e->written = w;
	e->written_len += len;
	e->n_written++;
	h->fields[h->n_fields++] = (struct http1_field){ name, (struct str){ w->text, n } };
	return true;
}

bool
edge_change_field(struct edge *e, bool keeps, struct str name, struct str value)
{
	bool is_done;

	if (!keeps)
		remove_fields(e, name);
	is_done = !value.p || add_field(e, name, value);
	(void)http1_field_find(&e->request, "host", &e->upgrade.host);
	return is_done;
}

enum edge_event
edge_read_client(struct edge *e, const struct buf *raw, uint16_t *code)
{
	enum edge_event event = read_frames(&e->client, raw);

	if (event == EDGE_CLOSED)
		*code = e->client.reader.close_code == WEBSOCKET_NO_CODE
				? 1000
				: e->client.reader.close_code; /* RFC 6455, 5.5.1: echoed */
	else if (event == EDGE_BAD)
		*code = websocket_fault_code(e->client.reader.fault);
	return event;
}

struct str
edge_client_mqtt(const struct edge *e)
{
	return mqtt_of(&e->client);
}

size_t
edge_client_raw(const struct edge *e)
{
	return e->client.reader.at;
}

/* ---- a server ------------------------------------------------------------------------------- */

size_t
edge_write_request(struct edge *e, const struct ip *client, const uint8_t random[16], char *out,
		   size_t size)
{
	struct http1_forward f = { .client = *client,
				   .key = { e->key, sizeof(e->key) },
				   .n_written = e->n_written };

	buf_fini(&e->server.mqtt);
	inside_init(&e->server, WEBSOCKET_SERVER);
	http1_key_make(random, e->key);
	return http1_forward_encode(&e->request, &e->upgrade, &f, out, size);
}

enum parse
edge_take_answer(struct edge *e, struct buf *raw, unsigned *status, const char **fault)
{
	enum http1_fault bad_head;
	enum upgrade_fault why;
	struct http1_head h;
	enum parse parse = http1_response_decode(buf_front(raw), buf_len(raw), &h, &bad_head);

	*status = 502;
	if (parse == PARSE_BAD)
		*fault = http1_fault_name(bad_head);
	if (parse != PARSE_OK)
		return parse;
	why = upgrade_answer_check(&h, (struct str){ e->key, sizeof(e->key) }, e->upgrade.protocol);
	*fault = upgrade_fault_name(why);
	if (why == UPGRADE_FAULT_STATUS)
		*status = h.status;
	buf_consume(raw, h.len);
	return why ? PARSE_BAD : PARSE_OK;
}

enum edge_event
edge_read_server(struct edge *e, const struct buf *raw)
{
	return read_frames(&e->server, raw);
}

struct str
edge_server_mqtt(const struct edge *e)
{
	return mqtt_of(&e->server);
}

/* ---- usher's own words ---------------------------------------------------------------------- */

size_t
edge_write_farewell(struct str connack, uint16_t code, uint8_t out[EDGE_FAREWELL_MAX])
{
	size_t n = 0;

	if (connack.n && connack.n <= WEBSOCKET_CONTROL_MAX)
		n = websocket_frame_encode(WEBSOCKET_BINARY, connack, out, EDGE_FAREWELL_MAX);
	return n + websocket_close_encode(code, out + n);
}
